"""Big logs on disk, served from a process of their own."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from sandbox import bulk
from tests.integration.sandbox.reader import root_of
from verifier.bodies import read_body
from verifier.certificate import read_identity
from verifier.checkpoint import open_checkpoint
from verifier.note import NoteKey
from verifier.tiles import TileReader, bundle_slices, entries_path, parse_entry_bundle, tile_path

pytestmark = pytest.mark.integration
ROOT = Path(__file__).resolve().parents[3]


@contextmanager
def served(folder: Path) -> Iterator[httpx.Client]:
    command = [sys.executable, "-m", "sandbox.serve", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT, env=dict(os.environ)) as process:
        assert process.stdout is not None
        try:
            with httpx.Client(base_url=process.stdout.readline().decode().strip()) as client:
                yield client
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(10) == 0


def test_a_bulk_log_is_whole_and_watched_where_planned(tmp_path: Path) -> None:
    plan = bulk.Plan(600, hits=5)
    bulk.write(tmp_path, plan, workers=2)
    with served(tmp_path) as client:
        vkey = client.get("/log.vkey").text.strip()
        head = open_checkpoint(client.get("/checkpoint").content, [NoteKey.from_vkey(vkey)], origin=plan.origin)
        leaves: list[bytes] = []
        for part in bundle_slices(0, 600, 600):
            leaves += parse_entry_bundle(client.get("/" + entries_path(part.index, part.width)).content, part.width)

        def load(level: int, index: int, width: int) -> bytes:
            return client.get("/" + tile_path(level, index, width)).raise_for_status().content

        assert TileReader(600, load, head.root).root() == head.root
        assert client.get("/../sandbox.json").status_code in (200, 404)
        assert client.get("/%2e%2e/secret").status_code == 404
    assert (head.size, root_of(leaves)) == (600, head.root)
    names = [read_identity(read_body(leaf).signers[0].der).names[0].value for leaf in leaves]
    assert (
        [at for at, name in enumerate(names) if bulk.WATCHED_REPO in name]
        == plan.hit_indexes
        == [0, 120, 240, 360, 480]
    )


def test_a_plan_gives_the_same_log_whoever_makes_it(tmp_path: Path) -> None:
    plan = bulk.Plan(300, certificates=10)
    for name, workers in (("one", 1), ("two", 2)):
        bulk.write(tmp_path / name, plan, workers=workers)
    one, two = (tmp_path / name / "checkpoint" for name in ("one", "two"))
    assert one.read_bytes() == two.read_bytes()
    before = one.stat().st_mtime_ns
    bulk.write(tmp_path / "one", plan)
    assert one.stat().st_mtime_ns == before


def test_a_v1_backlog_is_served(tmp_path: Path) -> None:
    plan = bulk.Plan(30, kind="rekor-v1", hits=3)
    bulk.write(tmp_path, plan, workers=1)
    with served(tmp_path) as client:
        assert client.get("/api/v1/log").json()["treeSize"] == 30
        found = client.post("/api/v1/log/entries/retrieve", json={"logIndexes": list(range(20, 40))[:10]}).json()
        assert len(found) == 10
        ids = [client.get("/api/v1/log").json()["treeID"], json.loads((tmp_path / "trusted_root.json").read_bytes())]
        assert ids[1]["tlogs"][0]["baseUrl"] == f"https://{plan.origin}"
