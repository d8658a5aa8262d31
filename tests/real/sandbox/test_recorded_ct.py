"""Does the fake CT log answer as the real ones did, byte for byte where nothing is signed?"""

import base64
import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from sandbox.ct import SandboxCT
from sandbox.sct import Submission
from tests.real.sandbox.recorded import rows

pytestmark = pytest.mark.integration
# What Trillian says about its storage, and Go about JSON and X.509, is not imitated.
_SETS = (
    "get-entries-odd.jsonl.gz",
    "get-sth-consistency.jsonl",
    "get-proof-by-hash.jsonl",
    "get-entry-and-proof.jsonl.gz",
)


def vector(data: bytes, at: int, width: int) -> tuple[bytes, int]:
    """A vector with its length in `width` bytes, and where it ends."""
    end = at + width + int.from_bytes(data[at : at + width], "big")
    return data[at + width : end], end


def chain_of(data: bytes) -> tuple[bytes, ...]:
    """The certificates of a chain."""
    found, at = [], 0
    while at < len(data):
        one, at = vector(data, at, 3)
        found.append(one)
    return tuple(found)


def submission_of(leaf: bytes, extra: bytes) -> Submission:
    """What was once submitted for this entry."""
    if leaf[10:12] == b"\0\0":
        return Submission(vector(leaf, 12, 3)[0], chain_of(vector(extra, 0, 3)[0]))
    precertificate, end = vector(extra, 0, 3)
    return Submission(precertificate, chain_of(vector(extra, end, 3)[0]), vector(leaf, 44, 3)[0], leaf[12:44])


@pytest.fixture(scope="module")
def folder(real_data: Path) -> Path:
    return real_data / "logs" / "ct-rfc6962"


@pytest.fixture(scope="module")
def entries(folder: Path) -> list[dict[str, str]]:
    pages = [
        json.loads(row["response"]["body"])["entries"] for row in rows(folder / "http" / "get-entries-all.jsonl.gz")
    ]
    return [entry for page in pages for entry in page]


@pytest.fixture(scope="module")
def log(entries: list[dict[str, str]]) -> Iterator[SandboxCT]:
    with SandboxCT(seed="recorded") as log:
        for entry in entries:
            leaf, extra = (base64.b64decode(entry[name]) for name in ("leaf_input", "extra_data"))
            log.adopt(leaf, submission_of(leaf, extra))
        log.publish()
        yield log


@pytest.mark.parametrize("name", _SETS)
def test_it_answers_as_ctfe_did(log: SandboxCT, folder: Path, entries: list[dict[str, str]], name: str) -> None:
    wrong = []
    with httpx.Client(base_url=log.server.url) as client:
        for row in rows(folder / "http" / name):
            reply = client.request(row["request"]["method"], row["request"]["target"])
            want = row["response"]
            body = want["body"] if want.get("body") is not None else page(want, entries)
            if "code = Unknown desc" in body and reply.status_code == want["status"]:
                continue
            if (reply.status_code, reply.text) != (want["status"], body):
                wrong.append((row["name"], reply.status_code, want["status"], reply.text[:150], body[:150]))
    assert not wrong


def page(response: dict[str, Any], entries: list[dict[str, str]]) -> str:
    """A body that the recording leaves out because it is entries a to b."""
    first, last = response["bodyEntries"]
    return json.dumps({"entries": entries[first : last + 1]}, separators=(",", ":"))


def test_the_root_is_the_signed_one(log: SandboxCT, folder: Path) -> None:
    """At each of 89 sizes of which a head was recorded."""
    for row in rows(folder / "http" / "get-sth-growing.jsonl"):
        head = json.loads(row["response"]["body"])
        assert base64.b64encode(log.shard.tree.root(head["tree_size"])).decode() == head["sha256_root_hash"]


def test_static_tiles_are_the_recorded_ones(real_data: Path) -> None:
    """A static-ct log with the recorded leaves has the recorded files: hash tiles, data tiles, issuers."""
    folder = real_data / "logs" / "ct-static"
    with SandboxCT(seed="recorded", form="static", origin="log2026-1.ctfe.sigwarden.test", prefix="") as log:
        issuers = {path.name: path.read_bytes() for path in (folder / "issuer").iterdir()}
        for path in sorted((folder / "tile" / "data").rglob("*")):
            if path.is_file() and (path.parent.name == "data" or path == last_partial(folder)):
                adopt_tile(log, path.read_bytes(), issuers)
        log.publish(1439)
        with httpx.Client(base_url=log.url) as client:
            compared = [
                compare(client, folder, path) for path in sorted((folder / "tile").rglob("*")) if path.is_file()
            ]
            compared += [compare(client, folder, path) for path in sorted((folder / "issuer").iterdir())]
        recorded = (folder / "checkpoint").read_bytes().split(b"\n\n")[0]
        assert log.note(log.shard.view).split(b"\n\n")[0] == recorded
    assert compared.count("same") > 10
    assert "other" not in compared


def last_partial(folder: Path) -> Path:
    """The widest partial data tile: the end of the log."""
    (number,) = (path for path in (folder / "tile" / "data").glob("*.p") if path.name == "005.p")
    return max(number.iterdir(), key=lambda path: int(path.name))


def adopt_tile(log: SandboxCT, data: bytes, issuers: dict[str, bytes]) -> None:
    """Append the entries of a data tile."""
    at = 0
    while at < len(data):
        start, precertificate = at, data[at + 8 : at + 10] == b"\0\1"
        tbs, at = vector(data, at + 42 if precertificate else at + 10, 3)
        _, at = vector(data, at, 2)
        leaf = b"\0\0" + data[start:at]
        certificate, at = vector(data, at, 3) if precertificate else (tbs, at)
        prints, at = vector(data, at, 2)
        chain = tuple(issuers[prints[place : place + 32].hex()] for place in range(0, len(prints), 32))
        log.adopt(leaf, Submission(certificate, chain, tbs if precertificate else None, data[start + 10 : start + 42]))


def compare(client: httpx.Client, folder: Path, path: Path) -> str:
    """Same, other, or gone: a partial tile of a head that was not published again."""
    reply = client.get("/" + path.relative_to(folder).as_posix())
    if reply.status_code == 404:
        return "gone"
    data = path.read_bytes()
    return "same" if reply.content in (data, gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data) else "other"
