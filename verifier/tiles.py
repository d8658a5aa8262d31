"""Which tile holds this hash, and is that what the log signed?

C2SP tlog-tiles: tiles of height 8, 256 hashes wide; entry bundles beside them. Tiles are attacker-controlled until the
hashes above them, up to a signed root, say otherwise.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Literal

from verifier.errors import Malformed, Untrue
from verifier.merkle import (
    HASH_SIZE,
    MAX_SIZE,
    Frontier,
    Tree,
    consistency_path,
    decompose,
    inclusion_path,
)

TILE_WIDTH = 256
TILE_HEIGHT = 8
MAX_LEVEL = 63
MAX_ENTRY = 0xFFFF  # a bundle gives the length of an entry in two bytes
MAX_BUNDLE = TILE_WIDTH * (2 + MAX_ENTRY)  # bytes after decompression: the cap for whoever fetches
_KEPT = 512  # tiles in memory, 8 KiB each

LoadTile = Callable[[int, int, int], bytes]
"""(level, index, width) -> the bytes of a hash tile. Where a partial tile is gone, the loader cuts the full one."""


@dataclass(frozen=True, slots=True)
class BundleSlice:
    """The part [start, end) of entry bundle `index`, which is `width` entries wide in the tree at hand."""

    index: int
    width: int
    start: int
    end: int


def tile_path(level: int, index: int, width: int = TILE_WIDTH) -> str:
    """The path of a hash tile below a log's read URL, such as ``tile/0/x001/234.p/17``."""
    if not 0 <= level <= MAX_LEVEL:
        raise Malformed(f"there are no tiles of level {level}", code="tile-path")
    return f"tile/{level}/{_place(index, width)}"


def entries_path(index: int, width: int = TILE_WIDTH, kind: Literal["entries", "data"] = "entries") -> str:
    """The path of an entry bundle: ``tile/entries/...`` (Rekor v2) or ``tile/data/...`` (static-CT)."""
    return f"tile/{kind}/{_place(index, width)}"


