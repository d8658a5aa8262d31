"""Does the replay server answer what the real Rekor v1 server answered?"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox.replay_v1 import ReplayV1, exchanges
from verifier.checkpoint import open_checkpoint
from verifier.fetch.http import Call, Http, HttpPolicy, Reply
from verifier.keys import PublicKey
from verifier.merkle import check_inclusion
from verifier.note import NoteKey

SIGNATURES = re.compile(r'("signedEntryTimestamp":")[^"]*|(— rekor\.sigwarden\.test )[A-Za-z0-9+/=]*')
READS = ("log-and-keys", "proofs", "retrieve-all", "entries", "errors")
COMPUTED = ("proofs", "retrieve-all")


@pytest.fixture(scope="module")
def folder(real_data: Path) -> Path:
    return real_data / "logs" / "rekor-v1"


@pytest.fixture(scope="module")
def replay(folder: Path) -> Iterator[ReplayV1]:
    with ReplayV1(folder) as server:
        yield server


@pytest.fixture(scope="module")
def computing(folder: Path) -> Iterator[ReplayV1]:
    """A replay server that knows no recorded answer."""
    with ReplayV1(folder, recorded=False) as server:
        yield server


@pytest.fixture(scope="module")
def http() -> Iterator[Http]:
    with Http(HttpPolicy(retries=0)) as client:
        yield client


def ask(http: Http, server: ReplayV1, asked: dict[str, Any]) -> Reply:
    headers = {name: value for name, value in asked["headers"].items() if name not in ("accept", "host")}
    accept = asked["headers"].get("accept", "*/*")
    content = None if asked.get("body") is None else asked["body"].encode()
    return http.send(
        Call(asked["method"], server.url + asked["target"], 1 << 26, accept=accept, headers=headers, content=content)
    )


def masked(text: str) -> str:
    return SIGNATURES.sub(r"\1\2", text)


def unordered(text: str) -> object:
    """A list without its order: the server gives a leaf hash of several shards in any."""
    value = json.loads(text)
    return sorted(json.dumps(one, sort_keys=True) for one in value) if isinstance(value, list) else value


def test_every_recorded_read_is_answered_as_it_was(folder: Path, replay: ReplayV1, http: Http) -> None:
    replay.present(-1)
    count = 0
    for exchange in exchanges(folder, *READS):
        asked, was = exchange["request"], exchange["response"]
        if asked["target"] == "/api/v1/log/entries" and asked["method"] == "POST":
            continue  # writes
        if asked.get("body", "") is not None and "deep" in (asked.get("body") or "")[-12:]:
            continue  # a body that was not kept
        if "html" in (was["headers"] and dict(was["headers"]).get("Content-Type", "")):
            continue  # the home page, which was not kept
        reply = ask(http, replay, asked)
        count += 1
        where = exchange["name"]
        assert reply.status == was["status"], where
        if "several shards" in where and reply.status == 200:
            assert unordered(masked(reply.body.decode())) == unordered(masked(was["body"])), where
        else:
            assert masked(reply.body.decode()) == masked(was["body"] or ""), where
        names = dict(was["headers"])
        assert reply.headers.get("Content-Type", "") == names.get("Content-Type", ""), where
        assert ("Transfer-Encoding" in reply.headers) == ("Transfer-Encoding" in names), where
    assert count > 400


def test_proofs_and_batches_are_computed_and_equal_the_recorded_ones(
    folder: Path, computing: ReplayV1, http: Http
) -> None:
    computing.present(-1)
    count = 0
    for exchange in exchanges(folder, *COMPUTED):
        reply = ask(http, computing, exchange["request"])
        assert masked(reply.body.decode()) == masked(exchange["response"]["body"]), exchange["name"]
        count += 1
    assert count == 148 + 104


def test_at_every_moment_entries_are_proven_to_that_moments_head(folder: Path, computing: ReplayV1, http: Http) -> None:
    keys = [
        PublicKey.from_pem((folder / name).read_bytes()) for name in ("log-shard0.pub.pem", "log-shard1-and-2.pub.pem")
    ]
    known = [NoteKey.v1("rekor.sigwarden.test", key) for key in keys]
    for moment in range(1, len(computing.heads), 7):
        computing.present(moment)
        info = json.loads(computing.heads[moment])
        total = info["treeSize"] + sum(shard["treeSize"] for shard in info["inactiveShards"] or ())
        indexes = sorted({0, total // 3, total - 1, total})
        body = json.dumps({"logIndexes": indexes})
        asked = {"method": "POST", "target": "/api/v1/log/entries/retrieve", "body": body}
        reply = ask(http, computing, {**asked, "headers": {"content-type": "application/json"}})
        served = [pair for item in json.loads(reply.body) for pair in item.items()]
        assert [entry["logIndex"] for _, entry in served] == indexes[:-1]
        for key, entry in served:
            proof = entry["verification"]["inclusionProof"]
            tree = open_checkpoint(proof["checkpoint"].encode(), known, origin=None).tree
            hashes = [bytes.fromhex(one) for one in proof["hashes"]]
            assert tree.size == proof["treeSize"]
            check_inclusion(proof["logIndex"], tree.size, bytes.fromhex(key[16:]), hashes, tree.root)
