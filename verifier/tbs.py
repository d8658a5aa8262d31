"""Which parts does this certificate have, byte for byte?

A walk over a Certificate or TBSCertificate (RFC 5280 section 4.1) that keeps offsets, so that parts can be cut out or
put back unchanged. Attacker-controlled. It goes on where it can: what a strict parser would refuse is named in
`damage`.
"""

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

from verifier import der
from verifier.errors import Malformed

# CT accepts chains and names of any length; nothing honest comes near this. Larger ones are refused before parsing.
MAX_CERTIFICATE = 1 << 20
_VERSION, _ISSUER_ID, _SUBJECT_ID, _EXTENSIONS = 0xA0, 0x81, 0x82, 0xA3


class Extension(NamedTuple):
    """One extension: content octets of its OID, the critical flag, its value, and where it stands in the buffer."""

    oid: bytes
    critical: bool
    value: bytes
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Parts:
    """A certificate cut into parts. `issuer`, `subject` and `spki` are whole DER elements.

    `tbs`, `issuer_at` and `list_at` locate the TBSCertificate, the issuer and the [3] element in `data` (`list_at` is
    None without extensions).
    """

    data: bytes
    tbs: der.Tlv
    version: int
    serial: int
    algorithm: bytes
    issuer: bytes
    issuer_at: int
    not_before: datetime | None
    not_after: datetime | None
    subject: bytes
    spki: bytes
    extensions: tuple[Extension, ...]
    list_at: der.Tlv | None
    damage: tuple[str, ...]

    @property
    def tbs_bytes(self) -> bytes:
        """The signed bytes."""
        return der.whole(self.data, self.tbs)

    def values(self, oid: bytes) -> list[bytes]:
        """Values of every extension with this OID, in order."""
        return [extension.value for extension in self.extensions if extension.oid == oid]


# One check of a signer walks its certificate nine times: for names, key, chain and timestamps.
@lru_cache(maxsize=8)
def walk_certificate(data: bytes) -> Parts:
    """Parts of a DER certificate; Malformed if subject, key or names cannot be reached."""
    _check_size(data)
    certificate = der.expect(der.read(data, 0, len(data)), der.SEQUENCE)
    tbs = der.expect(der.read(data, certificate.body, certificate.end), der.SEQUENCE)
    damage = ["trailing-bytes"] if certificate.end != len(data) else []
    return _walk(data, tbs, damage)


def walk_tbs(data: bytes) -> Parts:
    """Parts of a bare TBSCertificate, as CT logs commit to it."""
    _check_size(data)
    tbs = der.expect(der.read(data, 0, len(data)), der.SEQUENCE)
    return _walk(data, tbs, ["trailing-bytes"] if tbs.end != len(data) else [])


def _check_size(data: bytes) -> None:
    if len(data) > MAX_CERTIFICATE:
        raise Malformed(f"A certificate of {len(data)} bytes is larger than we read.", code="certificate-size")


def _walk(data: bytes, tbs: der.Tlv, damage: list[str]) -> Parts:
    at = tbs.body
    version = 1
    first = der.read(data, at, tbs.end)
    if first.tag == _VERSION:
        version = int.from_bytes(der.content(data, der.read(data, first.body, first.end)), "big") + 1
        at = first.end
    fixed: list[der.Tlv] = []
    for tag in (der.INTEGER, der.SEQUENCE, der.SEQUENCE, der.SEQUENCE, der.SEQUENCE, der.SEQUENCE):
        fixed.append(der.expect(der.read(data, at, tbs.end), tag))
        at = fixed[-1].end
    serial, algorithm, issuer, validity, subject, spki = fixed
    list_at, extensions = _extensions(data, at, tbs.end, damage)
    not_before, not_after = _validity(data, validity, damage)
    number = int.from_bytes(der.content(data, serial), "big", signed=True)
    if number < 0:
        damage.append("negative-serial")
    return Parts(
        data=data,
        tbs=tbs,
        version=version,
        serial=number,
        algorithm=der.whole(data, algorithm),
        issuer=der.whole(data, issuer),
        issuer_at=issuer.start,
        not_before=not_before,
        not_after=not_after,
        subject=der.whole(data, subject),
        spki=der.whole(data, spki),
        extensions=extensions,
        list_at=list_at,
        damage=tuple(damage),
    )


def _validity(data: bytes, validity: der.Tlv, damage: list[str]) -> tuple[datetime | None, datetime | None]:
    try:
        start, end = der.exactly(data, validity, 2)
        return der.time(data, start), der.time(data, end)
    except Malformed:
        damage.append("validity-unreadable")
        return None, None


def _extensions(data: bytes, at: int, end: int, damage: list[str]) -> tuple[der.Tlv | None, tuple[Extension, ...]]:
    """The [3] element and its extensions as far as they can be read; the rest is named in `damage`."""
    found: list[Extension] = []
    list_at: der.Tlv | None = None
    try:
        while at < end:
            tlv = der.read(data, at, end)
            at = tlv.end
            if tlv.tag == _EXTENSIONS and list_at is None:
                list_at = tlv
                sequence = der.expect(der.read(data, tlv.body, tlv.end), der.SEQUENCE)
                for item in der.each(data, sequence):
                    _add_extension(data, item, found, damage)
            elif tlv.tag not in (_ISSUER_ID, _SUBJECT_ID):
                damage.append("unknown-field")
    except Malformed:
        damage.append("extensions-damaged")
    return list_at, tuple(found)


def _add_extension(data: bytes, item: der.Tlv, found: list[Extension], damage: list[str]) -> None:
    """One damaged extension must not hide those after it."""
    try:
        found.append(_extension(data, item))
    except Malformed:
        damage.append("extension-damaged")


def _extension(data: bytes, item: der.Tlv) -> Extension:
    parts = der.children(data, der.expect(item, der.SEQUENCE))
    oid = der.content(data, der.expect(parts[0], der.OID)) if parts else b""
    critical = len(parts) == 3 and parts[1].tag == der.BOOLEAN and der.content(data, parts[1]) != b"\x00"
    if len(parts) not in (2, 3) or (len(parts) == 3 and parts[1].tag != der.BOOLEAN):
        raise Malformed("An extension is not OID, flag and value.", code="der")
    value = der.content(data, der.expect(parts[-1], der.OCTET_STRING))
    return Extension(oid, critical, value, item.start, item.end)
