"""How is DER written, honest or hostile? An encoder only, apart from the verifier's reader on purpose."""

from datetime import datetime

SEQUENCE, SET, OCTET_STRING, UTF8_STRING, IA5_STRING, PRINTABLE_STRING = 0x30, 0x31, 0x04, 0x0C, 0x16, 0x13
TRUE = b"\x01\x01\xff"


def tlv(tag: int, *parts: bytes) -> bytes:
    """One element around the parts."""
    content = b"".join(parts)
    size = len(content)
    if size < 0x80:
        return bytes((tag, size)) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(length))) + length + content


def sequence(*parts: bytes) -> bytes:
    """SEQUENCE."""
    return tlv(SEQUENCE, *parts)


def integer(value: int) -> bytes:
    """INTEGER, minimal two's complement."""
    return tlv(
        0x02, value.to_bytes((value.bit_length() if value >= 0 else (~value).bit_length()) // 8 + 1, "big", signed=True)
    )


def oid(dotted: str) -> bytes:
    """OBJECT IDENTIFIER."""
    first, second, *rest = (int(arc) for arc in dotted.split("."))
    out = bytearray()
    for arc in (first * 40 + second, *rest):
        digits = [arc & 0x7F]
        while arc := arc >> 7:
            digits.append(0x80 | arc & 0x7F)
        out += bytes(reversed(digits))
    return tlv(0x06, bytes(out))


def bits(data: bytes, unused: int = 0) -> bytes:
    """BIT STRING."""
    return tlv(0x03, bytes((unused,)), data)


def utf8(text: str) -> bytes:
    """UTF8String."""
    return tlv(UTF8_STRING, text.encode("utf-8", "surrogatepass"))


def moment(when: datetime) -> bytes:
    """UTCTime up to 2049, GeneralizedTime from then on and before 1950 (RFC 5280, 4.1.2.5)."""
    if 1950 <= when.year < 2050:
        return tlv(0x17, when.strftime("%y%m%d%H%M%SZ").encode())
    return tlv(0x18, f"{when.year:04d}".encode() + when.strftime("%m%d%H%M%SZ").encode())


def name(organization: str, common_name: str) -> bytes:
    """A distinguished name of two attributes, as Fulcio's own CAs have."""
    rows = (("2.5.4.10", organization), ("2.5.4.3", common_name))
    return sequence(*(tlv(SET, sequence(oid(kind), tlv(PRINTABLE_STRING, text.encode()))) for kind, text in rows))


def extension(dotted: str, value: bytes, *, critical: bool = False) -> bytes:
    """One X.509 extension."""
    return sequence(oid(dotted), TRUE if critical else b"", tlv(OCTET_STRING, value))
