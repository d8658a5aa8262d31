"""The fake Rekor v2: honest, and each way in which it is not."""

import base64
import gzip
import json
from collections.abc import Callable, Iterator
from functools import partial

import httpx
import pytest

from sandbox import subjects
from sandbox.entries import hashedrekord_v2, opaque
from sandbox.lies import MALFORMED_NOTES
from sandbox.rekor_v2 import SandboxV2
from tests.integration.sandbox.reader import head_v2, leaves_v2, root_of, tiles_v2
from verifier.bodies import read_body
from verifier.certificate import read_identity
from verifier.entry import entry_from_tle
from verifier.errors import Malformed, Untrue
from verifier.merkle import Tree, check_consistency, check_inclusion

pytestmark = pytest.mark.integration
OTHER = opaque("sandbox", "0.0.1", {"other": True})


@pytest.fixture
def client() -> Iterator[httpx.Client]:
    with httpx.Client() as client:
        yield client


@pytest.fixture
def log() -> Iterator[SandboxV2]:
    with SandboxV2(seed="v2") as log:
        log.fill(300)
        log.sign_blob("release@watched.example")
        log.publish(257)
        log.publish()
        yield log


def test_an_honest_log_hashes_into_its_head_and_proves_its_growth(log: SandboxV2, client: httpx.Client) -> None:
    head = head_v2(log, client)
    leaves = leaves_v2(log, client, head.size)
    assert (head.size, root_of(leaves)) == (301, head.root)
    reader = tiles_v2(log, client, head)
    old = Tree(257, log.shard.tree.root(257))
    check_consistency(old, head.tree, reader.consistency(257, 301))
    (signer,) = read_body(leaves[300]).signers
    assert read_identity(signer.der).names[0].value == "release@watched.example"


@pytest.mark.parametrize("size", [0, 1, 2, 255, 256, 257, 511, 512, 513, 700])
def test_every_edge_of_a_tile(client: httpx.Client, size: int) -> None:
    with SandboxV2(seed="edge") as log:
        log.fill(size)
        log.publish()
        head = head_v2(log, client)
        assert root_of(leaves_v2(log, client, size)) == head.root
        assert size == 0 or tiles_v2(log, client, head).root() == head.root


def test_partials_go_when_the_tile_is_full(log: SandboxV2, client: httpx.Client) -> None:
    assert client.get(log.url + "/tile/0/001.p/1").status_code == 200
    assert client.get(log.url + "/tile/0/001.p/2").status_code == 404
    log.fill(300)
    log.publish()
    assert client.get(log.url + "/tile/entries/001.p/45").status_code == 200
    log.collect_garbage()
    assert client.get(log.url + "/tile/entries/001.p/45").status_code == 404
    assert root_of(leaves_v2(log, client, 301)) == log.shard.tree.root(301)


def test_bundles_come_packed_where_asked(client: httpx.Client) -> None:
    with SandboxV2(seed="gz", gzipped=True, prefix="/api/v2") as log:
        log.fill(3)
        log.publish()
        url = log.read_url + "/tile/entries/000.p/3"
        with client.stream("GET", url, headers={"Accept-Encoding": "gzip"}) as reply:
            packed = b"".join(reply.iter_raw())
        plain = client.get(url, headers={"Accept-Encoding": "identity"})
        assert "content-encoding" not in plain.headers
        assert gzip.decompress(packed) == plain.content


def test_another_history_is_signed(log: SandboxV2, client: httpx.Client) -> None:
    truth = head_v2(log, client)
    log.fork(at=5)
    same = head_v2(log, client)
    assert same.size == truth.size and same.root != truth.root
    assert root_of(leaves_v2(log, client, same.size)) == same.root
    log.fork(at=5, size=200)
    assert head_v2(log, client).root != log.shard.tree.root(200)
    log.fork(at=5, grow=10)
    grown = head_v2(log, client)
    assert grown.size == 311
    with pytest.raises(Untrue):
        check_consistency(truth.tree, grown.tree, tiles_v2(log, client, grown).consistency(301, 311))
    log.honest()
    assert head_v2(log, client).tree == truth.tree


def test_older_heads_by_every_road(log: SandboxV2, client: httpx.Client) -> None:
    log.rollback(100)
    assert head_v2(log, client).tree == Tree(100, log.shard.tree.root(100))
    assert client.get(log.url + "/tile/entries/000").status_code == 404
    log.honest()
    log.stale(257, times=2)
    assert [head_v2(log, client).size for _ in range(3)] == [257, 257, 301]
    log.cached(257)
    assert head_v2(log, client).size == 257
    assert client.get(log.url + "/checkpoint", headers={"Cache-Control": "no-cache"}).content == log.checkpoint


def test_one_replica_of_three_lags(log: SandboxV2) -> None:
    log.lagging_replica(257, replicas=3)
    sizes = set()
    for _ in range(3):
        with httpx.Client() as fresh:
            sizes.add(head_v2(log, fresh).size)
    assert sizes == {257, 301}


