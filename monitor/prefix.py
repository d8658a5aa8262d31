"""What was the tree at an older size: as its log proves it, and as we remember it?"""

from collections.abc import Mapping

from monitor.logs.log import Log
from verifier.compact import decompose
from verifier.errors import Refused
from verifier.merkle import CompactRange, Frontier, Tree, prefix_frontier

BLOCK = 256
_HEIGHT = 8  # 2**8 leaves under one of our stored hashes


def asked_size(size: int) -> int:
    """The size whose proof shows the frontier at `size`: a proof from a power of two leaves out its first subtree."""
    return size + 1 if size & (size - 1) == 0 else size


def shown_frontier(size: int, new: Tree, proof: tuple[bytes, ...]) -> Frontier:
    """The frontier of `new` at `size`, out of the proof from `asked_size(size)`. Authentic if `new` is signed."""
    asked = asked_size(size)
    found = prefix_frontier(asked, new, proof)
    return found if asked == size else Frontier(size, found.nodes[:1])


def can_be_shown(size: int, new: Tree) -> bool:
    """Whether some consistency proof to `new` shows its frontier at `size` (1 and the last power of two are not)."""
    asked = asked_size(size)
    return size > 1 and asked < new.size and asked & (asked - 1) != 0


def older_frontier(log: Log, size: int, new: Tree) -> tuple[Frontier, tuple[bytes, ...]]:
    """The authentic frontier of the signed tree `new` at an older size, and the proof that shows it.

    Raises as the log does, Untrue when the proof does not fold into the signed root, Refused when none can show it.
    """
    if size == 0:
        return Frontier.empty(), ()
    if not can_be_shown(size, new):
        raise Refused(f"no proof shows the first {size} of {new.size} leaves", code="prefix-size")
    proof = tuple(log.consistency(asked_size(size), new.size))
    return shown_frontier(size, new, proof), proof


def open_block(frontier: Frontier) -> CompactRange:
    """What we have of the range of 256 leaves in which `frontier` ends."""
    begun = frontier.size % BLOCK
    nodes = frontier.nodes[len(frontier.nodes) - begun.bit_count() :] if begun else ()
    return CompactRange(frontier.size - begun, frontier.size, nodes)


def floor_frontier(frontier: Frontier) -> Frontier:
    """The frontier at the last multiple of 256."""
    begun = frontier.size % BLOCK
    return Frontier(frontier.size - begun, frontier.nodes[: len(frontier.nodes) - begun.bit_count()])


def own_frontier(start: Frontier, blocks: Mapping[int, bytes], size: int) -> Frontier | None:
    """Our frontier at `size`, a multiple of 256, from an older one and our stored hashes; None if some are missing."""
    at = floor_frontier(start)
    while at.size < size:
        node = blocks.get(at.size // BLOCK)
        if node is None:
            return None
        at = at.append_subtree(_HEIGHT, node)
    return at if at.size == size else None


def tail_frontiers(frontier: Frontier) -> list[Frontier]:
    """The frontiers at the borders of its own subtrees: known whatever else we have forgotten. Smallest first."""
    borders = [(index + 1) << level for level, index in decompose(0, frontier.size)]
    return [Frontier(size, frontier.nodes[: number + 1]) for number, size in enumerate(borders)]
