"""Does a tree contain this leaf, or that older tree?

RFC 6962 trees. Proofs are attacker-controlled: an exact length, exact hash sizes, then the signed root decides.
The hashing itself is in `verifier.compact`; its names are offered here too.
"""

from collections.abc import Callable, Sequence

from verifier.compact import (
    EMPTY_ROOT,
    HASH_SIZE,
    MAX_SIZE,
    CompactRange,
    Frontier,
    Tree,
    decompose,
    hash_leaf,
    hash_node,
)
from verifier.errors import Malformed, Refused, Untrue

__all__ = [
    "EMPTY_ROOT",
    "HASH_SIZE",
    "MAX_SIZE",
    "CompactRange",
    "Frontier",
    "NodeHash",
    "Tree",
    "check_consistency",
    "check_inclusion",
    "consistency_path",
    "decompose",
    "frontier_from_consistency",
    "hash_leaf",
    "hash_node",
    "inclusion_path",
    "prefix_frontier",
    "range_hash",
    "root_from_inclusion",
]

NodeHash = Callable[[int, int], bytes]
"""(level, index) -> hash of the perfect subtree over the leaves [index << level, (index + 1) << level)."""


def root_from_inclusion(index: int, size: int, leaf_hash: bytes, proof: Sequence[bytes]) -> bytes:
    """The root that an inclusion proof leads to (RFC 9162 section 2.1.3.2); Untrue if the proof cannot fit."""
    if not 0 <= index < size <= MAX_SIZE:
        raise Untrue(f"leaf {index} is not in a tree of {size} leaves", code="inclusion-proof")
    inner = (index ^ (size - 1)).bit_length()
    # The exact length is what stops an inner node from being passed off as a leaf.
    _check_proof("inclusion-proof", proof, inner + (index >> inner).bit_count())
    if len(leaf_hash) != HASH_SIZE:
        raise Untrue("the leaf hash is not 32 bytes", code="inclusion-proof")
    node = leaf_hash
    for level, other in enumerate(proof):
        node = hash_node(other, node) if level >= inner or (index >> level) & 1 else hash_node(node, other)
    return node


def check_inclusion(index: int, size: int, leaf_hash: bytes, proof: Sequence[bytes], root: bytes) -> None:
    """Raise Untrue unless `leaf_hash` is leaf `index` of the tree with this size and root."""
    found = root_from_inclusion(index, size, leaf_hash, proof)
    if found != root:
        raise Untrue(
            f"the inclusion proof of leaf {index} leads to another root than that of the tree of {size} leaves",
            code="inclusion-proof",
            evidence={"leaf-hash": leaf_hash, "proof": b"".join(proof), "root": root, "computed-root": found},
        )


def check_consistency(old: Tree, new: Tree, proof: Sequence[bytes]) -> None:
    """Raise Untrue unless `new` is `old` with leaves appended (RFC 9162 section 2.1.4.2).

    Equal sizes need equal roots and no proof. Size 0 needs the empty root and no proof (and proves nothing).
    """
    if not 0 <= old.size <= new.size <= MAX_SIZE:
        raise Untrue(f"a tree of {old.size} leaves cannot grow to {new.size}", code="consistency-proof")
    if old.size in (0, new.size):
        _check_proof("consistency-proof", proof, 0)
        same = old.root == (new.root if old.size else EMPTY_ROOT) and (new.size > 0 or new.root == EMPTY_ROOT)
        old_root, new_root = (old.root, new.root) if same else (b"", b"")
    else:
        frontier, new_root = _unfold_consistency(old, new.size, proof)
        old_root = Frontier(old.size, frontier).root
    if old_root != old.root or new_root != new.root:
        raise Untrue(
            f"the tree of {new.size} leaves is not the tree of {old.size} leaves with leaves appended",
            code="consistency-proof",
            evidence={"old-root": old.root, "new-root": new.root, "proof": b"".join(proof)},
        )


def frontier_from_consistency(old: Tree, new: Tree, proof: Sequence[bytes]) -> Frontier:
    """The frontier of `old`, out of a proof that it grew to `new`, once that proof holds.

    Every hash that rebuilds the old root is a subtree of its binary decomposition, so a proof of real growth (or an
    old size that is 0 or a power of two) contains the whole frontier. Untrue if the proof fails or does not.
    """
    check_consistency(old, new, proof)
    if old.size & (old.size - 1) == 0:
        return Frontier(old.size, (old.root,) if old.size else ())
    if old.size == new.size:
        raise Untrue(
            f"a proof between two trees of {old.size} leaves contains no frontier",
            code="consistency-proof",
            hint="wait until the log has grown, or read the nodes from its tiles",
        )
    return Frontier(old.size, _unfold_consistency(old, new.size, proof)[0])