def test_entries_that_were_not_signed(log: SandboxV2, client: httpx.Client) -> None:
    truth = leaves_v2(log, client, 301)

    def told() -> list[bytes]:
        found = leaves_v2(log, client, 301)
        log.honest()
        return found

    log.swap_leaf(7, OTHER)
    assert told() == [*truth[:7], OTHER, *truth[8:]]
    log.swap_neighbours(7)
    assert told() == [*truth[:7], truth[8], truth[7], *truth[9:]]
    log.duplicate(7)
    assert told() == [*truth[:8], truth[7], *truth[9:]]
    log.swap_leaf(7, OTHER, times=1)
    assert leaves_v2(log, client, 301) != truth
    assert told() == truth


def test_bundles_of_the_wrong_length(log: SandboxV2, client: httpx.Client) -> None:
    lies: list[Callable[[], None]] = [partial(log.drop, 7), partial(log.drop, 300)]
    lies += [partial(log.short_bundle, 0), partial(log.long_bundle, 0)]
    for lie in lies:
        lie()
        with pytest.raises(Malformed, match="bundle"):
            leaves_v2(log, client, 301)
        log.honest()
    log.withhold(7, 8)
    assert client.get(log.url + "/tile/entries/000").status_code == 404
    assert client.get(log.url + "/tile/entries/001.p/45").status_code == 200


def test_tiles_that_do_not_fit(log: SandboxV2, client: httpx.Client) -> None:
    head = head_v2(log, client)
    log.tile_disagrees(7)
    with pytest.raises(Untrue):
        tiles_v2(log, client, head).inclusion(7)
    log.honest()
    for form in ("flipped", "short", "long", "huge", "malformed"):
        log.wrong_proof(form)
        with pytest.raises((Malformed, Untrue)):
            tiles_v2(log, client, head).consistency(257, 301)
        log.honest()


def test_heads_that_nobody_should_take(log: SandboxV2, client: httpx.Client) -> None:
    lies: list[Callable[[], object]] = [log.unknown_key, log.bad_signature, log.wrong_origin]
    lies += [partial(log.malformed_note, form) for form in MALFORMED_NOTES]
    for lie in lies:
        lie()
        with pytest.raises((Malformed, Untrue)):
            head_v2(log, client)
        log.honest()
    log.witness_lines(3)
    assert head_v2(log, client).size == 301


def test_keys_rotate_shards_follow_and_a_frozen_one_grows(log: SandboxV2, client: httpx.Client) -> None:
    old = log.rotate_key()
    log.fill(1)
    log.publish()
    assert head_v2(log, client).signers == (log.signer.full_id[:4].hex(),)
    trusted = json.loads(log.trusted_root)["tlogs"]
    ids = [base64.b64decode(member["logId"]["keyId"]) for member in trusted]
    assert ids == [old.full_id, log.signer.full_id]
    later = log.new_shard()
    later.fill(2)
    later.publish()
    assert head_v2(later, client).size == 2
    assert len(json.loads(log.trusted_root)["tlogs"]) == 3
    assert json.loads(log.signing_config)["rekorTlogUrls"][0]["url"] == later.url
    log.freeze()
    final = head_v2(log, client)
    assert final.frozen and final.size == 302
    log.grow_frozen(2)
    assert head_v2(log, client).size == 304


def proposal(log: SandboxV2, artifact: bytes) -> dict[str, object]:
    spec = json.loads(hashedrekord_v2(log.ca.certificate("me@watched.example"), artifact))["spec"]["hashedRekordV002"]
    return {"hashedRekordRequestV002": {"digest": spec["data"]["digest"], "signature": spec["signature"]}}


def test_the_write_call(log: SandboxV2, client: httpx.Client) -> None:
    url = log.url + "/api/v2/log/entries"
    body = proposal(log, b"written")
    reply = client.post(url, json=body)
    assert reply.status_code == 201
    entry = entry_from_tle(reply.json())
    assert entry.proof is not None
    check_inclusion(301, 302, entry.leaf_hash, entry.proof.hashes, head_v2(log, client).root)
    again = client.post(url, json=body)
    assert (again.status_code, again.headers["x-log-index"]) == (409, "301")
    assert client.get(url).status_code == 501
    assert client.post(url + "/", json=body).status_code == 404
    assert client.post(url, json={"nope": 1}).status_code == 400
    body["hashedRekordRequestV002"]["digest"] = base64.b64encode(b"\0" * 32).decode()  # type: ignore[index]
    assert client.post(url, json=body).json()["message"] == "invalid hashedrekord request"
    log.freeze()
    assert client.post(url, json=proposal(log, b"late")).status_code == 405


def test_what_was_asked_is_recorded(log: SandboxV2, client: httpx.Client) -> None:
    client.get(log.url + "/checkpoint?x=1", headers={"User-Agent": "test"})
    (asked,) = log.requests
    assert (asked.method, asked.path, asked.value("x"), asked.headers["user-agent"]) == (
        "GET",
        "/checkpoint",
        "1",
        "test",
    )


def test_a_seed_makes_the_same_log_again() -> None:
    notes = []
    for _ in range(2):
        with SandboxV2(seed="same", now=lambda: 1.8e9) as log:
            log.sign_blob(subjects.github("acme/widget"))
            notes.append(log.publish())
    assert notes[0] == notes[1]
