"""Is a log that the real Rekor v2 server wrote read whole and right, from each of its heads to the next?"""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from monitor.logs.log import LogSpec
from monitor.logs.tiled import TiledLog, TiledService
from sandbox.static import StaticLog
from verifier.checkpoint import Checkpoint, open_checkpoint
from verifier.fetch.http import Http, HttpPolicy
from verifier.merkle import Frontier, check_consistency, frontier_from_consistency, hash_leaf
from verifier.note import NoteKey

ORIGIN = "log2026-1.example.test"


@pytest.fixture(scope="module")
def folder(real_data: Path) -> Path:
    return real_data / "logs" / "rekor-v2"


@pytest.fixture(scope="module")
def http() -> Iterator[Http]:
    with Http(HttpPolicy()) as client:
        yield client


@pytest.fixture
def key(folder: Path) -> NoteKey:
    return NoteKey.from_vkey((folder / "log.vkey").read_text().strip())


@pytest.fixture(params=[True, False], ids=["partials", "collected"])
def server(folder: Path, request: pytest.FixtureRequest) -> Iterator[StaticLog]:
    with StaticLog(folder, partials=request.param) as log:
        yield log


def head_of(server: StaticLog, key: NoteKey, http: Http) -> tuple[Checkpoint, TiledLog]:
    (head,) = TiledService("real", ORIGIN, [server.url + "/api/v2", server.url], [key], http).heads()
    assert head.problem is None
    return open_checkpoint(head.note, head.keys, origin=ORIGIN), TiledLog(head.spec, http)


def test_every_growth_is_proven_and_every_leaf_hashes_into_its_root(
    server: StaticLog, key: NoteKey, http: Http
) -> None:
    frontier, tree = Frontier.empty(), Frontier.empty().tree
    for size in server.sizes():
        server.present(size)
        checkpoint, log = head_of(server, key, http)
        if tree.size:
            proof = log.consistency(tree.size, size)
            check_consistency(tree, checkpoint.tree, proof)
            assert frontier_from_consistency(tree, checkpoint.tree, proof) == frontier
        if size > tree.size:
            for data in log.leaves(tree.size, size, size).data:
                frontier = frontier.append(hash_leaf(data))
        assert frontier.tree == checkpoint.tree
        tree = checkpoint.tree
    assert tree.size == 3111


def test_every_pair_of_heads_is_consistent(folder: Path, key: NoteKey, http: Http) -> None:
    with StaticLog(folder) as server:
        trees = []
        for size in server.sizes():
            server.present(size)
            trees.append(head_of(server, key, http)[0].tree)
        log = TiledLog(LogSpec("rekor-v2", ORIGIN, server.url), http)
        for new in trees[1:]:
            for old in trees[1:]:
                if old.size < new.size:
                    check_consistency(old, new, log.consistency(old.size, new.size))


def test_any_range_of_any_size_is_the_same_leaves(folder: Path, http: Http) -> None:
    rows = json.loads((folder / "entries.json").read_text())["entries"]
    bodies = {row["index"]: row["body_sha256"] for row in rows}
    with StaticLog(folder) as server:
        log = TiledLog(LogSpec("rekor-v2", ORIGIN, server.url), http)
        whole = log.leaves(0, 3111, 3111).data
        assert len(whole) == 3111
        assert {index: hashlib.sha256(whole[index]).hexdigest() for index in bodies} == bodies
        for start, end, size in ((0, 1, 1), (255, 257, 300), (256, 512, 512), (511, 1025, 2000), (3110, 3111, 3111)):
            assert log.leaves(start, end, size).data == whole[start:end]


def test_a_frozen_head_is_read_as_such(folder: Path, key: NoteKey, http: Http) -> None:
    with StaticLog(folder, prefix="/api/v2") as server:
        server.present("checkpoint.frozen")
        checkpoint, log = head_of(server, key, http)
        assert (checkpoint.frozen, checkpoint.size) == (True, 3111)
        assert log.spec.read_url.endswith("/api/v2")
