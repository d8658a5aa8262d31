"""How does somebody else check a finding, without us, our database or the network?

A file holds the claim, the bytes that show it and the log's keys. `verify_evidence` recomputes all of it. Which keys to
trust is the reader's decision: without keys of his own, the checks say which key the file leans on.
"""

import base64
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from monitor.findings import KINDS, Finding, finding_id
from monitor.prefix import shown_frontier
from verifier.checkpoint import Checkpoint, open_checkpoint
from verifier.errors import Malformed, Refused, Untrue
from verifier.jsonstrict import b64, loads
from verifier.keys import PublicKey
from verifier.merkle import HASH_SIZE, CompactRange, Frontier, check_inclusion, hash_leaf
from verifier.note import NoteKey

FORMAT = "sigwarden evidence v1"
MAX_BYTES = 64 << 20

_FACTS = ("id", "kind", "severity", "log", "index", "watch", "identity", "message")


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was checked and holds. `leans_on` is set where it rests on something the file itself says."""

    name: str
    said: str
    leans_on: str = ""


@dataclass(frozen=True, slots=True)
class _Case:
    """An opened file."""

    finding: Mapping[str, Any]
    facts: Mapping[str, Any]
    blobs: Mapping[str, bytes]
    keys: tuple[NoteKey, ...]

    def note(self, name: str) -> Checkpoint:
        """A signed head in it, checked."""
        if name not in self.blobs:
            raise Refused(f"the file holds no {name}", code="evidence-incomplete")
        return open_checkpoint(self.blobs[name], self.keys, origin=self.finding["log"])

    def hashes(self, name: str) -> tuple[bytes, ...]:
        """A proof."""
        data = self.blobs.get(name, b"")
        if len(data) % HASH_SIZE:
            raise Malformed(f"{name} is no list of hashes", code="evidence")
        return tuple(data[at : at + HASH_SIZE] for at in range(0, len(data), HASH_SIZE))


def export_evidence(finding: Finding, keys: Sequence[NoteKey] = ()) -> bytes:
    """The file for a finding with its evidence. Refused when nothing in it could be checked by anybody.

    `keys` are those of its log, for findings that do not carry them.
    """
    held = dict(finding.evidence)
    if "keys" not in held:
        held["keys"] = encode_keys(keys)
    if not held.keys() - {"keys"}:
        raise Refused(f"{finding.id} has no evidence: it is about our own side", code="evidence-none")
    body = {
        "format": FORMAT,
        "finding": {name: getattr(finding, name) for name in _FACTS} | {"seen_at": finding.seen_at.isoformat()},
        "facts": dict(finding.facts),
        "evidence": {name: base64.b64encode(data).decode() for name, data in sorted(held.items())},
    }
    return _encode(body | {"sha256": _digest(body)})


def verify_evidence(data: bytes, trusted: Sequence[NoteKey] | None = None) -> tuple[Check, ...]:
    """What holds, check by check; Malformed or Untrue at the first thing that does not.

    Signatures are checked with `trusted` keys if given, else with those in the file.
    """
    case, digest = _open(data, trusted)
    checks = [Check("file", f"unchanged, SHA-256 {digest}")]
    checks.append(_key_check(case, trusted))
    claim = "inclusion" if "inclusion-proof" in case.blobs and "body" in case.blobs else ""
    claim = str(case.facts.get("claim", claim))
    checks += _CLAIMS.get(claim, _check_nothing)(case)
    return tuple(checks)


def encode_keys(keys: Sequence[NoteKey]) -> bytes:
    """Log keys as they stand in evidence."""
    rows = [{"name": k.name, "id": k.key_id.hex(), "kind": k.kind, "spki": k.key.der.hex()} for k in keys]
    return json.dumps(rows, separators=(",", ":"), sort_keys=True).encode()


def decode_keys(data: bytes) -> tuple[NoteKey, ...]:
    """The inverse of `encode_keys`."""
    try:
        rows = loads(data)
        if not isinstance(rows, list):
            raise TypeError("no list")
        return tuple(
            NoteKey(row["name"], bytes.fromhex(row["id"]), PublicKey.from_der(bytes.fromhex(row["spki"])), row["kind"])
            for row in rows
        )
    except (KeyError, TypeError, ValueError) as error:
        raise Malformed("the keys in the file cannot be read", code="evidence") from error


def _open(data: bytes, trusted: Sequence[NoteKey] | None) -> tuple[_Case, str]:
    if len(data) > MAX_BYTES:
        raise Malformed(f"an evidence file of {len(data)} bytes, more than {MAX_BYTES}", code="evidence")
    held = loads(data, max_bytes=MAX_BYTES)
    shape = {"format": str, "finding": dict, "facts": dict, "evidence": dict, "sha256": str}
    if not isinstance(held, dict) or {k: type(v) for k, v in held.items()} != shape:
        raise Malformed("not an evidence file: members are missing or too many", code="evidence")
    if held["format"] != FORMAT:
        raise Malformed(f"not {FORMAT}", code="evidence", hint="a newer program may read it")
    digest = held.pop("sha256")
    # No signature of ours: this only tells a damaged file from a whole one. What convicts is the log's signature below.
    if digest != _digest(held) or _encode(held | {"sha256": digest}) != data:
        raise Untrue("the file was changed after it was written", code="evidence-changed")
    if set(held["finding"]) != {*_FACTS, "seen_at"} or held["finding"]["kind"] not in KINDS:
        raise Malformed("the finding in the file is incomplete", code="evidence")
    blobs = {str(name): b64(text) for name, text in held["evidence"].items()}
    keys = tuple(trusted) if trusted is not None else decode_keys(blobs.get("keys", b"[]"))
    return _Case(held["finding"], held["facts"], blobs, keys), digest


def _key_check(case: _Case, trusted: Sequence[NoteKey] | None) -> Check:
    named = ", ".join(f"{key.name} {key.key_id.hex()} (SHA-256 {key.key.sha256.hex()})" for key in case.keys) or "none"
    if trusted is not None:
        return Check("keys", f"checked with keys given: {named}")
    return Check("keys", f"checked with keys in the file: {named}", "compare them with a trusted root")


def _check_inclusion(case: _Case) -> list[Check]:
    """A leaf: it is in a signed tree, and the finding is about this leaf."""
    head, leaf, index = case.note("checkpoint"), hash_leaf(case.blobs["body"]), case.finding["index"]
    if not isinstance(index, int):
        raise Malformed("the finding names no leaf", code="evidence")
    check_inclusion(index, head.size, leaf, case.hashes("inclusion-proof"), head.root)
    named = finding_id(case.finding["kind"], case.finding["watch"], leaf)
    if named != case.finding["id"]:
        raise Untrue(f"the finding {case.finding['id']} is about another leaf", code="evidence-finding")
    return [
        _signed("checkpoint", head),
        Check("inclusion", f"leaf {index} with hash {leaf.hex()} is in that tree"),
        Check("finding", f"{named} is the id of this leaf for the watch {case.finding['watch']!r}"),
    ]


def _check_same_size(case: _Case) -> list[Check]:
    """Fork: one size, two roots, both signed."""
    one, other = case.note("older-checkpoint"), case.note("checkpoint")
    if one.size != other.size or one.root == other.root:
        raise Untrue("the two heads do not contradict each other", code="evidence-claim")
    return [
        _signed("older-checkpoint", one),
        _signed("checkpoint", other),
        Check("contradiction", f"{one.size} leaves have two signed roots"),
    ]


def _check_past(case: _Case) -> list[Check]:
    """Fork or rollback: the larger signed tree holds another past than the smaller signed one."""
    one, other = case.note("older-checkpoint"), case.note("checkpoint")
    past = shown_frontier(one.size, other.tree, case.hashes("proof"))
    if past.root == one.root:
        raise Untrue("the smaller tree is an ancestor of the larger one", code="evidence-claim")
    return [
        _signed("older-checkpoint", one),
        _signed("checkpoint", other),
        Check("contradiction", f"the first {one.size} leaves of the larger tree have root {past.root.hex()}"),
    ]


def _check_memory(case: _Case) -> list[Check]:
    """Rollback: the smaller tree begins otherwise than the larger one, of which we know enough hashes to rebuild it."""
    one, other = case.note("older-checkpoint"), case.note("checkpoint")
    ours = Frontier.from_bytes(case.blobs.get("frontier", b""))
    same_size = ours.size == one.size
    past = one.root if same_size else shown_frontier(ours.size, one.tree, case.hashes("proof")).root
    if past == ours.root:
        raise Untrue("both trees have the same past", code="evidence-claim")
    rest = CompactRange.from_bytes(case.blobs.get("rest", b""))
    if ours.extend(rest).tree != other.tree:
        raise Untrue("what is remembered is not of the larger tree", code="evidence-claim")
    said = f"the smaller tree does not begin with the first {ours.size} leaves of the larger one"
    return [_signed("older-checkpoint", one), _signed("checkpoint", other), Check("contradiction", said)]


def _check_frozen(case: _Case) -> list[Check]:
    """A log that was final signs a larger tree."""
    one, other = case.note("older-checkpoint"), case.note("checkpoint")
    if other.size <= one.size:
        raise Untrue("the second head is not larger", code="evidence-claim")
    leans = "" if one.frozen else "that it was final is what its service said"
    return [
        _signed("older-checkpoint", one),
        _signed("checkpoint", other),
        Check("growth", f"final at {one.size} leaves, then {other.size}", leans),
    ]


def _check_leaf(case: _Case) -> list[Check]:
    """A leaf that was served is not the one in the signed tree."""
    head, start = case.note("checkpoint"), case.facts.get("start")
    leaf = case.blobs.get("leaf-hash", b"")
    if not isinstance(start, int):
        raise Malformed("the file names no leaf", code="evidence")
    check_inclusion(start, head.size, leaf, case.hashes("inclusion-proof"), head.root)
    served = hash_leaf(case.blobs.get("body", b""))
    if served == leaf:
        raise Untrue("the bytes are the ones in the signed tree", code="evidence-claim")
    leans = "that the log served these bytes is known to the one who read them"
    return [
        _signed("checkpoint", head),
        Check("leaf", f"leaf {start} of that tree has hash {leaf.hex()}"),
        Check("contradiction", f"the bytes served for it have hash {served.hex()}", leans),
    ]


def _check_missing(case: _Case) -> list[Check]:
    """Leaves below a signed size are not served."""
    head, start = case.note("checkpoint"), case.facts.get("start")
    if not isinstance(start, int) or not 0 <= start < head.size:
        raise Untrue("the leaves are not below the signed size", code="evidence-claim")
    leans = "that the log does not serve it is what the one who asked says: ask it yourself"
    return [_signed("checkpoint", head), Check("missing", f"leaf {start} is below the signed size {head.size}", leans)]


def _check_nothing(case: _Case) -> list[Check]:
    """Nothing that convicts: each signed head in it is checked all the same."""
    names = () if case.finding["kind"] == "bad-head" else ("older-checkpoint", "checkpoint")
    checks = [_signed(name, case.note(name)) for name in names if case.blobs.get(name)]
    leans = "no proof for others: it rests on the word of the one who saw it"
    return [*checks, Check("claim", f"{case.finding['kind']}: {case.finding['message']}", leans)]


_CLAIMS: Mapping[str, Callable[[_Case], list[Check]]] = {
    "inclusion": _check_inclusion,
    "same-size": _check_same_size,
    "past": _check_past,
    "memory": _check_memory,
    "frozen": _check_frozen,
    "leaf": _check_leaf,
    "missing": _check_missing,
}


def _signed(name: str, head: Checkpoint) -> Check:
    return Check(
        name, f"{head.origin}, {head.size} leaves, root {head.root.hex()}, signed by {', '.join(head.signers)}"
    )


def _digest(body: Mapping[str, Any]) -> str:
    return hashlib.sha256(_encode(body)).hexdigest()


def _encode(body: Mapping[str, Any]) -> bytes:
    return json.dumps(body, separators=(",", ":"), sort_keys=True).encode() + b"\n"
