"""The fake Rekor v1: honest over several shards, and each way in which it is not."""

import base64
from collections.abc import Iterator

import httpx
import pytest

from sandbox import entries
from sandbox.entries import opaque
from sandbox.instance import pem_of, tree_id_of
from sandbox.rekor_v1 import SandboxV1
from tests.integration.sandbox.reader import body_of, head_v1, info_v1, retrieve
from verifier.entry import entry_from_rest, set_payload
from verifier.errors import Malformed, Untrue
from verifier.keys import PublicKey
from verifier.merkle import Tree, check_consistency, check_inclusion, hash_leaf

pytestmark = pytest.mark.integration
OTHER = opaque("sandbox", "0.0.1", {"other": True})


@pytest.fixture
def client() -> Iterator[httpx.Client]:
    with httpx.Client() as client:
        yield client


@pytest.fixture
def log() -> Iterator[SandboxV1]:
    """Three shards of 12, 7 and 25 entries; the last has a key of its own."""
    with SandboxV1(seed="v1") as log:
        log.fill(12)
        log.publish()
        log.new_shard()
        log.fill(7)
        log.publish()
        log.new_shard(new_key=True)
        log.fill(24)
        log.sign_blob("release@watched.example")
        log.publish()
        yield log


def test_every_entry_of_every_shard_is_proven_and_promised(log: SandboxV1, client: httpx.Client) -> None:
    total = 0
    for number, shard in enumerate(log.shards):
        head = head_v1(log, client, number)
        key = PublicKey.from_pem(pem_of(shard))
        assert (head.size, head.root) == (shard.size, shard.tree.root())
        for index in range(shard.size):
            ((name, found),) = retrieve(log, client, total + index)
            entry = entry_from_rest(name, found)
            assert (entry.global_index, entry.index, entry.tree_id) == (total + index, index, tree_id_of(shard))
            assert entry.proof is not None and entry.set is not None
            check_inclusion(index, head.size, entry.leaf_hash, entry.proof.hashes, head.root)
            key.verify(entry.set, set_payload(entry), "sha256")
        total += shard.size
    assert total == 44


def test_growth_is_proven_inside_each_shard(log: SandboxV1, client: httpx.Client) -> None:
    for shard in log.shards:
        for old in range(1, shard.size + 1):
            params = {"firstSize": old, "lastSize": shard.size, "treeID": tree_id_of(shard)}
            reply = client.get(log.url + "/api/v1/log/proof", params=params).json()
            proof = [bytes.fromhex(text) for text in reply["hashes"]]
            check_consistency(Tree(old, shard.tree.root(old)), Tree(shard.size, shard.tree.root()), proof)


def test_an_empty_log_has_a_signed_head(client: httpx.Client) -> None:
    with SandboxV1(seed="empty") as log:
        assert head_v1(log, client).size == 0
        assert client.get(log.url + "/api/v1/log").json()["inactiveShards"] is None


def test_other_histories_and_older_heads(log: SandboxV1, client: httpx.Client) -> None:
    truth = head_v1(log, client)
    log.fork(at=3)
    assert head_v1(log, client).root != truth.root
    log.fork(at=3, size=10)
    assert head_v1(log, client).root != log.shard.tree.root(10)
    log.fork(at=3, grow=5)
    grown = head_v1(log, client)
    reply = client.get(log.url + "/api/v1/log/proof", params={"firstSize": 25, "lastSize": grown.size}).json()
    with pytest.raises(Untrue):
        check_consistency(truth.tree, grown.tree, [bytes.fromhex(text) for text in reply["hashes"]])
    log.honest()
    log.rollback(20)
    assert head_v1(log, client).tree == Tree(20, log.shard.tree.root(20))
    assert retrieve(log, client, log.base() + 22) == []
    log.honest()
    log.stale(20)
    assert head_v1(log, client).size == 20
    assert len(retrieve(log, client, log.base() + 22)) == 1


def test_entries_left_out_swapped_and_moved(log: SandboxV1, client: httpx.Client) -> None:
    base = log.base()
    batch = range(base, base + 10)
    truth = retrieve(log, client, *batch)
    log.drop(4, singly=False)
    assert len(retrieve(log, client, *batch)) == 9
    assert retrieve(log, client, base + 4)[0][0] == truth[4][0]
    log.drop(4)
    assert retrieve(log, client, base + 4) == []
    assert client.get(f"{log.url}/api/v1/log/entries?logIndex={base + 4}").status_code == 404
    log.honest()
    log.swap_leaf(4, OTHER)
    name, entry = retrieve(log, client, *batch)[4]
    assert (name, body_of(entry)) == (truth[4][0], OTHER)
    log.swap_leaf(4, OTHER, rename=True)
    assert retrieve(log, client, *batch)[4][0].endswith(hash_leaf(OTHER).hex())
    log.honest()
    log.duplicate(4)
    assert [entry["logIndex"] - base for _, entry in retrieve(log, client, *batch)] == [0, 1, 2, 3, 4, 4, 6, 7, 8, 9]
    log.honest()
    log.swap_neighbours(4)
    told = retrieve(log, client, *batch)
    assert [entry["logIndex"] - base for _, entry in told] == list(range(10))
    assert [name for name, _ in told[4:6]] == [truth[5][0], truth[4][0]]
    log.honest()
    log.withhold(4, 6)
    assert len(retrieve(log, client, *batch)) == 8
    log.honest()
    log.short_bundle(4)
    assert len(retrieve(log, client, *batch)) == 9
    log.honest()
    log.long_bundle(4)
    assert len(retrieve(log, client, *batch)) == 11


