"""What does the head that a log serves now mean for us?

Stale is not rollback is not fork: an older head must be an ancestor of ours, a newer one must contain ours. A proof
that fails is asked for again on new connections before it means anything, and what convicts is never a failing proof
but one that holds: hashes that fold into a signed root, and show another past than the one signed before.
"""

from dataclasses import dataclass
from typing import Literal

from monitor.findings import Finding
from monitor.logs.log import Head
from monitor.place import place
from monitor.prefix import asked_size, can_be_shown, own_frontier, shown_frontier, tail_frontiers
from monitor.session import Session
from monitor.store import NewCheckpoint
from monitor.trouble import Trouble, log_finding
from verifier.checkpoint import Checkpoint, open_checkpoint
from verifier.errors import Malformed, Refused, SigwardenError, Untrue
from verifier.merkle import Frontier, Tree, check_consistency, frontier_from_consistency

Outcome = Literal["accepted", "on-trial", "refused"]
"""accepted: read on. on-trial: no proof that holds, so what we read must decide. refused: stay where we are."""

_ACCEPTED = ("first", "same", "grew", "older")


@dataclass(frozen=True, slots=True)
class Reading:
    """What a head came to; `target` is the tree to read towards."""

    outcome: Outcome
    target: Tree | None


def open_head(s: Session, head: Head) -> Checkpoint | None:
    """The head if a trusted key signed it for this log; else None, and the trouble is noted."""
    if head.problem is not None:
        _note_problem(s, head.problem, head.note)
        return None
    s.requests += 1
    try:
        opened = _open(s, head)
    except SigwardenError as error:
        _note_problem(s, error, head.note)
        return None
    s.clear("unreachable", "bad-head")
    s.head_size = opened.size
    s.head_time = opened.time or s.started
    return opened


def read_head(s: Session, head: Head, seen: Checkpoint) -> Reading:
    """Place a verified head on our timeline, and write down what it means."""
    where = place(seen.tree, s.newest, s.state)
    if where not in ("older", "fork"):
        s.clear("stale-head")
    match where:
        case "first":
            _accept(s, head, seen, "first")
        case "same":
            _accept(s, head, seen, "same")
        case "fork":
            _refuse_fork(s, seen, s.note_of(s.newest))
            return Reading("refused", None)
        case "older":
            return _read_older(s, seen)
        case _:
            return _read_newer(s, head, seen, ended=where == "grew-after-end")
    s.clear("bad-proof")
    return Reading("accepted", s.newest)


def _open(s: Session, head: Head) -> Checkpoint:
    try:
        return open_checkpoint(head.note, s.keys, origin=s.spec.origin)
    except Untrue as error:
        if error.code != "checkpoint-unknown-key":
            raise
        keys = tuple(s.m.refresh_keys(head))  # the log may have a new key that our trust root learned since
        if not keys:
            raise
        s.keys = keys
        return open_checkpoint(head.note, keys, origin=s.spec.origin)


def _note_problem(s: Session, error: SigwardenError, note: bytes) -> None:
    evidence = {"checkpoint": note} if note else {}
    kind: Literal["bad-head", "unreachable"] = "bad-head" if isinstance(error, Untrue) else "unreachable"
    found = s.note(Trouble(kind, f"{s.spec.origin}: {error}", evidence=evidence, facts={"code": error.code}))
    s.commit(findings=found)


def _accept(s: Session, head: Head, seen: Checkpoint, word: str, timeline_frontier: Frontier | None = None) -> None:
    """The head is ours: newest, in the history, with the end of a log noted."""
    state = "frozen" if seen.frozen else "retired" if head.retired else ""
    changed = state if state and s.state == "active" else ""
    grew = s.newest is None or seen.size > s.newest.size
    timeline = s.timeline.with_frontier(timeline_frontier) if timeline_frontier else None
    if not grew and not changed and timeline is None and word == "same" and not _has_new_text(s, seen):
        return
    found = _key_change(s, seen) if grew else ()
    s.commit(
        timeline=timeline,
        newest=seen.tree if grew else None,
        state=changed,
        findings=found,
        checkpoints=(_row(seen, word),),
    )
    s.grew = s.grew or grew


def _read_newer(s: Session, head: Head, seen: Checkpoint, *, ended: bool) -> Reading:
    newest = s.newest
    assert newest is not None
    try:
        frontier = _proven_growth(s, newest, seen) if newest.size else None
    except Untrue as error:
        return _refuse_growth(s, seen, newest, error)
    except Malformed as error:
        return _on_trial(s, seen, error)
    s.clear("bad-proof")
    if ended:
        _tell_growth_after_end(s, seen, newest)
    _accept(s, head, seen, "grew", frontier)
    return Reading("accepted", s.newest)


