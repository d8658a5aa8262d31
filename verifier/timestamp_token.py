"""What do the bytes of an RFC 3161 timestamp say?

Strict DER (a token re-encoded as BER is refused), every field read once and in its place. Nothing here is verified:
`timestamp.check_timestamp` does that. Attacker-controlled. Sources: RFC 3161 section 2.4.2, RFC 5652 section 5, RFC
5035.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from verifier import der, tst_info
from verifier.errors import Malformed

# A token with an embedded chain is 6 KiB; Rekor's own limit for one is 10 KiB.
MAX_TOKEN = 64 << 10
MAX_CERTIFICATES = 16

_SIGNED_DATA, _TST_INFO = "1.2.840.113549.1.7.2", "1.2.840.113549.1.9.16.1.4"
CONTENT_TYPE, MESSAGE_DIGEST = "1.2.840.113549.1.9.3", "1.2.840.113549.1.9.4"
SIGNING_CERTIFICATE, SIGNING_CERTIFICATE_V2 = "1.2.840.113549.1.9.16.2.12", "1.2.840.113549.1.9.16.2.47"
_CONTEXT_0, _CONTEXT_1 = 0xA0, 0xA1
_GRANTED = (0, 1)  # PKIStatus granted, grantedWithMods


class SignerId(NamedTuple):
    """Who signed: issuer (whole DER Name) and serial, or a subject key identifier."""

    issuer: bytes | None
    serial: int | None
    key_id: bytes | None


class CertificateHash(NamedTuple):
    """One ESSCertID: the algorithm ("sha1", "sha256", ...), the hash, and the serial number where it is given."""

    algorithm: str
    digest: bytes
    serial: int | None


@dataclass(frozen=True, slots=True)
class Token:
    """A parsed timestamp token.

    `time` is genTime (aware, UTC); `imprint` is the hash (by `imprint_hash`) of what was stamped; `content` the signed
    TSTInfo; `attributes` the signed attributes re-tagged as a SET, which is what the signature covers.
    """

    time: datetime
    imprint_hash: str
    imprint: bytes
    policy: str
    serial: int
    nonce: int | None
    content: bytes
    certificates: tuple[bytes, ...]
    signer: SignerId
    digest_hash: str
    attributes: bytes
    message_digest: bytes
    certificate_hashes: tuple[CertificateHash, ...]
    signature_algorithm: str
    signature: bytes


def parse_timestamp(data: bytes) -> Token:
    """A token from a DER TimeStampResp; Malformed if anything in it is out of place."""
    if len(data) > MAX_TOKEN:
        raise tst_info.bad(f"it has more than {MAX_TOKEN} bytes")
    try:
        return _signed_data(data, _content_info(data, _response(data)))
    except Malformed as error:
        raise error if error.code == "timestamp-format" else tst_info.bad(error.message) from error


def _response(data: bytes) -> der.Tlv:
    parts = der.children(data, der.outer(data))
    if not parts:
        raise tst_info.bad("it is empty")
    status = der.children(data, der.expect(parts[0], der.SEQUENCE))
    if not status or tst_info.integer(data, status[0]) not in _GRANTED:
        raise tst_info.bad("the authority did not grant it")
    if len(parts) != 2:
        raise tst_info.bad("it has no token")
    return parts[1]


def _content_info(data: bytes, token: der.Tlv) -> der.Tlv:
    kind, content = der.exactly(data, der.expect(token, der.SEQUENCE), 2)
    if tst_info.oid(data, kind) != _SIGNED_DATA:
        raise tst_info.bad("the token is not CMS signed data")
    (signed,) = der.exactly(data, der.expect(content, _CONTEXT_0), 1)
    return der.expect(signed, der.SEQUENCE)


def _signed_data(data: bytes, signed: der.Tlv) -> Token:
    # RFC 5652 section 5.1: version, digestAlgorithms, encapContentInfo, [0] certificates, [1] crls, signerInfos.
    parts = der.children(data, signed)
    if len(parts) < 4:
        raise tst_info.bad("the signed data lacks a field")
    tst_info.integer(data, parts[0])
    der.expect(parts[1], der.SET)
    content = _tst_info_bytes(data, parts[2])
    certificates: tuple[bytes, ...] = ()
    rest = parts[3:]
    if rest[0].tag == _CONTEXT_0:
        certificates = _certificates(data, rest.pop(0))
    if rest and rest[0].tag == _CONTEXT_1:
        rest.pop(0)
    if len(rest) != 1:
        raise tst_info.bad("the signed data has a field too many")
    (info,) = der.exactly(data, der.expect(rest[0], der.SET), 1)
    return _signer_info(data, info, content, certificates)


def _tst_info_bytes(data: bytes, encapsulated: der.Tlv) -> bytes:
    kind, content = der.exactly(data, der.expect(encapsulated, der.SEQUENCE), 2)
    if tst_info.oid(data, kind) != _TST_INFO:
        raise tst_info.bad("the signed content is not a TSTInfo")
    (octets,) = der.exactly(data, der.expect(content, _CONTEXT_0), 1)
    return der.content(data, der.expect(octets, der.OCTET_STRING))


def _certificates(data: bytes, bag: der.Tlv) -> tuple[bytes, ...]:
    items = der.children(data, bag)
    if len(items) > MAX_CERTIFICATES:
        raise tst_info.bad(f"it embeds more than {MAX_CERTIFICATES} certificates")
    return tuple(der.whole(data, der.expect(item, der.SEQUENCE)) for item in items)


def _signer_info(data: bytes, info: der.Tlv, content: bytes, certificates: tuple[bytes, ...]) -> Token:
    # RFC 5652 section 5.3; signed attributes are mandatory for a timestamp (RFC 3161 section 2.4.2).
    parts = der.children(data, der.expect(info, der.SEQUENCE))
    if len(parts) not in (6, 7) or (len(parts) == 7 and parts[6].tag != _CONTEXT_1):
        raise tst_info.bad("the signer's part does not have its six fields")
    tst_info.integer(data, parts[0])
    attributes = _attributes(data, der.expect(parts[3], _CONTEXT_0))
    info_fields = tst_info.read_tst_info(content)
    return Token(
        time=info_fields.time,
        imprint_hash=info_fields.imprint_hash,
        imprint=info_fields.imprint,
        policy=info_fields.policy,
        serial=info_fields.serial,
        nonce=info_fields.nonce,
        content=content,
        certificates=certificates,
        signer=_signer_id(data, parts[1]),
        digest_hash=tst_info.hash_name(data, parts[2]),
        attributes=b"\x31" + data[parts[3].start + 1 : parts[3].end],
        message_digest=_message_digest(attributes),
        certificate_hashes=_certificate_hashes(attributes),
        signature_algorithm=tst_info.algorithm(data, parts[4]),
        signature=der.content(data, der.expect(parts[5], der.OCTET_STRING)),
    )


def _signer_id(data: bytes, tlv: der.Tlv) -> SignerId:
    if tlv.tag == 0x80:
        return SignerId(None, None, der.content(data, tlv))
    issuer, serial = der.exactly(data, der.expect(tlv, der.SEQUENCE), 2)
    return SignerId(der.whole(data, der.expect(issuer, der.SEQUENCE)), tst_info.integer(data, serial), None)


def _attributes(data: bytes, bag: der.Tlv) -> dict[str, bytes]:
    """Signed attributes, OID to the one value's DER; each at most once and with exactly one value (RFC 5652 11)."""
    found: dict[str, bytes] = {}
    for item in der.each(data, bag):
        kind, values = der.exactly(data, der.expect(item, der.SEQUENCE), 2)
        name = tst_info.oid(data, kind)
        (value,) = der.exactly(data, der.expect(values, der.SET), 1)
        if name in found:
            raise tst_info.bad(f"the signed attribute {name} stands twice")
        found[name] = der.whole(data, value)
    if found.get(CONTENT_TYPE) != der.encode(der.OID, der.oid_body(_TST_INFO)):
        raise tst_info.bad("the signed content type is not that of a timestamp")
    return found