def prefix_frontier(size: int, new: Tree, proof: Sequence[bytes]) -> Frontier:
    """The frontier that the tree `new` has at an older `size`, out of the consistency proof, with no older root known.

    All hashes of the proof fold into the root of `new`, so they are its own. A proof from a power of two leaves out the
    first subtree, so there is nothing to derive: Refused. Untrue if the proof does not fold into the root.
    """
    if not 0 < size < new.size or size & (size - 1) == 0:
        raise Refused(f"no proof to {new.size} leaves shows the frontier at {size}", code="prefix-size")
    nodes, root = _unfold_consistency(Tree(size, b""), new.size, proof)
    if root != new.root:
        raise Untrue(
            f"the proof from {size} leaves does not lead to the root of the tree of {new.size} leaves",
            code="consistency-proof",
            evidence={"new-root": new.root, "proof": b"".join(proof)},
        )
    return Frontier(size, nodes)


def range_hash(start: int, end: int, node: NodeHash) -> bytes:
    """The hash of the subtree over the leaves [start, end): `start` aligned, the right edge may be ragged."""
    above = b""
    for level, index in reversed(list(decompose(start, end))):
        found = node(level, index)
        above = hash_node(found, above) if above else found
    return above or EMPTY_ROOT


def inclusion_path(index: int, size: int, node: NodeHash) -> list[bytes]:
    """The inclusion proof of leaf `index` in the tree of `size` leaves (RFC 9162 section 2.1.3.1)."""
    if not 0 <= index < size:
        raise Malformed(f"leaf {index} is not in a tree of {size} leaves", code="path-bounds")
    low, high, path = 0, size, []
    while high - low > 1:
        middle = low + _split(high - low)
        if index < middle:
            path.append(range_hash(middle, high, node))
            high = middle
        else:
            path.append(range_hash(low, middle, node))
            low = middle
    return path[::-1]


def consistency_path(old: int, new: int, node: NodeHash) -> list[bytes]:
    """The proof that the tree of `old` leaves is the start of that of `new` leaves (RFC 9162 section 2.1.4.1)."""
    if not 0 <= old <= new:
        raise Malformed(f"a tree of {old} leaves cannot grow to {new}", code="path-bounds")
    if old in (0, new):
        return []
    low, high, path = 0, new, []
    while old != high:
        middle = low + _split(high - low)
        if old <= middle:
            path.append(range_hash(middle, high, node))
            high = middle
        else:
            path.append(range_hash(low, middle, node))
            low = middle
    if low:  # else the old root itself is the first subtree, and the checker has it
        path.append(range_hash(low, high, node))
    return path[::-1]


def _split(size: int) -> int:
    """The largest power of two below `size` (RFC 6962 section 2.1)."""
    return 1 << ((size - 1).bit_length() - 1)


def _unfold_consistency(old: Tree, size: int, proof: Sequence[bytes]) -> tuple[tuple[bytes, ...], bytes]:
    """The frontier of the old tree (0 < old.size < size) and the root of the new one, as the proof says."""
    shift = (old.size & -old.size).bit_length() - 1
    mask = (old.size - 1) >> shift
    inner = ((old.size - 1) ^ (size - 1)).bit_length() - shift
    expected = inner + (mask >> inner).bit_count()
    if mask:
        _check_proof("consistency-proof", proof, expected + 1)
        seed, rest = proof[0], proof[1:]
    else:  # a power of two: the old root is the first subtree, so it is not sent
        _check_proof("consistency-proof", proof, expected)
        seed, rest = old.root, proof
    frontier, node = [seed], seed
    for level, other in enumerate(rest):
        if level >= inner or (mask >> level) & 1:
            frontier.append(other)
            node = hash_node(other, node)
        else:
            node = hash_node(node, other)
    return tuple(reversed(frontier)), node


def _check_proof(code: str, proof: Sequence[bytes], length: int) -> None:
    if len(proof) != length:
        raise Untrue(f"a proof of {length} hashes was needed, {len(proof)} came", code=code)
    if any(len(node) != HASH_SIZE for node in proof):
        raise Untrue("a hash in the proof is not 32 bytes", code=code)
