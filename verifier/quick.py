"""Whose certificate is this, in three microseconds?

The scan's fast path: it walks the DER of a *plain* certificate just as far as SAN and issuer, and returns None for
anything else, so that the full reader decides. It is no second opinion: whenever it answers, `read_identity` gives
the same names, issuer and Fulcio extensions (property-tested), because every irregularity on the way is refused.
"""

from collections.abc import Mapping

import msgspec

from verifier import der
from verifier.extensions import EXTENSIONS, FULCIO_ARC, SAN
from verifier.names import Kind, Name

_SAN_OID = der.encode(der.OID, der.oid_body(SAN))
_ISSUER_OID = der.encode(der.OID, der.oid_body(f"{FULCIO_ARC}.8"))
_ISSUER_V1_OID = der.encode(der.OID, der.oid_body(f"{FULCIO_ARC}.1"))
_CRITICAL = b"\x01\x01\xff"
_FULCIO_PREFIX = _ISSUER_OID[:-1]
_ROWS = {int(oid.rsplit(".", 1)[1]): row for oid, row in EXTENSIONS.items()}
_TEXT_KINDS: dict[int, Kind] = {0x81: "email", 0x82: "dns", 0x86: "uri"}
_VERSION_3 = b"\xa0\x03\x02\x01\x02"
# Version, then serial, algorithm, issuer, validity, subject, key: tags only, their content does not matter here.
_FIELDS = (0x02, 0x30, 0x30, 0x30, 0x30, 0x30)
# Two bytes an element at least: the full reader's limit on elements (`der.MAX_CHILDREN`) is out of reach below this.
_MAX_PLAIN = 2 * der.MAX_CHILDREN


class QuickIdentity(msgspec.Struct, frozen=True, gc=False):
    """Names and issuer of a plain certificate; its list of extensions is ``cert_der[at:end]``."""

    names: tuple[Name, ...]
    issuer: str | None
    cert_der: bytes
    at: int
    end: int

    def extensions(self) -> Mapping[str, str] | None:
        """Canonical name -> text of the Fulcio extensions, read on demand; None where the full reader has to."""
        try:
            return _extensions(self.cert_der, self.at, self.end)
        except (IndexError, UnicodeDecodeError):
            return None


def quick_identity(cert_der: bytes) -> QuickIdentity | None:
    """SAN and issuer of a plain certificate, or None: then ask `read_identity`. Attacker-controlled; never raises."""
    try:
        return _identity(cert_der)
    except (IndexError, UnicodeDecodeError):
        return None


def _span(data: bytes, at: int) -> tuple[int, int]:
    """Where the content of the element at `at` starts and ends; (0, 0) if its length is not plain."""
    length = data[at + 1]
    if length < 0x80:
        return at + 2, at + 2 + length
    if length == 0x82 and data[at + 2]:
        return at + 4, at + 4 + (data[at + 2] << 8 | data[at + 3])
    if length == 0x81 and data[at + 2] >= 0x80:
        return at + 3, at + 3 + data[at + 2]
    return 0, 0


def _extension_list(cert: bytes) -> tuple[int, int]:
    """Where the extensions of a plain version 3 certificate start and end; (0, 0) if anything is unusual."""
    body, end = _span(cert, 0)
    at, tbs_end = _span(cert, body)
    if end != len(cert) or cert[0] != 0x30 or cert[body] != 0x30 or tbs_end > end or end > _MAX_PLAIN:
        return 0, 0
    if not cert.startswith(_VERSION_3, at):
        return 0, 0
    at += 5
    for tag in _FIELDS:
        if cert[at] != tag:
            return 0, 0
        length = cert[at + 1]
        if length < 0x80:
            at += 2 + length
        else:
            _, at = _span(cert, at)
    wrapper, wrapper_end = _span(cert, at)
    start, list_end = _span(cert, wrapper)
    if cert[at] != 0xA3 or cert[wrapper] != 0x30 or wrapper_end != tbs_end or list_end != wrapper_end:
        return 0, 0
    return start, list_end


