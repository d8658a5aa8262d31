"""What is a key to us that somebody else holds? It signs digests when asked, and what it says is checked.

Every signature is verified with the fetched public key before anybody sees it. Answers are capped and parsed strictly;
tokens and bodies are in no message.
"""

import base64
import hashlib
import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from signer.answers import members_of
from verifier.errors import Malformed, Refused, Unreachable, Untrue
from verifier.fetch.call import Call, Reply
from verifier.keys import PublicKey

if TYPE_CHECKING:
    from verifier.fetch.http import Http

HASHES = {"ecdsa-p256": "sha256", "ecdsa-p384": "sha384", "ecdsa-p521": "sha512", "rsa": "sha256"}
_MAX_ANSWER = 4 << 20


class RemoteKey:
    """A key at a provider: `sign_remotely` gets the digest (Ed25519: the message) and returns Sigstore's form."""

    def __init__(self, public: PublicKey, sign_remotely: Callable[[bytes], bytes], who: str) -> None:
        self.public, self._remotely, self._who = public, sign_remotely, who
        self.hash_name = None if public.kind == "ed25519" else usual_hash(public)

    def __repr__(self) -> str:
        return f"RemoteKey({self.public.kind} at {self._who})"

    def sign(self, message: bytes) -> bytes:
        """The signature over `message`."""
        if self.hash_name is not None:
            return self.sign_digest(hashlib.new(self.hash_name, message).digest())
        signature = self._remotely(message)
        self._check(lambda: self.public.verify(signature, message))
        return signature

    def sign_digest(self, digest: bytes) -> bytes:
        """The signature over a digest of `hash_name`; Refused for a key that signs whole messages."""
        name = self.hash_name
        if name is None:
            raise Refused("an Ed25519 key signs the message itself, not a digest", code="key-scheme")
        signature = self._remotely(digest)
        self._check(lambda: self.public.verify_digest(signature, digest, name))
        return signature

    def _check(self, check: Callable[[], None]) -> None:
        try:
            check()
        except Untrue as error:
            raise Untrue(
                f"{self._who} gave a signature that its own public key does not confirm",
                code="signature-own",
                hint="was the key rotated, or is the reference to another version of it?",
            ) from error


def usual_hash(key: PublicKey) -> str:
    """The hash that Sigstore uses with this kind of key; Refused for a kind that it does not know."""
    if key.kind not in HASHES:
        raise Refused(f"keys of kind {key.kind} are not used in Sigstore", code="key-scheme")
    return HASHES[key.kind]


def ask(http: "Http", call: Call, who: str, *allowed: int) -> Reply:
    """An answer with a good status (2xx, or one of `allowed`); Unreachable with status and the service's short code."""
    reply = http.send(call)
    if 200 <= reply.status < 300 or reply.status in allowed:
        return reply
    hints = {401: "the credentials were refused", 403: "the credentials do not allow this", 404: "there is no such key"}
    raise Unreachable(
        f"{who} answered {reply.status}{_code_of(reply)}",
        code="key-provider",
        cause="status",
        status=reply.status,
        hint=hints.get(reply.status, ""),
    )


def json_call(method: str, url: str, headers: Mapping[str, str], body: Mapping[str, Any] | None = None) -> Call:
    """A request with a JSON body."""
    content = None if body is None else json.dumps(body, separators=(",", ":")).encode()
    extra = {"Content-Type": "application/json"} if body is not None else {}
    return Call(method, url, _MAX_ANSWER, accept="application/json", headers={**headers, **extra}, content=content)


def text_in(value: Mapping[str, Any], *path: str) -> str:
    """A text at a path of members; Malformed where it is not there."""
    inner: Any = value
    for name in path:
        inner = inner.get(name) if isinstance(inner, dict) else None
    if not isinstance(inner, str) or not inner:
        raise Malformed(f"the key provider's answer has no '{'.'.join(path)}'", code="service-reply")
    return inner


def b64url(data: bytes) -> str:
    """Base64url without padding (RFC 7515)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _code_of(reply: Reply) -> str:
    """A provider's short error name, where it is plainly one: messages may repeat what was sent."""
    try:
        members = members_of(reply)
    except Malformed:
        return ""
    inner = members.get("error")
    found = members.get("__type") or (inner.get("code") or inner.get("status") if isinstance(inner, dict) else inner)
    short = str(found).rpartition("#")[2]
    return f" ({short})" if found and short.replace("_", "").isalnum() and len(short) <= 60 else ""
