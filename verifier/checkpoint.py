"""Which tree did the log sign?

C2SP tlog-checkpoint and Rekor v1's older form. A `Checkpoint` only comes out of `open_checkpoint`: at least one trusted
log key signed it, no known key failed, and the origin is the expected one.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from verifier.errors import Malformed, Untrue
from verifier.jsonstrict import b64
from verifier.merkle import EMPTY_ROOT, HASH_SIZE, MAX_SIZE, Tree
from verifier.note import Note, NoteKey, parse_note
from verifier.tree_head import Claim, check_head_signature

_SIZE = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)
_TIMESTAMP = re.compile(r"Timestamp: ([0-9]{1,19})", re.ASCII)  # nanoseconds, Rekor before v1.3.5
_FROZEN = "Log frozen"  # rekor-tiles cmd/freeze-checkpoint: "Log frozen — <date>"
_EPOCH = datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True, slots=True)
class UnverifiedCheckpoint:
    """What a checkpoint says, nothing checked: only for showing evidence. `signers` are (name, hex key id)."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...]
    signers: tuple[tuple[str, str], ...]
    raw: bytes


@dataclass(frozen=True, slots=True)
class Cosignature:
    """A witness's line that verified: it saw this tree, consistent with all it saw before, at `time` (if it says)."""

    name: str
    key_id: bytes
    time: datetime | None


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A tree that a trusted log key signed.

    `raw` is the note as it came. `signers` are the hex key ids of the log keys that verified. `time` is what the log
    itself says (RFC 6962 timestamp, or v1's "Timestamp" line); Rekor v2 says none.
    """

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...]
    raw: bytes
    signers: tuple[str, ...]
    cosigned: tuple[Cosignature, ...] = ()
    time: datetime | None = None

    @property
    def tree(self) -> Tree:
        """Size and root."""
        return Tree(self.size, self.root)

    @property
    def frozen(self) -> bool:
        """Whether the log says that it will not grow any more."""
        return any(line.startswith(_FROZEN) for line in self.extensions)


def read_checkpoint(raw: bytes) -> UnverifiedCheckpoint:
    """Parse only; Malformed (code ``note`` or ``checkpoint``) if it is none."""
    note = parse_note(raw)
    claim, extensions = _parse_text(note.text)
    signers = tuple((one.name, one.key_id.hex()) for one in note.signatures)
    return UnverifiedCheckpoint(claim.origin, claim.size, claim.root, extensions, signers, raw)


def open_checkpoint(raw: bytes, keys: Sequence[NoteKey], *, origin: str | None) -> Checkpoint:
    """The checkpoint in `raw` if it is signed by a log key among `keys` and carries this `origin`.

    With `origin` None, the origin must be the name of the key, or ``<name> - <tree id>`` as in Rekor v1. Lines of
    unknown signers are ignored; of two lines by one key the first counts (C2SP signed-note). Raises Untrue with code
    checkpoint-origin, checkpoint-unknown-key or checkpoint-signature and the note as evidence, or Malformed.
    """
    note = parse_note(raw)
    claim, extensions = _parse_text(note.text)
    if origin is not None and claim.origin != origin:
        raise _untrue(f"the checkpoint is of another log than {origin!a}: {claim.origin!a}", "checkpoint-origin", raw)
    verified = _check_signatures(note, claim, keys)
    logs = {key.key_id.hex(): time for key, time in verified if key.kind != "cosignature"}
    if not logs:
        seen = ", ".join(f"{one.name!a} {one.key_id.hex()}" for one in note.signatures[:16])
        raise _untrue(
            f"no trusted log key signed the checkpoint; it is signed by {seen}", "checkpoint-unknown-key", raw
        )
    names = {key.name for key, _ in verified if key.kind != "cosignature"}
    if origin is None and not any(_is_origin_of(claim.origin, name) for name in names):
        raise _untrue(
            f"the checkpoint of {claim.origin!a} is signed by the key of another log", "checkpoint-origin", raw
        )
    return Checkpoint(
        claim.origin,
        claim.size,
        claim.root,
        extensions,
        raw,
        tuple(logs),
        tuple(Cosignature(key.name, key.key_id, time) for key, time in verified if key.kind == "cosignature"),
        next((time for time in logs.values() if time), None) or _timestamp(extensions),
    )


def _check_signatures(note: Note, claim: Claim, keys: Sequence[NoteKey]) -> list[tuple[NoteKey, datetime | None]]:
    """The known keys whose line holds, and the time each signed; Untrue if a known key's line does not."""
    verified: list[tuple[NoteKey, datetime | None]] = []
    seen: set[tuple[str, bytes]] = set()
    for line in note.signatures:
        candidates = [key for key in keys if (key.name, key.key_id) == (line.name, line.key_id)]
        if not candidates or (line.name, line.key_id) in seen:
            continue
        seen.add((line.name, line.key_id))
        try:
            verified.append(_first_that_holds(candidates, line.blob, claim))
        except Untrue as error:
            text = f"the checkpoint signature by {line.name!a} ({line.key_id.hex()}) does not hold: {error.message}"
            raise _untrue(text, "checkpoint-signature", note.raw) from error
    return verified


def _first_that_holds(keys: list[NoteKey], blob: bytes, claim: Claim) -> tuple[NoteKey, datetime | None]:
    """Two keys can share a name and a 4-byte id; one of them must hold."""
    for key in keys[:-1]:
        try:
            return key, check_head_signature(key, blob, claim)
        except Untrue:
            continue
    return keys[-1], check_head_signature(keys[-1], blob, claim)


def _parse_text(text: bytes) -> tuple[Claim, tuple[str, ...]]:
    """Origin, size, root and extension lines, strictly (C2SP tlog-checkpoint)."""
    lines = text.decode("utf-8").removesuffix("\n").split("\n")
    if len(lines) < 3 or not all(lines):
        raise Malformed("a checkpoint needs an origin, a size and a root, and no empty line", code="checkpoint")
    origin, written_size, written_root, *extensions = lines
    if not _SIZE.fullmatch(written_size) or int(written_size) > MAX_SIZE:
        raise Malformed("the size in a checkpoint is not a plain decimal number below 2^63", code="checkpoint")
    try:
        root = b64(written_root)
    except Malformed as error:
        raise Malformed("the root in a checkpoint is not base64", code="checkpoint") from error
    if len(root) != HASH_SIZE or (written_size == "0" and root != EMPTY_ROOT):
        raise Malformed("the root in a checkpoint is not a root of its size", code="checkpoint")
    return Claim(text, origin, int(written_size), root), tuple(extensions)


def _is_origin_of(origin: str, name: str) -> bool:
    head, dash, tree_id = origin.rpartition(" - ")
    return origin == name or (head == name and bool(dash) and tree_id.isascii() and tree_id.isdecimal())


def _timestamp(extensions: Sequence[str]) -> datetime | None:
    found = next(filter(None, map(_TIMESTAMP.fullmatch, extensions)), None)
    return _EPOCH + timedelta(microseconds=int(found[1]) // 1000) if found else None


def _untrue(message: str, code: str, raw: bytes) -> Untrue:
    return Untrue(message, code=code, evidence={"checkpoint": raw})
