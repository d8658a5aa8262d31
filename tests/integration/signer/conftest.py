"""A whole Sigstore on loopback, and our commands called in a folder of their own."""

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from cli.app import run
from sandbox.whole import WholeSigstore

Call = Callable[..., "Outcome"]


@dataclass(frozen=True)
class Outcome:
    """How a command ended, and what it printed."""

    code: int
    out: str
    err: str


@pytest.fixture
def sigstore() -> Iterator[WholeSigstore]:
    with WholeSigstore() as sigstore:
        yield sigstore


@pytest.fixture
def place(tmp_path: Path, sigstore: WholeSigstore, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder: an artifact, the trust root, and a signing config for each version of Rekor."""
    (tmp_path / "hello.txt").write_bytes(b"hello\n")
    (tmp_path / "root.json").write_bytes(sigstore.trusted_root)
    (tmp_path / "v1.json").write_bytes(sigstore.signing_config_for(1))
    (tmp_path / "v2.json").write_bytes(sigstore.signing_config_for(2))
    (tmp_path / "none.json").write_text(
        '{"mediaType":"application/vnd.dev.sigstore.signingconfig.v0.2+json","rekorTlogConfig":{},"tsaConfig":{}}'
    )
    for name in ("GITHUB_ACTIONS", "ACTIONS_ID_TOKEN_REQUEST_URL", "SIGSTORE_ID_TOKEN", "GITLAB_CI"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TUF_ROOT", str(tmp_path / "tuf"))
    monkeypatch.setenv("TUF_MIRROR", "http://127.0.0.1:9")  # nothing may ask it
    monkeypatch.setenv("COSIGN_PASSWORD", "correct horse")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def call(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Call:
    """Runs one command line; `answer` is what the person types."""

    def call(*argv: str, answer: str = "") -> Outcome:
        capfd.readouterr()
        monkeypatch.setattr("sys.stdin", io.StringIO(answer))
        code = run(argv)
        out, err = capfd.readouterr()
        return Outcome(code, out, err)

    return call
