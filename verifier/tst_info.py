"""What does the signed content of a timestamp say?

The TSTInfo of RFC 3161 section 2.4.2 in strict DER, and the DER atoms that it shares with the token around it.
Attacker-controlled.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import NamedTuple

from verifier import der
from verifier.errors import Malformed

HASHES: Mapping[str, str] = MappingProxyType(
    {"2.16.840.1.101.3.4.2.1": "sha256", "2.16.840.1.101.3.4.2.2": "sha384", "2.16.840.1.101.3.4.2.3": "sha512"}
)
_EXTENSIONS = 0xA1
# Optional fields of a TSTInfo in their order: accuracy, ordering, nonce, tsa, extensions.
_OPTIONAL = {der.SEQUENCE: 1, der.BOOLEAN: 2, der.INTEGER: 3, 0xA0: 4, _EXTENSIONS: 5}


def bad(why: str) -> Malformed:
    """The error for bytes that are no timestamp."""
    return Malformed(f"the timestamp cannot be read: {why}", code="timestamp-format")


class TstInfo(NamedTuple):
    """Fields of a TSTInfo: genTime (aware, UTC), hash and algorithm of what was stamped, the TSA's policy OID."""

    time: datetime
    imprint_hash: str
    imprint: bytes
    policy: str
    serial: int
    nonce: int | None


def read_tst_info(data: bytes) -> TstInfo:
    """Version, policy, imprint, serial, time, accuracy?, ordering?, nonce?, [0] tsa?, [1] extensions?; fills `data`."""
    parts = der.children(data, der.outer(data))
    if len(parts) < 5 or integer(data, parts[0]) != 1:
        raise bad("the TSTInfo is not of version 1")
    hashed, imprint = der.exactly(data, der.expect(parts[2], der.SEQUENCE), 2)
    nonce = None
    position = 0
    for tlv in parts[5:]:
        place = _OPTIONAL.get(tlv.tag, 0)
        if place <= position:
            raise bad("the TSTInfo has an unknown field, or one out of order")
        position = place
        if tlv.tag == der.INTEGER:
            nonce = integer(data, tlv)
        elif tlv.tag == _EXTENSIONS:
            raise bad("the TSTInfo has extensions, which none is known for")
    return TstInfo(
        time=_generalized_time(data, parts[4]),
        imprint_hash=hash_name(data, hashed),
        imprint=der.content(data, der.expect(imprint, der.OCTET_STRING)),
        policy=oid(data, parts[1]),
        serial=integer(data, parts[3]),
        nonce=nonce,
    )


def _generalized_time(data: bytes, tlv: der.Tlv) -> datetime:
    """GeneralizedTime with an optional fraction, which DER ends in a digit other than 0 (RFC 3161 section 2.4.2)."""
    text = der.content(data, der.expect(tlv, der.GENERALIZED_TIME)).decode("latin-1")
    digits, dot, fraction = text.removesuffix("Z").partition(".")
    plain = text.isascii() and text.endswith("Z") and len(digits) == 14 and digits.isdigit()
    exact = not dot or (fraction.isdigit() and not fraction.endswith("0") and len(fraction) <= 9)
    if not plain or not exact:
        raise bad("its time is not YYYYMMDDHHMMSS[.f]Z")
    try:
        time = datetime.strptime(digits, "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    except ValueError as error:
        raise bad("its time does not exist") from error
    return time + timedelta(microseconds=int(fraction.ljust(6, "0")[:6] or 0)) if dot else time


def integer(data: bytes, tlv: der.Tlv) -> int:
    """A minimal INTEGER of at most 64 bytes."""
    body = der.content(data, der.expect(tlv, der.INTEGER))
    minimal = len(body) == 1 or (len(body) > 1 and body[0] != (0xFF if body[1] & 0x80 else 0x00))
    if not minimal or len(body) > 64:
        raise bad("a number is not minimal DER")
    return int.from_bytes(body, "big", signed=True)


def oid(data: bytes, tlv: der.Tlv) -> str:
    """A dotted OBJECT IDENTIFIER."""
    return der.oid_text(der.content(data, der.expect(tlv, der.OID)))


def algorithm(data: bytes, tlv: der.Tlv) -> str:
    """The OID of an AlgorithmIdentifier."""
    parts = der.children(data, der.expect(tlv, der.SEQUENCE))
    if not 1 <= len(parts) <= 2:
        raise bad("an algorithm identifier is damaged")
    return oid(data, parts[0])


def hash_name(data: bytes, tlv: der.Tlv) -> str:
    """hashlib's name of a hash algorithm; weak and unknown ones are malformed."""
    name = HASHES.get(algorithm(data, tlv))
    if name is None:
        raise bad("it uses a hash other than SHA-256, SHA-384 and SHA-512")
    return name
