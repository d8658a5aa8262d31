"""``sigwarden sandbox up`` as people run it: a process, files for clients, Ctrl-C."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from cli.app import run
from cli.config_file import load_config
from cli.watches import load_watches
from sandbox.outfit import MINE
from sandbox.subjects import GOOGLE

pytestmark = pytest.mark.integration


@contextmanager
def up(folder: Path, *more: str) -> Iterator[dict[str, Any]]:
    """A sandbox in a process of its own: what it says of itself."""
    line = [sys.executable, "-m", "cli.main", "sandbox", "up", "--dir", str(folder), "--json", *more]
    with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield json.loads(process.stdout.readline())
        finally:
            process.send_signal(signal.SIGINT)
            _, said = process.communicate(timeout=20)
        assert (process.returncode, "Traceback" in said) == (0, False), said


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path / "sandbox"


def test_its_environment_is_enough_to_sign_and_to_watch(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with up(place) as told:
        for name, value in told["environment"].items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("SIGSTORE_ID_TOKEN", (place / "token").read_text())
        Path("hello.txt").write_text("hello\n")
        assert run(["sign-blob", "hello.txt", "--bundle", "hello.json"]) == 0
        who = ["--certificate-identity", told["user"], "--certificate-oidc-issuer", GOOGLE]
        assert run(["verify-blob", "hello.txt", "--bundle", "hello.json", *who]) == 0
        Path("hello.txt").write_text("other\n")
        assert run(["verify-blob", "hello.txt", "--bundle", "hello.json", *who]) == 1
        assert run(["monitor", "init", "--yes"]) == 0
        assert run(["monitor", "once"]) == 1
    assert "unexpected-identity" in capsys.readouterr().out


def test_files_are_complete_and_the_token_is_private(place: Path) -> None:
    with up(place, "--ct", "static", "--user", "https://ci.acme.example/job") as told:
        names = {path.name for path in place.iterdir()}
        assert {"trusted_root.json", "signing_config.json", "client_trust.json", "root.json", "env", "token"} <= names
        assert (place / "token").stat().st_mode & 0o777 == 0o600
        assert set(told["urls"]) == {"oidc", "fulcio", "ct", "rekor_v1", "rekor_v2", "tsa", "tuf"}
        (watch,) = load_watches(load_config(place / "sigwarden.toml"))
        assert watch.name == "tester"
        exports = subprocess.run(
            ["sh", "-c", f". {place}/env && echo $TUF_MIRROR $SIGSTORE_ID_TOKEN"],
            capture_output=True,
            text=True,
            check=True,
        )
    assert exports.stdout.split() == [told["urls"]["tuf"], (place / "token").read_text()]


def test_a_token_for_anybody(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with up(place):
        assert run(["sandbox", "token", "--dir", str(place), "eve@corp.test"]) == 0
        assert capsys.readouterr().out.count(".") == 2
    assert run(["sandbox", "token", "--dir", str(place)]) == 3
    assert run(["sandbox", "token", "--dir", str(place.parent)]) == 2
    assert "no sandbox has written" in capsys.readouterr().err


def test_a_seed_and_a_port_make_it_the_same_again(place: Path) -> None:
    port = free_ports()
    roots = []
    for _ in range(2):
        with up(place, "--seed", "same", "--port", str(port)) as told:
            assert told["urls"]["oidc"] == f"http://127.0.0.1:{port}"
            roots.append((place / "trusted_root.json").read_bytes())
    assert roots[0] == roots[1]


def free_ports() -> int:
    """A port with six free ones after it."""
    for port in range(20000 + os.getpid() % 10000, 60000, 7):
        if all(is_free(port + more) for more in range(7)):
            return port
    raise AssertionError("no seven free ports")


def is_free(port: int) -> bool:
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) != 0


def test_a_taken_port_is_told(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", free_ports()))
        taken.listen()
        assert run(["sandbox", "up", "--dir", str(place), "--port", str(taken.getsockname()[1])]) == 2
    assert "another program has one of the ports" in capsys.readouterr().err


def test_a_configuration_that_somebody_changed_stays(place: Path) -> None:
    place.mkdir()
    config = place / "sigwarden.toml"
    config.write_text("# mine\n")
    with up(place):
        assert config.read_text() == "# mine\n"
    config.write_bytes(MINE + b"\nold")
    with up(place):
        assert b"logs.sandbox" in config.read_bytes()
