"""What does the head that a log serves now mean for us?

Stale is not rollback is not fork: an older head must be an ancestor of ours, a newer one must contain ours. A proof
that fails is asked for again on new connections before it means anything, and what convicts is never a failing proof
but one that holds: hashes that fold into a signed root, and show another past than the one signed before.
"""

from typing import Literal

from monitor.contradictions import ACCEPTED, history_row, pair, tell_fork, tell_growth_after_end
from monitor.findings import Finding
from monitor.logs.log import Head
from monitor.older import read_older
from monitor.pasts import shown
from monitor.place import Reading, place
from monitor.session import Session
from monitor.trouble import Trouble, log_finding
from verifier.checkpoint import Checkpoint, open_checkpoint
from verifier.errors import Malformed, SigwardenError, Untrue
from verifier.merkle import Frontier, Tree, check_consistency, frontier_from_consistency


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
            tell_fork(s, seen, s.note_of(s.newest))
            return Reading("refused", None)
        case "older":
            return read_older(s, seen)
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
        checkpoints=(history_row(seen, word),),
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
        tell_growth_after_end(s, seen, newest)
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
    past = shown(s, newest.size, seen.tree)
    if past is None or past[0].root == newest.root:
        return _on_trial(s, seen, error)
    message = (
        f"{s.spec.origin}: the head of {seen.size} leaves holds another tree of {newest.size} leaves than the one it"
        f" signed before"
    )
    evidence = {**pair(s.note_of(newest), seen.raw), "proof": b"".join(past[1])}
    facts = {"claim": "past", "size": newest.size, "other-size": seen.size}
    found = s.contradiction("fork", (newest.size, newest.root), message, evidence, **facts)
    s.commit(findings=(found,), checkpoints=(history_row(seen, "fork"),))
    return Reading("refused", None)


def _on_trial(s: Session, seen: Checkpoint, error: SigwardenError) -> Reading:
    """No usable proof. The root that we compute from the leaves decides, if we can read them at all."""
    message = f"{s.spec.origin}: no proof that the log grew to {seen.size}: {error.message}"
    proof = error.evidence.get("proof", b"")
    evidence = {"checkpoint": seen.raw, "proof": proof if isinstance(proof, bytes) else proof.encode()}
    found = s.note(Trouble("bad-proof", message, evidence=evidence, facts={"code": error.code}))
    s.commit(findings=found, checkpoints=(history_row(seen, "unproven"),))
    if s.timeline.main is None or s.timeline.target is not None:
        return Reading("refused", None)
    return Reading("on-trial", seen.tree)


def _key_change(s: Session, seen: Checkpoint) -> tuple[Finding, ...]:
    """Another trusted key signs: no alarm, but history must show it."""
    last = next(
        (r for r in s.m.store.checkpoints(s.spec.origin, newest_first=True, limit=20) if r.place in ACCEPTED), None
    )
    if last is None or not set(last.signers).isdisjoint(seen.signers):
        return ()
    old, new = ", ".join(last.signers), ", ".join(seen.signers)
    message = f"{s.spec.origin}: signed with key {new} since {seen.size} leaves, before with {old}"
    evidence = pair(last.note, seen.raw)
    return (log_finding("key-rotated", s.spec.origin, (old, new), message, s.started, evidence=evidence),)


def _has_new_text(s: Session, seen: Checkpoint) -> bool:
    """Whether the same tree comes in a text that we do not hold (the last one of a frozen shard)."""
    if not seen.extensions:
        return False
    text = seen.raw.rpartition(b"\n\n")[0]
    rows = s.m.store.checkpoints(s.spec.origin, size=seen.size)
    return all(row.note.rpartition(b"\n\n")[0] != text for row in rows)
