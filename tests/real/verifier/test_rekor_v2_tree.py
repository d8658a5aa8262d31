"""Does everything that the real Rekor v2 server signed hold, from its tiles up?"""

import json
from functools import cache
from pathlib import Path

import pytest

from verifier.checkpoint import Checkpoint, open_checkpoint
from verifier.errors import Malformed, Untrue
from verifier.jsonstrict import b64, integer, loads
from verifier.merkle import (
    CompactRange,
    Frontier,
    check_consistency,
    check_inclusion,
    frontier_from_consistency,
    hash_leaf,
)
from verifier.note import NoteKey
from verifier.tiles import TileReader, bundle_slices, entries_path, parse_entry_bundle, parse_hash_tile, tile_path
from verifier.trust import TrustedRoot

ORIGIN = "log2026-1.example.test"
SIZE = 3111


@pytest.fixture(scope="module")
def folder(real_data: Path) -> Path:
    return real_data / "logs" / "rekor-v2"


@cache
def leaves(folder: Path) -> list[bytes]:
    entries: list[bytes] = []
    for part in bundle_slices(0, SIZE, SIZE):
        entries += parse_entry_bundle((folder / entries_path(part.index, part.width)).read_bytes(), part.width)
    return [hash_leaf(entry) for entry in entries]


@cache
def keys(folder: Path) -> list[NoteKey]:
    return [NoteKey.from_vkey((folder / "log.vkey").read_text())]


@cache
def heads(folder: Path) -> list[Checkpoint]:
    files = sorted((folder / "checkpoints").iterdir(), key=lambda file: int(file.name))
    return [open_checkpoint(file.read_bytes(), keys(folder), origin=ORIGIN) for file in files]


def reader(folder: Path, size: int = SIZE) -> TileReader:
    def load(level: int, index: int, width: int) -> bytes:
        file = folder / tile_path(level, index, width)
        if file.is_file():
            return file.read_bytes()
        for wider in range(width + 1, 257):  # collected, or written later: a wider one is cut, as a client would do
            file = folder / tile_path(level, index, wider)
            if file.is_file():
                return file.read_bytes()[: 32 * width]
        raise AssertionError(f"no tile {level} {index} {width}")

    root = next(head.root for head in heads(folder) if head.size == size)
    return TileReader(size, load, root)


def test_all_37_checkpoints_are_signed_and_are_roots_of_the_bodies(folder: Path) -> None:
    assert len(heads(folder)) == 37
    for head in heads(folder):
        assert Frontier.empty().extend(CompactRange.of_leaves(0, leaves(folder)[: head.size])).tree == head.tree
        assert (head.time, head.frozen, head.cosigned) == (None, False, ())


def test_the_trusted_root_has_the_same_key_and_origin(folder: Path) -> None:
    for name in ("trusted_root.json", "trusted_root.v0.1.json"):
        trusted = TrustedRoot.parse((folder / name).read_bytes())
        assert trusted.problems == ()
        log = trusted.tlogs[0]
        assert log.origin == ORIGIN
        assert log.note_key(ORIGIN) == keys(folder)[0]
        assert log.checkpoint_key_id == log.log_id
        assert log.log_id[:4] == keys(folder)[0].key_id


def test_the_frozen_head_is_the_same_tree_with_one_more_line(folder: Path) -> None:
    frozen = open_checkpoint((folder / "checkpoint.frozen").read_bytes(), keys(folder), origin=ORIGIN)
    newest = open_checkpoint((folder / "checkpoint").read_bytes(), keys(folder), origin=ORIGIN)
    assert frozen.frozen
    assert not newest.frozen
    assert frozen.tree == newest.tree
    assert frozen.raw != newest.raw


def test_the_hash_tiles_are_those_of_the_bodies(folder: Path) -> None:
    for index in range(12):
        data = (folder / tile_path(0, index)).read_bytes()
        assert list(parse_hash_tile(data, 256)) == leaves(folder)[256 * index : 256 * index + 256]
    top = parse_hash_tile((folder / tile_path(1, 0, 12)).read_bytes(), 12)
    assert list(top) == [
        CompactRange.of_leaves(256 * at, leaves(folder)[256 * at : 256 * at + 256]).nodes[0] for at in range(12)
    ]


def test_inclusion_proofs_of_all_leaves_from_tiles(folder: Path) -> None:
    tiles = reader(folder)
    for index, leaf in enumerate(leaves(folder)):
        check_inclusion(index, SIZE, leaf, tiles.inclusion(index), tiles.root())


def test_consistency_between_all_pairs_of_heads_and_their_frontiers(folder: Path) -> None:
    tiles = reader(folder)
    for new in heads(folder):
        for old in heads(folder):
            if old.size > new.size:
                continue
            proof = tiles.consistency(old.size, new.size)
            check_consistency(old.tree, new.tree, proof)
            if old.size < new.size:
                assert frontier_from_consistency(old.tree, new.tree, proof) == tiles.frontier(old.size)


def test_every_older_size_can_be_read_from_the_newest_tiles(folder: Path) -> None:
    for head in heads(folder):
        if head.size:
            assert reader(folder, head.size).tree() == head.tree


def test_the_servers_own_proofs(folder: Path) -> None:
    replies = sorted((folder / "replies").iterdir())
    assert len(replies) > 20
    for file in replies:
        reply = loads(file.read_bytes())
        proof = reply["inclusionProof"]
        index, size = integer(proof["logIndex"]), integer(proof["treeSize"])
        body = b64(reply["canonicalizedBody"])
        root = b64(proof["rootHash"])
        check_inclusion(index, size, hash_leaf(body), [b64(one) for one in proof["hashes"]], root)
        head = open_checkpoint(proof["checkpoint"]["envelope"].encode(), keys(folder), origin=ORIGIN)
        assert (head.size, head.root) == (size, root)


def test_one_changed_byte_anywhere_in_a_head_is_refused(folder: Path) -> None:
    raw = (folder / "checkpoint.frozen").read_bytes()
    for place in range(len(raw)):
        changed = raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :]
        with pytest.raises((Untrue, Malformed)):
            open_checkpoint(changed, keys(folder), origin=ORIGIN)


def test_a_changed_byte_in_a_tile_is_refused(folder: Path) -> None:
    good = reader(folder)

    def load(level: int, index: int, width: int) -> bytes:
        data = (folder / tile_path(level, index, width)).read_bytes()
        return data[:-1] + bytes([data[-1] ^ 1]) if (level, index) == (0, 3) else data

    bad = TileReader(SIZE, load, good.root())
    assert bad.inclusion(0) == good.inclusion(0)
    with pytest.raises(Untrue):
        bad.inclusion(3 * 256)


def test_bundles_that_are_cut_or_too_long_are_malformed(folder: Path) -> None:
    data = (folder / entries_path(0)).read_bytes()
    for wrong, width in ((data[:-1], 256), (data + b"\0", 256), (data, 255), (data, 257)):
        with pytest.raises(Malformed):
            parse_entry_bundle(wrong, width)


def test_every_partial_tile_on_disk_is_a_beginning(folder: Path) -> None:
    listed = json.loads((folder / "partials-on-disk.json").read_text())
    assert listed
    found = 0
    for file in sorted((folder / "tile" / "0").glob("*.p/*")):
        index, width = int(file.parent.name.removesuffix(".p")), int(file.name)
        assert list(parse_hash_tile(file.read_bytes(), width)) == leaves(folder)[256 * index : 256 * index + width]
        found += 1
    assert found