def _proven_growth(s: Session, old: Tree, seen: Checkpoint) -> Frontier | None:
    """Check that the log grew from `old`; the frontier of `old` where our timeline lacks it."""
    try:
        proof = s.consistency(old.size, seen.size)
        check_consistency(old, seen.tree, proof)
    except (Malformed, Untrue) as error:
        if error.code == "withheld-entries":
            raise Malformed(error.message, code=error.code, evidence=error.evidence) from error
        proof = s.consistency(old.size, seen.size, fresh=True)
        check_consistency(old, seen.tree, proof)
    lacking = s.timeline.main is None and s.timeline.position == old.size
    return frontier_from_consistency(old, seen.tree, proof) if lacking else None


def _refuse_growth(s: Session, seen: Checkpoint, newest: Tree, error: Untrue) -> Reading:
    """The proof of growth fails twice: does the log's own proof show another past?"""
    shown = _shown(s, newest.size, seen.tree)
    if shown is None or shown[0].root == newest.root:
        return _on_trial(s, seen, error)
    message = (
        f"{s.spec.origin}: the head of {seen.size} leaves holds another tree of {newest.size} leaves than the one it"
        f" signed before"
    )
    evidence = {**_pair(s.note_of(newest), seen.raw), "proof": b"".join(shown[1])}
    facts = {"claim": "past", "size": newest.size, "other-size": seen.size}
    found = s.contradiction("fork", (newest.size, newest.root), message, evidence, **facts)
    s.commit(findings=(found,), checkpoints=(_row(seen, "fork"),))
    return Reading("refused", None)


def _on_trial(s: Session, seen: Checkpoint, error: SigwardenError) -> Reading:
    """No usable proof. The root that we compute from the leaves decides, if we can read them at all."""
    message = f"{s.spec.origin}: no proof that the log grew to {seen.size}: {error.message}"
    proof = error.evidence.get("proof", b"")
    evidence = {"checkpoint": seen.raw, "proof": proof if isinstance(proof, bytes) else proof.encode()}
    found = s.note(Trouble("bad-proof", message, evidence=evidence, facts={"code": error.code}))
    s.commit(findings=found, checkpoints=(_row(seen, "unproven"),))
    if s.timeline.main is None or s.timeline.target is not None:
        return Reading("refused", None)
    return Reading("on-trial", seen.tree)


def _read_older(s: Session, seen: Checkpoint) -> Reading:
    """Smaller than ours: stale if it is an ancestor, else the log has signed two pasts."""
    newest = s.newest
    assert newest is not None
    known = [row for row in s.m.store.checkpoints(s.spec.origin, size=seen.size) if row.place in _ACCEPTED]
    if known and all(row.root != seen.root for row in known):
        _refuse_fork(s, seen, known[0].note)
        return Reading("refused", None)
    shown = None if known or seen.size == 0 else _shown(s, seen.size, newest)
    if known or seen.size == 0 or (shown is not None and shown[0].root == seen.root):
        message = (
            f"{s.spec.origin}: serves a head of {seen.size} leaves, we hold one of {newest.size} (it is an ancestor)"
        )
        found = s.note(Trouble("stale-head", message, evidence=_pair(seen.raw, s.note_of(newest))))
        s.commit(findings=found, checkpoints=(_row(seen, "older"),))
        return Reading("accepted", newest)
    if shown is not None:
        _tell_rollback(s, seen, newest, {"proof": b"".join(shown[1])}, claim="past")
        return Reading("refused", None)
    return _read_older_by_memory(s, seen, newest)


def _read_older_by_memory(s: Session, seen: Checkpoint, newest: Tree) -> Reading:
    """The log does not show us its past: compare an older part, which it shows for the smaller head, with ours."""
    ours = _remembered(s, seen.size)
    if ours is not None and can_be_shown(ours.size, seen.tree):
        shown = _shown(s, ours.size, seen.tree)
        if shown is not None and shown[0] != ours:
            memory = {"proof": b"".join(shown[1]), "frontier": ours.to_bytes()}
            _tell_rollback(s, seen, newest, memory, claim="memory")
            return Reading("refused", None)
    message = (
        f"{s.spec.origin}: serves a head of {seen.size} leaves, we hold one of {newest.size}, and it does not show that"
        f" the first is an ancestor of the second"
    )
    found = s.note(Trouble("bad-proof", message, evidence=_pair(seen.raw, s.note_of(newest))))
    s.commit(findings=found, checkpoints=(_row(seen, "unproven"),))
    return Reading("refused", None)


