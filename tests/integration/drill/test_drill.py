"""A fire drill against the sandbox: the alert arrives and is timed, or it is said that it did not."""

import base64
import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cli.app import run
from cli.config_file import load_config
from cli.drill import LAST_DRILL
from cli.parts import open_store
from monitor.store import FindingFilter
from sandbox.outfit import files_of
from sandbox.service import Service
from sandbox.whole import WholeSigstore
from sandbox.wire import Reply, Request
from verifier.fetch.tuf_cache import shipped

pytestmark = pytest.mark.integration
DRILL = [
    "drill",
    "--json",
    "--log",
    "sandbox.v2",
    "--signing-config",
    "signing_config.json",
    "--identity-token",
    "token",
]
WORKFLOW = "https://github.com/acme/widget/.github/workflows/ci.yml@refs/heads/main"


class Pager(Service):
    """A webhook that takes everything."""

    def respond(self, request: Request) -> Reply:
        """Thank you."""
        return Reply(204)


@pytest.fixture
def sigstore() -> Iterator[WholeSigstore]:
    with WholeSigstore(seed="drill") as sigstore:
        yield sigstore


@pytest.fixture
def pager() -> Iterator[Pager]:
    with Pager() as pager:
        yield pager


@pytest.fixture
def place(sigstore: WholeSigstore, pager: Pager, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a configuration that watches the sandbox and pages by webhook, and a database that has begun."""
    monkeypatch.chdir(tmp_path)
    for name, data in files_of(sigstore).items():
        (tmp_path / name).write_bytes(data)
    monkeypatch.setenv("PAGER_SECRET", "whsec_" + base64.b64encode(bytes(32)).decode())
    hook = f'pager = {{ webhook = "{pager.url}/page", secret = "env:PAGER_SECRET", allow_private = true }}\n'
    change(tmp_path, lambda text: text.replace("[channels]\n", "[channels]\n" + hook))
    assert run(["monitor", "init", "--yes"]) == 0
    return tmp_path


def change(place: Path, how: Callable[[str], str]) -> None:
    """Edit the configuration."""
    config = place / "sigwarden.toml"
    config.write_text(how(config.read_text()))


def rows(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """The JSON lines of a drill; what the console channel says goes elsewhere."""
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith("{")]
    return [row for row in found if row.get("type") in ("canary", "channel", "summary")]


@pytest.mark.parametrize("log", ["sandbox.v1", "sandbox.v2"])
def test_every_channel_is_timed(
    sigstore: WholeSigstore, pager: Pager, place: Path, capsys: pytest.CaptureFixture[str], log: str
) -> None:
    before = len(sigstore.rekor_v1.shard.bodies), len(sigstore.rekor_v2.shard.bodies)
    capsys.readouterr()
    assert run([log if one == "sandbox.v2" else one for one in DRILL]) == 0
    canary, *channels, summary = rows(capsys)
    assert (canary["identity"], canary["watches"]) == ("tester@sandbox.test", ["tester"])
    assert {row["channel"] for row in channels} == {"tty", "pager"}
    assert all(0 <= row["seconds"] <= summary["slowest"] for row in channels)
    assert summary["ok"]
    assert b"tester@sandbox.test" in pager.requests[-1].body
    after = len(sigstore.rekor_v1.shard.bodies), len(sigstore.rekor_v2.shard.bodies)
    assert sum(after) - sum(before) == 1
    with open_store(load_config(place / "sigwarden.toml")) as store:
        one = store.finding(summary["finding"])
        assert (one.finding.kind, one.ack_note) == ("unexpected-identity", f"fire drill {summary['drill']}")
        assert json.loads(store.get_meta(LAST_DRILL) or "")["channels"].keys() == {"tty", "pager"}


def test_a_second_drill_is_a_new_alert(pager: Pager, place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(DRILL) == 0
    assert run(DRILL) == 0
    assert len([one for one in pager.requests if b"tester@sandbox.test" in one.body]) == 2
    assert [row["ok"] for row in rows(capsys) if row["type"] == "summary"] == [True, True]


def test_a_dead_channel_is_found_out(pager: Pager, place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pager.refuse(404)
    capsys.readouterr()
    assert run([*DRILL, "--max-wait", "4s"]) == 3
    *_, summary = found = rows(capsys)
    by_name = {row["channel"]: row for row in found if row["type"] == "channel"}
    assert by_name["tty"]["seconds"] is not None
    assert by_name["pager"]["seconds"] is None
    assert by_name["pager"]["error"]
    assert (summary["ok"], summary["slowest"]) == (False, None)


def test_a_blind_monitor_is_found_out(sigstore: WholeSigstore, place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sigstore.rekor_v2.stale(0)
    capsys.readouterr()
    assert run([*DRILL, "--max-wait", "3s", "--log", "sandbox.v2"]) == 3
    summary = rows(capsys)[-1]
    assert (summary["finding"], summary["seen_seconds"]) == ("", None)


@pytest.mark.parametrize(
    ("who", "expect", "why"),
    [
        (WORKFLOW, 'expect = "never"', "no watch would see a signature"),
        ("tester@sandbox.test", 'expect.issuer = "https://accounts.google.com"', "nobody would be told"),
    ],
)
def test_what_nobody_would_be_told_of_is_not_logged(
    sigstore: WholeSigstore, place: Path, capsys: pytest.CaptureFixture[str], who: str, expect: str, why: str
) -> None:
    change(place, lambda text: text.replace('expect = "never"', expect))
    (place / "token").write_text(sigstore.token(who))
    assert run(DRILL) == 2
    assert why in capsys.readouterr().err
    assert not sigstore.rekor_v1.shard.bodies
    assert not sigstore.rekor_v2.shard.bodies


def test_a_key_that_is_watched(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COSIGN_PASSWORD", "secret")
    assert run(["generate-key-pair", "--output-key-prefix", "old"]) == 0
    watch = '\n[[watch]]\nname = "old key"\nkey_file = "old.pub"\nexpect = "never"\n'
    change(place, lambda text: text + watch)
    capsys.readouterr()
    assert run([*DRILL, "--key", "old.key"]) == 0
    canary = rows(capsys)[0]
    assert canary["watches"] == ["old key"]


@pytest.mark.parametrize("url", ["https://rekor.sigstore.dev", "https://log2025-1.rekor.sigstore.dev/"])
def test_public_logs_need_the_flag(
    sigstore: WholeSigstore, place: Path, capsys: pytest.CaptureFixture[str], url: str
) -> None:
    change(place, lambda text: text.replace(sigstore.urls["rekor_v2"], url))
    assert run(DRILL) == 2
    assert "--public-log-i-know-this-is-permanent" in capsys.readouterr().err


def test_a_public_log_is_known_by_its_key_too(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (place / "trusted_root.json").write_bytes(shipped("production", "trusted_root.json"))
    assert run(DRILL) == 2
    assert "is a public log" in capsys.readouterr().err


def test_which_log_must_be_clear(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([one for one in DRILL if one not in ("--log", "sandbox.v2")]) == 2
    assert "sandbox.v1, sandbox.v2" in capsys.readouterr().err


def test_the_running_daemon_is_waited_for(place: Path, pager: Pager, capsys: pytest.CaptureFixture[str]) -> None:
    line = [sys.executable, "-m", "cli.main", "monitor", "run", "--no-listen"]
    with subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as daemon:
        try:
            wait_for_lease(place)
            capsys.readouterr()
            assert run([*DRILL, "--max-wait", "60s"]) == 0
        finally:
            daemon.send_signal(signal.SIGTERM)
            daemon.communicate(timeout=30)
    found = rows(capsys)
    assert found[-1]["ok"]
    with open_store(load_config(place / "sigwarden.toml")) as store:
        assert store.count(FindingFilter(kinds=("unexpected-identity",))) == 1


def wait_for_lease(place: Path) -> None:
    """Until the daemon has looked at the logs once."""
    import time

    end = time.monotonic() + 30
    with open_store(load_config(place / "sigwarden.toml")) as store:
        while time.monotonic() < end and not all(store.health(log.origin) for log in store.logs()):
            time.sleep(0.1)
        assert all(store.health(log.origin) for log in store.logs())
