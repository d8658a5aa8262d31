"""Which key does this plug-in have? (``NAME://REFERENCE`` with a program ``sigstore-kms-NAME`` on the PATH)

The command-line protocol of sigstore's KMS plug-ins, version v1: arguments as JSON, the message (or nothing, where its
digest is given) on standard input, JSON on standard output. No secret is passed: a plug-in has its own ways to those.
"""

import base64
import json
import shutil
import subprocess
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from signer.keys.key import SigningKey
from signer.keys.remote import HASHES, RemoteKey, text_in
from verifier.errors import Malformed, Refused, Unreachable
from verifier.jsonstrict import b64, loads
from verifier.keys import PublicKey

if TYPE_CHECKING:
    from signer.keys import Access, Created

_VERSION = "v1"
_HASH_NUMBERS = {"sha256": 5, "sha384": 6, "sha512": 7}  # crypto.Hash of Go, in which the protocol is written
_SECONDS = 120
_LARGEST = 1 << 20


class _Program:
    """One plug-in and one reference."""

    def __init__(self, reference: str) -> None:
        self._scheme, _, self._resource = reference.partition("://")
        path = shutil.which(f"sigstore-kms-{self._scheme}")
        if path is None:
            raise Refused(f"sigstore-kms-{self._scheme} is not on the PATH", code="key-scheme")
        self._path = path

    def call(self, method: str, arguments: Mapping[str, Any], message: bytes = b"", hash_name: str = "sha256") -> Any:
        """The members that the plug-in answers for one method."""
        document = {
            "initOptions": {
                "protocolVersion": _VERSION,
                "keyResourceID": self._resource,
                "hashFunc": _HASH_NUMBERS[hash_name],
                "rpcOptions": {},
            },
            "methodName": method,
            method: arguments,
        }
        try:
            done = subprocess.run(  # noqa: S603 - the program that the user's own reference names, no shell
                [self._path, _VERSION, json.dumps(document, separators=(",", ":"))],
                input=message,
                stdout=subprocess.PIPE,
                timeout=_SECONDS,
                check=False,
            )
        except (OSError, subprocess.SubprocessError) as error:
            raise Unreachable(
                f"the plug-in sigstore-kms-{self._scheme} did not answer ({type(error).__name__})", code="key-provider"
            ) from None
        return self._answer(method, done.stdout)

    def _answer(self, method: str, output: bytes) -> Any:
        try:
            answer = loads(output, max_bytes=_LARGEST)
        except Malformed:
            raise Malformed(f"sigstore-kms-{self._scheme} did not answer in JSON", code="service-reply") from None
        said = answer.get("errorMessage") if isinstance(answer, dict) else ""
        if said:
            raise Unreachable(f"sigstore-kms-{self._scheme}: {' '.join(str(said).split())[:300]}", code="key-provider")
        if not isinstance(answer, dict) or not isinstance(answer.get(method), dict):
            raise Malformed(f"sigstore-kms-{self._scheme} gave no '{method}'", code="service-reply")
        return answer[method]

    def public(self) -> PublicKey:
        """The public half."""
        answer = self.call("publicKey", {"publicKeyOptions": {"rpcOptions": {}}})
        return PublicKey.from_pem(b64(text_in(answer, "publicKeyPEM"), "the plug-in's key"))


def load(reference: str, _access: "Access") -> SigningKey:
    """The key, ready to sign."""
    program = _Program(reference)
    public = program.public()
    name = HASHES.get(public.kind, "sha512")

    def sign(data: bytes) -> bytes:
        options: dict[str, Any] = {"rpcOptions": {}, "messageOptions": {"hashFunc": _HASH_NUMBERS[name]}}
        message = data
        if public.kind != "ed25519":
            options["messageOptions"]["digest"] = base64.b64encode(data).decode()
            message = b""
        answer = program.call("signMessage", {"signOptions": options}, message, name)
        return b64(text_in(answer, "signature"), "the plug-in's signature")

    return RemoteKey(public, sign, "the plug-in")


def create(reference: str, _access: "Access") -> "Created":
    """A new key of the plug-in's default algorithm."""
    from signer.keys import Created

    program = _Program(reference)
    algorithm = text_in(program.call("defaultAlgorithm", {}), "defaultAlgorithm")
    answer = program.call("createKey", {"algorithm": algorithm})
    return Created(PublicKey.from_pem(b64(text_in(answer, "publicKeyPEM"), "the plug-in's key")))
