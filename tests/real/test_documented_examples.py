"""The examples in the documentation run as they stand."""

import re
from pathlib import Path
from typing import Any

import pytest

from verifier.artifact import Artifact
from verifier.bundle import Bundle
from verifier.identity import read_identity
from verifier.trust import TrustedRoot

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "verify.md"


def test_the_library_examples_run(
    real_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    wheel = real_data / "bundles" / "production" / "bundle_v3_github.whl"
    cosign = real_data / "cosign"
    for name, source in {
        "trusted_root.json": real_data / "trust" / "production" / "trusted_root.json",
        "artifact": wheel,
        "artifact.sigstore": wheel.with_name(f"{wheel.name}.sigstore"),
        "cosign.pub": cosign / "keys" / "cosign.pub",
        "legacy.json": cosign / "bundles" / "legacy-key.bundle.json",
    }.items():
        (tmp_path / name).write_bytes(source.read_bytes())
    monkeypatch.chdir(tmp_path)
    leaf = Bundle.parse((tmp_path / "artifact.sigstore").read_bytes()).leaf
    assert leaf is not None
    identity = read_identity(leaf)
    names: dict[str, Any] = {
        "identity": identity.names[0].value,
        "issuer": identity.issuer,
        "hello": Artifact.of((cosign / "blobs" / "hello.txt").read_bytes()),
        "private_trust": TrustedRoot.parse((cosign / "trust" / "trusted_root.json").read_bytes()),
    }
    examples = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    assert len(examples) >= 5
    for example in examples:
        exec(compile(example, "verify.md", "exec"), names)
    out = capsys.readouterr().out
    assert identity.names[0].value in out
    assert "binding-digest" in out
    assert "ecdsa-p256" in out


def test_every_command_in_the_documentation_exists() -> None:
    from cli.commands import COMMANDS

    text = DOCUMENT.read_text(encoding="utf-8")
    for name in re.findall(r"sigwarden ([a-z][a-z-]+)", text):
        assert name in COMMANDS, name
