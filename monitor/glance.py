"""Which bytes of a certificate hold its names, seen without reading the rest?

For the sieve only. It may see names where a full reader sees none, never the reverse: a name or extension that any
reader could find shows its OID in the bytes, and every occurrence of the OID counts. What is not plain is `None`, for
the full reader. Attacker-controlled.
"""

from verifier import der
from verifier.extensions import FULCIO_ARC, SAN

# Content octets of the OIDs, without tag and length, so that an OID in another encoding is noticed too.
_SAN = der.oid_body(SAN)
_SAN_HEAD = bytes((der.OID, len(_SAN)))
_FULCIO = der.oid_body(FULCIO_ARC)
_FULCIO_HEAD = bytes((der.OID, len(_FULCIO) + 1))
_TEXT_TAGS = frozenset((0x81, 0x82, 0x86))  # rfc822Name, dNSName, uniformResourceIdentifier
_VERSION_3_SERIAL = b"\xa0\x03\x02\x01\x02\x02"


def extension_oid(number: int) -> bytes:
    """Content octets of Fulcio's extension `number`."""
    return _FULCIO + bytes((number,))


def is_whole(cert: bytes) -> bool:
    """Whether a certificate is one DER SEQUENCE of a usual size that ends where its bytes end."""
    return len(cert) > 4 and cert[0] == 0x30 and cert[1] == 0x82 and (cert[2] << 8 | cert[3]) + 4 == len(cert)


def one_name(cert: bytes) -> bytes | None:
    """The only name of the only SAN of a certificate, as bytes; None if there is not exactly one plain name."""
    at = cert.rfind(_SAN)  # backwards: measured to be three times as fast
    if at < 2 or cert[at - 2 : at] != _SAN_HEAD or cert.rfind(_SAN, 0, at) >= 0:
        return None
    try:
        return _short_name(cert, at + 3) or _any_name(cert, at + 3)
    except IndexError:
        return None


def _short_name(cert: bytes, at: int) -> bytes:
    """The name if all lengths are short, as nearly always: without a call for each element."""
    if cert[at] == 0x01:
        at += 3
    size = cert[at + 5]
    if cert[at] == 0x04 and cert[at + 2] == 0x30 and size < 0x7C and cert[at + 4] in _TEXT_TAGS:
        end = at + 6 + size
        if cert[at + 1] == size + 4 and cert[at + 3] == size + 2 and end <= len(cert):
            return cert[at + 6 : end]
    return b""


def _any_name(cert: bytes, at: int) -> bytes | None:
    start, end = _octets(cert, at)
    first, last = _span(cert, start)
    name, stop = _span(cert, first)
    if cert[start] != 0x30 or cert[first] not in _TEXT_TAGS or not last == stop == end <= len(cert):
        return None
    return cert[name:stop]


def text_of(cert: bytes, oid: bytes) -> bytes | None:
    """The text of the Fulcio extension with this OID, empty without one; None if it is repeated or not plain."""
    at = cert.rfind(oid)
    if at < 0:
        return b""
    if cert.rfind(oid, 0, at) >= 0 or cert[at - 2 : at] != _FULCIO_HEAD:
        return None
    try:
        size = cert[at + 13]  # the short form first: OID, OCTET STRING and UTF8String with lengths of one byte
        if cert[at + 10] == 0x04 and cert[at + 12] == 0x0C and size < 0x7E and cert[at + 11] == size + 2:
            return cert[at + 14 : at + 14 + size]
        return _any_text(cert, at + 10)
    except IndexError:
        return None


def _any_text(cert: bytes, at: int) -> bytes | None:
    """What stands in the OCTET STRING at `at`: a UTF8String that fills it, else the bytes as they are."""
    start, end = _octets(cert, at)
    if cert[start] == 0x0C:
        text, stop = _span(cert, start)
        start = text if stop == end else start
    return cert[start:end] if start < end <= len(cert) else None


def key_of(cert: bytes) -> bytes | None:
    """The SubjectPublicKeyInfo of a plain version 3 certificate."""
    try:
        at = _key_at(cert)
        _, stop = _span(cert, at)
        return cert[at:stop] if at and cert[at] == 0x30 and stop <= len(cert) else None
    except IndexError:
        return None


def _key_at(cert: bytes) -> int:
    """Where the key of a certificate starts (its two outer lengths take two bytes each), 0 if a field is not plain."""
    if cert[4:6] != b"\x30\x82" or cert[8:14] != _VERSION_3_SERIAL or cert[14] > 0x7F:
        return 0
    at = 15 + cert[14]
    for _ in range(4):  # algorithm, issuer, validity, subject
        size = cert[at + 1]
        if cert[at] != 0x30:
            return 0
        at = at + 2 + size if size < 0x80 else _span(cert, at)[1]
    return at


def _octets(cert: bytes, at: int) -> tuple[int, int]:
    """Start and end of the OCTET STRING after an OID and its optional flag; IndexError if it is not plain."""
    if cert[at] == 0x01:
        at += 3
    if cert[at] != 0x04:
        raise IndexError
    return _span(cert, at)


def _span(data: bytes, at: int) -> tuple[int, int]:
    """Start and end of an element's content; IndexError if its length is not plain DER of at most two bytes."""
    length = data[at + 1]
    if length < 0x80:
        return at + 2, at + 2 + length
    if length == 0x81 and data[at + 2] >= 0x80:
        return at + 3, at + 3 + data[at + 2]
    if length == 0x82 and data[at + 2]:
        return at + 4, at + 4 + (data[at + 2] << 8 | data[at + 3])
    raise IndexError
