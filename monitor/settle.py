"""Does what we read hash into the root that the log signed, and if not, where is it wrong?

A mismatch is narrowed down with proofs from the log itself: each shows what the signed tree holds below some size. What
lies before the wrong range is proven by them; the rest is read again in the next pass. Findings stay: a lying log can
cause a false alarm, never a missed one.
"""

from dataclasses import dataclass, field

from monitor.prefix import BLOCK, can_be_shown, older_frontier, own_frontier
from monitor.proofs import show_leaf
from monitor.session import Session
from monitor.timeline import Front
from monitor.trouble import log_finding
from verifier.errors import SigwardenError
from verifier.merkle import Frontier, Tree, check_consistency, check_inclusion, hash_leaf

_MOST_READ_AGAIN = 4096
"""Leaves that are read once more to find the one that is wrong."""


@dataclass(slots=True)
class _Wrong:
    """The smallest range known to be wrong, and the last frontier before it that the signed tree shows as ours."""

    good: Frontier
    end: int
    evidence: dict[str, bytes] = field(default_factory=dict)
    said: str = ""


def settle(s: Session, front: Front) -> bool:
    """At the target: compare roots. True when all up to there is proven now."""
    if front.end is None or front.left_to_read:
        return False
    if front.at.tree == front.end:
        timeline = s.timeline.settled(front)
        # A head on trial is accepted by what was read, no less than by a proof.
        newest = front.end if s.newest is None or front.end.size > s.newest.size else None
        s.commit(timeline=timeline, newest=newest, settled=(front.start.size, front.at.size))
        return True
    if not _is_one_tree(s, front):
        return False
    _tell_mismatch(s, front, _bisect(s, front, front.end))
    return False


def _is_one_tree(s: Session, front: Front) -> bool:
    """Whether the log proves that it grew from our verified tree to the target; if not, the heads contradict."""
    old, new = front.start.tree, front.end
    assert new is not None
    if old.size in (0, new.size):
        return True
    try:
        check_consistency(old, new, s.consistency(old.size, new.size, fresh=True))
        return True
    except SigwardenError as error:
        proof = error.evidence.get("proof", b"")
        said = error.message
    message = (
        f"{s.spec.origin}: the leaves [{old.size}, {new.size}) that it serves do not lead from its head of {old.size}"
        f" leaves to that of {new.size}, and it has no proof that they do: {said}"
    )
    evidence = {
        "older-checkpoint": s.note_of(old),
        "checkpoint": s.note_of(new),
        "proof": proof if isinstance(proof, bytes) else b"",
        "frontier": front.at.to_bytes(),
    }
    facts = {"claim": "read", "size": old.size, "other-size": new.size, "computed-root": front.at.root.hex()}
    found = s.contradiction("fork", (old.size, old.root), message, evidence, **facts)
    timeline = s.timeline.rewound(front)
    void = (front.start.size, front.at.size)
    s.commit(timeline=timeline.aimed(None) if front.is_main else timeline, void=void, findings=(found,))
    return False


def _bisect(s: Session, front: Front, target: Tree) -> _Wrong:
    """The first block of 256 leaves that is not the signed one, then the first leaf in it."""
    wrong = _Wrong(front.start, front.at.size)
    try:
        _bisect_blocks(s, front, target, wrong)
        _bisect_leaves(s, target, wrong)
    except SigwardenError as error:
        wrong.said = f"; not narrowed down further: {error.message}"
    return wrong


def _bisect_blocks(s: Session, front: Front, target: Tree, wrong: _Wrong) -> None:
    first, last = front.start.size // BLOCK, front.at.size // BLOCK
    blocks = s.m.store.subtrees(s.spec.origin, first, last)
    low, high = first, last + 1  # in blocks: all before `low` is right, something before `high` is wrong
    while high - low > 1:
        middle = (low + high) // 2
        ours = own_frontier(front.start, blocks, middle * BLOCK)
        if ours is None:
            return
        if _is_prefix(s, ours, target):
            low, wrong.good = middle, ours
        else:
            high, wrong.end = middle, middle * BLOCK


def _bisect_leaves(s: Session, target: Tree, wrong: _Wrong) -> None:
    """Read the wrong range once more, on new connections, and compare leaf by leaf."""
    start = wrong.good.size
    if wrong.end - start > _MOST_READ_AGAIN:
        return
    s.requests += 1
    leaves = s.log(fresh=True).leaves(start, wrong.end, target.size)
    frontiers = [wrong.good]
    for data in leaves.data:
        frontiers.append(frontiers[-1].append(hash_leaf(data)))
    if _is_right(s, frontiers[-1], target):
        wrong.said = "; read again on new connections, the log gave other bytes, which are the signed ones"
        return
    low, high = 0, len(frontiers) - 1
    while high - low > 1:
        middle = (low + high) // 2
        if _is_prefix(s, frontiers[middle], target):
            low = middle
        else:
            high = middle
    wrong.good, wrong.end = frontiers[low], frontiers[high].size
    wrong.evidence["body"] = leaves.data[low]
    shown = show_leaf(s.log(), frontiers[low].size, target, frontiers[low])
    if shown.leaf_hash is not None:
        check_inclusion(frontiers[low].size, target.size, shown.leaf_hash, shown.path, target.root)
        wrong.evidence |= {"leaf-hash": shown.leaf_hash, "inclusion-proof": b"".join(shown.path)}


def _is_right(s: Session, ours: Frontier, target: Tree) -> bool:
    return ours.tree == target if ours.size == target.size else _is_prefix(s, ours, target)


def _is_prefix(s: Session, ours: Frontier, target: Tree) -> bool:
    """Whether the signed tree begins with ours. A proof that shows its own past decides; else one that ours fits."""
    if ours.size == target.size:
        return ours.tree == target
    s.requests += 1
    if can_be_shown(ours.size, target):
        return older_frontier(s.log(), ours.size, target)[0] == ours
    try:
        check_consistency(ours.tree, target, tuple(s.log().consistency(ours.size, target.size)))
        return True
    except SigwardenError:
        return False


def _tell_mismatch(s: Session, front: Front, wrong: _Wrong) -> None:
    target = front.end
    assert target is not None
    start = wrong.good.size
    message = (
        f"{s.spec.origin}: the leaves [{start}, {wrong.end}) that it served do not hash into the root that it signed"
        f" for {target.size} leaves{wrong.said}"
    )
    evidence = {"checkpoint": s.note_of(target), **wrong.evidence}
    facts = {
        "claim": "leaf" if "leaf-hash" in wrong.evidence else "range",
        "start": start,
        "end": wrong.end,
        "size": target.size,
        "computed-root": front.at.root.hex(),
        "good": wrong.good.to_bytes().hex(),
    }
    s.worsen("TAMPER", message)
    found = log_finding("root-mismatch", s.spec.origin, (start,), message, s.started, evidence=evidence, facts=facts)
    settled = (front.start.size, start) if start > front.start.size else None
    void = (start, front.at.size)
    s.commit(timeline=s.timeline.proven_up_to(front, wrong.good), settled=settled, void=void, findings=(found,))
