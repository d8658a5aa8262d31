"""The daemon as its own process, over real HTTP: a lying world outside, Slack, a heartbeat, signals."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox.rekor_v2 import SandboxV2
from sandbox.subjects import github
from tests.integration.alerts.stand_in import TOKEN, StandIn, stand_in

pytestmark = pytest.mark.integration


def config(log: SandboxV2, slack: StandIn, beat: StandIn, *, ref: str = "refs/tags/v*") -> str:
    return f"""
heartbeat_url = "env:BEAT"
trust = "trusted_root.json"
channels.sec = {{ slack_token = "env:TOKEN", channel = "C1", allow_private = true, api_url = "{slack.url}/api/" }}
[daemon]
listen = "127.0.0.1:0"
log_format = "json"
grace = "5s"
[logs.box]
trusted_root = "trusted_root.json"
v2 = {{ read_url = "{log.read_url}", origin = "{log.origin}", from = 0, every = "1s" }}
[[watch]]
github_repo = "acme/widget"
expect.ref = "{ref}"
"""


class World:
    """A log, Slack, a heartbeat service, and the daemon's folder."""

    def __init__(self, folder: Path, log: SandboxV2, slack: StandIn, beat: StandIn) -> None:
        self.folder, self.log, self.slack, self.beat = folder, log, slack, beat
        (folder / "trusted_root.json").write_bytes(log.trusted_root)
        self.write()
        self.environment = os.environ | {"TOKEN": TOKEN, "BEAT": f"{beat.url}/ping/hidden-beat"}
        self.runs = 0
        self.process: subprocess.Popen[bytes] | None = None

    def write(self, **changes: Any) -> None:
        """Write the configuration."""
        (self.folder / "sigwarden.toml").write_text(config(self.log, self.slack, self.beat, **changes))

    def command(self, *words: str) -> list[str]:
        """A command line of ours."""
        return [sys.executable, "-m", "cli.main", *words, "--config", str(self.folder / "sigwarden.toml")]

    def call(self, *words: str) -> subprocess.CompletedProcess[bytes]:
        """Run a command to its end."""
        return subprocess.run(self.command(*words), env=self.environment, capture_output=True, timeout=120, check=False)

    def start(self) -> None:
        """Start the daemon; its log goes to a file."""
        with (self.folder / "log").open("ab") as out:
            self.process = subprocess.Popen(
                self.command("monitor", "run"), env=self.environment, stdout=out, stderr=out
            )

    def end(self, number: int = signal.SIGTERM) -> int:
        """Send a signal and wait."""
        assert self.process is not None
        self.process.send_signal(number)
        code = self.process.wait(60)
        self.process = None
        return code

    @property
    def said(self) -> str:
        """What the daemon logged."""
        path = self.folder / "log"
        return path.read_text("utf-8") if path.exists() else ""

    def titles(self) -> list[str]:
        """Headlines of the messages that Slack holds."""
        return [one["blocks"][0]["text"]["text"] for one in list(self.slack.messages.values()) if "blocks" in one]

    def until(self, condition: Callable[[], bool]) -> None:
        """Wait for something that the daemon does."""
        end = time.monotonic() + 60
        while not condition():
            assert self.process is None or self.process.poll() is None, self.said
            assert time.monotonic() < end, f"it did not happen\n{self.said}"
            time.sleep(0.05)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with SandboxV2() as log, stand_in() as slack, stand_in() as beat:
        log.fill(3)
        log.publish()
        made = World(tmp_path, log, slack, beat)
        yield made
        if made.process is not None:
            made.process.kill()
            made.process.wait()


def sign(world: World, ref: str) -> None:
    world.runs += 1
    world.log.sign_blob(github("acme/widget", ref=ref, run=world.runs))
    world.log.publish()


def test_canary_restart_reload_and_an_orderly_end(world: World) -> None:
    assert world.call("monitor", "run").returncode != 0
    begun = world.call("monitor", "init", "--from", "0")
    assert begun.returncode == 0, begun.stderr
    world.start()
    world.until(lambda: len(world.beat.taken) >= 1)
    sign(world, "refs/tags/v1")
    sign(world, "refs/heads/fix-ci")
    world.until(lambda: len(world.titles()) == 1)
    world.until(lambda: world.titles()[0].endswith("· PROVEN"))
    assert "signed from an unexpected branch" in world.titles()[0]

    assert world.end(signal.SIGKILL) < 0
    world.start()
    sign(world, "refs/heads/other")
    world.until(lambda: len(world.titles()) == 2)

    world.write(ref="[")
    (world.folder / "sigwarden.toml").write_text("contact = 7\n")
    assert world.process is not None
    world.process.send_signal(signal.SIGHUP)
    world.until(lambda: "not reloaded" in world.said)
    sign(world, "refs/heads/third")
    world.until(lambda: len(world.titles()) == 3)
    world.write(ref="refs/heads/*")
    world.process.send_signal(signal.SIGHUP)
    world.until(lambda: '"message": "reloaded"' in world.said)
    world.until(lambda: len(world.titles()) == 4)
    assert "became wider" in world.titles()[3]
    assert world.end() == 0
    assert len(world.titles()) == 4
    assert TOKEN not in world.said
    assert "hidden-beat" not in world.said
    for line in world.said.splitlines():
        json.loads(line)


def test_blindfold_a_revoked_token_stops_the_heartbeat(world: World) -> None:
    world.slack.always = world.slack._said({"ok": False, "error": "token_revoked"})
    assert world.call("monitor", "init", "--from", "0").returncode == 0
    world.start()
    world.until(lambda: "heartbeat is withheld" in world.said)
    assert world.beat.taken == []
    assert "token_revoked" in world.said
    assert world.end() == 0
    assert world.call("monitor", "once").returncode == 3
    assert world.call("monitor", "status").returncode == 3


def test_76_stop_comes_while_the_log_hangs(world: World) -> None:
    assert world.call("monitor", "init", "--from", "0").returncode == 0
    world.log.slow_drip()
    world.start()
    world.until(lambda: len(world.log.requests) > 3)
    began = time.monotonic()
    world.end()
    assert time.monotonic() - began < 30
    world.log.honest()
    world.start()
    world.until(lambda: len(world.beat.taken) >= 1)


def test_pages_answer_on_the_port_that_is_logged(world: World) -> None:
    assert world.call("monitor", "init", "--from", "0").returncode == 0
    text = (world.folder / "sigwarden.toml").read_text().replace("127.0.0.1:0", "127.0.0.1:19464")
    (world.folder / "sigwarden.toml").write_text(text)
    world.start()
    world.until(lambda: len(world.beat.taken) >= 1)
    pages = {}
    for path in ("healthz", "readyz", "metrics"):
        with urllib.request.urlopen(f"http://127.0.0.1:19464/{path}", timeout=10) as reply:
            pages[path] = reply.read().decode()
    assert json.loads(pages["readyz"])["ok"] is True
    assert "sigwarden_log_proven_size" in pages["metrics"]
    assert "sigwarden_http_requests_total" in pages["metrics"]
    assert TOKEN not in "".join(pages.values())
    assert world.end() == 0
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen("http://127.0.0.1:19464/healthz", timeout=5)
