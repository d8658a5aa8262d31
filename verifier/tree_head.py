"""What exactly does a signature line on a checkpoint sign, and does it hold?

One row per kind of `NoteKey`: the log's own signature, a witness's cosignature, an RFC 6962 tree head.
"""

import struct
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from verifier.errors import Malformed, Untrue
from verifier.note import NoteKey

_EPOCH = datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True, slots=True)
class Claim:
    """What the signers say: the signed text, and the three things that are read in it."""

    text: bytes
    origin: str
    size: int
    root: bytes


def check_head_signature(key: NoteKey, blob: bytes, claim: Claim) -> datetime | None:
    """Raise Untrue unless `blob` is the signature of `key` on `claim`; the time that is signed with it, if one is."""
    return {"log": _check_log, "cosignature": _check_cosignature, "rfc6962": _check_rfc6962}[key.kind](key, blob, claim)


def _check_log(key: NoteKey, blob: bytes, claim: Claim) -> None:
    """Ed25519 signs the text; ECDSA (in DER) and RSA PKCS#1 v1.5 its SHA-256, whatever the curve (C2SP, Rekor v1)."""
    key.key.verify(blob, claim.text, None if key.key.kind == "ed25519" else "sha256")


def _check_cosignature(key: NoteKey, blob: bytes, claim: Claim) -> datetime | None:
    """C2SP tlog-cosignature: 8 bytes of POSIX seconds, then Ed25519 over lines, or ML-DSA-44 over a structure."""
    if len(blob) < 8:
        raise Untrue("a cosignature is cut", code="signature")
    seconds = int.from_bytes(blob[:8], "big")
    if key.key.kind == "ed25519":
        key.key.verify(blob[8:], b"cosignature/v1\ntime %d\n" % seconds + claim.text)
        return _moment(seconds * 1000)
    key.key.verify(blob[8:], _subtree_message(key.name, seconds, claim))
    return _moment(seconds * 1000) if seconds else None  # zero: consistent, but not said to be the newest


def _subtree_message(name: str, seconds: int, claim: Claim) -> bytes:
    """The ``cosigned_message`` of tlog-cosignature for the whole tree (start 0)."""
    cosigner, origin = name.encode("utf-8"), claim.origin.encode("utf-8")
    if len(cosigner) > 255 or len(origin) > 255:
        raise Untrue("a name is too long for an ML-DSA cosignature", code="signature")
    return (
        b"subtree/v1\n\x00"
        + bytes([len(cosigner)])
        + cosigner
        + struct.pack(">QB", seconds, len(origin))
        + origin
        + struct.pack(">QQ", 0, claim.size)
        + claim.root
    )


def _check_rfc6962(key: NoteKey, blob: bytes, claim: Claim) -> datetime:
    """C2SP static-ct-api: 8 bytes of milliseconds, then DigitallySigned over TreeHeadSignature (RFC 6962, 3.5).

    DigitallySigned: hash 4 (SHA-256), signature 3 (ECDSA) or 1 (RSA), 16-bit length, signature; nothing after it.
    """
    expected = {"rsa": 1}.get(key.key.kind, 3)
    if len(blob) < 12 or blob[8:10] != bytes((4, expected)) or int.from_bytes(blob[10:12], "big") != len(blob) - 12:
        raise Untrue("an RFC 6962 tree head signature is not of the form of its key", code="signature")
    milliseconds = int.from_bytes(blob[:8], "big")
    # version v1 (0), signature type tree_hash (1)
    message = struct.pack(">BBQQ", 0, 1, milliseconds, claim.size) + claim.root
    key.key.verify(blob[12:], message, "sha256")
    return _moment(milliseconds)


def _moment(milliseconds: int) -> datetime:
    try:
        return _EPOCH + timedelta(milliseconds=milliseconds)
    except OverflowError as error:
        raise Malformed("the signed time of a checkpoint is no date", code="checkpoint-time") from error
