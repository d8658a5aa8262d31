"""Does ``config check`` name every fault at once, also those of logs, keys and trust roots, without any network?"""

import socket
from pathlib import Path

import pytest

from cli.app import run

WATCH = '[[watch]]\nemail = "a@b.example"\nexpect.issuer = "https://accounts.google.com"\n'


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("config check asked the network")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setenv("TUF_ROOT", str(tmp_path / "tuf"))


def check(folder: Path, text: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    config = folder / "sigwarden.toml"
    config.write_text(text)
    code = run(["config", "check", "--config", str(config)])
    told = capsys.readouterr()
    return code, told.out + told.err


@pytest.mark.parametrize(
    ("log", "said"),
    [
        ('v2 = { read_url = "ftp://x", origin = "x", key_file = "k" }', "the URL of a log is written like"),
        ('v2 = { read_url = "not a url", origin = "x", key_file = "k" }', "the URL of a log is written like"),
        ('v1 = { url = "https://user:hidden-word@x", key_file = "k" }', "a URL with user and password"),
        ('v2 = { read_url = "https://x", origin = "x" }', "has no key"),
        ('v2 = { read_url = "https://x", origin = "x", key_file = "missing.pem" }', ":5: cannot read missing.pem"),
        ('v2 = { read_url = "https://x", origin = "x", key_file = "sigwarden.toml" }', "is no key of a log"),
        ('v2 = { read_url = "https://x", origin = "x", trusted_root = "sigwarden.toml" }', "is no trust root"),
        ('trusted_root = "sigwarden.toml"', "is no trust root"),
    ],
)
def test_a_log_that_cannot_be_followed_is_a_fault(
    tmp_path: Path, log: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out = check(tmp_path, f"{WATCH}[logs.acme]\n{log}\n", capsys)
    assert code == 2
    assert said in out
    assert "No faults" not in out
    assert "hidden-word" not in out


def test_watches_logs_and_secrets_are_faulted_together(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = """channels.s.webhook = "env:SIGWARDEN_TEST_UNSET"
[[watch]]
email = "nobody"
[logs.acme]
v2 = { read_url = "https://x", origin = "x", key_file = "missing.pem" }
"""
    code, out = check(tmp_path, text, capsys)
    assert code == 2
    assert ":3: watch.0.email" in out
    assert ":5: cannot read missing.pem" in out
    assert "SIGWARDEN_TEST_UNSET" in out


def test_a_whole_configuration_has_no_faults(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out = check(tmp_path, WATCH, capsys)
    assert code == 0
    assert "1 watches, 0 channels. No faults." in out
