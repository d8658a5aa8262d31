"""Tokens, passwords, PINs and private keys: in no output, log, file, argument of a child or trace of a crash."""

import json
import os
import re
import subprocess
import sys
import traceback
from pathlib import Path

import pytest

from cli.app import run
from sandbox.whole import WholeSigstore
from tests.integration.signer.conftest import Call

pytestmark = pytest.mark.integration
PASSWORD = "correct horse"
ROOT = str(Path(__file__).parents[3])
# a program that keeps what it was called with, in place of one that we start
RECORDER = """#!{python}
import json, os, pathlib, sys
with pathlib.Path({log!r}).open("a") as file:
    file.write(json.dumps(sys.argv) + chr(10))
    file.write(pathlib.Path(f"/proc/{{os.getpid()}}/cmdline").read_text() + chr(10))
"""


def secret_parts(token: str) -> list[str]:
    """The token, and its signature alone: neither may be seen."""
    return [token, token.rpartition(".")[2], PASSWORD]


@pytest.fixture
def recorded(place: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every program that signing could start writes its arguments here."""
    log, folder = place / "started", place / "bin"
    folder.mkdir()
    log.touch()
    for name in ("browser", "xdg-open", "kubectl", "sigstore-kms-acme", "www-browser", "firefox"):
        (folder / name).write_text(RECORDER.format(python=sys.executable, log=str(log)))
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("BROWSER", f"{folder / 'browser'} %s")
    return log


@pytest.mark.parametrize("fault", ["", "frozen", "unlogged", "forged"])
def test_output_and_files(sigstore: WholeSigstore, place: Path, recorded: Path, fault: str) -> None:
    """Whole processes, their output and everything they leave in the folder."""
    if fault == "frozen":
        sigstore.rekor_v2.frozen = True
    elif fault == "unlogged":
        sigstore.fulcio.unlogged()
    elif fault == "forged":
        sigstore.oidc.forged()
    token = sigstore.token("ann@acme.example")
    env = {**os.environ, "PYTHONPATH": ROOT, "SIGSTORE_ID_TOKEN": token, "PYTHONFAULTHANDLER": "1"}
    command = [
        sys.executable,
        "-X",
        "dev",
        "-m",
        "cli.main",
        "-d",
        "sign-blob",
        "hello.txt",
        "--signing-config",
        "v2.json",
    ]
    done = subprocess.run(
        [*command, "--trusted-root", "root.json", "--bundle", "b.json"], env=env, capture_output=True, check=False
    )
    assert (done.returncode == 0) == (not fault), done.stderr
    shown = (done.stdout + done.stderr).decode()
    written = "".join(path.read_text("latin-1") for path in place.rglob("*") if path.is_file())
    for secret in secret_parts(token):
        assert secret not in shown
        assert secret not in written
    assert "PRIVATE KEY" not in shown + written


def test_arguments_of_programs_that_are_started(
    sigstore: WholeSigstore, place: Path, recorded: Path, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The browser, kubectl and a plug-in get what they need, and no secret."""
    monkeypatch.setattr("signer.oauth._SECONDS", 0.2)
    sign = [
        "sign-blob",
        "hello.txt",
        "--signing-config",
        "v2.json",
        "--trusted-root",
        "root.json",
        "--bundle",
        "b.json",
    ]
    assert call(*sign, "-y", "--fulcio-auth-flow", "normal").code == 1  # the recorder never logs in
    for reference in ("k8s://prod/signing", "acme://key-1"):
        assert call(*sign, "--key", reference).code == 1
    call("generate-key-pair", "k8s://prod/signing", "-y")
    started = recorded.read_text()
    assert "/auth?" in started and "kubectl" in started and "sigstore-kms-acme" in started
    assert "code_verifier" not in started and PASSWORD not in started and "PRIVATE" not in started
    verifiers = [re.search(rb"code_verifier=([^&]+)", one.body) for one in sigstore.oidc.requests]
    assert not any(found and found[1].decode() in started for found in verifiers)


def test_traces_of_a_crash(sigstore: WholeSigstore, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bug of ours in the middle of everything: the trace that Python would print shows no secret."""
    token = sigstore.token("ann@acme.example")

    def crash(*_args: object, **_kwargs: object) -> object:
        raise RuntimeError("a bug")

    for where in ("cli.identity_of.check_certificate", "signer.rekor.add_entry", "cli.sign_job.write_output"):
        with monkeypatch.context() as patch:
            patch.setattr(where, crash)
            try:
                run(["sign-blob", "hello.txt", "--signing-config", "v2.json", "--trusted-root", "root.json",
                     "--identity-token", token, "--bundle", "b.json"])  # fmt: skip
            except RuntimeError:
                trace = traceback.format_exc()
            else:
                pytest.fail(f"{where} was not reached")
        assert "a bug" in trace
        for secret in secret_parts(token):
            assert secret not in trace


def test_representations_hide_what_is_secret(sigstore: WholeSigstore) -> None:
    from datetime import UTC, datetime

    from signer.identity import Place
    from signer.keys.key import generate
    from signer.oauth import Client
    from signer.sign import Credential
    from signer.token import read_token
    from verifier.fetch.http import Http, HttpPolicy

    token = sigstore.token("ann@acme.example")
    with Http(HttpPolicy()) as http:
        shown = [
            repr(read_token(token, datetime.now(UTC))),
            repr(Client("id", "client-secret")),
            repr(Credential(generate("ed25519"))),
            repr(generate("ecdsa-sha2-256-nistp256")),
            repr(Place({"SIGSTORE_ID_TOKEN": token}, http)),
        ]
    assert token not in "".join(shown) and "client-secret" not in "".join(shown)


def test_a_wrong_password_is_not_repeated(place: Path, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    assert call("generate-key-pair").code == 0
    monkeypatch.setenv("COSIGN_PASSWORD", "battery staple")
    done = call("sign-blob", "hello.txt", "--key", "cosign.key", "--signing-config", "none.json", "--bundle", "b.json")
    assert done.code == 1
    assert "battery" not in done.out + done.err
    assert PASSWORD not in json.dumps(sorted(str(path) for path in place.iterdir()))
