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
_RAW = 6  # .1 to .6 hold bytes as they are, the later ones a UTF8String
_TEXT_TAGS = frozenset((0x81, 0x82, 0x86))  # rfc822Name, dNSName, uniformResourceIdentifier
_VERSION_3_SERIAL = b"\xa0\x03\x02\x01\x02\x02"


def extension_oid(number: int) -> bytes:
    """Content octets of Fulcio's extension `number`."""
    return _FULCIO + bytes((number,))


def is_whole(cert: bytes) -> bool:
    """Whether a certificate is one DER SEQUENCE of a usual size that ends where its bytes end."""
    return len(cert) > 4 and cert[0] == 0x30 and cert[1] == 0x82 and (cert[2] << 8 | cert[3]) + 4 == len(cert)


def look(cert: bytes, oids: tuple[bytes, ...]) -> list[bytes] | None:
    """The only name of the only SAN, and the text of the Fulcio extension of each OID, empty where there is none.

    None if there is not exactly one plain name, or an extension is repeated or not plainly encoded.
    """
    at = cert.rfind(_SAN)  # backwards: measured to be three times as fast
    if at < 2 or cert[at - 2 : at] != _SAN_HEAD or cert.rfind(_SAN, 0, at) >= 0 or not is_whole(cert):
        return None
    try:
        found = [_short_name(cert, at + 3) or _any_name(cert, at + 3)]
        for oid in oids:
            at = cert.rfind(oid)
            if at < 0:
                found.append(b"")
                continue
            if cert.rfind(oid, 0, at) >= 0 or cert[at - 2 : at] != _FULCIO_HEAD:
                return None
            size = cert[at + 13]  # nearly always: OCTET STRING and UTF8String with lengths of one byte
            if cert[at + 10] == 0x04 and cert[at + 12] == 0x0C and cert[at + 11] == size + 2 < 0x80 and oid[-1] > _RAW:
                found.append(cert[at + 14 : at + 14 + size])
            else:
                found.append(_any_text(cert, at + 10, raw=oid[-1] <= _RAW))
    except IndexError:
        return None
    return found


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


def _any_name(cert: bytes, at: int) -> bytes:
    start, end = _octets(cert, at)
    first, last = _span(cert, start)
    name, stop = _span(cert, first)
    if cert[start] != 0x30 or cert[first] not in _TEXT_TAGS or not last == stop == end <= len(cert):
        raise IndexError
    return cert[name:stop]


def _any_text(cert: bytes, at: int, *, raw: bool) -> bytes:
    """What stands in the OCTET STRING at `at`: a UTF8String that fills it, or plain bytes where those are specified."""
    start, end = _octets(cert, at)
    if not start < end <= len(cert):
        raise IndexError
    if raw:
        if not 0x20 < cert[start] < 0x7F:  # no tag of a string is as large as a blank
            raise IndexError
        return cert[start:end]
    text, stop = _span(cert, start)
    if cert[start] != 0x0C or stop != end:
        raise IndexError
    return cert[text:stop]


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
