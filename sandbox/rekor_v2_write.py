"""How does a Rekor v2 shard take an entry? The write call of rekor-tiles, with its refusals."""

import base64
import binascii
import json
from typing import Any, Protocol

import rfc8785
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, encode_dss_signature
from cryptography.hazmat.primitives.serialization import load_der_public_key
from cryptography.x509 import load_der_x509_certificate

from sandbox.keys import NoteSigner
from sandbox.shard import Shard
from sandbox.wire import Reply, Request
from verifier.ed25519ph import signature_holds

_MAX_REQUEST = 4 << 20
_MAX_BODY = 65535
_REMEMBERED = 256
_PATH = "/api/v2/log/entries"
_FROZEN = b"This log has been frozen, please switch to the latest log.\n"
_HASHES: dict[str, hashes.HashAlgorithm] = {
    "SHA2_256": hashes.SHA256(),
    "SHA2_384": hashes.SHA384(),
    "SHA2_512": hashes.SHA512(),
}
# keyDetails that the server takes: digest, and what the key must be.
_DETAILS: dict[str, tuple[str, str]] = {
    "PKIX_ECDSA_P256_SHA_256": ("SHA2_256", "secp256r1"),
    "PKIX_ECDSA_P384_SHA_384": ("SHA2_384", "secp384r1"),
    "PKIX_ECDSA_P521_SHA_512": ("SHA2_512", "secp521r1"),
    "PKIX_RSA_PKCS1V15_2048_SHA256": ("SHA2_256", "2048"),
    "PKIX_RSA_PKCS1V15_3072_SHA256": ("SHA2_256", "3072"),
    "PKIX_RSA_PKCS1V15_4096_SHA256": ("SHA2_256", "4096"),
    "PKIX_ED25519_PH": ("SHA2_512", "ed25519"),
}


class Writable(Protocol):
    """What a log must offer to be written to."""

    frozen: bool

    @property
    def shard(self) -> Shard:
        """The tree."""

    @property
    def signer(self) -> NoteSigner:
        """Who signs its heads."""

    def publish(self) -> bytes:
        """Sign a head over everything."""


class _Refused(Exception):
    """The request is not one that the server takes."""


def _error(status: int, code: int, message: str, headers: tuple[tuple[str, str], ...] = ()) -> Reply:
    text = f'{{"code":{code}, "message":{json.dumps(message)}, "details":[]}}'
    return Reply(status, text.encode(), headers)


def answer(log: Writable, request: Request) -> Reply:
    """POST /api/v2/log/entries; statuses and bodies as the real server gave them."""
    if request.path != _PATH:
        return _error(404, 5, "Not Found")
    if log.frozen:
        return Reply(405, _FROZEN, (), "text/plain; charset=utf-8")
    if request.method != "POST":
        return _error(501, 12, "Method Not Allowed")
    if len(request.body) > _MAX_REQUEST:
        return _error(400, 3, "http: request body too large", (("Connection", "close"),))
    try:
        body = canonical_body(request.body)
    except _Refused as refused:
        return _error(400, 3, str(refused))
    if len(body) > _MAX_BODY:
        return _error(500, 2, "failed to integrate entry")
    with log.shard.lock:
        known = log.shard.bodies[-_REMEMBERED:]
        if body in known:
            index = len(log.shard.bodies) - len(known) + known.index(body)
            text = f"an equivalent entry already exists in the transparency log with index {index}"
            return _error(409, 6, text, (("X-Log-Index", str(index)),))
        index = log.shard.add(body)
        log.publish()
        return Reply(201, json.dumps(entry(log, index), ensure_ascii=False).encode())


def entry(log: Writable, index: int) -> dict[str, Any]:
    """A TransparencyLogEntry against the newest head, zero values included as the server writes them."""
    shard = log.shard
    view, body = shard.view, shard.bodies[index]
    parsed = json.loads(body)
    return {
        "logIndex": str(index),
        "logId": {"keyId": _b64(log.signer.full_id)},
        "kindVersion": {"kind": parsed["kind"], "version": parsed["apiVersion"]},
        "integratedTime": "0",
        "inclusionPromise": None,
        "inclusionProof": {
            "logIndex": str(index),
            "rootHash": _b64(view.root),
            "treeSize": str(view.size),
            "hashes": [_b64(digest) for digest in view.tree.inclusion(index, view.size)],
            "checkpoint": {"envelope": shard.checkpoint(view).decode()},
        },
        "canonicalizedBody": _b64(body),
    }


def canonical_body(data: bytes) -> bytes:
    """The body that the server makes of a request; raises where it would refuse."""
    try:
        parsed = json.loads(data or b"{}")
    except ValueError as error:
        raise _Refused("invalid character looking for beginning of value") from error
    for name in parsed:
        if name not in ("hashedRekordRequestV002", "hashed_rekord_request_v002", "dsseRequestV002"):
            raise _Refused(f'proto:\u00a0(line 1:2): unknown field "{name}"')
    request = parsed.get("hashedRekordRequestV002") or parsed.get("hashed_rekord_request_v002")
    if not request:
        raise _Refused("invalid type, must be hashedrekord")
    try:
        return _checked(request)
    except (KeyError, TypeError, ValueError, binascii.Error, InvalidSignature) as error:
        raise _Refused("invalid hashedrekord request") from error


def _checked(request: dict[str, Any]) -> bytes:
    digest, signature = _bytes(request["digest"]), _bytes(request["signature"]["content"])
    verifier = request["signature"]["verifier"]
    details = str(verifier["keyDetails"])
    member = "x509Certificate" if "x509Certificate" in verifier else "publicKey"
    raw = _bytes(verifier[member]["rawBytes"])
    key: object = load_der_x509_certificate(raw).public_key() if member[0] == "x" else load_der_public_key(raw)
    algorithm = _verify(key, details, signature, digest)
    spec: Any = {
        "data": {"algorithm": algorithm, "digest": _b64(digest)},
        "signature": {
            "content": _b64(signature),
            "verifier": {"keyDetails": details, member: {"rawBytes": _b64(raw)}},
        },
    }
    body: Any = {"apiVersion": "0.0.2", "kind": "hashedrekord", "spec": {"hashedRekordV002": spec}}
    return rfc8785.dumps(body)


def _verify(key: object, details: str, signature: bytes, digest: bytes) -> str:
    algorithm, wanted = _DETAILS[details]
    prehashed = Prehashed(_HASHES[algorithm])
    if isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name == wanted:
        half = (key.curve.key_size + 7) // 8
        if len(signature) == 2 * half:
            signature = encode_dss_signature(
                int.from_bytes(signature[:half], "big"), int.from_bytes(signature[half:], "big")
            )
        key.verify(signature, digest, ec.ECDSA(prehashed))
    elif isinstance(key, rsa.RSAPublicKey) and str(key.key_size) == wanted:
        key.verify(signature, digest, padding.PKCS1v15(), prehashed)
    elif isinstance(key, ed25519.Ed25519PublicKey) and wanted == "ed25519":
        if not signature_holds(key.public_bytes_raw(), signature, digest):
            raise _Refused("invalid hashedrekord request")
    else:
        raise _Refused("invalid hashedrekord request")
    return algorithm


def _bytes(text: str) -> bytes:
    """protojson takes the URL-safe alphabet and missing padding too."""
    plain = text.replace("-", "+").replace("_", "/").rstrip("=")
    return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()
