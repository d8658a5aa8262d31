"""Is a real Rekor v1 log read whole and right, from each of its moments to the next?"""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from monitor.logs.log import Head
from monitor.logs.rekor_v1 import RekorV1Log, RekorV1Service
from sandbox.replay_v1 import ReplayV1
from verifier.checkpoint import Checkpoint, open_checkpoint
from verifier.fetch.http import Http, HttpPolicy
from verifier.keys import PublicKey
from verifier.merkle import Frontier, Tree, check_consistency, frontier_from_consistency, hash_leaf
from verifier.note import NoteKey

HOST = "rekor.sigwarden.test"


@pytest.fixture(scope="module")
def folder(real_data: Path) -> Path:
    return real_data / "logs" / "rekor-v1"


@pytest.fixture(scope="module")
def replay(folder: Path) -> Iterator[ReplayV1]:
    with ReplayV1(folder, recorded=False) as server:
        yield server


@pytest.fixture(scope="module")
def http() -> Iterator[Http]:
    with Http(HttpPolicy()) as client:
        yield client


@pytest.fixture
def service(folder: Path, replay: ReplayV1, http: Http) -> RekorV1Service:
    files = ("log-shard0.pub.pem", "log-shard1-and-2.pub.pem")
    keys = [NoteKey.v1(HOST, PublicKey.from_pem((folder / name).read_bytes())) for name in files]
    return RekorV1Service("real", HOST, replay.url, keys, http)


def opened(head: Head) -> Checkpoint:
    assert head.problem is None
    return open_checkpoint(head.note, head.keys, origin=head.spec.origin)


def test_every_growth_is_proven_and_every_leaf_hashes_into_its_root(
    replay: ReplayV1, http: Http, service: RekorV1Service
) -> None:
    frontiers: dict[str, Frontier] = {}
    trees: dict[str, Tree] = {}
    grown = 0
    for moment in range(len(replay.heads)):
        replay.present(moment)
        base = 0
        for head in service.heads():
            tree, log = opened(head).tree, RekorV1Log(head.spec, http)
            assert head.spec.base == base
            base += tree.size
            old = trees.get(head.spec.origin, Tree(0, Frontier.empty().root))
            frontier = frontiers.get(head.spec.origin, Frontier.empty())
            if tree.size > old.size:
                proof = log.consistency(old.size, tree.size) if old.size else ()
                check_consistency(old, tree, proof)
                if old.size:
                    assert frontier_from_consistency(old, tree, proof) == frontier
                leaves = log.leaves(old.size, tree.size, tree.size)
                for data in leaves.data:
                    frontier = frontier.append(hash_leaf(data))
                grown += 1
            assert frontier.tree == tree
            frontiers[head.spec.origin], trees[head.spec.origin] = frontier, tree
    assert [tree.size for tree in trees.values()] == [396, 281, 803]
    assert grown > 150


def test_heads_are_one_request_oldest_first_and_the_last_one_is_alive(
    replay: ReplayV1, service: RekorV1Service
) -> None:
    replay.present(-1)
    before = len(replay.requests)
    heads = service.heads()
    assert len(replay.requests) - before == 1
    assert [(head.spec.tree_id, head.spec.base, head.retired) for head in heads] == [
        (3602521990660858284, 0, True),
        (3167690404367068825, 396, True),
        (7643377304694971807, 677, False),
    ]
    assert [opened(head).size for head in heads] == [396, 281, 803]


def test_what_comes_beside_a_leaf_is_the_entry_without_its_attestation(
    folder: Path, replay: ReplayV1, http: Http, service: RekorV1Service
) -> None:
    replay.present(-1)
    rows = [json.loads(line) for line in (folder / "manifest.jsonl").read_text().splitlines()]
    with_attestation = 0
    for head in service.heads():
        size = opened(head).size
        leaves = RekorV1Log(head.spec, http).leaves(0, size, size)
        for place, (data, extra) in enumerate(zip(leaves.data, leaves.extra, strict=True)):
            row = rows[head.spec.base + place]
            assert list(json.loads(extra)) == [row["entryID"]]
            entry = json.loads(extra)[row["entryID"]]
            assert (entry["logIndex"], len(data)) == (row["index"], row["bodyBytes"])
            assert "attestation" not in entry
            assert entry["verification"]["signedEntryTimestamp"]
            with_attestation += bool(row["attestation"])
    assert with_attestation == 67
