"""What does a head mean that is smaller than ours: stale, or another past?"""

from monitor.contradictions import ACCEPTED, history_row, pair, tell_fork, tell_rollback
from monitor.pasts import remembered, shown
from monitor.place import Reading
from monitor.prefix import can_be_shown
from monitor.session import Session
from monitor.trouble import Trouble
from verifier.checkpoint import Checkpoint
from verifier.errors import SigwardenError
from verifier.merkle import Frontier, Tree, check_consistency


def read_older(s: Session, seen: Checkpoint) -> Reading:
    """Smaller than ours: stale if it is an ancestor, else the log has signed two pasts."""
    newest = s.newest
    assert newest is not None
    known = [row for row in s.m.store.checkpoints(s.spec.origin, size=seen.size) if row.place in ACCEPTED]
    if known and all(row.root != seen.root for row in known):
        tell_fork(s, seen, known[0].note)
        return Reading("refused", None)
    if known or seen.size == 0:
        _note_stale(s, seen, newest, "it is an ancestor")
        return Reading("accepted", newest)
    past = shown(s, seen.size, newest)
    if past is None:
        return _read_by_memory(s, seen, newest)
    if past[0].root != seen.root:
        tell_rollback(s, seen, newest, {"proof": b"".join(past[1])}, claim="past")
        return Reading("refused", None)
    _note_stale(s, seen, newest, "it is an ancestor")
    return Reading("accepted", newest)


def _read_by_memory(s: Session, seen: Checkpoint, newest: Tree) -> Reading:
    """The log does not show us its past: compare an older part, which it shows for the smaller head, with ours.

    A server that is behind as a whole has no proof to the head that we hold, so this is no trouble by itself.
    """
    ours, rest = remembered(s, seen.tree) or (None, None)
    past = _begins(s, seen, ours) if ours is not None else None
    if ours is None or rest is None or past is None:
        message = f"{_both(s, seen, newest)}, and shows nothing of what the first begins with"
        found = s.note(Trouble("bad-proof", message, evidence=pair(seen.raw, s.note_of(newest))))
        s.commit(findings=found, checkpoints=(history_row(seen, "unproven"),))
    elif past[0] != ours.root:
        held = {"proof": b"".join(past[1]), "frontier": ours.to_bytes(), "rest": rest.to_bytes()}
        tell_rollback(s, seen, newest, held, claim="memory")
    else:
        said = f"its first {ours.size} leaves are the same, and it shows no more"
        _note_stale(s, seen, newest, said, word="unproven")
    return Reading("refused", None)


def _begins(s: Session, seen: Checkpoint, ours: Frontier) -> tuple[bytes, tuple[bytes, ...]] | None:
    """The root that the smaller head has at the size we remember, and the proof of it."""
    if ours.size == seen.size:
        return seen.root, ()
    if not can_be_shown(ours.size, seen.tree):  # one leaf after a power of two: a proof can fit, and cannot convict
        return (ours.root, ()) if _fits(s, ours, seen) else None
    past = shown(s, ours.size, seen.tree)
    return None if past is None else (past[0].root, past[1])


def _fits(s: Session, ours: Frontier, seen: Checkpoint) -> bool:
    try:
        check_consistency(ours.tree, seen.tree, s.consistency(ours.size, seen.size))
    except SigwardenError:
        return False
    return True


def _note_stale(s: Session, seen: Checkpoint, newest: Tree, said: str, *, word: str = "older") -> None:
    trouble = Trouble("stale-head", f"{_both(s, seen, newest)}: {said}", evidence=pair(seen.raw, s.note_of(newest)))
    s.commit(findings=s.note(trouble), checkpoints=(history_row(seen, word),))


def _both(s: Session, seen: Checkpoint, newest: Tree) -> str:
    return f"{s.spec.origin}: serves a head of {seen.size} leaves, we hold one of {newest.size}"