@pytest.mark.parametrize("form", ["flipped", "short", "long", "huge", "malformed"])
def test_wrong_proofs(log: SandboxV1, client: httpx.Client, form: str) -> None:
    url, params = log.url + "/api/v1/log/proof", {"firstSize": 9, "lastSize": 25}
    honest = client.get(url, params=params).json()["hashes"]
    log.wrong_proof(form, times=1)
    assert client.get(url, params=params).json()["hashes"] != honest
    assert client.get(url, params=params).json()["hashes"] == honest
    log.wrong_proof(form, of="inclusion")
    ((name, found),) = retrieve(log, client, log.base() + 4)
    shard = log.shard
    with pytest.raises((Malformed, Untrue)):
        entry = entry_from_rest(name, found)
        assert entry.proof is not None
        check_inclusion(4, shard.size, entry.leaf_hash, entry.proof.hashes, shard.tree.root())


def test_notes_lie_for_the_shard_that_is_aimed_at(log: SandboxV1, client: httpx.Client) -> None:
    for lie in (log.unknown_key, log.wrong_origin, log.bad_signature, lambda: log.malformed_note("crlf")):
        log.aim(1)
        lie()
        assert head_v1(log, client).size == 25
        with pytest.raises((Malformed, Untrue)):
            head_v1(log, client, 1)
        log.honest()
    log.witness_lines(2)
    assert head_v1(log, client).size == 25


def test_retired_shards_change_grow_and_go(log: SandboxV1, client: httpx.Client) -> None:
    log.grow_frozen(0, 3)
    assert head_v1(log, client, 0).size == 15
    log.honest()
    log.change_inactive(0, 10)
    assert head_v1(log, client, 0).tree == Tree(10, log.shards[0].tree.root(10))
    log.honest()
    log.change_inactive(0, 11, signed=False)
    assert info_v1(log, client)[0]["treeSize"] == 11
    log.honest()
    log.shard_gone(0)
    assert len(info_v1(log, client)) == 2
    assert retrieve(log, client, 3) == []


def test_a_key_rotates(log: SandboxV1, client: httpx.Client) -> None:
    old = log.rotate_key()
    assert head_v1(log, client).size == 25
    assert old.spki in [key.spki for key in log.old_keys]
    assert len(log.tlog_members()) == 3


def test_the_search_index_finds_and_lies(log: SandboxV1, client: httpx.Client) -> None:
    def find(**query: str) -> list[str]:
        found: list[str] = client.post(log.url + "/api/v1/index/retrieve", json=query).json()
        return found

    name = log.entries.entry_id(2, 24)
    assert find(email="Release@Watched.example") == [name]
    assert find(subject="release@watched.example") == [name]
    log.index_omits(name)
    assert find(email="release@watched.example") == []
    log.index_ignores_subject()
    assert find(subject="release@watched.example") == []
    assert find(email="release@watched.example") == [name]
    log.index_floods(50)
    assert len(find(email="release@watched.example")) == 51


def test_the_write_call(log: SandboxV1, client: httpx.Client) -> None:
    url = log.url + "/api/v1/log/entries"
    signer = log.ca.certificate("me@watched.example")
    body = entries.hashedrekord_v1(signer, b"written")
    reply = client.post(url, content=body, headers={"Content-Type": "application/json"})
    assert reply.status_code == 201
    ((name, entry),) = reply.json().items()
    assert body_of(entry) == body and reply.headers["etag"] == name
    again = client.post(url, content=body)
    assert again.status_code == 409 and again.headers["location"].endswith(name)
    text = entries.envelope([signer], entries.statement(b"artifact"))
    spec = {"proposedContent": {"envelope": text, "verifiers": [base64.b64encode(signer.pem).decode()]}}
    reply = client.post(url, json={"apiVersion": "0.0.1", "kind": "dsse", "spec": spec})
    assert reply.status_code == 201
    ((_, entry),) = reply.json().items()
    assert body_of(entry) == entries.dsse_v1([signer], text)
    wrong = body.replace(b'"sha256","value":"', b'"sha256","value":"0')
    assert client.post(url, content=wrong).status_code == 400
