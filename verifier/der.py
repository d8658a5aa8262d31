"""What are the parts of these DER bytes?

A small walker over attacker-controlled bytes: definite, minimal lengths only (X.690 section 10.1), every element
inside its parent, at most `MAX_CHILDREN` children. It reads structure, not meaning: certificates that a full X.509
parser refuses for their content (an extension twice, text that is not UTF-8, a negative serial number) can still be
walked.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import NamedTuple

from verifier.errors import Malformed

BOOLEAN, INTEGER, BIT_STRING, OCTET_STRING, OID = 0x01, 0x02, 0x03, 0x04, 0x06
UTF8_STRING, PRINTABLE_STRING, IA5_STRING = 0x0C, 0x13, 0x16
UTC_TIME, GENERALIZED_TIME = 0x17, 0x18
SEQUENCE, SET = 0x30, 0x31

# A certificate with 200 names is real; a thousand times that is an attack on our memory.
MAX_CHILDREN = 20_000
_CHARSETS = {UTF8_STRING: "utf-8", PRINTABLE_STRING: "ascii", IA5_STRING: "ascii", 0x14: "latin-1", 0x1E: "utf-16-be"}


class Tlv(NamedTuple):
    """One element of a buffer: offsets of its tag, of its content, and just past its end."""

    tag: int
    start: int
    body: int
    end: int


def _bad(why: str) -> Malformed:
    return Malformed(f"These bytes are not DER: {why}.", code="der")


def read(data: bytes, at: int, limit: int) -> Tlv:
    """The element that starts at `at` and must end at or before `limit`; Malformed otherwise."""
    if at + 2 > limit:
        raise _bad("an element is cut short")
    tag, length, body = data[at], data[at + 1], at + 2
    if tag & 0x1F == 0x1F:
        raise _bad("a tag number above 30")
    if length >= 0x80:
        count = length & 0x7F
        if not 1 <= count <= 4 or body + count > limit:
            raise _bad("a length that is indefinite, too long or cut short")
        length = int.from_bytes(data[body : body + count], "big")
        if length < 0x80 or length >> 8 * (count - 1) == 0:
            raise _bad("a length that is not minimal")
        body += count
    if body + length > limit:
        raise _bad("an element runs past its parent")
    return Tlv(tag, at, body, body + length)


def outer(data: bytes, tag: int = SEQUENCE) -> Tlv:
    """The one element that fills `data`; Malformed on another tag or on trailing bytes."""
    tlv = expect(read(data, 0, len(data)), tag)
    if tlv.end != len(data):
        raise _bad("bytes follow the end")
    return tlv


def expect(tlv: Tlv, tag: int) -> Tlv:
    """`tlv` itself if it has this tag."""
    if tlv.tag != tag:
        raise _bad(f"tag {tlv.tag:#04x} where {tag:#04x} belongs")
    return tlv


def each(data: bytes, parent: Tlv) -> Iterator[Tlv]:
    """The children of a constructed element, in order."""
    at = parent.body
    for _ in range(MAX_CHILDREN):
        if at >= parent.end:
            return
        tlv = read(data, at, parent.end)
        yield tlv
        at = tlv.end
    raise _bad(f"more than {MAX_CHILDREN} elements")


def children(data: bytes, parent: Tlv) -> list[Tlv]:
    """The children of a constructed element, as a list."""
    return list(each(data, parent))


def exactly(data: bytes, parent: Tlv, count: int) -> list[Tlv]:
    """The children of an element that must have this many."""
    found = children(data, parent)
    if len(found) != count:
        raise _bad(f"{len(found)} elements where {count} belong")
    return found


def content(data: bytes, tlv: Tlv) -> bytes:
    """The content octets of an element."""
    return data[tlv.body : tlv.end]


def whole(data: bytes, tlv: Tlv) -> bytes:
    """The element with its header."""
    return data[tlv.start : tlv.end]


def encode(tag: int, *parts: bytes) -> bytes:
    """One element with this tag around the joined parts."""
    body = b"".join(parts)
    if len(body) < 0x80:
        return bytes((tag, len(body))) + body
    size = len(body).to_bytes((len(body).bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(size))) + size + body


def oid_text(body: bytes) -> str:
    """Dotted form of the content octets of an OBJECT IDENTIFIER (X.690 section 8.19)."""
    if not body or len(body) > 64 or body[-1] & 0x80:
        raise _bad("an object identifier that is empty, too long or cut short")
    arcs: list[int] = []
    value, fresh = 0, True
    for byte in body:
        if fresh and byte == 0x80:
            raise _bad("an object identifier that is not minimal")
        value = value << 7 | byte & 0x7F
        fresh = not byte & 0x80
        if fresh:
            arcs.append(value)
            value = 0
    first = min(arcs[0] // 40, 2)
    return ".".join(str(arc) for arc in (first, arcs[0] - 40 * first, *arcs[1:]))


def oid_body(dotted: str) -> bytes:
    """Content octets of a dotted object identifier (the inverse of `oid_text`)."""
    first, second, *rest = (int(part) for part in dotted.split("."))
    out = bytearray()
    for arc in (40 * first + second, *rest):
        groups = [arc & 0x7F]
        while arc := arc >> 7:
            groups.append(arc & 0x7F | 0x80)
        out += bytes(reversed(groups))
    return bytes(out)


def string(data: bytes, tlv: Tlv) -> str | None:
    """Text of a character string element, None if it is no string or not valid in its own character set."""
    charset = _CHARSETS.get(tlv.tag)
    if charset is None:
        return None
    try:
        return content(data, tlv).decode(charset)
    except UnicodeDecodeError:
        return None


def time(data: bytes, tlv: Tlv) -> datetime:
    """A UTCTime or GeneralizedTime in the only form certificates may use (RFC 5280 section 4.1.2.5)."""
    text = content(data, tlv).decode("latin-1")
    digits = {UTC_TIME: 12, GENERALIZED_TIME: 14}.get(tlv.tag)
    if digits is None or len(text) != digits + 1 or text[-1] != "Z" or not (text.isascii() and text[:-1].isdigit()):
        raise _bad("a time that is not YYMMDDHHMMSSZ or YYYYMMDDHHMMSSZ")
    if digits == 12:
        text = ("19" if int(text[:2]) >= 50 else "20") + text
    try:
        return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)
    except ValueError as error:
        raise _bad("a time that does not exist") from error
