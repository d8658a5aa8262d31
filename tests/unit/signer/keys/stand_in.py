"""A provider's HTTP API as far as it is published: requests are recorded, keys are real."""

import base64
import json
from collections.abc import Callable, Mapping
from typing import Any

import httpx
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from signer.keys import Access, load_key
from verifier.errors import Refused
from verifier.fetch.http import Http, HttpPolicy

PRIVATE: dict[str, Any] = {
    "ecdsa-p256": ec.generate_private_key(ec.SECP256R1()),
    "ecdsa-p384": ec.generate_private_key(ec.SECP384R1()),
    "ecdsa-p521": ec.generate_private_key(ec.SECP521R1()),
    "rsa": rsa.generate_private_key(65537, 2048),
    "ed25519": ed25519.Ed25519PrivateKey.generate(),
}
HASHES: dict[int, hashes.HashAlgorithm] = {32: hashes.SHA256(), 48: hashes.SHA384(), 64: hashes.SHA512()}
Answer = tuple[int, Any]


def pem(kind: str) -> str:
    """The public half, PEM."""
    text: bytes = PRIVATE[kind].public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return text.decode()


def spki(kind: str) -> bytes:
    """The public half, DER."""
    data: bytes = PRIVATE[kind].public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return data


def sign(kind: str, digest: bytes) -> bytes:
    """A signature over a digest (Ed25519: over the message), ECDSA in DER."""
    key = PRIVATE[kind]
    if kind == "ed25519":
        made: bytes = key.sign(digest)
    elif kind == "rsa":
        made = key.sign(digest, padding.PKCS1v15(), Prehashed(HASHES[len(digest)]))
    else:
        made = key.sign(digest, ec.ECDSA(Prehashed(HASHES[len(digest)])))
    return made


def raw(kind: str, digest: bytes) -> bytes:
    """The same with ECDSA as r||s of fixed width."""
    made = sign(kind, digest)
    if kind == "rsa":
        return made
    width = (PRIVATE[kind].curve.key_size + 7) // 8
    return b"".join(number.to_bytes(width, "big") for number in decode_dss_signature(made))


def b64(data: bytes) -> str:
    """Standard base64."""
    return base64.b64encode(data).decode()


class StandIn:
    """Answers by (method, URL without query) from a function; keeps what was asked."""

    def __init__(self, answer: Callable[["StandIn", str, str, Any], Answer]) -> None:
        self.requests: list[httpx.Request] = []
        self._answer = answer
        self.http = Http(HttpPolicy(retries=0), transport=httpx.MockTransport(self._handle))

    def _handle(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        body: Any = request.content
        if "json" in request.headers.get("Content-Type", ""):
            body = json.loads(body)
        status, answer = self._answer(self, request.method, str(request.url).partition("?")[0], body)
        return httpx.Response(status, json=answer) if answer is not None else httpx.Response(status)

    def access(self, env: Mapping[str, str], password: bytes | None = None) -> Access:
        """How the provider gets at us."""

        def read(reference: str) -> bytes:
            raise AssertionError(reference)

        def ask() -> bytes:
            if password is None:
                raise Refused("nobody is here", code="test")
            return password

        return Access(env, self.http, read, ask)


def sign_and_check(reference: str, service: StandIn, env: dict[str, str]) -> None:
    """Two signatures of the key behind a reference hold."""
    key = load_key(reference, service.access(env))
    for message in (b"one", b"another"):
        key.public.verify(key.sign(message), message, key.hash_name)
