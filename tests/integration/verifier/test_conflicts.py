"""Command lines that say two things, inputs that break off, one bad file among good ones: told, never swallowed."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cli.app import run

ALICE = ["--certificate-identity", "alice@example.com", "--certificate-oidc-issuer", "http://127.0.0.1:5520"]
ROOT = ["--trusted-root", "trust/trusted_root.json"]
LEGACY = ["verify-blob", "blobs/hello.txt", "--bundle", "bundles/legacy-keyless.bundle.json", *ROOT, *ALICE]
BUNDLE = "bundles/keyless-email.sigstore.json"
ATTESTATION = ["--bundle", "bundles/att-keyless.json", "--type", "slsaprovenance1", *ROOT, *ALICE]
DIGEST = "14a45aefeae76dd51a0681e283511862ddf2f9d8349cd43869b173c09f9caa8a"


@pytest.fixture(autouse=True)
def folder(real_data: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(real_data / "cosign")
    return real_data / "cosign"


def _failure(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """The code of the one result of a command that fails, as ``--json`` tells it."""
    assert run([*arguments, "--json"]) == 1
    (result,) = json.loads(capsys.readouterr().out)
    assert result["verified"] is False
    return str(result["error"]["code"])


@pytest.mark.parametrize(
    "own", [["--certificate", "bundles/legacy-keyless.pem"], ["--signature", "bundles/legacy-keyless.sig"]]
)
def test_a_legacy_bundle_s_own_pieces_may_be_given_again(own: list[str]) -> None:
    assert run([*LEGACY, *own]) == 0


@pytest.mark.parametrize("other", [["--certificate", "byo/leaf.pem"], ["--signature", "bundles/legacy.sig"]])
def test_other_pieces_beside_a_legacy_bundle_are_refused(other: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """CVE-2022-36056: a command line whose pieces disagree; ignoring one of them would say that it was verified."""
    assert _failure([*LEGACY, *other], capsys) == "pieces-differ"


def test_a_file_beside_a_digest_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """Only the digest would be compared: a changed file beside it would pass for verified."""
    command = ["verify-blob-attestation", *ATTESTATION, "--digest", DIGEST]
    assert run(command) == 0
    assert run([*command, "blobs/tampered.txt"]) == 1
    assert "exclude each other" in capsys.readouterr().err


def test_standard_input_cannot_be_two_things(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["verify-blob", "-", "--bundle", "-", *ROOT, *ALICE]) == 1
    assert "standard input can be read once" in capsys.readouterr().err


def test_a_file_without_a_bundle_does_not_hide_the_others(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good, bare = tmp_path / "good.txt", tmp_path / "bare.txt"
    shutil.copyfile(folder / "blobs/hello.txt", good)
    shutil.copyfile(folder / BUNDLE, f"{good}.sigstore.json")
    bare.write_bytes(b"nobody signed this")
    assert run(["verify-blob", str(bare), str(good), *ROOT, *ALICE, "--json"]) == 1
    results = json.loads(capsys.readouterr().out)
    assert [one["file"] for one in results] == [str(bare), str(good)]
    assert [one["error"] and one["error"]["code"] for one in results] == ["bundle-missing", None]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["blobs/hello.txt", "--bundle", BUNDLE, "--trusted-root", os.devnull, *ALICE], "json"),
        (["blobs/hello.txt", "--bundle", BUNDLE, *ROOT], "policy-undefined"),
        (["blobs/hello.txt", "--bundle", BUNDLE, "--key", "keys/cosign.pub", *ROOT, *ALICE], "usage"),
        (["blobs/hello.txt", *ROOT, *ALICE], "bundle-missing"),
    ],
)
def test_what_stops_all_files_has_a_code_too(
    arguments: list[str], code: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _failure(["verify-blob", *arguments], capsys) == code


def test_a_trust_root_that_cannot_be_read_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["verify-blob", "blobs/hello.txt", "--bundle", BUNDLE, "--trusted-root", os.devnull, *ALICE]) == 1
    assert f"the trust root {os.devnull} cannot be read" in capsys.readouterr().err


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="needs a file that opens and cannot be read")
def test_a_file_that_breaks_off_is_a_refusal(capsys: pytest.CaptureFixture[str]) -> None:
    broken = "/proc/self/mem"
    assert _failure(["verify-blob", broken, "--bundle", BUNDLE, *ROOT, *ALICE], capsys) == "input-unreadable"
    assert _failure(["verify-blob", "blobs/hello.txt", "--bundle", broken, *ROOT, *ALICE], capsys) == "input-unreadable"


def _process(arguments: list[str], **more: Any) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "cli.main", *arguments]
    project = str(Path(__file__).parents[3])
    environment = {**os.environ, "PYTHONPATH": project, **more.pop("env", {})}
    return subprocess.run(command, env=environment, text=True, capture_output=True, check=False, timeout=60, **more)


def test_closed_streams_are_no_crash() -> None:
    done = _process(["verify-blob", "-", "--bundle", BUNDLE, *ROOT, *ALICE], preexec_fn=lambda: os.close(0))
    assert (done.returncode, "Traceback" in done.stderr) == (1, False)
    assert "standard input is closed" in done.stderr
    done = _process(["env"], preexec_fn=lambda: os.close(1))
    assert (done.returncode, done.stderr) == (0, "")


def test_a_terminal_without_unicode_is_no_crash() -> None:
    done = _process(["bundle", "inspect", BUNDLE], env={"PYTHONIOENCODING": "ascii"})
    assert (done.returncode, done.stderr) == (0, "")
    assert "alice@example.com" in done.stdout


def test_an_unsigned_log_index_is_not_told_as_a_fact(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A v1 log's number over all shards is signed by its promise alone: without it anybody can write any number."""
    bundle = json.loads((folder / "bundles/keyless-rekorv1-tsa.sigstore.json").read_bytes())
    entry = bundle["verificationMaterial"]["tlogEntries"][0]
    changed = tmp_path / "changed.json"
    changed.write_text(json.dumps(bundle))
    command = ["verify-blob", "blobs/hello.txt", "--bundle", str(changed), *ROOT, *ALICE]
    assert run([*command, "--json"]) == 0
    (proven,) = json.loads(capsys.readouterr().out)
    assert proven["log_entries"][0]["log_index"] == int(entry["logIndex"])
    del entry["inclusionPromise"]
    entry["logIndex"] = "424242"
    changed.write_text(json.dumps(bundle))
    assert run([*command, "--json"]) == 0
    (proven,) = json.loads(capsys.readouterr().out)
    assert proven["log_entries"][0]["log_index"] is None
    assert proven["log_entries"][0]["inclusion_proof"]["status"] == "VERIFIED"
    assert run([*command, "-o", "report"]) == 0
    report = capsys.readouterr().out
    assert "424242" not in report
    assert "| Log Index | not proven" in report
