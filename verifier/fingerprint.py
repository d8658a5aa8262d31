"""Which key does this fingerprint name, however it was written?"""

import base64
import re

from verifier.errors import Malformed

_HEX = re.compile(r"([0-9a-fA-F]{2})+")
_FINGERPRINTS = {32: "sha256", 20: "sha1", 8: "key-id"}
_TAGS = {"sha256": {"sha256"}, "sha1": {"sha1"}, "openpgp4fpr": {"sha1", "sha256"}, "pgp": {"sha1", "sha256", "key-id"}}


def parse_fingerprint(text: str) -> tuple[str, bytes]:
    """A fingerprint as people write it, as (kind, bytes): sha256 (32), sha1 or OpenPGP (20), or key-id (8).

    Hex in any case, with colons or blanks between groups, or base64 after ``SHA256:`` (ssh-keygen). Prefixes sha256:,
    sha1:, 0x and openpgp4fpr: are taken. Malformed (``fingerprint``) otherwise.
    """
    tag, rest = "", text.strip()
    head, colon, tail = rest.partition(":")
    if colon and head.lower() in _TAGS:
        tag, rest = head.lower(), tail.strip()
    data = _from_base64(rest) if tag == "sha256" and len(rest) in (43, 44) else _from_hex(rest)
    kind = _FINGERPRINTS.get(len(data), "")
    if not kind or (tag and kind not in _TAGS[tag]):
        raise Malformed(
            "not a fingerprint",
            code="fingerprint",
            hint="write 64 hex digits (SHA-256 of the key), SHA256:<base64>, or 40 or 16 hex digits (OpenPGP)",
        )
    return kind, data


def _from_hex(text: str) -> bytes:
    digits = re.sub(r"[:\s]", "", text).removeprefix("0x").removeprefix("0X")
    return bytes.fromhex(digits) if _HEX.fullmatch(digits) else b""


def _from_base64(text: str) -> bytes:
    padded = text if len(text) == 44 else text + "="
    try:
        data = base64.b64decode(padded, validate=True)
    except ValueError:
        return b""
    return data if base64.b64encode(data).decode() == padded else b""
