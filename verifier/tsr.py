"""What is inside this timestamp reply, as far as a log entry needs it?

Structure only (RFC 3161 section 2.4.2, RFC 5652 section 5): which certificate signed, which digest was stamped.
`timestamp` is what verifies tokens. Attacker-controlled.
"""

from dataclasses import dataclass

from verifier import der
from verifier.errors import Malformed

_SIGNED_DATA, _TOKEN_INFO = der.oid_body("1.2.840.113549.1.7.2"), der.oid_body("1.2.840.113549.1.9.16.1.4")
_HASHES = {
    der.oid_body("1.3.14.3.2.26"): "sha1",
    der.oid_body("2.16.840.1.101.3.4.2.1"): "sha256",
    der.oid_body("2.16.840.1.101.3.4.2.2"): "sha384",
    der.oid_body("2.16.840.1.101.3.4.2.3"): "sha512",
}
_CERTIFICATES = 0xA0


@dataclass(frozen=True, slots=True)
class Token:
    """The signer's certificate (DER, empty if not embedded), the other embedded ones, and the stamped digest."""

    certificate: bytes
    others: tuple[bytes, ...]
    algorithm: str
    imprint: bytes


def read_token(data: bytes) -> Token:
    """The token in a DER TimeStampResp; Malformed if it has none."""
    reply = der.children(data, der.outer(data))
    if len(reply) != 2:
        raise Malformed("The timestamp reply holds no token.", code="tsr")
    signed = der.children(data, _unwrap(data, reply[1], _SIGNED_DATA))
    if len(signed) < 4:
        raise Malformed("The timestamp token is not signed data.", code="tsr")
    algorithm, imprint = _imprint(data, signed[2])
    certificates: list[der.Tlv] = []
    if signed[3].tag == _CERTIFICATES:
        certificates = [item for item in der.each(data, signed[3]) if item.tag == der.SEQUENCE]
    wanted = _signer_id(data, signed[-1])
    own = [item for item in certificates if _issuer_and_serial(data, item) == wanted]
    others = tuple(der.whole(data, item) for item in certificates if item not in own[:1])
    return Token(der.whole(data, own[0]) if own else b"", others, algorithm, imprint)


def _unwrap(data: bytes, info: der.Tlv, oid: bytes) -> der.Tlv:
    """The one element inside a ContentInfo or EncapsulatedContentInfo of this type."""
    kind, wrapper = der.exactly(data, der.expect(info, der.SEQUENCE), 2)
    if der.content(data, kind) != oid:
        raise Malformed("The timestamp token is of another type.", code="tsr")
    return der.exactly(data, der.expect(wrapper, 0xA0), 1)[0]


def _imprint(data: bytes, info: der.Tlv) -> tuple[str, bytes]:
    inner = der.content(data, der.expect(_unwrap(data, info, _TOKEN_INFO), der.OCTET_STRING))
    fields = der.children(inner, der.outer(inner))
    if len(fields) < 3:
        raise Malformed("The timestamp token has no message imprint.", code="tsr")
    algorithm, digest = der.exactly(inner, der.expect(fields[2], der.SEQUENCE), 2)
    oid = der.content(inner, der.read(inner, algorithm.body, algorithm.end))
    return _HASHES.get(oid) or der.oid_text(oid), der.content(inner, der.expect(digest, der.OCTET_STRING))


def _signer_id(data: bytes, infos: der.Tlv) -> bytes:
    """IssuerAndSerialNumber of the first signer, its content; empty if it is named in another way."""
    for info in der.each(data, der.expect(infos, der.SET)):
        fields = der.children(data, info)
        return der.content(data, fields[1]) if len(fields) > 1 and fields[1].tag == der.SEQUENCE else b""
    return b""


def _issuer_and_serial(data: bytes, certificate: der.Tlv) -> bytes:
    fields = der.children(data, der.read(data, certificate.body, certificate.end))
    at = 1 if fields and fields[0].tag == 0xA0 else 0
    if len(fields) < at + 3:
        return b""
    return der.whole(data, fields[at + 2]) + der.whole(data, fields[at])
