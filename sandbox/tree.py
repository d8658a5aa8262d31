"""What does an honest log's Merkle tree answer: roots, proofs and tiles at every size it ever had?

Written from RFC 9162 section 2.1 and C2SP tlog-tiles on its own, not with the verifier's code: it is what the verifier
is tested against.
"""

import hashlib
from collections.abc import Iterable
from typing import Self

HASH = 32
_REMEMBERED = 4096
EMPTY_ROOT = hashlib.sha256(b"").digest()


def leaf_hash(data: bytes) -> bytes:
    """SHA-256 of 0x00 and the leaf's bytes."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256 of 0x01 and the two children."""
    return hashlib.sha256(b"\x01" + left + right).digest()


class Tree:
    """A growing tree that keeps the hash of every perfect subtree; `levels[k]` holds those of 2**k leaves in a row."""

    def __init__(self, leaf_hashes: Iterable[bytes] = ()) -> None:
        self.levels: list[bytearray] = [bytearray()]
        self._ragged: dict[tuple[int, int], bytes] = {}
        for digest in leaf_hashes:
            self.append(digest)

    @property
    def size(self) -> int:
        """How many leaves there are."""
        return len(self.levels[0]) // HASH

    def append(self, digest: bytes) -> int:
        """Add a leaf hash; its index."""
        index = self.size
        height = 0
        while True:
            if height == len(self.levels):
                self.levels.append(bytearray())
            row = self.levels[height]
            row += digest
            if len(row) // HASH % 2:
                return index
            digest = hashlib.sha256(b"\x01" + row[-2 * HASH :]).digest()
            height += 1

    def copy(self, size: int) -> Self:
        """An independent tree of the first `size` leaves."""
        other = type(self)()
        other.levels = [row[: (size >> height) * HASH] for height, row in enumerate(self.levels)]
        return other

    def node(self, height: int, index: int) -> bytes:
        """The hash of the perfect subtree of 2**height leaves number `index`."""
        return bytes(self.levels[height][index * HASH : (index + 1) * HASH])

    def root(self, size: int | None = None) -> bytes:
        """The root over the first `size` leaves."""
        return self._range(0, self.size if size is None else size)

    def inclusion(self, index: int, size: int) -> list[bytes]:
        """The audit path of a leaf in the tree of `size`, leaf side first (RFC 9162, 2.1.3)."""
        low, high, path = 0, size, list[bytes]()
        while high - low > 1:
            middle = low + _largest_power_below(high - low)
            if index < middle:
                path.append(self._range(middle, high))
                high = middle
            else:
                path.append(self._range(low, middle))
                low = middle
        return path[::-1]

    def consistency(self, old: int, new: int) -> list[bytes]:
        """The proof that the tree of `new` begins with the tree of `old` (RFC 9162, 2.1.4)."""
        if old in (0, new):
            return []
        low, high, path = 0, new, list[bytes]()
        while old != high:
            middle = low + _largest_power_below(high - low)
            if old <= middle:
                path.append(self._range(middle, high))
                high = middle
            else:
                path.append(self._range(low, middle))
                low = middle
        if low:
            path.append(self._range(low, high))
        return path[::-1]

    def tile(self, level: int, index: int, width: int = 256) -> bytes:
        """The bytes of one hash tile; shorter than asked for where the tree does not reach."""
        if 8 * level >= len(self.levels):
            return b""
        start = index * 256 * HASH
        return bytes(self.levels[8 * level][start : start + width * HASH])

    def _range(self, low: int, high: int) -> bytes:
        """Root of the leaves [low, high), low a multiple of the largest subtree in it; ragged ones are remembered."""
        if low == high:
            return EMPTY_ROOT
        height = (high - low).bit_length() - 1
        if high - low == 1 << height:
            return self.node(height, low >> height)
        if (known := self._ragged.get((low, high))) is None:
            middle = low + (1 << height)
            known = node_hash(self.node(height, low >> height), self._range(middle, high))
            if len(self._ragged) >= _REMEMBERED:
                self._ragged.clear()
            self._ragged[low, high] = known
        return known


def _largest_power_below(count: int) -> int:
    return 1 << ((count - 1).bit_length() - 1)
