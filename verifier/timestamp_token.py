"""What do the bytes of an RFC 3161 timestamp say?

Strict DER (a token re-encoded as BER is refused), every field read once and in its place. Nothing here is verified:
`timestamp.check_timestamp` does that. Attacker-controlled. Sources: RFC 3161 section 2.4.2, RFC 5652 section 5, RFC 5035.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import NamedTuple

from verifier import der
from verifier.errors import Malformed

# A token with an embedded chain is 6 KiB; Rekor's own limit for one is 10 KiB.
MAX_TOKEN = 64 << 10
MAX_CERTIFICATES = 16

_SIGNED_DATA, _TST_INFO = "1.2.840.113549.1.7.2", "1.2.840.113549.1.9.16.1.4"
CONTENT_TYPE, MESSAGE_DIGEST = "1.2.840.113549.1.9.3", "1.2.840.113549.1.9.4"
SIGNING_CERTIFICATE, SIGNING_CERTIFICATE_V2 = "1.2.840.113549.1.9.16.2.12", "1.2.840.113549.1.9.16.2.47"
HASHES: Mapping[str, str] = MappingProxyType(
    {"2.16.840.1.101.3.4.2.1": "sha256", "2.16.840.1.101.3.4.2.2": "sha384", "2.16.840.1.101.3.4.2.3": "sha512"}
)
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


def _bad(why: str) -> Malformed:
    return Malformed(f"the timestamp cannot be read: {why}", code="timestamp-format")


def parse_timestamp(data: bytes) -> Token:
    """A token from a DER TimeStampResp; Malformed if anything in it is out of place."""
    if len(data) > MAX_TOKEN:
        raise _bad(f"it has more than {MAX_TOKEN} bytes")
    try:
        return _signed_data(data, _content_info(data, _response(data)))
    except Malformed as error:
        raise error if error.code == "timestamp-format" else _bad(error.message) from error


def _response(data: bytes) -> der.Tlv:
    parts = der.children(data, der.outer(data))
    if not parts:
        raise _bad("it is empty")
    status = der.children(data, der.expect(parts[0], der.SEQUENCE))
    if not status or _integer(data, status[0]) not in _GRANTED:
        raise _bad("the authority did not grant it")
    if len(parts) != 2:
        raise _bad("it has no token")
    return parts[1]


def _content_info(data: bytes, token: der.Tlv) -> der.Tlv:
    kind, content = der.exactly(data, der.expect(token, der.SEQUENCE), 2)
    if _oid(data, kind) != _SIGNED_DATA:
        raise _bad("the token is not CMS signed data")
    (signed,) = der.exactly(data, der.expect(content, _CONTEXT_0), 1)
    return der.expect(signed, der.SEQUENCE)


def _signed_data(data: bytes, signed: der.Tlv) -> Token:
    # RFC 5652 section 5.1: version, digestAlgorithms, encapContentInfo, [0] certificates, [1] crls, signerInfos.
    parts = der.children(data, signed)
    if len(parts) < 4:
        raise _bad("the signed data lacks a field")
    _integer(data, parts[0])
    der.expect(parts[1], der.SET)
    content = _tst_info_bytes(data, parts[2])
    certificates: tuple[bytes, ...] = ()
    rest = parts[3:]
    if rest[0].tag == _CONTEXT_0:
        certificates = _certificates(data, rest.pop(0))
    if rest and rest[0].tag == _CONTEXT_1:
        rest.pop(0)
    if len(rest) != 1:
        raise _bad("the signed data has a field too many")
    (info,) = der.exactly(data, der.expect(rest[0], der.SET), 1)
    return _signer_info(data, info, content, certificates)


def _tst_info_bytes(data: bytes, encapsulated: der.Tlv) -> bytes:
    kind, content = der.exactly(data, der.expect(encapsulated, der.SEQUENCE), 2)
    if _oid(data, kind) != _TST_INFO:
        raise _bad("the signed content is not a TSTInfo")
    (octets,) = der.exactly(data, der.expect(content, _CONTEXT_0), 1)
    return der.content(data, der.expect(octets, der.OCTET_STRING))


def _certificates(data: bytes, bag: der.Tlv) -> tuple[bytes, ...]:
    items = der.children(data, bag)
    if len(items) > MAX_CERTIFICATES:
        raise _bad(f"it embeds more than {MAX_CERTIFICATES} certificates")
    return tuple(der.whole(data, der.expect(item, der.SEQUENCE)) for item in items)


def _signer_info(data: bytes, info: der.Tlv, content: bytes, certificates: tuple[bytes, ...]) -> Token:
    # RFC 5652 section 5.3; signed attributes are mandatory for a timestamp (RFC 3161 section 2.4.2).
    parts = der.children(data, der.expect(info, der.SEQUENCE))
    if len(parts) not in (6, 7) or (len(parts) == 7 and parts[6].tag != _CONTEXT_1):
        raise _bad("the signer's part does not have its six fields")
    _integer(data, parts[0])
    attributes = _attributes(data, der.expect(parts[3], _CONTEXT_0))
    info_fields = _tst_info(content)
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
        digest_hash=_hash(data, parts[2]),
        attributes=b"\x31" + data[parts[3].start + 1 : parts[3].end],
        message_digest=_message_digest(attributes),
        certificate_hashes=_certificate_hashes(attributes),
        signature_algorithm=_algorithm(data, parts[4]),
        signature=der.content(data, der.expect(parts[5], der.OCTET_STRING)),
    )


def _signer_id(data: bytes, tlv: der.Tlv) -> SignerId:
    if tlv.tag == 0x80:
        return SignerId(None, None, der.content(data, tlv))
    issuer, serial = der.exactly(data, der.expect(tlv, der.SEQUENCE), 2)
    return SignerId(der.whole(data, der.expect(issuer, der.SEQUENCE)), _integer(data, serial), None)


def _attributes(data: bytes, bag: der.Tlv) -> dict[str, bytes]:
    """Signed attributes, OID to the one value's DER; each at most once and with exactly one value (RFC 5652 11)."""
    found: dict[str, bytes] = {}
    for item in der.each(data, bag):
        kind, values = der.exactly(data, der.expect(item, der.SEQUENCE), 2)
        name = _oid(data, kind)
        (value,) = der.exactly(data, der.expect(values, der.SET), 1)
        if name in found:
            raise _bad(f"the signed attribute {name} stands twice")
        found[name] = der.whole(data, value)
    if found.get(CONTENT_TYPE) != der.encode(der.OID, der.oid_body(_TST_INFO)):
        raise _bad("the signed content type is not that of a timestamp")
    return found


