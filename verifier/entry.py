"""Is this entry in that log, and when did the log promise to take it?

The promise (SET) and the proof of an entry, each checked with its own key and its own index; `entry_json` reads
entries.
"""

import base64
import re
from datetime import UTC, datetime

from verifier.checkpoint import Checkpoint, open_checkpoint
from verifier.entry_json import InclusionProof, LogEntry, entry_from_rest, entry_from_tle, entry_to_tle
from verifier.errors import Malformed, Untrue
from verifier.merkle import check_inclusion
from verifier.moment import Moment
from verifier.trust import TrustedLog

__all__ = [
    "InclusionProof",
    "LogEntry",
    "check_entry",
    "check_set",
    "entry_from_rest",
    "entry_from_tle",
    "entry_to_tle",
    "set_payload",
]

# Scheme, user and authority of a URL: a v1 log signs as the host of its base URL, with or without the port.
_URL = re.compile(r"(?:[A-Za-z][A-Za-z0-9+.-]*://)?(?:[^/?#@]*@)?(?P<netloc>(?P<host>\[[^\]/]*\]|[^/?#:]*)[^/?#]*)")


def set_payload(entry: LogEntry) -> bytes:
    """What a SET signs: RFC 8785 JSON of body, integratedTime, logID and the *global* logIndex (protocol.md 1.12)."""
    if entry.integrated_time is None or entry.global_index is None:
        raise Malformed("the entry has no integrated time: nothing was promised", code="set-absent")
    return (
        f'{{"body":"{base64.b64encode(entry.body).decode()}","integratedTime":{entry.integrated_time},'
        f'"logID":"{entry.log_id.hex()}","logIndex":{entry.global_index}}}'
    ).encode()


def check_set(entry: LogEntry, log: TrustedLog) -> Moment:
    """The integrated time, if the log's key signed it and was valid then; Untrue (``set-*``) otherwise."""
    if entry.set is None or entry.integrated_time is None:
        raise Untrue("the entry has no signed entry timestamp: its time proves nothing", code="set-absent")
    _check_log(entry, log)
    payload = set_payload(entry)
    try:
        # Rekor v1 signs with SHA-256 whatever the key; Ed25519 takes no hash.
        log.key.verify(entry.set, payload, None if log.key.kind == "ed25519" else "sha256")
    except Untrue as error:
        raise Untrue(
            "the signed entry timestamp is not by the log's key",
            code="set-signature",
            evidence={"payload": payload, "set": entry.set, "key": log.key.der},
        ) from error
    time = _moment(entry.integrated_time)
    if not log.window.contains(time):
        raise Untrue(f"the log's key was not valid at the integrated time {time.isoformat()}", code="set-time")
    return Moment(time, "log", entry.log_id.hex())


def check_entry(entry: LogEntry, log: TrustedLog, origin: str | None = None) -> Checkpoint:
    """The checkpoint that contains the entry, all of it checked (protocol.md 1.11); Untrue or Malformed otherwise.

    The log's key signed the note; its origin is `origin`, else the one of the trusted log (on v1 ``host - treeID``,
    with the tree of the entry's ID where that is known); its size and root are those of the proof; the path leads
    there.
    """
    proof = entry.proof
    if proof is None or not proof.checkpoint:
        raise Untrue("the entry comes without an inclusion proof and checkpoint", code="proof-absent")
    _check_log(entry, log)
    if entry.is_v2 and proof.index != entry.index:
        raise Untrue("the proof is for another index than the entry's", code="entry-index")
    expected = origin or log.origin
    names = (expected,) if expected else _hosts(log.base_url)
    checkpoint = open_checkpoint(proof.checkpoint, [log.note_key(name) for name in names], origin=expected)
    if entry.tree_id is not None and checkpoint.origin.rpartition(" - ")[2] != str(entry.tree_id):
        raise Untrue("the checkpoint is of another tree than the entry's", code="checkpoint-origin")
    if (checkpoint.size, checkpoint.root) != (proof.size, proof.root):
        raise Untrue(
            "the proof is for another tree than the checkpoint",
            code="proof-checkpoint",
            evidence={"checkpoint": proof.checkpoint, "root": proof.root},
        )
    check_inclusion(proof.index, proof.size, entry.leaf_hash, proof.hashes, proof.root)
    return checkpoint


def _check_log(entry: LogEntry, log: TrustedLog) -> None:
    if entry.log_id != log.log_id:
        raise Untrue("the entry names another log than the one it is checked against", code="entry-log")


def _hosts(base_url: str) -> tuple[str, ...]:
    match = _URL.match(base_url)
    return tuple(dict.fromkeys((match["host"], match["netloc"]))) if match else ()


def _moment(seconds: int) -> datetime:
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise Malformed("the integrated time is out of range", code="entry-time") from error
