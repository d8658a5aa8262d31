"""Do all heads and proofs of the real Rekor v1 server hold, shard by shard?"""

import gzip
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from verifier.checkpoint import Checkpoint, open_checkpoint
from verifier.errors import Untrue
from verifier.jsonstrict import b64
from verifier.keys import PublicKey
from verifier.merkle import (
    CompactRange,
    Frontier,
    check_consistency,
    check_inclusion,
    frontier_from_consistency,
    hash_leaf,
)
from verifier.note import NoteKey
from verifier.trust import TrustedRoot

HOST = "rekor.sigwarden.test"
SHARDS = {3602521990660858284: 396, 3167690404367068825: 281, 7643377304694971807: 803}


@pytest.fixture(scope="module")
def folder(real_data: Path) -> Path:
    return real_data / "logs" / "rekor-v1"


def lines(file: Path) -> Iterator[dict[str, Any]]:
    with gzip.open(file, "rt", encoding="utf-8") as stream:
        for line in stream:
            yield json.loads(line)


@cache
def keys(folder: Path) -> list[NoteKey]:
    logs = TrustedRoot.parse((folder / "trusted_root.json").read_bytes()).tlogs
    return [log.note_key(f"{HOST} - 1") for log in logs]


@cache
def bodies(folder: Path) -> dict[int, list[bytes]]:
    """The leaf hashes of every shard, in tree order."""
    found: dict[int, dict[int, bytes]] = {tree: {} for tree in SHARDS}
    for exchange in lines(folder / "http" / "retrieve-all.jsonl.gz"):
        for answer in json.loads(exchange["response"]["body"]):
            for entry_id, entry in answer.items():
                index = entry["verification"]["inclusionProof"]["logIndex"]
                found[int(entry_id[:16], 16)][index] = hash_leaf(b64(entry["body"]))
    return {tree: [rows[index] for index in range(SHARDS[tree])] for tree, rows in found.items()}


def heads(folder: Path, name: str) -> Iterator[Checkpoint]:
    """Every signed head in every answer, of active and inactive shards."""
    for line in lines(folder / name):
        info = json.loads(line["body"])
        for shard in (info, *(info["inactiveShards"] or ())):
            origin = f"{HOST} - {shard['treeID']}"
            head = open_checkpoint(shard["signedTreeHead"].encode(), keys(folder), origin=origin)
            assert (head.size, head.root.hex()) == (shard["treeSize"], shard["rootHash"])
            yield head


def tree_of(head: Checkpoint) -> int:
    return int(head.origin.rpartition(" - ")[2])


def test_every_growing_head_is_signed_and_is_the_root_of_its_prefix(folder: Path) -> None:
    count, roots = 0, {}
    for head in heads(folder, "heads-growing.jsonl.gz"):
        where = (tree_of(head), head.size)
        if where not in roots:
            prefix = bodies(folder)[where[0]][: head.size]
            roots[where] = Frontier.empty().extend(CompactRange.of_leaves(0, prefix)).root
        assert head.root == roots[where]
        assert head.time is None
        count += 1
    assert count == 275
    assert len(roots) >= 159


def test_every_held_out_head_is_signed(folder: Path) -> None:
    sizes = [head.size for head in heads(folder, "heads-heldout.jsonl.gz") if tree_of(head) == 7643377304694971807]
    assert (min(sizes), max(sizes)) == (803, 20662)


def test_a_head_is_of_its_own_shard_only(folder: Path) -> None:
    head = next(head for head in heads(folder, "heads-growing.jsonl.gz") if head.size == 1)
    for tree in SHARDS:
        origin = f"{HOST} - {tree}"
        if origin != head.origin:
            with pytest.raises(Untrue) as caught:
                open_checkpoint(head.raw, keys(folder), origin=origin)
            assert caught.value.code == "checkpoint-origin"
    other = NoteKey.v1(HOST, PublicKey.from_pem((folder / "log-shard1-and-2.pub.pem").read_bytes()))
    with pytest.raises(Untrue) as caught:
        open_checkpoint(head.raw, [other], origin=head.origin)
    assert caught.value.code == "checkpoint-unknown-key"


def test_every_consistency_proof_and_the_frontier_in_it(folder: Path) -> None:
    count = 0
    for exchange in lines(folder / "http" / "proofs.jsonl.gz"):
        query = parse_qs(urlsplit(exchange["request"]["target"]).query)
        if not {"treeID", "firstSize", "lastSize"} <= query.keys():
            continue
        tree, old, new = int(query["treeID"][0]), int(query["firstSize"][0]), int(query["lastSize"][0])
        hashes = [bytes.fromhex(one) for one in json.loads(exchange["response"]["body"])["hashes"]]
        grown = {
            size: Frontier.empty().extend(CompactRange.of_leaves(0, bodies(folder)[tree][:size])) for size in (old, new)
        }
        check_consistency(grown[old].tree, grown[new].tree, hashes)
        if old < new:
            assert frontier_from_consistency(grown[old].tree, grown[new].tree, hashes) == grown[old]
            with pytest.raises(Untrue):
                check_consistency(grown[old].tree, grown[new].tree, [*hashes[:-1], bytes(32)])
        count += 1
    assert count >= 100


def test_every_inclusion_proof_with_its_checkpoint(folder: Path) -> None:
    count = 0
    for exchange in lines(folder / "http" / "retrieve-all.jsonl.gz"):
        for answer in json.loads(exchange["response"]["body"]):
            for entry_id, entry in answer.items():
                proof = entry["verification"]["inclusionProof"]
                head = open_checkpoint(
                    proof["checkpoint"].encode(), keys(folder), origin=f"{HOST} - {int(entry_id[:16], 16)}"
                )
                assert (head.size, head.root.hex()) == (proof["treeSize"], proof["rootHash"])
                leaf = hash_leaf(b64(entry["body"]))
                assert leaf.hex() == entry_id[16:]
                hashes = [bytes.fromhex(one) for one in proof["hashes"]]
                check_inclusion(proof["logIndex"], proof["treeSize"], leaf, hashes, head.root)
                count += 1
    assert count == 1480
