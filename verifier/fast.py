"""What does a plain hashedrekord say, in two microseconds?

The scan's fast path for the entries that are nearly all of a log. It answers only for canonical bodies; None for
anything else, which `bodies.read_bodies` then reads. Whenever it answers, `read_body` agrees (property-tested).
"""

import binascii

import msgspec

from verifier.wire import HashedRekord001, HashedRekord002

_V1 = b'{"apiVersion":"0.0.1","kind":"hashedrekord",'
_V2 = b'{"apiVersion":"0.0.2","kind":"hashedrekord",'
_PEM_BEGIN, _PEM_END = b"-----BEGIN CERTIFICATE-----\n", b"\n-----END CERTIFICATE-----\n"
_HASHES = {"SHA2_256": ("sha256", 32), "SHA2_384": ("sha384", 48), "SHA2_512": ("sha512", 64)}
_HEX_SIZES = {"sha256": 64, "sha384": 96, "sha512": 128}

decode_001 = msgspec.json.Decoder(HashedRekord001).decode
decode_002 = msgspec.json.Decoder(HashedRekord002).decode
encode = msgspec.json.Encoder().encode


class FastBody(msgspec.Struct, frozen=True, gc=False):
    """Signer and digest of a hashedrekord: DER of the certificate (else of the key), digest as (algorithm, hex)."""

    version: str
    is_certificate: bool
    der: bytes
    algorithm: str
    digest: str
    signature: bytes


def fast_body(data: bytes) -> FastBody | None:
    """Signer and digest of a canonical hashedrekord with one certificate (or v2 key), or None. Never raises."""
    try:
        if data.startswith(_V2):
            return _read_002(data)
        if data.startswith(_V1):
            return _read_001(data)
    except (msgspec.DecodeError, ValueError):  # bad UTF-8, base64 and hex are all ValueErrors
        return None
    return None


def _read_002(data: bytes) -> FastBody | None:
    body = decode_002(data)
    inner = body.spec.current
    if not inner or body.spec.alpha or encode(body) != data:
        return None
    verifier, hashed = inner.signature.verifier, inner.data
    holder = verifier.x509_certificate or verifier.public_key
    known = _HASHES.get(hashed.algorithm) if isinstance(hashed.algorithm, str) else None
    if not holder or known is None or len(hashed.digest) != known[1]:
        return None
    if verifier.x509_certificate and verifier.public_key:
        return None
    is_certificate = holder is verifier.x509_certificate
    return FastBody("0.0.2", is_certificate, holder.raw_bytes, known[0], hashed.digest.hex(), inner.signature.content)


def _read_001(data: bytes) -> FastBody | None:
    body = decode_001(data)
    signature, hashed = body.spec.signature, body.spec.data.hash
    text = signature.public_key.content
    if not text.startswith(_PEM_BEGIN) or not text.endswith(_PEM_END) or encode(body) != data:
        return None
    # A second block shows as dashes, which the strict decoder refuses.
    der = binascii.a2b_base64(text[len(_PEM_BEGIN) : -len(_PEM_END)].replace(b"\n", b""), strict_mode=True)
    if len(hashed.value) != _HEX_SIZES.get(hashed.algorithm):
        return None
    binascii.unhexlify(hashed.value)
    return FastBody("0.0.1", True, der, hashed.algorithm, hashed.value.lower(), signature.content)
