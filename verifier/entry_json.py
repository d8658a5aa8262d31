"""How is a log entry written, and what does it say?

The two encodings of an entry, Rekor v1 REST and the protobuf JSON of bundles and of Rekor v2 (protocol.md 0.1, 1.6,
1.15), become one `LogEntry`. Nothing is verified here (`entry` does); attacker-controlled, so sizes and counts are
capped.
"""

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from verifier import jsonstrict
from verifier.errors import Malformed
from verifier.merkle import hash_leaf

MAX_PROOF = 64  # hashes: the depth of a tree of 2**64 leaves
MAX_CHECKPOINT = 1 << 20
_ENTRY_ID = re.compile(r"(?:[0-9a-f]{16})?[0-9a-f]{64}", re.ASCII)
_V2_KINDS = frozenset({("hashedrekord", "0.0.2"), ("dsse", "0.0.2")})

_TLE = frozenset(
    {
        "logIndex",
        "logId",
        "kindVersion",
        "integratedTime",
        "inclusionPromise",
        "inclusionProof",
        "canonicalizedBody",
    }
)
_PROOF = frozenset({"logIndex", "rootHash", "treeSize", "hashes", "checkpoint"})


@dataclass(frozen=True, slots=True)
class InclusionProof:
    """A Merkle path as received: `index` is the place in the tree, `checkpoint` the raw note (empty if absent)."""

    index: int
    size: int
    root: bytes
    hashes: tuple[bytes, ...] = field(repr=False)
    checkpoint: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One log entry, nothing of it verified.

    `log_id` names the log's key; `index` is the place in its tree (where no proof tells it, the global one);
    `global_index` is Rekor v1's number over all shards, None on v2; `integrated_time` is Unix seconds (None on v2);
    `set` the signed entry timestamp; `tree_id` and `uuid` (hex leaf hash) are known for REST entries only.
    """

    log_id: bytes
    kind: str
    version: str
    global_index: int | None
    index: int
    integrated_time: int | None
    body: bytes = field(repr=False)
    set: bytes | None = field(repr=False)
    proof: InclusionProof | None = field(repr=False)
    tree_id: int | None
    uuid: str | None

    @property
    def leaf_hash(self) -> bytes:
        """SHA-256 of 0x00 and the body: what the tree commits to."""
        return hash_leaf(self.body)

    @property
    def is_v2(self) -> bool:
        """Whether only a Rekor v2 log holds entries of this kind."""
        return (self.kind, self.version) in _V2_KINDS


def entry_from_rest(entry_id: str, obj: Mapping[str, Any]) -> LogEntry:
    """Rekor v1: one ``{entryID: {...}}`` pair (protocol.md 1.6). Malformed also if the ID is not that of the body."""
    body = jsonstrict.b64(obj.get("body"), "the entry's body")
    if not _ENTRY_ID.fullmatch(entry_id) or entry_id[-64:] != hash_leaf(body).hex():
        raise Malformed("the entry's ID is not the hash of its body", code="entry-id", evidence={"body": body})
    kind, version = _kind(body)
    found = obj.get("verification")
    verification = _mapping({} if found is None else found, "verification")
    promise = verification.get("signedEntryTimestamp")
    proof = verification.get("inclusionProof")
    index = _natural(obj.get("logIndex"), "logIndex")
    path = None if proof is None else _rest_proof(_mapping(proof, "inclusionProof"))
    return LogEntry(
        log_id=_hex(obj.get("logID"), 32, "logID"),
        kind=kind,
        version=version,
        global_index=index,
        index=index if path is None else path.index,
        integrated_time=_natural(obj.get("integratedTime", 0), "integratedTime") or None,
        body=body,
        set=None if promise is None else jsonstrict.b64(promise, "signedEntryTimestamp"),
        proof=path,
        tree_id=int(entry_id[:16], 16) if len(entry_id) == 80 else None,
        uuid=entry_id[-64:],
    )


def entry_from_tle(obj: Mapping[str, Any]) -> LogEntry:
    """A TransparencyLogEntry in protobuf JSON: zero and null mean absent, unknown members are refused."""
    entry = _known(obj, "the log entry", _TLE)
    kind_version = _known(entry.get("kindVersion"), "kindVersion", frozenset({"kind", "version"}))
    kind, version = kind_version.get("kind"), kind_version.get("version")
    if not isinstance(kind, str) or not isinstance(version, str):
        raise Malformed("the log entry does not say its kind and version", code="entry-kind")
    promise = _known(entry.get("inclusionPromise"), "inclusionPromise", frozenset({"signedEntryTimestamp"}))
    log_id = jsonstrict.b64(_known(entry.get("logId"), "logId", frozenset({"keyId"})).get("keyId"), "logId.keyId")
    path = None if entry.get("inclusionProof") is None else _tle_proof(entry["inclusionProof"])
    is_v2 = (kind, version) in _V2_KINDS
    index = _natural(entry.get("logIndex", 0), "logIndex")
    return LogEntry(
        log_id=log_id,
        kind=kind,
        version=version,
        global_index=None if is_v2 else index,
        index=index if is_v2 or path is None else path.index,
        integrated_time=_natural(entry.get("integratedTime", 0), "integratedTime") or None,
        body=jsonstrict.b64(entry.get("canonicalizedBody"), "canonicalizedBody"),
        set=jsonstrict.b64(promise["signedEntryTimestamp"], "signedEntryTimestamp") if promise else None,
        proof=path,
        tree_id=None,
        uuid=None,
    )


def entry_to_tle(entry: LogEntry) -> dict[str, Any]:
    """The protobuf JSON of an entry: 64-bit integers as text, absent members left out."""
    tle: dict[str, Any] = {
        "logIndex": str(entry.index if entry.global_index is None else entry.global_index),
        "logId": {"keyId": _b64(entry.log_id)},
        "kindVersion": {"kind": entry.kind, "version": entry.version},
    }
    if entry.integrated_time:
        tle["integratedTime"] = str(entry.integrated_time)
    if entry.set is not None:
        tle["inclusionPromise"] = {"signedEntryTimestamp": _b64(entry.set)}
    if entry.proof is not None:
        tle["inclusionProof"] = {
            "logIndex": str(entry.proof.index),
            "rootHash": _b64(entry.proof.root),
            "treeSize": str(entry.proof.size),
            "hashes": [_b64(one) for one in entry.proof.hashes],
            "checkpoint": {"envelope": entry.proof.checkpoint.decode()},
        }
    tle["canonicalizedBody"] = _b64(entry.body)
    return tle


def _rest_proof(obj: Mapping[str, Any]) -> InclusionProof:
    return InclusionProof(
        index=_natural(obj.get("logIndex"), "inclusionProof.logIndex"),
        size=_natural(obj.get("treeSize"), "inclusionProof.treeSize"),
        root=_hex(obj.get("rootHash"), 32, "inclusionProof.rootHash"),
        hashes=tuple(_hex(one, 32, "a proof hash") for one in _few(obj.get("hashes"))),
        checkpoint=_note(obj.get("checkpoint")),
    )


def _tle_proof(value: Any) -> InclusionProof:
    obj = _known(value, "inclusionProof", _PROOF)
    checkpoint = _known(obj.get("checkpoint"), "checkpoint", frozenset({"envelope"}))
    return InclusionProof(
        index=_natural(obj.get("logIndex", 0), "inclusionProof.logIndex"),
        size=_natural(obj.get("treeSize", 0), "inclusionProof.treeSize"),
        root=_sized(jsonstrict.b64(obj.get("rootHash"), "inclusionProof.rootHash"), "inclusionProof.rootHash"),
        hashes=tuple(_sized(jsonstrict.b64(one, "a proof hash"), "a proof hash") for one in _few(obj.get("hashes"))),
        checkpoint=_note(checkpoint.get("envelope")),
    )


def _kind(body: bytes) -> tuple[str, str]:
    """Kind and version, empty where the body does not say: the entry is in the log all the same."""
    from verifier.bodies import kind_of

    try:
        return kind_of(body)
    except Malformed:
        return "", ""


def _mapping(value: Any, what: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise Malformed(f"{what} is not a JSON object", code="entry-shape")
    return value


def _known(value: Any, what: str, names: frozenset[str]) -> dict[str, Any]:
    """An object with no other than these members; null is an empty one, and null members are left out."""
    members = _mapping({} if value is None else value, what)
    unknown = members.keys() - names
    if unknown:
        raise Malformed(f"{what} has an unknown member {min(unknown)[:50]!r}", code="entry-shape")
    return {name: member for name, member in members.items() if member is not None}


def _few(value: Any) -> list[Any]:
    hashes = [] if value is None else value
    if not isinstance(hashes, list) or len(hashes) > MAX_PROOF:
        raise Malformed(f"the proof is not a list of at most {MAX_PROOF} hashes", code="entry-proof")
    return hashes


def _note(value: Any) -> bytes:
    text = "" if value is None else value
    if not isinstance(text, str) or len(text) > MAX_CHECKPOINT:
        raise Malformed("the checkpoint is not a text of reasonable length", code="entry-shape")
    return text.encode()


def _natural(value: Any, what: str) -> int:
    number = jsonstrict.integer(value, what)
    if number < 0:
        raise Malformed(f"{what} is negative", code="entry-index")
    return number


def _hex(value: Any, size: int, what: str) -> bytes:
    if not isinstance(value, str) or not re.fullmatch(rf"[0-9a-f]{{{2 * size}}}", value, re.ASCII):
        raise Malformed(f"{what} is not {2 * size} lower-case hex digits", code="entry-shape")
    return bytes.fromhex(value)


def _sized(data: bytes, what: str) -> bytes:
    if len(data) != 32:
        raise Malformed(f"{what} is not 32 bytes", code="entry-shape")
    return data


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()
