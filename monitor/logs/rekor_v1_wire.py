"""What do the answers of a Rekor v1 server hold? Formats only; everything in them is attacker-controlled."""

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import msgspec

from verifier.errors import Malformed

_MAX_PROOF = 128
_NOTHING = msgspec.Raw(b"")


class ShardInfo(msgspec.Struct):
    """One tree of ``GET /api/v1/log``. `tree_size` is a claim; the signed size is in the note."""

    tree_id: str = msgspec.field(name="treeID")
    tree_size: int = msgspec.field(name="treeSize")
    note: str = msgspec.field(name="signedTreeHead")


class LogInfo(ShardInfo):
    """The active tree and, oldest first, the frozen ones; ``null`` where there are none."""

    inactive: list[ShardInfo] | None = msgspec.field(name="inactiveShards", default=None)


class _ConsistencyProof(msgspec.Struct):
    hashes: list[str]


class _InclusionProof(msgspec.Struct):
    index: int = msgspec.field(name="logIndex")


class _Verification(msgspec.Struct):
    proof: _InclusionProof | None = msgspec.field(name="inclusionProof", default=None)


class _Entry(msgspec.Struct):
    body: bytes
    index: int = msgspec.field(name="logIndex")
    verification: _Verification | None = None
    attestation: msgspec.Raw = _NOTHING


_LOG_INFO = msgspec.json.Decoder(LogInfo)
_PROOF = msgspec.json.Decoder(_ConsistencyProof)
_BATCH = msgspec.json.Decoder(list[dict[str, msgspec.Raw]])
_ENTRY = msgspec.json.Decoder(_Entry)
_MEMBERS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_BAD_JSON = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


@dataclass(frozen=True, slots=True)
class Row:
    """One entry as served: the leaf, and ``{"<entry id>": {...}}`` without attestation."""

    body: bytes
    extra: bytes


@dataclass(slots=True)
class Batch:
    """What one answer held of what was asked. `odd` says what does not belong in it; then none of it counts."""

    rows: dict[int, Row] = field(default_factory=dict)
    odd: str = ""


def parse_log_info(data: bytes) -> LogInfo:
    """The answer to ``GET /api/v1/log`` (protocol 1.3)."""
    try:
        return _LOG_INFO.decode(data)
    except _BAD_JSON as error:
        raise Malformed(f"the log's description is not what Rekor v1 serves: {error}", code="log-info") from error


def parse_proof(data: bytes) -> tuple[bytes, ...]:
    """The hashes of ``GET /api/v1/log/proof`` (protocol 1.4); its rootHash proves nothing."""
    try:
        hashes = tuple(bytes.fromhex(text) for text in _PROOF.decode(data).hashes)
    except (*_BAD_JSON, ValueError) as error:
        raise Malformed("the consistency proof is not a list of hex hashes", code="proof-format") from error
    if len(hashes) > _MAX_PROOF or any(len(one) != 32 for one in hashes):
        raise Malformed("the consistency proof is too long, or its hashes are not 32 bytes", code="proof-format")
    return hashes


def parse_batch(data: bytes, asked: Collection[int], tree_id: int, base: int) -> Batch:
    """The answer to ``POST /api/v1/log/entries/retrieve`` for the global indexes `asked` (protocol 1.7).

    Entries come in any order and may be left out. One that was not asked for, comes twice, or whose key is not its tree
    and leaf hash makes the whole answer odd.
    """
    batch = Batch()
    prefix = f"{tree_id & 0xFFFFFFFFFFFFFFFF:016x}"
    try:
        for item in _BATCH.decode(data):
            for key, raw in item.items():
                index, row = _read_entry(key, raw, prefix, base)
                if index not in asked or index in batch.rows:
                    batch.odd = f"an entry {index} that was not asked for, or twice"
                batch.rows[index] = row
    except _BAD_JSON as error:
        batch.odd = f"not a list of entries: {error}"
    except Malformed as error:
        batch.odd = error.message
    return batch


def _read_entry(key: str, raw: msgspec.Raw, prefix: str, base: int) -> tuple[int, Row]:
    """The global index and the row of one entry, once its parts agree with each other."""
    entry = _ENTRY.decode(raw)
    leaf_hash = hashlib.sha256(b"\x00" + entry.body).hexdigest()
    # servers before 1.3 gave the bare leaf hash for duplicates
    if key.lower() not in (prefix + leaf_hash, leaf_hash):
        raise Malformed(f"entry {entry.index} under a key that is not its tree and leaf hash", code="entry-key")
    proof = entry.verification.proof if entry.verification is not None else None
    if proof is not None and proof.index != entry.index - base:
        raise Malformed(f"entry {entry.index} with a proof for leaf {proof.index}", code="entry-index")
    return entry.index, Row(entry.body, _without_attestation(key, raw, entry))


def _without_attestation(key: str, raw: msgspec.Raw, entry: _Entry) -> bytes:
    shown = bytes(raw)
    if bytes(entry.attestation):
        members: Mapping[str, msgspec.Raw] = _MEMBERS.decode(raw)
        shown = msgspec.json.encode({name: value for name, value in members.items() if name != "attestation"})
    return b'{"%s":%s}' % (key.encode(), shown)
