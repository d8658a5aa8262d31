"""Do tiles give the same roots and proofs as the leaves, and is every altered tile named?"""

from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from verifier.errors import Malformed, Untrue
from verifier.merkle import (
    EMPTY_ROOT,
    CompactRange,
    Frontier,
    Tree,
    check_consistency,
    check_inclusion,
    hash_leaf,
    hash_node,
)
from verifier.tiles import (
    BundleSlice,
    TileReader,
    bundle_slices,
    entries_path,
    parse_entry_bundle,
    parse_hash_tile,
    tile_path,
    tile_width,
)

TOP = 70_000
SIZES = [0, 1, 2, 3, 255, 256, 257, 511, 512, 513, 700, 65_535, 65_536, 65_537, 70_000]


@cache
def level_hashes(level: int) -> list[bytes]:
    """All complete nodes at one tree level over TOP leaves."""
    if level == 0:
        return [hash_leaf(b"%d" % number) for number in range(TOP)]
    below = level_hashes(level - 1)
    return [hash_node(below[at], below[at + 1]) for at in range(0, len(below) - 1, 2)]


def tree(size: int) -> Tree:
    return Tree(size, Frontier.empty().extend(CompactRange.of_leaves(0, level_hashes(0)[:size])).root)


class Shelf:
    """Tiles of the tree, and a record of what was asked for; one tile can be altered."""

    def __init__(self, size: int, alter: tuple[int, int] | None = None) -> None:
        self.size = size
        self.alter = alter
        self.asked: list[tuple[int, int, int]] = []

    def load(self, level: int, index: int, width: int) -> bytes:
        assert width == tile_width(level, index, self.size), "only what the size implies may be asked for"
        self.asked.append((level, index, width))
        data = b"".join(level_hashes(8 * level)[256 * index : 256 * index + width])
        if self.alter == (level, index):
            return data[:-1] + bytes([data[-1] ^ 1])
        return data


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("checked", [True, False])
def test_roots_and_proofs_from_tiles(size: int, checked: bool) -> None:
    shelf, head = Shelf(size), tree(size)
    reader = TileReader(size, shelf.load, head.root if checked else None)
    assert reader.tree() == head
    assert reader.root() == head.root
    assert reader.frontier().tree == head
    places = sorted({0, 1, 254, 255, 256, size // 2, size - 257, size - 2, size - 1})
    for index in places:
        if 0 <= index < size:
            check_inclusion(index, size, level_hashes(0)[index], reader.inclusion(index), head.root)
            older = index + 1
            assert reader.tree(older) == tree(older)
            check_consistency(tree(older), head, reader.consistency(older))
            check_inclusion(index, older, level_hashes(0)[index], reader.inclusion(index, older), tree(older).root)
    assert len(set(shelf.asked)) == len(shelf.asked), "no tile is fetched twice"


def test_the_empty_tree() -> None:
    assert TileReader(0, Shelf(0).load, EMPTY_ROOT).root() == EMPTY_ROOT


@pytest.mark.parametrize("altered", [(0, 0), (0, 5), (0, 255), (0, 272), (0, 273), (1, 0), (1, 1), (2, 0)])
def test_every_altered_tile_is_refused_before_use(altered: tuple[int, int]) -> None:
    size = TOP
    reader = TileReader(size, Shelf(size, altered).load, tree(size).root)
    with pytest.raises(Untrue) as caught:
        reader.node(0, altered[1] << (8 * altered[0] + 8))
    assert caught.value.code == "tile"


def test_a_tile_beside_the_altered_one_can_still_be_read() -> None:
    reader = TileReader(TOP, Shelf(TOP, (0, 5)).load, tree(TOP).root)
    assert reader.node(0, 6 * 256) == level_hashes(0)[6 * 256]
    with pytest.raises(Untrue) as caught:
        reader.node(0, 5 * 256)
    assert "tile/0/005" in caught.value.message
    assert len(caught.value.evidence["tile"]) == 8192


def test_a_wrong_root_refuses_everything() -> None:
    for size in (1, 300, TOP):
        reader = TileReader(size, Shelf(size).load, tree(size - 1).root)
        with pytest.raises(Untrue):
            reader.node(0, 0)


def test_without_a_root_an_altered_tile_gives_a_proof_that_does_not_hold() -> None:
    reader = TileReader(TOP, Shelf(TOP, (0, 5)).load)
    with pytest.raises(Untrue):
        check_inclusion(5 * 256 + 3, TOP, level_hashes(0)[5 * 256 + 3], reader.inclusion(5 * 256 + 3), tree(TOP).root)


@pytest.mark.parametrize("wrong", [b"", b"x" * 31, b"x" * 8191, b"x" * 8193, b"x" * (8192 * 2)])
def test_tiles_of_the_wrong_length_are_malformed(wrong: bytes) -> None:
    reader = TileReader(700, lambda level, index, width: wrong)
    with pytest.raises(Malformed) as caught:
        reader.node(0, 0)
    assert caught.value.code == "tile-length"


def test_what_is_outside_the_tree_is_malformed() -> None:
    reader = TileReader(700, Shelf(700).load)
    for level, index in ((0, 700), (0, -1), (-1, 0), (9, 1), (10, 0), (70, 0)):
        with pytest.raises(Malformed):
            reader.node(level, index)
    for size in (-1, 701):
        with pytest.raises(Malformed):
            reader.frontier(size)
    with pytest.raises(Malformed):
        TileReader(-1, Shelf(0).load)


def test_memory_is_bounded_and_forgotten_tiles_come_again() -> None:
    shelf = Shelf(TOP)
    reader = TileReader(TOP, shelf.load, tree(TOP).root)
    for _ in range(3):
        for index in range(0, TOP, 256):
            assert reader.node(0, index) == level_hashes(0)[index]
    assert len(shelf.asked) == len(set(shelf.asked))  # 276 tiles fit


def test_more_tiles_than_memory_are_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("verifier.tiles._KEPT", 3)
    shelf = Shelf(TOP)
    reader = TileReader(TOP, shelf.load, tree(TOP).root)
    for index in [*range(0, 10 * 256, 256), 0]:
        assert reader.node(0, index) == level_hashes(0)[index]
    assert shelf.asked.count((0, 0, 256)) == 2


@pytest.mark.parametrize(
    ("level", "index", "width", "path"),
    [
        (0, 0, 256, "tile/0/000"),
        (0, 5, 256, "tile/0/005"),
        (0, 1000, 256, "tile/0/x001/000"),
        (3, 1234067, 256, "tile/3/x001/x234/067"),
        (0, 1234, 17, "tile/0/x001/234.p/17"),
        (63, 0, 1, "tile/63/000.p/1"),
        (1, 999, 255, "tile/1/999.p/255"),
    ],
)
def test_paths(level: int, index: int, width: int, path: str) -> None:
    assert tile_path(level, index, width) == path
    assert entries_path(index, width) == path.replace(f"tile/{level}", "tile/entries")
    assert entries_path(index, width, "data") == path.replace(f"tile/{level}", "tile/data")


@pytest.mark.parametrize(
    ("level", "index", "width"), [(-1, 0, 256), (64, 0, 256), (0, -1, 256), (0, 0, 0), (0, 0, 257)]
)
def test_there_are_no_such_paths(level: int, index: int, width: int) -> None:
    with pytest.raises(Malformed):
        tile_path(level, index, width)


def test_widths_of_the_published_example() -> None:
    """C2SP tlog-tiles: size 70000 has 273 full tiles and 112, one full and 17, and 1."""
    widths = [[tile_width(level, index, 70_000) for index in range(300)] for level in range(4)]
    assert [(row.count(256), [w for w in row if 0 < w < 256]) for row in widths] == [
        (273, [112]),
        (1, [17]),
        (0, [1]),
        (0, []),
    ]


def test_hash_tiles() -> None:
    data = bytes(range(64))
    assert parse_hash_tile(data, 2) == (data[:32], data[32:])
    for wrong in (data[:-1], data + b"\0", b"", data[:32]):
        with pytest.raises(Malformed):
            parse_hash_tile(wrong, 2)


def bundle(entries: list[bytes]) -> bytes:
    return b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries)


@given(st.lists(st.binary(max_size=300), min_size=1, max_size=256))
def test_bundles_round_trip(entries: list[bytes]) -> None:
    data = bundle(entries)
    assert parse_entry_bundle(data, len(entries)) == entries
    wrong = [data + b"\0", data + b"\0\0", data[:-1], data[1:], bundle(entries[:-1]), bundle([*entries, b""])]
    for bad in wrong:
        if bad != data:
            with pytest.raises(Malformed) as caught:
                parse_entry_bundle(bad, len(entries))
            assert caught.value.code == "bundle-length"


def test_the_largest_entry_fits() -> None:
    assert parse_entry_bundle(bundle([b"x" * 65535] * 256), 256)[255] == b"x" * 65535


@given(st.binary(max_size=100), st.integers(1, 256))
def test_no_bytes_crash_a_bundle(data: bytes, width: int) -> None:
    try:
        assert bundle(parse_entry_bundle(data, width)) == data
    except Malformed:
        return


@settings(max_examples=200)
@given(st.integers(0, 3000), st.integers(0, 3000), st.integers(0, 3000))
def test_bundle_slices_cover_a_range_once_and_never_beyond_the_size(one: int, two: int, three: int) -> None:
    start, end, size = sorted((one, two, three))
    found: list[int] = []
    for part in bundle_slices(start, end, size):
        assert 0 <= part.start < part.end <= part.width <= 256
        assert part.index * 256 + part.width <= size
        found += range(part.index * 256 + part.start, part.index * 256 + part.end)
    assert found == list(range(start, end))


def test_bundle_slices_example_and_bounds() -> None:
    assert list(bundle_slices(250, 520, 600)) == [
        BundleSlice(0, 256, 250, 256),
        BundleSlice(1, 256, 0, 256),
        BundleSlice(2, 88, 0, 8),
    ]
    assert list(bundle_slices(5, 5, 5)) == []
    for start, end, size in ((-1, 5, 5), (5, 4, 5), (0, 6, 5)):
        with pytest.raises(Malformed):
            list(bundle_slices(start, end, size))