def _identity(cert: bytes) -> QuickIdentity | None:
    start, end = _extension_list(cert)
    san = cert.find(_SAN_OID, start, end)
    issuer = cert.find(_ISSUER_OID, start, end)
    old = cert.find(_ISSUER_V1_OID, start, end)
    if san < 0 or cert.find(_SAN_OID, san + 1, end) >= 0:
        return None
    if issuer >= 0 and cert.find(_ISSUER_OID, issuer + 1, end) >= 0:
        return None
    ends = _ends(cert, start, end, sorted((san, issuer, old)))
    if ends is None:
        return None
    names = _names(cert, san + len(_SAN_OID), ends[san])
    text = None if issuer < 0 else _boxed(cert, issuer + len(_ISSUER_OID), ends[issuer])
    if old >= 0 and text != "":
        raw = _plain_raw(cert, old + len(_ISSUER_OID), ends[old])
        text = raw if text is None or text == raw else ""
    if names is None or text == "":
        return None
    return QuickIdentity(names, text, cert, start, end)


def _ends(cert: bytes, at: int, end: int, places: list[int]) -> dict[int, int] | None:
    """Where the extensions end whose content starts at these places; None if one is in somebody's text."""
    ends: dict[int, int] = {}
    for place in places:
        while place >= 0:
            # The hot loop: `_span` without the call where the length is short.
            length = cert[at + 1]
            body = at + 2
            if length < 0x80:
                stop = body + length
            else:
                body, stop = _span(cert, at)
            if cert[at] != 0x30 or not at < stop <= end or body > place:
                return None
            if body == place:
                ends[place] = stop
                break
            at = stop
    return ends


def _value(cert: bytes, at: int, end: int) -> tuple[int, int]:
    """Start and end of the content of an OCTET STRING that ends the extension, after its OID; (0, 0) if odd."""
    if cert.startswith(_CRITICAL, at):
        at += 3
    body, stop = _span(cert, at)
    return (body, stop) if cert[at] == 0x04 and stop == end else (0, 0)


def _names(cert: bytes, at: int, end: int) -> tuple[Name, ...] | None:
    """ASCII e-mail, DNS and URI names of a SAN, whose OID ends at `at`; None if there is none or any other."""
    box = at + 3 if cert.startswith(_CRITICAL, at) else at
    size = end - box
    # The usual case in one comparison: one name, and every length short.
    if 6 < size < 0x80 and cert[box : box + 4] == bytes((0x04, size - 2, 0x30, size - 4)) and cert[box + 5] == size - 6:
        kind = _TEXT_KINDS.get(cert[box + 4])
        raw = cert[box + 6 : end]
        return None if kind is None else (Name(kind, raw.decode("ascii"), raw),)
    at, end = _value(cert, at, end)
    if cert[at] != 0x30:
        return None
    at, stop = _span(cert, at)
    if stop != end:
        return None
    names: list[Name] = []
    while at < end:
        kind = _TEXT_KINDS.get(cert[at])
        body, stop = _span(cert, at)
        if kind is None or not at < stop <= end:
            return None
        raw = cert[body:stop]
        names.append(Name(kind, raw.decode("ascii"), raw))
        at = stop
    return tuple(names) or None


def _boxed(cert: bytes, at: int, end: int) -> str:
    """Text of a UTF8String that fills the extension whose OID ends at `at`, else empty."""
    size = end - at
    # The usual case in one comparison: OCTET STRING and UTF8String, both of short length.
    if 4 <= size < 0x80 and cert[at : at + 4] == bytes((0x04, size - 2, 0x0C, size - 4)):
        return cert[at + 4 : end].decode()
    at, end = _value(cert, at, end)
    body, stop = _span(cert, at)
    return cert[body:stop].decode() if cert[at] == 0x0C and body and stop == end else ""


def _plain_raw(cert: bytes, at: int, end: int) -> str:
    """Raw text that no reader could take for DER (no string tag is as large as a blank), else empty."""
    size = end - at
    if size < 0x80 and cert[at] == 0x04 and cert[at + 1] == size - 2 and 0x20 < cert[at + 2] < 0x7F:
        return cert[at + 2 : end].decode()
    at, end = _value(cert, at, end)
    return cert[at:end].decode() if at < end and 0x20 < cert[at] < 0x7F else ""


def _extensions(cert: bytes, at: int, end: int) -> dict[str, str] | None:
    texts: dict[str, str] = {}
    while at < end:
        body, stop = _span(cert, at)
        if cert[at] != 0x30 or not at < stop <= end:
            return None
        if cert.startswith(_FULCIO_PREFIX, body) and (row := _ROWS.get(cert[body + 11])):
            read = _boxed if row.encoding == "der" else _plain_raw
            text = read(cert, body + len(_ISSUER_OID), stop)
            if not text or row.name in texts:
                return None
            texts[row.name] = text
        at = stop
    if "issuer" not in texts and "issuer-v1" in texts:
        texts["issuer"] = texts["issuer-v1"]
    return texts
