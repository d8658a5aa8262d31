"""Did this key sign this artifact, or this envelope?

The hash follows from the key (protocol.md section 10). Signatures made by older clients with P-384 or P-521 keys over
SHA-256 are accepted too, as every released bundle format may hold them (protocol.md T66).
"""

import contextlib
from collections.abc import Callable, Iterable

from verifier.artifact import LENGTHS, Artifact
from verifier.bundle import Bundle, MessageSignature
from verifier.dsse import Envelope
from verifier.errors import Refused, SigwardenError, Untrue
from verifier.holder import key_of
from verifier.keys import PublicKey

_HASHES = {
    "ecdsa-p256": ("sha256",),
    "ecdsa-p384": ("sha384", "sha256"),
    "ecdsa-p521": ("sha512", "sha256"),
    "rsa": ("sha256",),
    "ed25519": ("sha512",),
}
_Attempt = Callable[[], None]


def needs(bundle: Bundle, key: PublicKey | None) -> tuple[frozenset[str], bool]:
    """Which digests of the artifact, and whether its bytes, verification will ask for.

    Told before anything is verified, so that a file of any size is read once and not kept. `key` is the caller's, None
    where a certificate holds it. A hostile bundle can make us compute digests in vain, or miss one: never a verdict.
    """
    if isinstance(bundle.content, Envelope):
        payload = bundle.content.payload
        return frozenset({"sha256", *(name for name in LENGTHS if f'"{name}"'.encode() in payload)}), False
    if key is None and bundle.leaf is not None:
        with contextlib.suppress(SigwardenError):
            key = key_of(bundle.leaf)
    found = set(_HASHES.get(key.kind, ("sha256",))) if key is not None else {"sha256"}
    if bundle.content.algorithm is not None:
        found.add(bundle.content.algorithm)
    keep = key is not None and key.kind.startswith(("ed25519", "ml-dsa"))
    return frozenset(found), keep


def check_message(content: MessageSignature, key: PublicKey, artifact: Artifact) -> None:
    """Raise Untrue unless `key` signed the artifact, and the bundle's own digest of it is true."""
    if content.algorithm is not None and artifact.digest(content.algorithm) != content.digest:
        raise Untrue(
            "the digest in the bundle is not that of the artifact: failed to verify signature",
            code="message-digest",
            hint="the bundle belongs to another file",
        )
    attempts = list(_message_attempts(content.signature, key, artifact))
    if not attempts:
        hashes = ", ".join(_HASHES.get(key.kind, ())) or "no"
        raise Refused(
            f"a key of kind {key.kind} needs the file itself or its {hashes} digest",
            code="artifact-digest-missing",
            hint="give the file instead of its digest",
        )
    _first_that_holds(attempts, "could not verify message: invalid signature over the artifact")


def check_envelope(envelope: Envelope, key: PublicKey) -> None:
    """Raise Untrue unless `key` signed the envelope's payload and type."""
    data = envelope.pae
    attempts: list[_Attempt] = []
    if key.kind.startswith(("ed25519", "ml-dsa")):
        attempts.append(lambda: key.verify(envelope.signature, data))
    for name in _HASHES.get(key.kind, ()):
        attempts.append(lambda name=name: key.verify(envelope.signature, data, name))  # type: ignore[misc]
        if key.kind == "rsa":
            attempts.append(lambda: key.verify(envelope.signature, data, "sha256", pss=True))
    if not attempts:
        raise _unsupported(key)
    _first_that_holds(attempts, "could not verify envelope: invalid signature over the payload")


def _message_attempts(signature: bytes, key: PublicKey, artifact: Artifact) -> Iterable[_Attempt]:
    """Every way in which this kind of key signs artifacts, as far as what we know of the artifact allows."""
    pure = key.kind.startswith(("ed25519", "ml-dsa"))
    if not pure and key.kind not in _HASHES:
        raise _unsupported(key)
    content = artifact.content
    if pure and content is not None:
        yield lambda: key.verify(signature, content)
    for name in _HASHES.get(key.kind, ()):
        digest = artifact.digest_or_none(name)
        if digest is None:
            continue
        yield lambda digest=digest, name=name: key.verify_digest(signature, digest, name)  # type: ignore[misc]
        if key.kind == "rsa":
            yield lambda digest=digest: key.verify_digest(signature, digest, "sha256", pss=True)  # type: ignore[misc]


def _first_that_holds(attempts: Iterable[_Attempt], failure: str) -> None:
    for attempt in attempts:
        try:
            attempt()
        except Untrue:
            continue
        return
    raise Untrue(
        f"failed to verify signature: {failure}",
        code="signature",
        hint="the artifact was changed, or another key signed it",
    )


def _unsupported(key: PublicKey) -> Untrue:
    return Untrue(f"signatures of {key.kind} keys are not supported", code="key-unsupported")


assert set(LENGTHS) >= {name for names in _HASHES.values() for name in names}
