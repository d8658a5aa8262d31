"""Every signing command of the real cosign that needs no service: ours makes the same files, and they verify too."""

import io
import json
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cli.app import run

PASSWORDS = {"keys/other.key": "other-pass", "keys/nopass.key": "", "keys/stdinpass.key": "stdin-secret"}
VERBS = ("sign-blob", "attest-blob", "import-key-pair")
# Ours refuses what cosign does silently: data that is dropped, a bundle that the second file overwrites.
DIFFERENT = {"bundles/att-vuln-loose.json", "bundles/key-two.sigstore.json"}
FOLDERS = ("keys", "blobs", "att", "trust", "byo", "bundles")


def commands(folder: Path) -> Iterator[tuple[str, list[str], dict[str, Any]]]:
    """(file, command line, row) of what needs no service."""
    rows = json.loads((folder / "index.json").read_bytes())["artifacts"]
    for row in rows:
        made = row.get("made_by")
        if not isinstance(made, str) or "$" in made:
            continue
        words = shlex.split(made)
        config = words[words.index("--signing-config") + 1] if "--signing-config" in words else ""
        offline = config == "trust/sc-empty.json" or "--tlog-upload=false" in words or words[1] == "import-key-pair"
        if words[0] == "cosign" and words[1] in VERBS and offline and "env://" not in made:
            yield row["file"], words[1:], row


@pytest.fixture
def copy(real_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The recording's folder, ours to write in."""
    for name in FOLDERS:
        shutil.copytree(real_data / "cosign" / name, tmp_path / name)
    for path in tmp_path.rglob("*"):
        path.chmod(0o700 if path.is_dir() else 0o600)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TUF_ROOT", str(tmp_path / "tuf-cache"))
    return tmp_path


def test_all_commands_without_services(
    real_data: Path, copy: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Ours exits with 0, writes the file anew, and what verified cosign's file verifies ours."""
    problems: list[str] = []
    count = 0
    for file, words, row in commands(real_data / "cosign"):
        if not all((copy / word).exists() for word in words if word.startswith("keys/") and word.endswith(".key")):
            continue  # one key of the recording was not kept
        password = next((value for name, value in PASSWORDS.items() if name in words), "sigwarden-test")
        monkeypatch.setenv("COSIGN_PASSWORD", password)
        monkeypatch.setattr("sys.stdin", io.StringIO(""))
        before = (copy / file).stat().st_mtime_ns
        if "--predicate" in words and words[words.index("--predicate") + 1] == "-":
            words[words.index("-")] = "att/slsa1.json"
        code = run([*words, "-y"])
        said = capfd.readouterr().err
        if file in DIFFERENT:
            problems += [f"{file} was made"] if code == 0 else []
            continue
        if code or (copy / file).stat().st_mtime_ns == before:
            problems.append(f"{' '.join(words)}: {code}: {said}")
            continue
        count += 1
        problems += [f"{line}: {said}" for line in row.get("verifies_with", ()) if not verifies(line, capfd)]
    assert not problems, "\n".join(problems)
    assert count >= 40


def verifies(line: str, capfd: pytest.CaptureFixture[str]) -> bool:
    """Whether one of the recorded verifying commands passes on what is in the folder now."""
    words = shlex.split(line)
    if words[0] != "cosign" or "$" in line or words[1] not in ("verify-blob", "verify-blob-attestation"):
        return True
    if "--trusted-root" not in words and "--insecure-ignore-tlog" not in words:
        return True  # these asked the recording's TUF repository
    code = run(words[1:])
    capfd.readouterr()
    return code == 0


def test_statements_and_hints_are_equal(real_data: Path, copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The members of our bundles are those of cosign's: the same key hint, digest, media type, subject."""
    monkeypatch.setenv("COSIGN_PASSWORD", "sigwarden-test")
    for name in ("key-nolog", "key-rsa2048", "key-p384", "key-p521", "key-empty"):
        theirs = json.loads((real_data / "cosign" / "bundles" / f"{name}.sigstore.json").read_bytes())
        words = next(
            words for file, words, _ in commands(real_data / "cosign") if file == f"bundles/{name}.sigstore.json"
        )
        assert run([*words, "-y"]) == 0
        ours = json.loads((copy / "bundles" / f"{name}.sigstore.json").read_bytes())
        theirs["messageSignature"].pop("signature")
        ours["messageSignature"].pop("signature")
        if name in ("key-p384", "key-p521"):  # cosign's digest is of another hash than its signature
            theirs["messageSignature"].pop("messageDigest")
            ours["messageSignature"].pop("messageDigest")
        assert ours == theirs