def bundle_slices(start: int, end: int, size: int) -> Iterator[BundleSlice]:
    """The bundles that hold the entries [start, end) of a tree of `size`, in order, never wider than that tree."""
    if not 0 <= start <= end <= size <= MAX_SIZE:
        raise Malformed(f"no entries [{start}, {end}) in a tree of {size}", code="tile-range")
    for index in range(start // TILE_WIDTH, -(-end // TILE_WIDTH) if end > start else 0):
        first = index * TILE_WIDTH
        width = min(TILE_WIDTH, size - first)
        yield BundleSlice(index, width, max(start - first, 0), min(end - first, TILE_WIDTH))


def tile_width(level: int, index: int, size: int) -> int:
    """How many hashes the tile has in a tree of `size` leaves; 0 if it does not exist."""
    return max(0, min(TILE_WIDTH, (size >> (TILE_HEIGHT * level)) - index * TILE_WIDTH))


def parse_hash_tile(data: bytes, width: int) -> tuple[bytes, ...]:
    """The hashes of a tile; Malformed (``tile-length``) unless there are exactly `width`."""
    if len(data) != width * HASH_SIZE:
        raise Malformed(f"a tile of {width} hashes came with {len(data)} bytes", code="tile-length")
    return tuple(data[place : place + HASH_SIZE] for place in range(0, len(data), HASH_SIZE))


def parse_entry_bundle(data: bytes, width: int) -> list[bytes]:
    """The entries of a bundle, each behind its 16-bit length; Malformed (``bundle-length``) unless exactly `width`."""
    entries: list[bytes] = []
    place, end = 0, len(data)
    while place < end and len(entries) < width:
        start = place + 2
        place = start + int.from_bytes(data[place:start], "big")
        entries.append(data[start:place])
    if place != end or len(entries) != width:
        found = f"{len(entries)} entries" + ("" if place == end else ", then cut or followed by more")
        raise Malformed(f"a bundle of {width} entries came with {found} in {end} bytes", code="bundle-length")
    return entries


class TileReader:
    """Proofs of a tree of `size` leaves, out of its tiles.

    With the signed `root`, every tile is checked before use: the right edge against the root, the others against their
    parent; Untrue (code ``tile``) names the one that differs. Without it, check the finished proof.
    """

    def __init__(self, size: int, load: LoadTile, root: bytes | None = None) -> None:
        if not 0 <= size <= MAX_SIZE:
            raise Malformed(f"{size} is no tree size", code="tree-size")
        self.size = size
        self._load = load
        self._root = root
        self._tiles: dict[tuple[int, int], bytes] = {}
        self._edge: dict[tuple[int, int], bytes] | None = None

    def node(self, level: int, index: int) -> bytes:
        """The hash of the perfect subtree over the leaves [index << level, (index + 1) << level)."""
        if level < 0 or index < 0 or (index + 1) << level > self.size:
            raise Malformed(f"subtree {index} of height {level} is not in {self.size} leaves", code="tile-range")
        tile_level, rest = divmod(level, TILE_HEIGHT)
        tile, offset = divmod(index << rest, TILE_WIDTH)
        data = self._tile(tile_level, tile)
        return _fold(data[offset * HASH_SIZE : (offset + (1 << rest)) * HASH_SIZE])

    def frontier(self, size: int | None = None) -> Frontier:
        """The frontier of the first `size` leaves (all of them by default)."""
        end = self.size if size is None else size
        if not 0 <= end <= self.size:
            raise Malformed(f"no frontier of {end} in a tree of {self.size}", code="tile-range")
        return Frontier(end, tuple(self.node(*spot) for spot in decompose(0, end)))

    def root(self, size: int | None = None) -> bytes:
        """The root of the first `size` leaves (all of them by default)."""
        return self.frontier(size).root

    def tree(self, size: int | None = None) -> Tree:
        """Size and root of the first `size` leaves (all of them by default)."""
        return self.frontier(size).tree

    def inclusion(self, index: int, size: int | None = None) -> list[bytes]:
        """The inclusion proof of leaf `index` in the tree of `size` leaves."""
        return inclusion_path(index, self.size if size is None else size, self.node)

    def consistency(self, old: int, new: int | None = None) -> list[bytes]:
        """The consistency proof from `old` to `new` leaves."""
        return consistency_path(old, self.size if new is None else new, self.node)

    def _tile(self, level: int, index: int) -> bytes:
        key = (level, index)
        if self._root is not None and self._edge is None:
            self._edge = self._authenticated_edge(self._root)
        found = (self._edge or {}).get(key) or self._tiles.get(key)
        if found is not None:
            return found
        data = self._fetch(level, index)
        if self._root is not None:
            self._check_against_parent(level, index, data)
        while len(self._tiles) >= _KEPT:
            del self._tiles[next(iter(self._tiles))]
        self._tiles[key] = data
        return data

    def _fetch(self, level: int, index: int) -> bytes:
        width = tile_width(level, index, self.size)
        if not width:
            raise Malformed(f"tile {index} of level {level} is not in {self.size} leaves", code="tile-range")
        data = self._load(level, index, width)
        if len(data) != width * HASH_SIZE:
            raise Malformed(
                f"{tile_path(level, index, width)} came with {len(data)} bytes",
                code="tile-length",
                evidence={"tile": data[: TILE_WIDTH * HASH_SIZE]},
            )
        return data

    def _authenticated_edge(self, root: bytes) -> dict[tuple[int, int], bytes]:
        """The partial tiles: together they are exactly what the root hashes, so it vouches for every byte."""
        edge: dict[tuple[int, int], bytes] = {}
        nodes: list[bytes] = []
        for level, index in decompose(0, self.size):
            tile_level, rest = divmod(level, TILE_HEIGHT)
            tile, offset = divmod(index << rest, TILE_WIDTH)
            key = (tile_level, tile)
            if key not in edge:
                edge[key] = self._fetch(*key)
            nodes.append(_fold(edge[key][offset * HASH_SIZE : (offset + (1 << rest)) * HASH_SIZE]))
        found = Frontier(self.size, tuple(nodes)).root
        if found != root:
            raise Untrue(
                f"the newest tiles do not hash to the signed root of {self.size} leaves",
                code="tile",
                evidence={"root": root, "computed-root": found},
            )
        return edge

    def _check_against_parent(self, level: int, index: int, data: bytes) -> None:
        """A full tile is one hash in the tile above it (which is checked the same way, up to the right edge)."""
        above, offset = divmod(index, TILE_WIDTH)
        parent = self._tile(level + 1, above)
        if _fold(data) != parent[offset * HASH_SIZE : (offset + 1) * HASH_SIZE]:
            raise Untrue(
                f"{tile_path(level, index)} does not hash to what the tile above it says",
                code="tile",
                evidence={"tile": data, "parent": parent},
            )


def _fold(data: bytes) -> bytes:
    """The root of the perfect subtree over these hashes (their number is a power of two)."""
    hashes = [data[place : place + HASH_SIZE] for place in range(0, len(data), HASH_SIZE)]
    while len(hashes) > 1:
        pairs = iter(hashes)
        hashes = [sha256(b"\x01" + left + right).digest() for left, right in zip(pairs, pairs, strict=True)]
    return hashes[0]


def _place(index: int, width: int) -> str:
    """``x001/x234/067`` for 1234067, with ``.p/W`` behind it when partial."""
    if not 0 <= index < 1 << 55 or not 1 <= width <= TILE_WIDTH:
        raise Malformed(f"there is no tile {index} of width {width}", code="tile-path")
    groups = [f"{index % 1000:03}"]
    while index := index // 1000:
        groups.append(f"x{index % 1000:03}")
    path = "/".join(reversed(groups))
    return path if width == TILE_WIDTH else f"{path}.p/{width}"
