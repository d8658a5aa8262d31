"""What must the log have recorded for this signature, byte for byte?

A log entry's body follows from signature, signer and digest (rekor-v2-spec 6.1.4 prefers rebuilding it): where the
rebuilt bytes are those of the entry, nothing of the entry is left to interpret. `binding` parses only what cannot be
rebuilt.
"""

import base64
from collections.abc import Iterator

from verifier.artifact import Artifact
from verifier.bundle import Bundle
from verifier.dsse import Envelope
from verifier.errors import Malformed
from verifier.holder import Holder
from verifier.keys import algorithm_for
from verifier.pem import CERTIFICATE, PUBLIC_KEY, encode_pem

_PROTO = {"sha256": "SHA2_256", "sha384": "SHA2_384", "sha512": "SHA2_512"}


def expected_bodies(kind: tuple[str, str], bundle: Bundle, holder: Holder, artifact: Artifact) -> Iterator[bytes]:
    """The canonical bodies that an entry of this kind and version may have: one for each digest that is known.

    None for kinds that record more than what the bundle says (the hash of an envelope's exact text, for one).
    """
    for name in _PROTO:
        if isinstance(bundle.content, Envelope):
            digest = Artifact.of(bundle.content.pae).digest(name) if kind == ("hashedrekord", "0.0.2") else None
        else:
            digest = artifact.digest_or_none(name)
        if digest is None:
            continue
        if kind == ("hashedrekord", "0.0.1"):
            yield _hashedrekord_001(bundle.signature, holder, name, digest)
        elif kind == ("hashedrekord", "0.0.2"):
            yield from _hashedrekord_002(bundle.signature, holder, name, digest)


def _hashedrekord_001(signature: bytes, holder: Holder, name: str, digest: bytes) -> bytes:
    """Rekor v1: the key as base64 of PEM text (protocol.md 2.2)."""
    signer = holder.certificate
    text = encode_pem(CERTIFICATE, signer) if signer is not None else encode_pem(PUBLIC_KEY, holder.key.der)
    return (
        '{"apiVersion":"0.0.1","kind":"hashedrekord","spec":{"data":{"hash":{'
        f'"algorithm":"{name}","value":"{digest.hex()}"}}}},'
        f'"signature":{{"content":"{_b64(signature)}","publicKey":{{"content":"{_b64(text)}"}}}}}}}}'
    ).encode()


def _hashedrekord_002(signature: bytes, holder: Holder, name: str, digest: bytes) -> Iterator[bytes]:
    """Rekor v2: the key as DER, with the name of its algorithm (protocol.md 3.3)."""
    try:
        details = algorithm_for(holder.key, name).name
    except Malformed:
        return
    member = "publicKey" if holder.certificate is None else "x509Certificate"
    raw = holder.key.der if holder.certificate is None else holder.certificate
    yield (
        '{"apiVersion":"0.0.2","kind":"hashedrekord","spec":{"hashedRekordV002":{'
        f'"data":{{"algorithm":"{_PROTO[name]}","digest":"{_b64(digest)}"}},'
        f'"signature":{{"content":"{_b64(signature)}","verifier":{{"keyDetails":"{details}",'
        f'"{member}":{{"rawBytes":"{_b64(raw)}"}}}}}}}}}}}}'
    ).encode()


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()
