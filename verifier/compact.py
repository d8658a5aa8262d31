"""Which root do these leaves have, without keeping the leaves?

RFC 6962 hashing and compact ranges (an append-only tree needs at most one hash per level). See `verifier.merkle`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256

from verifier.errors import Malformed

HASH_SIZE = 32
MAX_SIZE = 2**63 - 1  # int64 everywhere in Sigstore (proto, Trillian, tessera)
EMPTY_ROOT: bytes = sha256(b"").digest()

_Node = tuple[int, int]  # (level, index): the perfect subtree over leaves [index << level, (index + 1) << level)


def hash_leaf(data: bytes) -> bytes:
    """The leaf hash, SHA-256(0x00 || data) (RFC 6962 section 2.1)."""
    return sha256(b"\x00" + data).digest()


def hash_node(left: bytes, right: bytes) -> bytes:
    """The hash of an inner node, SHA-256(0x01 || left || right) (RFC 6962 section 2.1)."""
    return sha256(b"\x01" + left + right).digest()


@dataclass(frozen=True, slots=True)
class Tree:
    """A claim about a log: its first `size` leaves have this `root` (32 bytes)."""

    size: int
    root: bytes


@dataclass(frozen=True, slots=True)
class CompactRange:
    """The leaves [start, end) as hashes of the maximal aligned perfect subtrees that cover them, left to right."""

    start: int
    end: int
    nodes: tuple[bytes, ...]

    def __post_init__(self) -> None:
        if not 0 <= self.start <= self.end <= MAX_SIZE:
            raise Malformed(f"[{self.start}, {self.end}) is no range of leaves", code="range-bounds")
        _check_nodes(self.nodes, _node_count(self.start, self.end))

    @property
    def size(self) -> int:
        """How many leaves are covered."""
        return self.end - self.start

    @classmethod
    def empty(cls, start: int) -> "CompactRange":
        """The range [start, start)."""
        return cls(start, start, ())

    @classmethod
    def of_leaves(cls, start: int, leaf_hashes: Sequence[bytes]) -> "CompactRange":
        """The range of these leaf hashes, the first at `start`. The hot path of a scan: one pass per tree level."""
        end = start + len(leaf_hashes)
        if set(map(len, leaf_hashes)) - {HASH_SIZE}:
            raise Malformed("a leaf hash is not 32 bytes", code="hash-size")
        hashes, low, left, right = list(leaf_hashes), start, [], []
        while hashes:
            if low & 1:  # no left sibling inside the range: this node is maximal
                left.append(hashes.pop(0))
                low += 1
            if len(hashes) & 1:
                right.append(hashes.pop())
            pairs = iter(hashes)
            hashes = [sha256(b"\x01" + one + other).digest() for one, other in zip(pairs, pairs, strict=True)]
            low >>= 1
        return cls(start, end, (*left, *reversed(right)))

    def extend(self, right: "CompactRange") -> "CompactRange":
        """This range followed by `right`, which must start where this one ends (else Malformed)."""
        if right.start != self.end:
            raise Malformed(f"leaves [{self.end}, {right.start}) are missing between two ranges", code="range-gap")
        spots = list(decompose(self.start, self.end))
        hashes = list(self.nodes)
        for spot, node in zip(decompose(right.start, right.end), right.nodes, strict=True):
            spots.append(spot)
            hashes.append(node)
            while len(spots) > 1 and _siblings(spots[-2], spots[-1]):
                level, index = spots.pop()
                spots[-1] = (level + 1, index >> 1)
                other = hashes.pop()
                hashes[-1] = hash_node(hashes[-1], other)
        return CompactRange(self.start, right.end, tuple(hashes))

    def to_bytes(self) -> bytes:
        """Start and end as 8 bytes big-endian each, then the hashes."""
        return self.start.to_bytes(8, "big") + self.end.to_bytes(8, "big") + b"".join(self.nodes)

    @classmethod
    def from_bytes(cls, data: bytes) -> "CompactRange":
        """The inverse of `to_bytes`; Malformed unless the number of hashes is exactly the one the bounds imply."""
        if len(data) < 16:
            raise Malformed("a stored range is shorter than its header", code="range-bytes")
        return cls(int.from_bytes(data[:8], "big"), int.from_bytes(data[8:16], "big"), _split_hashes(data[16:]))


@dataclass(frozen=True, slots=True)
class Frontier:
    """What is needed to go on hashing a tree of `size` leaves: its compact range from leaf 0."""

    size: int
    nodes: tuple[bytes, ...]

    def __post_init__(self) -> None:
        if not 0 <= self.size <= MAX_SIZE:
            raise Malformed(f"{self.size} is no tree size", code="tree-size")
        _check_nodes(self.nodes, self.size.bit_count())

    @classmethod
    def empty(cls) -> "Frontier":
        """The frontier of the tree without leaves."""
        return cls(0, ())

    @property
    def root(self) -> bytes:
        """The root of the tree."""
        if not self.nodes:
            return EMPTY_ROOT
        above = self.nodes[-1]
        for node in reversed(self.nodes[:-1]):
            above = hash_node(node, above)
        return above

    @property
    def tree(self) -> Tree:
        """Size and root."""
        return Tree(self.size, self.root)

    def as_range(self) -> CompactRange:
        """The same hashes as the range [0, size)."""
        return CompactRange(0, self.size, self.nodes)

    def append(self, leaf_hash: bytes) -> "Frontier":
        """The frontier with one more leaf."""
        return self.append_subtree(0, leaf_hash)

    def append_subtree(self, height: int, node: bytes) -> "Frontier":
        """The frontier with the 2**height leaves under `node` added; Malformed unless the place is aligned."""
        if not 0 <= height < 63 or self.size % (1 << height):
            raise Malformed(f"no subtree of height {height} can follow {self.size} leaves", code="range-alignment")
        return self.extend(CompactRange(self.size, self.size + (1 << height), (node,)))

    def extend(self, right: CompactRange) -> "Frontier":
        """The frontier with the leaves of `right` added, which must start at our size (else Malformed)."""
        grown = self.as_range().extend(right)
        return Frontier(grown.end, grown.nodes)

    def to_bytes(self) -> bytes:
        """The size as 8 bytes big-endian, then the hashes."""
        return self.size.to_bytes(8, "big") + b"".join(self.nodes)

    @classmethod
    def from_bytes(cls, data: bytes) -> "Frontier":
        """The inverse of `to_bytes`; Malformed unless the number of hashes is the number of one bits in the size."""
        if len(data) < 8:
            raise Malformed("a stored frontier is shorter than its header", code="range-bytes")
        return cls(int.from_bytes(data[:8], "big"), _split_hashes(data[8:]))


def decompose(start: int, end: int) -> Iterator[_Node]:
    """The maximal aligned perfect subtrees that cover the leaves [start, end), left to right, as (level, index)."""
    while start < end:
        level = (end - start).bit_length() - 1
        if start:
            level = min(level, (start & -start).bit_length() - 1)
        yield level, start >> level
        start += 1 << level


def _check_nodes(nodes: Sequence[bytes], count: int) -> None:
    if len(nodes) != count:
        raise Malformed(f"{count} subtree hashes were needed, {len(nodes)} came", code="range-nodes")
    if any(len(node) != HASH_SIZE for node in nodes):
        raise Malformed("a subtree hash is not 32 bytes", code="hash-size")


def _node_count(start: int, end: int) -> int:
    return sum(1 for _ in decompose(start, end))


def _split_hashes(data: bytes) -> tuple[bytes, ...]:
    if len(data) % HASH_SIZE:
        raise Malformed("stored hashes end in the middle of one", code="range-bytes")
    return tuple(data[place : place + HASH_SIZE] for place in range(0, len(data), HASH_SIZE))


def _siblings(left: _Node, right: _Node) -> bool:
    return left[0] == right[0] and left[1] % 2 == 0