def _message_digest(attributes: dict[str, bytes]) -> bytes:
    value = attributes.get(MESSAGE_DIGEST)
    if value is None:
        raise _bad("there is no signed message digest")
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
            raise _bad("the signing-certificate attribute is empty")
        found.append(_certificate_hash(value, identifiers[0], default, versioned=name == SIGNING_CERTIFICATE_V2))
    if not found:
        raise _bad("no signed attribute names the signing certificate")
    return tuple(found)


def _certificate_hash(data: bytes, identifier: der.Tlv, default: str, *, versioned: bool) -> CertificateHash:
    parts = der.children(data, der.expect(identifier, der.SEQUENCE))
    algorithm = default
    if versioned and parts and parts[0].tag == der.SEQUENCE:
        algorithm = _hash(data, parts.pop(0))
    if not 1 <= len(parts) <= 2:
        raise _bad("the signing-certificate attribute is damaged")
    serial = None
    if len(parts) == 2:
        serial = _integer(data, der.exactly(data, der.expect(parts[1], der.SEQUENCE), 2)[1])
    return CertificateHash(algorithm, der.content(data, der.expect(parts[0], der.OCTET_STRING)), serial)


class _Info(NamedTuple):
    time: datetime
    imprint_hash: str
    imprint: bytes
    policy: str
    serial: int
    nonce: int | None


def _tst_info(data: bytes) -> _Info:
    """RFC 3161 section 2.4.2: version, policy, imprint, serial, time, accuracy?, ordering?, nonce?, [0] tsa?, [1] ext?."""
    parts = der.children(data, der.outer(data))
    if len(parts) < 5 or _integer(data, parts[0]) != 1:
        raise _bad("the TSTInfo is not of version 1")
    algorithm, imprint = der.exactly(data, der.expect(parts[2], der.SEQUENCE), 2)
    nonce = None
    position = 0
    for tlv in parts[5:]:
        place = _OPTIONAL.get(tlv.tag, 0)
        if place <= position:
            raise _bad("the TSTInfo has an unknown field, or one out of order")
        position = place
        if tlv.tag == der.INTEGER:
            nonce = _integer(data, tlv)
        elif tlv.tag == _CONTEXT_1:
            raise _bad("the TSTInfo has extensions, which none is known for")
    return _Info(
        time=_generalized_time(data, parts[4]),
        imprint_hash=_hash(data, algorithm),
        imprint=der.content(data, der.expect(imprint, der.OCTET_STRING)),
        policy=_oid(data, parts[1]),
        serial=_integer(data, parts[3]),
        nonce=nonce,
    )


# Optional fields of a TSTInfo in their order: accuracy, ordering, nonce, tsa, extensions.
_OPTIONAL = {der.SEQUENCE: 1, der.BOOLEAN: 2, der.INTEGER: 3, _CONTEXT_0: 4, _CONTEXT_1: 5}


def _generalized_time(data: bytes, tlv: der.Tlv) -> datetime:
    """GeneralizedTime with an optional fraction, which DER ends in a digit other than 0 (RFC 3161 section 2.4.2)."""
    text = der.content(data, der.expect(tlv, der.GENERALIZED_TIME)).decode("latin-1")
    digits, dot, fraction = text.removesuffix("Z").partition(".")
    plain = text.isascii() and text.endswith("Z") and len(digits) == 14 and digits.isdigit()
    exact = not dot or (fraction.isdigit() and not fraction.endswith("0") and len(fraction) <= 9)
    if not plain or not exact:
        raise _bad("its time is not YYYYMMDDHHMMSS[.f]Z")
    try:
        time = datetime.strptime(digits, "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    except ValueError as error:
        raise _bad("its time does not exist") from error
    return time + timedelta(microseconds=int(fraction.ljust(6, "0")[:6] or 0)) if dot else time


def _integer(data: bytes, tlv: der.Tlv) -> int:
    body = der.content(data, der.expect(tlv, der.INTEGER))
    minimal = len(body) == 1 or (len(body) > 1 and body[0] != (0xFF if body[1] & 0x80 else 0x00))
    if not minimal or len(body) > 64:
        raise _bad("a number is not minimal DER")
    return int.from_bytes(body, "big", signed=True)


def _oid(data: bytes, tlv: der.Tlv) -> str:
    return der.oid_text(der.content(data, der.expect(tlv, der.OID)))


def _algorithm(data: bytes, tlv: der.Tlv) -> str:
    parts = der.children(data, der.expect(tlv, der.SEQUENCE))
    if not 1 <= len(parts) <= 2:
        raise _bad("an algorithm identifier is damaged")
    return _oid(data, parts[0])


def _hash(data: bytes, tlv: der.Tlv) -> str:
    name = HASHES.get(_algorithm(data, tlv))
    if name is None:
        raise _bad("it uses a hash other than SHA-256, SHA-384 and SHA-512")
    return name
