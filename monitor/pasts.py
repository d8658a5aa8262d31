"""What did a signed tree look like at an older size: as the log shows it, and as we remember it?"""

from monitor.prefix import (
    BLOCK,
    asked_size,
    can_be_shown,
    open_block,
    own_frontier,
    shown_frontier,
    tail_frontiers,
)
from monitor.session import Session
from verifier.errors import Malformed, Refused, SigwardenError, Untrue
from verifier.merkle import CompactRange, Frontier, Tree


def shown(s: Session, size: int, new: Tree) -> tuple[Frontier, tuple[bytes, ...]] | None:
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


def remembered(s: Session, older: Tree) -> tuple[Frontier, CompactRange] | None:
    """Our frontier at the largest size that can be compared with `older`, and the range from it to the verified tree.

    Both come out of what we read and proved: frontier and range together hash into the verified root.
    """
    proven = s.timeline.spans[-1] if s.timeline.spans else None
    if proven is None or proven.verdict != "proven" or proven.right is None or proven.left is None:
        return None
    end = proven.right
    rests = {
        one.size: (one, CompactRange(one.size, end.size, end.nodes[number + 1 :]))
        for number, one in enumerate(tail_frontiers(end))
    }
    border = older.size // BLOCK * BLOCK
    blocks = s.m.store.subtrees(s.spec.origin, proven.left.size // BLOCK, end.size // BLOCK)
    own = own_frontier(proven.left, blocks, border)
    if own is not None and border:
        rest = CompactRange.empty(border)
        for index in range(border // BLOCK, end.size // BLOCK):
            rest = rest.extend(CompactRange(index * BLOCK, (index + 1) * BLOCK, (blocks[index],)))
        rests[border] = (own, rest.extend(open_block(end)))
    sizes = [size for size in rests if size in (older.size, older.size - 1) or can_be_shown(size, older)]
    return rests[max(sizes)] if sizes else None
