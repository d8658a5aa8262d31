"""Who signed what in the entry kinds of today: hashedrekord, dsse and intoto?

Each function takes the typed body and returns `Parsed`; `bodies.KINDS` names them. Shapes: ``wire``.
"""

from typing import TypeVar

from msgspec import UNSET, UnsetType

from verifier.errors import Malformed
from verifier.signers import Parsed, Signer, envelope_base64, hex_digest, pem_signer, proto_digest, proto_signer
from verifier.wire import Dsse001, Dsse002, HashedRekord001, HashedRekord002, Intoto001, Intoto002

_T = TypeVar("_T")


def hashedrekord_001(body: HashedRekord001) -> Parsed:
    """A signature over the digest of an artifact."""
    signature = body.spec.signature
    signer = pem_signer(signature.public_key.content, signature.content)
    return Parsed((signer,), (hex_digest(body.spec.data.hash),), "artifact")


def hashedrekord_002(body: HashedRekord002) -> Parsed:
    """A signature over the digest of an artifact, or of a DSSE PAE: the entry does not say which."""
    inner = _one_of(body.spec.current, body.spec.alpha)
    signature = inner.signature
    return Parsed((proto_signer(signature.verifier, signature.content),), (proto_digest(inner.data),), "artifact")


def dsse_001(body: Dsse001) -> Parsed:
    """Signatures over a DSSE envelope; the envelope hash is of the exact text submitted."""
    spec = body.spec
    signers = tuple(pem_signer(each.verifier, envelope_base64(each.signature)) for each in spec.signatures)
    related = (("envelope", *hex_digest(spec.envelope_hash)),)
    return Parsed(_some(signers), (hex_digest(spec.payload_hash),), "payload", related)


def dsse_002(body: Dsse002) -> Parsed:
    """Signatures over a DSSE envelope in Rekor v2."""
    inner = _one_of(body.spec.current, body.spec.alpha)
    digest = _one_of(inner.payload_hash, inner.data)
    signers = tuple(proto_signer(each.verifier, each.content) for each in inner.signatures)
    return Parsed(_some(signers), (proto_digest(digest),), "payload")


def intoto_001(body: Intoto001) -> Parsed:
    """A signed envelope; the leaf holds no signature, and old ones no payload hash."""
    content = body.spec.content
    envelope = ("envelope", *hex_digest(content.hash))
    digests = () if content.payload_hash is UNSET else (hex_digest(content.payload_hash),)
    return Parsed((pem_signer(body.spec.public_key),), digests, "payload", (envelope,))


def intoto_002(body: Intoto002) -> Parsed:
    """Signatures over a DSSE envelope, each base64 of base64; the envelope hash is the client's claim."""
    content = body.spec.content
    signers = tuple(
        pem_signer(each.public_key or b"", envelope_base64(each.sig) if each.sig else None)
        for each in content.envelope.signatures
    )
    related = () if content.hash is UNSET else (("envelope", *hex_digest(content.hash)),)
    digests = () if content.payload_hash is UNSET else (hex_digest(content.payload_hash),)
    return Parsed(_some(signers), digests, "payload", related)


def _some(signers: tuple[Signer, ...]) -> tuple[Signer, ...]:
    if not signers:
        raise Malformed("The body has no signature.", code="body-signature")
    return signers


def _one_of(first: _T | UnsetType, second: _T | UnsetType) -> _T:
    """Exactly one of two spellings."""
    if first is not UNSET and second is UNSET:
        return first
    if second is not UNSET and first is UNSET:
        return second
    raise Malformed("The body has none, or both, of two spellings of its content.", code="body-fields")
