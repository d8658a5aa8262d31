"""Which OpenPGP keys are these, and whose do they say they are?

Just enough of RFC 9580 to name a key: armor, packet headers, fingerprints, user ids. Nothing is verified here, and
user ids are anybody's claim. Attacker-controlled.
"""

import binascii
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass

from verifier.errors import Malformed

MAX_PACKETS = 10_000
_PRIMARY, _SUBKEY, _USER_ID = 6, 14, 13
_ARMOR = re.compile(
    rb"-----BEGIN PGP (?P<label>[A-Z ]{1,40})-----[ \t]*\r?\n(?P<head>(?:[^\r\n:]+: ?[^\r\n]*\r?\n)*)[ \t]*\r?\n"
    rb"(?P<data>[A-Za-z0-9+/=\s]*?)(?:\r?\n=[A-Za-z0-9+/]{4}\s*)?-----END PGP (?P=label)-----"
)
_ADDRESS = re.compile(r"<([^<>\s]+@[^<>\s]+)>")
# Version -> what is hashed before the key packet (RFC 9580 section 5.5.4): an octet, a length of so many octets.
_FINGERPRINTS = {4: (b"\x99", 2, "sha1"), 5: (b"\x9a", 4, "sha256"), 6: (b"\x9b", 4, "sha256")}


@dataclass(frozen=True, slots=True)
class PgpKeys:
    """Fingerprints of primary keys and subkeys (20 or 32 bytes), and the e-mail addresses of their user ids."""

    fingerprints: tuple[bytes, ...]
    emails: tuple[str, ...]


def dearmor(text: bytes) -> bytes:
    """The packets in an ASCII-armored block; bytes without armor are given back as they are."""
    if b"-----BEGIN PGP " not in text:
        return text
    match = _ARMOR.search(text)
    if match is None:
        raise Malformed("This is not an OpenPGP armor block.", code="pgp")
    try:
        return binascii.a2b_base64(match["data"].translate(None, b" \t\r\n"), strict_mode=True)
    except binascii.Error as error:
        raise Malformed("An OpenPGP armor block is not base64.", code="pgp") from error


def read_keys(data: bytes) -> PgpKeys:
    """The keys in a transferable public key or keyring; Malformed if there is none."""
    fingerprints: list[bytes] = []
    emails: list[str] = []
    for tag, body in _packets(dearmor(data)):
        if tag in (_PRIMARY, _SUBKEY) and body and body[0] in _FINGERPRINTS:
            octet, width, algorithm = _FINGERPRINTS[body[0]]
            fingerprints.append(hashlib.new(algorithm, octet + len(body).to_bytes(width, "big") + body).digest())
        elif tag == _USER_ID:
            emails += _addresses(body)
    if not fingerprints:
        raise Malformed("There is no OpenPGP key of a known version.", code="pgp")
    return PgpKeys(tuple(dict.fromkeys(fingerprints)), tuple(dict.fromkeys(emails)))


def _addresses(user_id: bytes) -> list[str]:
    text = user_id.decode("utf-8", "replace")
    return _ADDRESS.findall(text) or ([text.strip()] if re.fullmatch(r"[^<>\s]+@[^<>\s]+", text.strip()) else [])


def _packets(data: bytes) -> Iterator[tuple[int, bytes]]:
    """(tag, body) of each packet (section 4.2), old and new headers."""
    at = 0
    for _ in range(MAX_PACKETS):
        if at >= len(data):
            return
        head = data[at]
        if not head & 0x80:
            raise _cut()
        tag, start, end = _new_header(data, at) if head & 0x40 else _old_header(data, at)
        if end > len(data):
            raise _cut()
        yield tag, data[start:end]
        at = end
    raise Malformed(f"There are more than {MAX_PACKETS} OpenPGP packets.", code="pgp")


def _old_header(data: bytes, at: int) -> tuple[int, int, int]:
    width = (1, 2, 4, 0)[data[at] & 0x03]
    start = at + 1 + width
    length = int.from_bytes(data[at + 1 : start], "big") if width else len(data) - start
    return data[at] >> 2 & 0x0F, start, start + length


def _new_header(data: bytes, at: int) -> tuple[int, int, int]:
    tag, sizes = data[at] & 0x3F, data[at + 1 : at + 6]
    if not sizes or 224 <= sizes[0] < 255:
        raise _cut()
    if sizes[0] < 192:
        return tag, at + 2, at + 2 + sizes[0]
    if sizes[0] < 224 and len(sizes) > 1:
        return tag, at + 3, at + 3 + (sizes[0] - 192 << 8) + sizes[1] + 192
    return tag, at + 6, at + 6 + int.from_bytes(sizes[1:5], "big")


def _cut() -> Malformed:
    return Malformed("These are not whole OpenPGP packets.", code="pgp")