def _shown(s: Session, size: int, new: Tree) -> tuple[Frontier, tuple[bytes, ...]] | None:
    """The frontier that the signed tree `new` had at `size`, with its proof; None where the log shows none."""
    if not can_be_shown(size, new):
        return _shown_by_ours(s, size, new)
    for fresh in (False, True):
        try:
            proof = s.consistency(asked_size(size), new.size, fresh=fresh)
            return shown_frontier(size, new, proof), proof
        except (Malformed, Untrue, Refused):
            continue
        except SigwardenError:
            return None
    return None


def _shown_by_ours(s: Session, size: int, new: Tree) -> tuple[Frontier, tuple[bytes, ...]] | None:
    """Where no proof can show it, our own frontier of exactly that tree may."""
    main = s.timeline.main
    if main is None or main.at.tree != new:
        return None
    found = next((one for one in tail_frontiers(main.at) if one.size == size), None)
    return None if found is None else (found, ())


def _remembered(s: Session, size: int) -> Frontier | None:
    """Our frontier at the largest size up to `size` that we still know, out of what we read and proved."""
    proven = next((one for one in reversed(s.timeline.spans) if one.verdict == "proven"), None)
    if proven is None or proven.right is None or proven.left is None:
        return None
    known = [one for one in tail_frontiers(proven.right) if one.size <= size]
    block = size // 256
    blocks = s.m.store.subtrees(s.spec.origin, proven.left.size // 256, block)
    if own := own_frontier(proven.left, blocks, block * 256):
        known.append(own)
    return max(known, key=lambda one: one.size, default=None)


def _refuse_fork(s: Session, seen: Checkpoint, ours: bytes) -> None:
    message = f"{s.spec.origin}: two signed heads of {seen.size} leaves with different roots"
    evidence = _pair(ours, seen.raw)
    found = s.contradiction("fork", (seen.size, "same size"), message, evidence, claim="same-size", size=seen.size)
    s.commit(findings=(found,), checkpoints=(_row(seen, "fork"),))


def _tell_rollback(s: Session, seen: Checkpoint, newest: Tree, proof: dict[str, bytes], *, claim: str) -> None:
    message = (
        f"{s.spec.origin}: serves a head of {seen.size} leaves that is not an ancestor of its head of {newest.size}"
    )
    evidence = {**_pair(seen.raw, s.note_of(newest)), **proof}
    facts = {"claim": claim, "size": seen.size, "other-size": newest.size}
    found = s.contradiction("rollback", (seen.size, seen.root), message, evidence, **facts)
    s.commit(findings=(found,), checkpoints=(_row(seen, "rollback"),))


def _tell_growth_after_end(s: Session, seen: Checkpoint, newest: Tree) -> None:
    message = f"{s.spec.origin}: it was {s.state} at {newest.size} leaves, and now signs {seen.size}"
    evidence = _pair(s.note_of(newest), seen.raw)
    facts = {"claim": "frozen", "size": newest.size, "other-size": seen.size, "state": s.state}
    found = s.contradiction("frozen-log-grew", (newest.size,), message, evidence, **facts)
    s.commit(findings=(found,))


def _key_change(s: Session, seen: Checkpoint) -> tuple[Finding, ...]:
    """Another trusted key signs: no alarm, but history must show it."""
    last = next((r for r in s.m.store.checkpoints(s.spec.origin, newest_first=True) if r.place in _ACCEPTED), None)
    if last is None or not set(last.signers).isdisjoint(seen.signers):
        return ()
    old, new = ", ".join(last.signers), ", ".join(seen.signers)
    message = f"{s.spec.origin}: signed with key {new} since {seen.size} leaves, before with {old}"
    evidence = _pair(last.note, seen.raw)
    return (log_finding("key-rotated", s.spec.origin, (old, new), message, s.started, evidence=evidence),)


def _row(seen: Checkpoint, word: str) -> NewCheckpoint:
    return NewCheckpoint(seen.size, seen.root, seen.raw, seen.signers, word)


def _has_new_text(s: Session, seen: Checkpoint) -> bool:
    """Whether the same tree comes in a text that we do not hold (the last one of a frozen shard)."""
    if not seen.extensions:
        return False
    text = seen.raw.rpartition(b"\n\n")[0]
    rows = s.m.store.checkpoints(s.spec.origin, size=seen.size)
    return all(row.note.rpartition(b"\n\n")[0] != text for row in rows)


def _pair(older: bytes, newer: bytes) -> dict[str, bytes]:
    return {"older-checkpoint": older, "checkpoint": newer}
