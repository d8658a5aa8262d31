"""Who signed a plain hashedrekord, over which digest, in two microseconds?

For the sieve only: nothing but the fields it looks at. A body is plain if its length is exactly that of the canonical
form of what was decoded: a repeated or foreign member, an escape or white space can only make it longer, so there is
one reading.
"""

import msgspec
from msgspec import UNSET, UnsetType

_V2 = b'{"apiVersion":"0.0.2","kind":"hashedrekord",'
_V1 = b'{"apiVersion":"0.0.1","kind":"hashedrekord",'
_PEM_BEGIN, _PEM_END = b"-----BEGIN CERTIFICATE-----\n", b"\n-----END CERTIFICATE-----\n"
# Length of the canonical form without the values (protocol.md 3.3 and 2.2).
_V2_CERTIFICATE = len(
    _V2 + b'"spec":{"hashedRekordV002":{"data":{"algorithm":"","digest":""},"signature":{"content":"",'
    b'"verifier":{"keyDetails":"","x509Certificate":{"rawBytes":""}}}}}}'
)
_V2_KEY = _V2_CERTIFICATE - len("x509Certificate") + len("publicKey")
_V1_LENGTH = len(
    _V1 + b'"spec":{"data":{"hash":{"algorithm":"","value":""}},"signature":{"content":"","publicKey":{"content":""}}}}'
)
_PROTO_DIGESTS = {"SHA2_256": 32, "SHA2_384": 48, "SHA2_512": 64}
_HEX_DIGESTS = {"sha256": 64, "sha384": 96, "sha512": 128}


class _Raw(msgspec.Struct, gc=False):
    rawBytes: bytes  # noqa: N815 - the name on the wire


class _Verifier(msgspec.Struct, gc=False):
    keyDetails: str  # noqa: N815
    x509Certificate: _Raw | UnsetType = UNSET  # noqa: N815
    publicKey: _Raw | UnsetType = UNSET  # noqa: N815


class _Signature2(msgspec.Struct, gc=False):
    content: bytes
    verifier: _Verifier


class _Digest2(msgspec.Struct, gc=False):
    algorithm: str
    digest: bytes


class _Inner2(msgspec.Struct, gc=False):
    data: _Digest2
    signature: _Signature2


class _Spec2(msgspec.Struct, gc=False):
    hashedRekordV002: _Inner2  # noqa: N815


class _Body2(msgspec.Struct, gc=False):
    spec: _Spec2


class _Content(msgspec.Struct, gc=False):
    content: bytes


class _Signature1(msgspec.Struct, gc=False):
    content: bytes
    publicKey: _Content  # noqa: N815


class _Hash(msgspec.Struct, gc=False):
    algorithm: str
    value: str


class _Data1(msgspec.Struct, gc=False):
    hash: _Hash


class _Spec1(msgspec.Struct, gc=False):
    data: _Data1
    signature: _Signature1


class _Body1(msgspec.Struct, gc=False):
    spec: _Spec1


_decode_2 = msgspec.json.Decoder(_Body2).decode
_decode_1 = msgspec.json.Decoder(_Body1).decode
_decode_bytes = msgspec.json.Decoder(bytes).decode

# Nearly every entry of a v2 log: a P-256 certificate, a signature of 70 to 72 bytes. Then all places are known.
_P256_HEAD = _V2 + b'"spec":{"hashedRekordV002":{"data":{"algorithm":"SHA2_256","digest":'
_P256_MIDDLE = b'},"signature":{"content":'
_P256_TAIL = b',"verifier":{"keyDetails":"PKIX_ECDSA_P256_SHA_256","x509Certificate":{"rawBytes":'
_P256_END = b"}}}}}}"
_DIGEST_AT = len(_P256_HEAD)
_MIDDLE_AT = _DIGEST_AT + 44 + 2  # base64 of 32 bytes, in quotes
_SIGNATURE_AT = _MIDDLE_AT + len(_P256_MIDDLE)
_TAIL_AT = _SIGNATURE_AT + 96 + 2
_CERTIFICATE_AT = _TAIL_AT + len(_P256_TAIL)

PlainBody = tuple[bool, bytes, bytes]


def plain_body(data: bytes) -> PlainBody | None:
    """(is it a certificate, its or the key's DER, the raw digest) of a plain hashedrekord; None for anything else."""
    try:
        if data.startswith(_P256_TAIL, _TAIL_AT) and data.startswith(_P256_HEAD):
            return _read_p256(data)
        if data.startswith(_V2):
            return _read_2(data)
        if data.startswith(_V1):
            return _read_1(data)
    except (msgspec.DecodeError, ValueError, RecursionError):  # bad UTF-8 and hex are ValueErrors
        pass
    return None


def _read_p256(data: bytes) -> PlainBody | None:
    """The same, by place: what stands between the fixed parts is one JSON string of base64 each, or an error."""
    if data[_MIDDLE_AT:_SIGNATURE_AT] != _P256_MIDDLE or not data.endswith(_P256_END):
        return None
    _decode_bytes(data[_SIGNATURE_AT:_TAIL_AT])
    held = _decode_bytes(data[_CERTIFICATE_AT : -len(_P256_END)])
    digest = _decode_bytes(data[_DIGEST_AT:_MIDDLE_AT])
    return (True, held, digest) if len(digest) == 32 and held else None


def _encoded(length: int) -> int:
    """Characters of base64."""
    return (length + 2) // 3 * 4


def _read_2(data: bytes) -> PlainBody | None:
    inner = _decode_2(data).spec.hashedRekordV002
    hashed, signature = inner.data, inner.signature
    verifier, digest = signature.verifier, hashed.digest
    certificate = verifier.x509Certificate
    holder, fixed = (verifier.publicKey, _V2_KEY) if certificate is UNSET else (certificate, _V2_CERTIFICATE)
    if holder is UNSET or _PROTO_DIGESTS.get(hashed.algorithm) != len(digest) or not verifier.keyDetails.isascii():
        return None
    held = holder.rawBytes
    length = fixed + len(hashed.algorithm) + len(verifier.keyDetails)
    length += _encoded(len(digest)) + _encoded(len(signature.content)) + _encoded(len(held))
    if length != len(data) or not held:
        return None
    return certificate is not UNSET, held, digest


def _read_1(data: bytes) -> PlainBody | None:
    spec = _decode_1(data).spec
    hashed, content, text = spec.data.hash, spec.signature.content, spec.signature.publicKey.content
    length = _V1_LENGTH + len(hashed.algorithm) + len(hashed.value) + _encoded(len(content)) + _encoded(len(text))
    if length != len(data) or _HEX_DIGESTS.get(hashed.algorithm) != len(hashed.value):
        return None
    if not text.startswith(_PEM_BEGIN) or not text.endswith(_PEM_END):
        return None
    # Dashes of a second block, quotes and escapes are no base64: the decoder refuses them.
    inner = text[len(_PEM_BEGIN) : -len(_PEM_END)].replace(b"\n", b"")
    return True, _decode_bytes(b'"%b"' % inner), bytes.fromhex(hashed.value)
