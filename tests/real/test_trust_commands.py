"""Trust roots, signing configs, bundles and keys: our commands write what the real cosign wrote for the same line."""

import json
from pathlib import Path
from typing import Any

import pytest

from cli.app import run
from tests.real.cosign_cases import split
from verifier.bundle import Bundle

SERVICES = {"$FULCIO": 5540, "$REKOR1": 5580, "$REKOR": 5550, "$TSA": 5560}


@pytest.fixture(scope="module")
def folder(real_data: Path) -> Path:
    return real_data / "cosign"


def made_by(folder: Path, command: str) -> list[tuple[str, str]]:
    """(file, command line) of every artefact made by this command."""
    index: list[dict[str, Any]] = json.loads((folder / "index.json").read_text())["artifacts"]
    return [(one["file"], one["made_by"]) for one in index if command in one.get("made_by", "")]


@pytest.mark.parametrize("command", ["trusted-root create", "signing-config create"])
def test_documents_are_those_that_cosign_wrote(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.chdir(folder)
    cases = made_by(folder, f"cosign {command}")
    assert len(cases) >= 7
    for file, line in cases:
        for name, port in SERVICES.items():
            line = line.replace(name, f"http://127.0.0.1:{port}")  # noqa: PLW2901 - the placeholders of this recording
        _, arguments = split(line, folder)
        out = tmp_path / "out.json"
        arguments[arguments.index("--out") + 1] = str(out)
        assert run(arguments) == 0, file
        assert in_order(out) == in_order(folder / file), file


def in_order(path: Path) -> Any:
    """A document with its logs in one order: cosign writes them in Go's order of maps, which is none."""
    document = json.loads(path.read_bytes())
    document.get("tlogs", []).sort(key=lambda log: log["baseUrl"])
    return document


@pytest.mark.parametrize(
    "arguments",
    [
        ["trusted-root", "create", "--fulcio", "url=x"],
        ["trusted-root", "create", "--fulcio", "url=x,certificate-chain=keys/cosign.pub"],
        ["trusted-root", "create", "--rekor", "url=x,public-key=keys/cosign.pub"],
        ["trusted-root", "create", "--rekor", "url=x,public-key=keys/cosign.pub,start-time=yesterday"],
        ["trusted-root", "create", "--rekor", "url=x,public-key=keys/cosign.pub,start-time=2026-01-01T00:00:00"],
        ["trusted-root", "create", "--rekor",
         "url=x,public-key=keys/cosign.pub,start-time=2026-01-01T00:00:00Z,end-time=2025-01-01T00:00:00Z"],
        ["trusted-root", "create", "--rekor", "url=x,colour=blue"],
        ["trusted-root", "create", "--out", "/nowhere/x.json"],
        ["signing-config", "create", "--rekor", "url=x,api-version=2,start-time=2026-01-01T00:00:00Z,operator=o"],
        ["signing-config", "create", "--rekor-config", "SOME"],
        ["signing-config", "create", "--rekor-config", "EXACT:0"],
        ["signing-config", "create", "--base-config", "trust/signing_config.json", "--with-default-services"],
        ["signing-config", "create", "--fulcio", "url=x,api-version=one,start-time=2026-01-01T00:00:00Z,operator=o"],
    ],
)  # fmt: skip
def test_faulty_specs_are_refused(
    folder: Path, arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    assert run(arguments) == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert "error during command execution: " in told.err


def test_defaults_are_joined(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TUF_ROOT", str(tmp_path))
    monkeypatch.chdir(folder)
    out = tmp_path / "root.json"
    own = "url=http://x,public-key=trust/rekor-pub.pem,start-time=2026-01-01T00:00:00Z,origin=x"
    arguments = ["trusted-root", "create", "--with-default-services", "--offline", "--rekor", own, "--out", str(out)]
    assert run(arguments) == 0
    assert run([*arguments, "--no-default-rekor"]) == 0
    document = json.loads(out.read_bytes())
    assert [log["baseUrl"] for log in document["tlogs"]] == ["http://x"]
    assert len(document["certificateAuthorities"]) > 1


def test_a_base_config_is_extended(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    out = tmp_path / "config.json"
    assert run(["signing-config", "create", "--base-config", "trust/sc-v1.json", "--out", str(out)]) == 0
    assert json.loads(out.read_bytes()) == json.loads((folder / "trust" / "sc-v1.json").read_bytes())


@pytest.mark.parametrize("key", ["cosign", "import-p384", "import-p521", "import-rsa2048", "import-ed25519"])
def test_public_keys_are_printed(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], key: str
) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.setenv("COSIGN_PASSWORD", "sigwarden-test")
    expected = (folder / "keys" / f"{key}.pub").read_text()
    for form in ("key", "pub"):
        assert run(["public-key", "--key", f"keys/{key}.{form}"]) == 0
        assert capsys.readouterr().out == expected


def test_a_wrong_password_is_told_as_recorded(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.setenv("COSIGN_PASSWORD", "wrong")
    assert run(["public-key", "--key", "keys/cosign.key"]) == 1
    assert "password" in capsys.readouterr().err
    monkeypatch.setenv("COSIGN_PASSWORD", "sigwarden-test")
    out = tmp_path / "key.pub"
    assert run(["public-key", "--key", "keys/cosign.key", "--outfile", str(out)]) == 0
    assert out.read_bytes() == (folder / "keys" / "exported.pub").read_bytes()


CREATED = [
    ("from-legacy", ["--bundle", "bundles/legacy-keyless.bundle.json"], True),
    ("from-legacy-key", ["--bundle", "bundles/legacy-key.bundle.json"], False),
    (
        "from-pieces",
        ["--signature", "bundles/legacy-keyless.sig", "--certificate", "bundles/legacy-keyless.pem", "--ignore-tlog"],
        None,
    ),
    ("from-sig", ["--signature", "bundles/legacy.sig", "--key", "keys/cosign.pub", "--ignore-tlog"], None),
]


@pytest.mark.parametrize(("name", "pieces", "keyless"), CREATED, ids=[one[0] for one in CREATED])
def test_bundles_are_created_offline(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, pieces: list[str], keyless: bool | None
) -> None:
    monkeypatch.chdir(folder)
    out = str(tmp_path / "made.json")
    assert run(["bundle", "create", "--artifact", "blobs/hello.txt", "--offline", "--out", out, *pieces]) == 0
    made = Bundle.parse(Path(out).read_bytes())
    assert made.version == ("0.3" if keyless is None else "0.1"), name
    who = ["--certificate-identity", "alice@example.com", "--certificate-oidc-issuer", "http://127.0.0.1:5520"]
    verify = ["verify-blob", "blobs/hello.txt", "--bundle", out, "--trusted-root", "trust/trusted_root.json"]
    if keyless is not None:
        assert run([*verify, *(who if keyless else ["--key", "keys/cosign.pub"])]) == 0
    elif "--key" in pieces:
        assert run([*verify, "--key", "keys/cosign.pub", "--insecure-ignore-tlog"]) == 0
        assert run([*verify, "--key", "keys/other.pub", "--insecure-ignore-tlog"]) == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ["--bundle", "bundles/legacy-key.bundle.json", "--signature", "bundles/legacy.sig"],
        ["--signature", "bundles/legacy.sig"],
        ["--signature", "bundles/legacy.sig", "--key", "keys/cosign.pub", "--offline", "--artifact", "blobs/hello.txt"],
        ["--signature", "bundles/legacy.sig", "--key", "keys/cosign.pub", "--ignore-tlog"],
        ["--bundle", "bundles/legacy-key.bundle.json", "--artifact", "blobs/tampered.txt", "--offline"],
        [],
    ],
)
def test_pieces_that_do_not_belong_together_make_no_bundle(
    folder: Path, arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    assert run(["bundle", "create", *arguments]) == 1
    assert capsys.readouterr().out == ""


def test_old_bundles_are_upgraded(
    real_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    bundles = real_data / "bundles" / "production"
    for one in json.loads((bundles / "index.json").read_text()):
        out = str(tmp_path / "upgraded.json")
        assert run(["bundle", "upgrade", str(bundles / one["bundle"]), "--offline", "--out", out]) == 0
        arguments = ["verify-blob", one["artifact"], "--bundle", out]
        who = ["--certificate-identity", one["identity"], "--certificate-oidc-issuer", one["issuer"]]
        root = ["--trusted-root", str(real_data / "trust" / "production" / "trusted_root.json")]
        assert run([*arguments, *who, *root]) == 0, capsys.readouterr().err
        assert b"certificates" not in Path(out).read_bytes() or b"version=0.1" in Path(out).read_bytes()


def test_inspecting_says_what_is_there_and_what_is_odd(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for path in sorted((folder / "bundles").glob("*.json")):
        if "tsr" in path.name or "intoto" in path.name or "payload" in path.name:
            continue
        assert run(["bundle", "inspect", str(path)]) == 0, path.name
    out = capsys.readouterr().out
    for text in (
        "alice@example.com (email)",
        "predicate type: https://slsa.dev/provenance/v1",
        "checkpoint of rekor-v2",
        "WARNING",
    ):
        assert text in out


def test_conformance_protocol(real_data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bundles = real_data / "bundles" / "production"
    one = json.loads((bundles / "index.json").read_text())[0]
    arguments = [
        "conformance", "verify-bundle", "--bundle", str(bundles / one["bundle"]),
        "--certificate-oidc-issuer", one["issuer"],
        "--trusted-root", str(real_data / "trust" / "production" / "trusted_root.json"),
    ]  # fmt: skip
    assert run([*arguments, "--certificate-identity", one["identity"], one["artifact"]]) == 0
    assert run([*arguments, "--certificate-identity", "x@example.com", one["artifact"]]) == 1
    assert run([*arguments, one["artifact"]]) == 1
    staging = real_data / "bundles" / "staging" / "bundle_v3.txt"
    arguments = [
        "conformance", "verify-bundle", "--staging", "--offline", "--bundle", f"{staging}.sigstore",
        "--certificate-identity", "william@yossarian.net", "--certificate-oidc-issuer", "https://github.com/login/oauth",
        str(staging),
    ]  # fmt: skip
    assert run(arguments) == 0, capsys.readouterr().err
