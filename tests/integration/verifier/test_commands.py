"""The verifying commands from outside: many files, reports, look-ups in a running log, and the small commands."""

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cli.app import run
from sandbox import bundles, trust
from sandbox.ca import CA, Certified
from sandbox.entries import hashedrekord_v1, statement
from sandbox.rekor_v1 import SandboxV1
from sandbox.rekor_v2 import SandboxV2
from sandbox.subjects import GOOGLE
from sandbox.tsa import TSA
from verifier.bundle import Bundle

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
WHO = ["--certificate-identity", "alice@watched.example", "--certificate-oidc-issuer", GOOGLE]


@dataclass
class Place:
    """A folder with a trust root and whatever a test signs; its Rekor v1 answers over HTTP."""

    folder: Path
    ca: CA
    tsa: TSA
    v1: SandboxV1
    v2: SandboxV2

    @property
    def root(self) -> list[str]:
        return ["--trusted-root", str(self.folder / "root.json")]

    def alice(self) -> Certified:
        return self.ca.certificate("alice@watched.example", GOOGLE)

    def sign(self, name: str, content: bytes) -> Path:
        """A file and, beside it, its bundle."""
        path = self.folder / name
        path.write_bytes(content)
        (self.folder / f"{name}.sigstore.json").write_bytes(bundles.sign_blob(self.v2, self.alice(), content, self.tsa))
        return path


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("place")
    ca, tsa = CA(seed="commands", now=lambda: NOW), TSA(seed="commands", now=lambda: NOW)
    v2 = SandboxV2(ca=ca, seed="commands", now=NOW.timestamp, base_url="https://log.sandbox.test")
    with SandboxV1(host="127.0.0.1", ca=ca, seed="commands", now=NOW.timestamp) as v1:
        members = [*v1.tlog_members(), *v2.tlog_members()]
        root = trust.trusted_root(members, [trust.ca_member(ca)], [trust.ct_member(ca)], [tsa.member()])
        (folder / "root.json").write_bytes(root)
        yield Place(folder, ca, tsa, v1, v2)


