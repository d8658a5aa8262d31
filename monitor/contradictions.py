"""What do we write when a log contradicts what it signed before? Both signed heads, and what shows it."""

from monitor.session import Session
from monitor.store import NewCheckpoint
from verifier.checkpoint import Checkpoint
from verifier.merkle import Tree

ACCEPTED = ("first", "same", "grew", "older")
"""The words of history for heads that were consistent with ours."""


def tell_fork(s: Session, seen: Checkpoint, ours: bytes) -> None:
    """One size, two signed roots."""
    message = f"{s.spec.origin}: two signed heads of {seen.size} leaves with different roots"
    evidence = pair(ours, seen.raw)
    found = s.contradiction("fork", (seen.size, "same size"), message, evidence, claim="same-size", size=seen.size)
    s.commit(findings=(found,), checkpoints=(history_row(seen, "fork"),))


def tell_rollback(s: Session, seen: Checkpoint, newest: Tree, proof: dict[str, bytes], *, claim: str) -> None:
    """A smaller head that is not an ancestor of ours; `proof` shows it in the way that `claim` names."""
    message = (
        f"{s.spec.origin}: serves a head of {seen.size} leaves that is not an ancestor of its head of {newest.size}"
    )
    evidence = {**pair(seen.raw, s.note_of(newest)), **proof}
    facts = {"claim": claim, "size": seen.size, "other-size": newest.size}
    found = s.contradiction("rollback", (seen.size, seen.root), message, evidence, **facts)
    s.commit(findings=(found,), checkpoints=(history_row(seen, "rollback"),))


def tell_growth_after_end(s: Session, seen: Checkpoint, newest: Tree) -> None:
    """It was final."""
    message = f"{s.spec.origin}: it was {s.state} at {newest.size} leaves, and now signs {seen.size}"
    evidence = pair(s.note_of(newest), seen.raw)
    facts = {"claim": "frozen", "size": newest.size, "other-size": seen.size, "state": s.state}
    found = s.contradiction("frozen-log-grew", (newest.size,), message, evidence, **facts)
    s.commit(findings=(found,))


def history_row(seen: Checkpoint, word: str) -> NewCheckpoint:
    """A head for the history, with the word for what it meant."""
    return NewCheckpoint(seen.size, seen.root, seen.raw, seen.signers, word)


def pair(older: bytes, newer: bytes) -> dict[str, bytes]:
    """Two signed heads as evidence."""
    return {"older-checkpoint": older, "checkpoint": newer}
