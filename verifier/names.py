"""Which names does a Subject Alternative Name hold?

Every kind of GeneralName (RFC 5280 section 4.2.1.6), read so that nothing is hidden: bytes that are not the text they
should be are still shown, and named as an anomaly. Attacker-controlled.
"""

import ipaddress
from collections.abc import Callable
from typing import Literal, NamedTuple

from verifier import der
from verifier.errors import Malformed
from verifier.extensions import USERNAME

Kind = Literal["email", "uri", "dns", "ip", "othername", "dirname", "other"]
_TEXT_KINDS: dict[int, Kind] = {0x81: "email", 0x82: "dns", 0x86: "uri"}
_OTHER_NAME, _DIRECTORY_NAME, _ADDRESS, _REGISTERED_ID = 0xA0, 0xA4, 0x87, 0x88
_USERNAME_BYTES = der.oid_body(USERNAME)


# A tuple, because the fast path makes one for each log entry: a frozen dataclass takes three times as long.
class Name(NamedTuple):
    """One name: its kind, its best reading as text, and the content octets of the GeneralName."""

    kind: Kind
    value: str
    raw: bytes


def read_names(data: bytes) -> tuple[tuple[Name, ...], tuple[str, ...]]:
    """Names in the value of a SAN extension, and anomalies; what cannot be walked is an anomaly, never an error."""
    names: list[Name] = []
    anomalies: set[str] = set()
    try:
        sequence = der.expect(der.read(data, 0, len(data)), der.SEQUENCE)
        if sequence.end != len(data):
            anomalies.add("san-damaged")
        for item in der.each(data, sequence):
            name, plain = _read_name(data, item)
            names.append(name)
            if not plain:
                anomalies.add("san-encoding")
    except Malformed:
        anomalies.add("san-damaged")
    return tuple(names), tuple(sorted(anomalies))


def _read_name(data: bytes, item: der.Tlv) -> tuple[Name, bool]:
    """A name and whether it was encoded as it should be."""
    raw = der.content(data, item)
    kind = _TEXT_KINDS.get(item.tag)
    if kind is not None:
        return Name(kind, loose_text(raw), raw), raw.isascii()
    reader = _READERS.get(item.tag)
    text: str | None = None
    if reader is not None:
        read, kind = reader
        try:
            text = read(data, item)
        except Malformed:
            text = None
    return Name(kind or "other", raw.hex() if text is None else text, raw), text is not None


def loose_text(raw: bytes) -> str:
    """UTF-8 if it is UTF-8, else Latin-1, which maps every byte."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def _address(data: bytes, item: der.Tlv) -> str | None:
    raw = der.content(data, item)
    return str(ipaddress.ip_address(raw)) if len(raw) in (4, 16) else None


def _registered(data: bytes, item: der.Tlv) -> str | None:
    return der.oid_text(der.content(data, item))


def _other_name(data: bytes, item: der.Tlv) -> str | None:
    """Text of an otherName: Fulcio's user name (type .1.7), or any other type whose value is one string."""
    type_id, value = der.exactly(data, item, 2)
    der.expect(type_id, der.OID)
    inner = der.read(data, der.expect(value, 0xA0).body, value.end)
    text = der.string(data, inner)
    if text is not None:
        return text
    if der.content(data, type_id) == _USERNAME_BYTES or inner.tag == der.UTF8_STRING:
        return loose_text(der.content(data, inner))
    return None


def _directory(data: bytes, item: der.Tlv) -> str | None:
    """A distinguished name as ``oid=value`` parts in their own order, separated by commas."""
    parts: list[str] = []
    for relative in der.each(data, der.read(data, item.body, item.end)):
        for attribute in der.each(data, relative):
            oid, value = der.exactly(data, attribute, 2)
            text = der.string(data, value)
            shown = der.content(data, value).hex() if text is None else text
            parts.append(f"{der.oid_text(der.content(data, oid))}={shown}")
    return ",".join(parts)


_READERS: dict[int, tuple[Callable[[bytes, der.Tlv], str | None], Kind]] = {
    _OTHER_NAME: (_other_name, "othername"),
    _DIRECTORY_NAME: (_directory, "dirname"),
    _ADDRESS: (_address, "ip"),
    _REGISTERED_ID: (_registered, "other"),
}