def test_a_bundle_beside_its_file_is_found(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    path = place.sign("one.txt", b"one")
    assert run(["verify-blob", str(path), *WHO, *place.root]) == 0
    told = capsys.readouterr()
    assert (told.out, told.err) == ("", "Verified OK\n")


def test_many_files_have_one_result_each(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    paths = [place.sign(f"many-{number}.txt", b"many %d" % number) for number in range(40)]
    paths[7].write_bytes(b"changed")
    paths[9].with_name(f"{paths[9].name}.sigstore.json").write_bytes(b"{}")
    assert run(["verify-blob", *map(str, paths), *WHO, *place.root]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert sum("Verified OK" in line for line in lines) == 38
    assert any(line.startswith(f"Error: {paths[7]}: ") for line in lines)
    assert any(line.startswith(f"Error: {paths[9]}: ") for line in lines)
    assert run(["verify-blob", *map(str, paths), *WHO, *place.root, "-o", "json"]) == 1
    results = json.loads(capsys.readouterr().out)
    assert [one["file"] for one in results] == [str(path) for path in paths]
    assert {one["file"] for one in results if not one["verified"]} == {str(paths[7]), str(paths[9])}
    assert results[7]["error"]["code"] == "binding-digest"
    assert results[9]["bundle"] is None


def test_json_says_what_is_proven(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    path = place.sign("facts.txt", b"facts")
    assert run(["verify-blob", str(path), *WHO, *place.root, "-o", "json"]) == 0
    (facts,) = json.loads(capsys.readouterr().out)
    assert facts["verified"] is True
    assert facts["certificate"]["subject"] == [{"kind": "email", "value": "alice@watched.example"}]
    assert facts["certificate"]["issuer"] == GOOGLE
    assert facts["times"] == [
        {"time": "2026-06-01T12:00:00Z", "source": "timestamp", "authority": facts["times"][0]["authority"]}
    ]
    (entry,) = facts["log_entries"]
    assert entry["inclusion_proof"]["status"] == "VERIFIED"
    assert entry["inclusion_proof"]["origin"] == "log.sandbox.test"
    assert {row["check"] for row in facts["policy"]} >= {"identity", "issuer", "transparency logs", "proven times"}


@pytest.mark.parametrize(
    ("style", "mark"), [("markdown", "### Rekor Entry"), ("html", "<h3>Rekor Entry</h3>"), ("json", '"files"')]
)
def test_the_report_has_every_section(place: Place, capsys: pytest.CaptureFixture[str], style: str, mark: str) -> None:
    path = place.sign("report.txt", b"report")
    assert run(["verify-blob", str(path), *WHO, *place.root, "-o", "report", "--report-format", style]) == 0
    text = capsys.readouterr().out
    assert "Sigstore Signing Verification Report" in text
    assert mark in text
    if style != "json":
        for section in ("Artifact", "Verification Status", "Certificate Details", "Policy Check"):
            assert section in text
        for row in (
            "Subject",
            "Issuer",
            "Valid From",
            "Valid To",
            "UUID",
            "Log Index",
            "Integrated Time",
            "VERIFIED",
            "Root Hash",
        ):
            assert row in text


def test_a_refusal_is_reported_as_one_and_names_are_escaped(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    evil = "https://example.com/<script>alert(1)</script>|`x`[a](b)\u202e"
    signer = place.ca.certificate(evil, GOOGLE)
    path = place.folder / "evil.txt"
    path.write_bytes(b"evil")
    place.folder.joinpath("evil.txt.sigstore.json").write_bytes(bundles.sign_blob(place.v2, signer, b"evil", place.tsa))
    for style in ("markdown", "html"):
        assert run(["verify-blob", str(path), *WHO, *place.root, "-o", "report", "--report-format", style]) == 1
        text = capsys.readouterr().out
        assert "FAILED" in text
        assert "claimed, not verified" in text
        assert "<script>alert" not in text
        assert "\u202e" not in text
        assert "| `x`" not in text


def test_a_detached_signature_is_looked_up_and_proven(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    signer, content = place.alice(), b"detached"
    signature = signer.key.sign(content)
    for number in range(3):
        place.v1.add(hashedrekord_v1(place.alice(), content))
        if number == 1:
            place.v1.add(hashedrekord_v1(signer, content, signature))
    place.v1.publish()
    path = place.folder / "detached.txt"
    path.write_bytes(content)
    (place.folder / "detached.sig").write_bytes(base64.b64encode(signature))
    (place.folder / "detached.pem").write_bytes(signer.pem)
    pieces = ["--signature", str(place.folder / "detached.sig"), "--certificate", str(place.folder / "detached.pem")]
    line = ["verify-blob", str(path), *pieces, *WHO, *place.root]
    assert run([*line, "--rekor-url", place.v1.base_url]) == 0, capsys.readouterr().err
    assert run(line) == 1
    assert run([*line, "--rekor-url", place.v1.base_url, "--offline"]) == 1
    capsys.readouterr()
    other = place.folder / "other.txt"
    other.write_bytes(b"never logged")
    assert run(["verify-blob", str(other), *pieces, *WHO, *place.root, "--rekor-url", place.v1.base_url]) == 1
    assert "no entry for this signature" in capsys.readouterr().err
    made = str(place.folder / "made.json")
    create = ["bundle", "create", "--artifact", str(path), *pieces, "--rekor-url", place.v1.base_url, "--out", made]
    assert run(create) == 0, capsys.readouterr().err
    assert Bundle.parse(Path(made).read_bytes()).version == "0.3"
    assert run(["verify-blob", str(path), "--bundle", made, *WHO, *place.root]) == 0


def test_a_promise_is_upgraded_to_a_proof(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    value = json.loads(bundles.sign_blob(place.v1, place.alice(), b"promise"))
    material = value["verificationMaterial"]
    material["x509CertificateChain"] = {"certificates": [material.pop("certificate")]}
    del material["tlogEntries"][0]["inclusionProof"]
    value["mediaType"] = "application/vnd.dev.sigstore.bundle+json;version=0.1"
    old, new = place.folder / "old.json", place.folder / "new.json"
    old.write_text(json.dumps(value))
    assert run(["bundle", "upgrade", str(old), "--rekor-url", place.v1.base_url, "--out", str(new)]) == 0
    assert Bundle.parse(new.read_bytes()).version == "0.3"
    path = place.folder / "promise.txt"
    path.write_bytes(b"promise")
    for bundle in (old, new):
        assert run(["verify-blob", str(path), "--bundle", str(bundle), *WHO, *place.root]) == 0, capsys.readouterr().err


def test_attestations_by_digest_and_without_claims(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    import hashlib

    bundle = place.folder / "attestation.json"
    bundle.write_bytes(bundles.attest_v2(place.v2, place.alice(), statement(b"built"), place.tsa))
    digest = hashlib.sha256(b"built").hexdigest()
    line = ["verify-blob-attestation", "--bundle", str(bundle), *WHO, *place.root, "--type", "slsaprovenance1"]
    assert run([*line, "--digest", digest, "--digestAlg", "sha256"]) == 0, capsys.readouterr().err
    assert run([*line, "--digest", "0" * 64]) == 1
    assert run([*line, "--digest", "0" * 64, "--check-claims=false"]) == 0
    assert run([*line, "--check-claims=false"]) == 0
    assert run([*line[:-1], "cyclonedx", "--digest", digest]) == 1


def test_flags_come_from_the_environment(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    path = place.sign("environment.txt", b"environment")
    monkeypatch.setenv("COSIGN_CERTIFICATE_IDENTITY", "alice@watched.example")
    monkeypatch.setenv("COSIGN_CERTIFICATE_OIDC_ISSUER", GOOGLE)
    monkeypatch.setenv("COSIGN_TRUSTED_ROOT", str(place.folder / "root.json"))
    assert run(["verify-blob", str(path)]) == 0
    assert run(["verify-blob", str(path), "--cert-identity", "bob@watched.example"]) == 1
    monkeypatch.setenv("COSIGN_OUTPUT", "json")
    assert run(["verify-blob", str(path)]) == 0


@pytest.mark.parametrize(
    ("flags", "code"),
    [
        (["--certificate-identity", "bob@x", "--certificate-identity", "alice@watched.example"], 0),
        (["--certificate-identity-regexp", "^alice@", "--certificate-identity-regexp", "^carol@"], 0),
        (["--certificate-identity-regexp", "^bob@"], 1),
        (
            [
                "--certificate-identity",
                "alice@watched.example",
                "--certificate-oidc-issuer-regexp",
                "^https://accounts",
            ],
            0,
        ),
        (["--certificate-identity", "alice@watched.example", "--certificate-oidc-issuer-regexp", "^https://github"], 1),
        (["--certificate-identity", "alice@watched.example", "--certificate-extension", "issuer=" + GOOGLE], 0),
        (["--certificate-identity", "alice@watched.example", "--certificate-extension", "build-trigger=push"], 1),
        (["--certificate-identity", "alice@watched.example", "--certificate-extension", "colour=blue"], 1),
        (["--certificate-identity", "alice@watched.example", "--certificate-extension", "issuer"], 1),
        (["--certificate-identity", "alice@watched.example", "--certificate-identity-regexp", "^alice@"], 1),
        (["--certificate-identity-regexp", "("], 1),
        (["--certificate-identity", "alice@watched.example", "--log-threshold", "2"], 1),
        (["--certificate-identity", "alice@watched.example", "--use-signed-timestamps"], 0),
        (["--certificate-identity", ""], 1),
    ],
)
def test_identities_are_alternatives_and_everything_else_adds_up(place: Place, flags: list[str], code: int) -> None:
    path = place.sign("identities.txt", b"identities")
    assert run(["verify-blob", str(path), "--certificate-oidc-issuer", GOOGLE, *flags, *place.root]) == code


def test_a_loose_pattern_is_warned_about(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    path = place.sign("loose.txt", b"loose")
    flags = ["--certificate-identity-regexp", ".*", "--certificate-oidc-issuer", GOOGLE]
    assert run(["verify-blob", str(path), *flags, *place.root]) == 0
    assert "accepts anything" in capsys.readouterr().err


def test_env_hides_secrets(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COSIGN_PASSWORD", "hunter2")
    monkeypatch.setenv("TUF_MIRROR", "https://tuf.example")
    assert run(["env"]) == 0
    text = capsys.readouterr().out
    assert "hunter2" not in text
    assert 'TUF_MIRROR="https://tuf.example"' in text
    assert "# Expects:" in text
    assert run(["env", "--show-sensitive-values", "--show-descriptions=false"]) == 0
    text = capsys.readouterr().out
    assert "hunter2" in text
    assert "#" not in text


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    if shell == "bash":
        pytest.importorskip("click.shell_completion")
    assert run(["completion", shell]) == 0
    assert "_SIGWARDEN_COMPLETE" in capsys.readouterr().out
    assert run(["completion", "tcsh"]) == 1


def test_version_in_both_forms(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["version"]) == 0
    assert "GitVersion" in capsys.readouterr().out
    assert run(["version", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["gitVersion"]
