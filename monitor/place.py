"""Where does a signed head stand, compared with the newest one that we hold? Pure."""

from dataclasses import dataclass
from typing import Literal

from verifier.merkle import Tree

Place = Literal["first", "same", "newer", "older", "fork", "grew-after-end"]

Outcome = Literal["accepted", "on-trial", "refused"]
"""accepted: read on. on-trial: no proof that holds, so what we read must decide. refused: stay where we are."""

FINAL_STATES = frozenset({"frozen", "retired"})
"""States of a log that was final: the log said so itself (frozen), or its service did (retired)."""


def place(head: Tree, newest: Tree | None, state: str) -> Place:
    """Compare by size and root, never by bytes: v1 signs anew on every request, and a frozen note has another text.

    "older" says nothing yet: stale, rollback and fork differ only in whether the head is an ancestor of ours.
    """
    if newest is None:
        return "first"
    if head.size == newest.size:
        return "same" if head.root == newest.root else "fork"
    if head.size < newest.size:
        return "older"
    return "grew-after-end" if state in FINAL_STATES else "newer"


@dataclass(frozen=True, slots=True)
class Reading:
    """What a head came to; `target` is the tree to read towards."""

    outcome: Outcome
    target: Tree | None
