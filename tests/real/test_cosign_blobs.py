"""Every file that the real cosign signed verifies here as it should, and every named variation is refused."""

import http.server
import json
import os
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from cli.app import run
from tests.real.cosign_cases import CosignCase, blob_cases, split, transcript_cases


@pytest.fixture(scope="session")
def cosign_data(real_data: Path) -> Path:
    return real_data / "cosign"


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Nothing is printed."""


@pytest.fixture(scope="module")
def tuf_root(cosign_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A TUF cache made by 'initialize' from the recorded repository."""
    folder = tmp_path_factory.mktemp("tuf")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(cosign_data / "tuf")))
    thread = threading.Thread(target=lambda: server.serve_forever(0.01), daemon=True)
    thread.start()
    os.environ["TUF_ROOT"] = str(folder)
    try:
        mirror = f"http://127.0.0.1:{server.server_port}"
        assert run(["initialize", "--mirror", mirror, "--root", str(cosign_data / "trust" / "tuf-root.json")]) == 0
        yield folder
    finally:
        del os.environ["TUF_ROOT"]
        server.shutdown()
        thread.join()
        server.server_close()


def _is_about_something_else(case: CosignCase) -> bool:
    """Look-ups in a running Rekor (tested with a replayed one), and a failure of the recording's own network."""
    looks_up = case.verifies and "--rekor-url" in case.arguments
    return looks_up or "error updating to TUF remote mirror" in case.why


def test_every_recorded_file(
    cosign_data: Path, tuf_root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    cases = [case for case in blob_cases(cosign_data) if not _is_about_something_else(case)]
    assert len(cases) > 100
    monkeypatch.chdir(cosign_data)
    wrong: list[str] = []
    for case in cases:
        with monkeypatch.context() as patch:
            for name, value in case.environment.items():
                patch.setenv(name, value)
            code = run(case.arguments)
        told = capsys.readouterr()
        if (
            (code == 0) != case.verifies
            or code not in (0, 1)
            or told.out
            or ("Verified OK" in told.err) != case.verifies
        ):
            wrong.append(f"{case.name}\n  exit {code}, wanted {case.verifies}: {case.why}\n  {told.err}")
    assert not wrong, "\n".join(wrong)


def test_transcripts_that_need_only_files(
    cosign_data: Path, tuf_root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    cases = [
        case
        for case in transcript_cases(cosign_data, "files only", "TUF cache")
        if case["category"].startswith("verify")
    ]
    assert len(cases) >= 10
    monkeypatch.chdir(cosign_data)
    for case in cases:
        environment, arguments = split(case["command"], cosign_data)
        code = run(arguments)
        told = capsys.readouterr()
        if "deviate" in case["expect"]:
            assert code != 0, case["id"]
            continue
        assert code == case["exit"], (case["id"], told.err)
        assert told.out == case["stdout"]
        assert told.err.startswith("Error: ") or "Verified OK\n" in told.err or "WARNING" in told.err
        assert not environment


def test_json_names_the_failing_check(
    cosign_data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(cosign_data)
    code = run(
        [
            "verify-blob", "blobs/tampered.txt",
            "--bundle", "bundles/key-nolog.sigstore.json", "--key", "keys/cosign.pub",
            "--insecure-ignore-tlog", "-o", "json",
        ]
    )  # fmt: skip
    (result,) = json.loads(capsys.readouterr().out)
    assert code == 1
    assert result["verified"] is False
    assert result["error"]["code"] == "message-digest"