def _message_digest(attributes: dict[str, bytes]) -> bytes:
    value = attributes.get(MESSAGE_DIGEST)
    if value is None:
        raise tst_info.bad("there is no signed message digest")
    return der.content(value, der.outer(value, der.OCTET_STRING))


def _certificate_hashes(attributes: dict[str, bytes]) -> tuple[CertificateHash, ...]:
    """The first ESSCertID of each signing-certificate attribute: the one that names the signer (RFC 5035 section 3)."""
    found: list[CertificateHash] = []
    for name, default in ((SIGNING_CERTIFICATE, "sha1"), (SIGNING_CERTIFICATE_V2, "sha256")):
        value = attributes.get(name)
        if value is None:
            continue
        outer = der.children(value, der.outer(value))
        identifiers = der.children(value, der.expect(outer[0], der.SEQUENCE)) if outer else []
        if not identifiers:
            raise tst_info.bad("the signing-certificate attribute is empty")
        found.append(_certificate_hash(value, identifiers[0], default, versioned=name == SIGNING_CERTIFICATE_V2))
    if not found:
        raise tst_info.bad("no signed attribute names the signing certificate")
    return tuple(found)


def _certificate_hash(data: bytes, identifier: der.Tlv, default: str, *, versioned: bool) -> CertificateHash:
    parts = der.children(data, der.expect(identifier, der.SEQUENCE))
    algorithm = default
    if versioned and parts and parts[0].tag == der.SEQUENCE:
        algorithm = tst_info.hash_name(data, parts.pop(0))
    if not 1 <= len(parts) <= 2:
        raise tst_info.bad("the signing-certificate attribute is damaged")
    serial = None
    if len(parts) == 2:
        serial = tst_info.integer(data, der.exactly(data, der.expect(parts[1], der.SEQUENCE), 2)[1])
    return CertificateHash(algorithm, der.content(data, der.expect(parts[0], der.OCTET_STRING)), serial)
