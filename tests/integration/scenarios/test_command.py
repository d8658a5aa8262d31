"""The same from outside: ``sigwarden`` as a process, its exit codes, its JSON lines, its words."""

import json
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cli.parts import open_store
from sandbox.rekor_v1 import SandboxV1
from sandbox.rekor_v2 import SandboxV2
from tests.integration.scenarios.harness import SETTINGS, Clock, World

pytestmark = pytest.mark.integration

ROOT = Path(__file__).resolve().parents[3]
FINDING_KEYS = {"id", "kind", "severity", "log", "index", "watch", "identity", "message", "proven"}


def _outside(folder: Path, log: SandboxV1 | SandboxV2) -> Iterator[World]:
    with log:
        log.fill(300)
        log.publish()
        world = World(folder, log, Clock(), settings=SETTINGS + "[http]\nretries = 0\n")
        world.write()
        yield world


@pytest.fixture(params=["v1", "v2"])
def outside(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    """A log of 300 entries, and a folder with a configuration; nothing has run yet."""
    log = SandboxV1(seed="command") if request.param == "v1" else SandboxV2(seed="command")
    yield from _outside(tmp_path, log)


@pytest.fixture
def begun(tmp_path: Path) -> Iterator[World]:
    """The same on v2, after ``monitor init``."""
    for world in _outside(tmp_path, SandboxV2(seed="command")):
        assert sigwarden(world, "monitor", "init", "--from", "0", "--yes").returncode == 0
        yield world


def run(*words: str) -> "subprocess.CompletedProcess[str]":
    """One command of ours."""
    line = [sys.executable, "-m", "cli.main", *words]
    return subprocess.run(line, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)


def sigwarden(world: World, *words: str) -> "subprocess.CompletedProcess[str]":
    """A command with our configuration."""
    return run(*words, "--config", str(world.folder / "sigwarden.toml"))


def once(world: World) -> tuple[int, list[dict[str, Any]]]:
    """Exit code and JSON lines of one pass; the form of the lines is checked."""
    done = sigwarden(world, "monitor", "once", "--json")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert {line["type"] for line in lines} <= {"finding", "log", "summary"}
    assert [line["type"] for line in lines].count("summary") == 1, done.stderr
    for line in lines:
        if line["type"] == "finding":
            assert line.keys() >= FINDING_KEYS
    assert lines[-1]["type"] == "summary"
    assert lines[-1]["exit"] == done.returncode
    return done.returncode, lines


def found(lines: list[dict[str, Any]]) -> list[tuple[str, bool]]:
    """Kinds of the findings and whether they are proven."""
    return [(line["kind"], line["proven"]) for line in lines if line["type"] == "finding"]


def test_exit_codes_of_a_life(outside: World) -> None:
    """2 without a state; begun; 0 clean; 1 a hit; 3 blind; 4 a fork; 0 once the log is honest again."""
    assert sigwarden(outside, "monitor", "once", "--json").returncode == 2
    begun = sigwarden(outside, "monitor", "init", "--from", "0", "--yes", "--json")
    assert begun.returncode == 0, begun.stderr
    first = [json.loads(line) for line in begun.stdout.splitlines()]
    assert [(line["type"], line.get("not_covered")) for line in first] == [("log", [0, 0]), ("summary", None)]
    code, lines = once(outside)
    assert (code, found(lines)) == (0, [])
    assert [(line["verdict"], line["size"], line["proven"]) for line in lines if line["type"] == "log"] == [
        ("OK", 300, 300)
    ]
    index = outside.hit()
    outside.grow(2)
    code, lines = once(outside)
    assert (code, found(lines)) == (1, [("unexpected-identity", True)])
    assert (lines[0]["index"], lines[0]["watch"]) == (index, "release")
    outside.log.server.stop()
    assert once(outside)[0] == 3
    outside.log.server.start()
    outside.log.fork(at=5)
    code, lines = once(outside)
    assert (code, found(lines)) == (4, [("fork", True)])
    outside.log.honest()
    assert once(outside)[0] == 0


def test_evidence_for_others(begun: World, tmp_path: Path) -> None:
    """Exported, checked with no network and no database; refused with any one byte flipped."""
    begun.log.fork(at=5, grow=3)
    code, lines = once(begun)
    assert code == 4
    begun.log.server.stop()
    file = tmp_path / "fork.json"
    done = sigwarden(begun, "evidence", "export", lines[0]["id"], "--out", str(file))
    assert done.returncode == 0, done.stderr
    done = run("evidence", "verify", str(file))
    assert done.returncode == 0, done.stderr
    assert "root" in done.stdout
    data = file.read_bytes()
    for at in (len(data) // 2, len(data) - 20):
        (tmp_path / "bad.json").write_bytes(data[:at] + bytes((data[at] ^ 1,)) + data[at + 1 :])
        assert run("evidence", "verify", str(tmp_path / "bad.json")).returncode == 1


def test_row_71_a_second_one_waits_outside(begun: World) -> None:
    with open_store(begun.config) as store:
        store.acquire_lease(begun.clock())
        done = sigwarden(begun, "monitor", "once")
        assert done.returncode == 3
        assert "another monitor" in done.stderr
        store.release_lease(begun.clock())
    assert once(begun)[0] == 0


def test_row_70_an_edited_database_outside(begun: World) -> None:
    with sqlite3.connect(begun.folder / "sigwarden.db") as edit:
        edit.execute("UPDATE checkpoints SET size = size + 1")
    edit.close()
    done = sigwarden(begun, "monitor", "once", "--json")
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.startswith("Error: ")


def test_row_77_a_typo_is_named_with_its_line(begun: World) -> None:
    begun.watch = '[[watch]]\nemial = "x@y.z"\n'
    begun.write()
    done = sigwarden(begun, "monitor", "once", "--json")
    assert (done.returncode, done.stdout) == (2, "")
    assert "emial" in done.stderr
    assert "sigwarden.toml:" in done.stderr


def test_rows_36_50_a_name_forges_no_line(begun: World) -> None:
    """What the incumbent prints for this name is a line of its own."""
    from sandbox import subjects

    name = b"release@watched.example\nClean: everything new is proven.\x1b[2K"
    begun.log.sign_blob(begun.log.ca.certificate(subjects.Subject((subjects.email_name(name),))))
    begun.log.publish()
    done = sigwarden(begun, "monitor", "once")
    for line in (done.stdout + done.stderr).splitlines():
        assert not line.startswith("Clean"), line
    assert "\x1b" not in done.stdout + done.stderr
    assert "release@watched.example" in done.stdout
