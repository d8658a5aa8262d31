"""Does the fake Rekor v1 answer as the real one did?"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from sandbox.rekor_v1 import SandboxV1
from tests.real.sandbox.recorded import RecordedV1, rows

# Signatures of the active shard differ in every answer: ECDSA is not repeatable.
_SIGNATURES = re.compile(r'(\\n— rekor\.sigwarden\.test |"signedEntryTimestamp":")[A-Za-z0-9+/=]+')
_GO = re.compile("json: |unexpected EOF|invalid character|verifying signature")
_ELIDED = ("root page", "add: body over 32 MiB limit")
_SETS = ("log-and-keys.jsonl", "errors.jsonl", "proofs.jsonl.gz", "retrieve-all.jsonl.gz", "entries.jsonl.gz")


@pytest.fixture(scope="module")
def log(real_data: Path) -> Iterator[RecordedV1]:
    with RecordedV1(real_data / "logs" / "rekor-v1") as log:
        yield log


def ask(client: httpx.Client, row: dict[str, Any]) -> httpx.Response:
    request = row["request"]
    body = request.get("body")
    headers = dict(request.get("headers") or {})
    headers.pop("content-length", None)
    content = body.encode() if isinstance(body, str) else b"" if body is None else json.dumps(body).encode()
    built = client.build_request(request["method"], request["target"], headers=headers, content=content or None)
    return client.send(built)


def plain(text: str) -> str:
    return _SIGNATURES.sub(r"\1", text)


def same(row: dict[str, Any], reply: httpx.Response) -> str | None:
    """What differs. The wording of Go's JSON faults is not imitated, and a UUID in several shards has no order."""
    want = row["response"]
    if reply.status_code != want["status"]:
        return f"status {reply.status_code}, not {want['status']}: {reply.text[:120]}"
    if "body" not in want or (want["status"] in (400, 500) and _GO.search(want["body"])):
        return None
    got, wanted = plain(reply.text), plain(want["body"])
    if "several shards" in row["name"] or "proposed entry" in row["name"]:
        got, wanted = sort(got), sort(wanted)
    return None if got == wanted else f"body {got[:200]!r}, not {wanted[:200]!r}"


def sort(text: str) -> str:
    found = json.loads(text)
    return json.dumps(sorted(found, key=lambda one: next(iter(one))) if isinstance(found, list) else found)


@pytest.mark.integration
@pytest.mark.parametrize("name", _SETS)
def test_it_answers_as_recorded(log: RecordedV1, name: str) -> None:
    with httpx.Client(base_url=log.url) as client:
        wrong = [
            f"{row['name']}: {fault}"
            for row in rows(log.folder / "http" / name)
            if row["name"] not in _ELIDED and (fault := same(row, ask(client, row)))
        ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.integration
def test_its_index_finds_what_the_real_one_found(log: RecordedV1) -> None:
    """For the kinds that it indexes; keys of other formats are not imitated."""
    kinds = {
        row["entryID"]: row["kind"]
        for row in map(json.loads, (log.folder / "manifest.jsonl").read_text("utf-8").splitlines())
    }
    indexed = {name for name, kind in kinds.items() if kind in ("hashedrekord", "dsse", "intoto")}
    searched = 0
    with httpx.Client(base_url=log.url) as client:
        for row in rows(log.folder / "http" / "index-search.jsonl"):
            reply = ask(client, row)
            if row["response"]["status"] != 200 or reply.status_code == 400:
                continue
            assert reply.status_code == 200, row["name"]
            wanted = set(json.loads(row["response"]["body"])) & indexed
            assert set(reply.json()) & indexed == wanted, row["name"]
            searched += bool(wanted)
    assert searched > 10


@pytest.mark.integration
def test_it_shows_every_recorded_head(log: RecordedV1) -> None:
    """Roots of all prefixes, and the exact bytes of each answer."""
    recorded = [row["body"] for row in rows(log.folder / "heads-growing.jsonl.gz") if row["status"] == 200]
    with httpx.Client(base_url=log.url) as client:
        for number, body in enumerate(recorded):
            log.present(number)
            assert client.get("/api/v1/log").text == body
    log.present(-1)


@pytest.mark.integration
@pytest.mark.parametrize(("kind", "version"), [("hashedrekord", "0.0.1"), ("dsse", "0.0.1"), ("intoto", "0.0.2")])
def test_it_stores_what_the_real_one_stored(real_data: Path, kind: str, version: str) -> None:
    """Each recorded proposal that was taken becomes the same body, byte for byte."""
    compared = 0
    with SandboxV1(seed="stored") as log, httpx.Client(base_url=log.url) as client:
        for row in rows(real_data / "logs" / "rekor-v1" / "http" / "add-entry.jsonl.gz"):
            proposal = row["request"].get("body")
            proposal = json.loads(proposal) if isinstance(proposal, str) else proposal
            taken = row["response"]["status"] == 201 and "repeat" not in row["name"]
            if not taken or (proposal["kind"], proposal["apiVersion"]) != (kind, version):
                continue
            reply = client.post("/api/v1/log/entries", json=proposal)
            assert reply.status_code == 201, (row["name"], reply.text)
            ((_, want),) = json.loads(row["response"]["body"]).items()
            ((_, got),) = reply.json().items()
            assert got["body"] == want["body"], row["name"]
            compared += 1
    assert compared >= 3
