"""Key-based commands: files, questions, old outputs, and what the real cosign makes of the same inputs."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sandbox.whole import WholeSigstore
from tests.integration.signer.conftest import Call
from verifier.bundle import Bundle
from verifier.keys import PublicKey

pytestmark = pytest.mark.integration
KEY = ["--key", "k.key"]
NOWHERE = ["--signing-config", "none.json"]


@pytest.fixture(autouse=True)
def key(place: Path, call: Call) -> None:
    assert call("generate-key-pair", "--output-key-prefix", "k").code == 0


def test_a_key_pair_is_two_files_and_never_overwritten_unasked(place: Path, call: Call) -> None:
    assert (place / "k.key").stat().st_mode & 0o777 == 0o600
    assert (place / "k.pub").stat().st_mode & 0o777 == 0o644
    before = (place / "k.key").read_bytes()
    done = call("generate-key-pair", "--output-key-prefix", "k")
    assert done.code == 1
    assert "Are you sure you would like to continue? [y/N]" in done.err
    assert "user declined the prompt" in done.err
    assert (place / "k.key").read_bytes() == before
    assert call("generate-key-pair", "--output-key-prefix", "k", "-y").code == 0
    assert (place / "k.key").read_bytes() != before


def test_the_lines_are_those_of_cosign(place: Path, call: Call) -> None:
    done = call("sign-blob", "hello.txt", *KEY, *NOWHERE, "--bundle", "b.json")
    assert (done.code, done.out) == (0, "")
    assert done.err == "Using payload from: hello.txt\nSigning artifact...\nWrote bundle to file b.json\n"
    bundle = Bundle.parse((place / "b.json").read_bytes())
    assert bundle.key_hint and not bundle.entries and not bundle.timestamps


def test_without_a_bundle_it_is_refused(call: Call) -> None:
    done = call("sign-blob", "hello.txt", *KEY)
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("Error: must specify --bundle with --new-bundle-format\n")


def test_an_existing_bundle_stays_unless_the_answer_is_yes(place: Path, call: Call) -> None:
    (place / "b.json").write_text("precious")
    assert call("sign-blob", "hello.txt", *KEY, *NOWHERE, "--bundle", "b.json").code == 1
    assert (place / "b.json").read_text() == "precious"
    assert call("sign-blob", "hello.txt", *KEY, *NOWHERE, "--bundle", "b.json", answer="y\n").code == 0
    assert (place / "b.json").read_text() != "precious"


def test_an_existing_bundle_is_asked_about_before_anything_else(
    sigstore: WholeSigstore, place: Path, call: Call
) -> None:
    (place / "b.json").write_text("precious")
    done = call("sign-blob", "hello.txt", "--signing-config", "v2.json", "--trusted-root", "root.json", "--bundle",
                "b.json", "--identity-token", sigstore.token())  # fmt: skip
    assert done.code == 1
    assert not sigstore.fulcio.requests


@pytest.mark.parametrize("where", ["missing/b.json", "."])
def test_an_impossible_place_is_refused_before_anything_else(
    sigstore: WholeSigstore, place: Path, call: Call, where: str
) -> None:
    done = call("sign-blob", "hello.txt", "--signing-config", "v2.json", "--trusted-root", "root.json", "--bundle",
                where, "--identity-token", sigstore.token())  # fmt: skip
    assert done.code == 1
    assert not sigstore.fulcio.requests


def test_standard_input_is_signed_and_never_eaten_by_a_question(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    command = [sys.executable, "-m", "cli.main", "sign-blob", "-", *KEY, *NOWHERE, "--bundle", "b.json"]
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    done = subprocess.run(command, input=b"hello\n", env=env, capture_output=True, check=False)
    assert done.returncode == 0
    assert done.stderr == b"Signing artifact...\nWrote bundle to file b.json\n"
    again = subprocess.run(command, input=b"y\n", env=env, capture_output=True, check=False)
    assert again.returncode == 1 and b"standard input is what is signed" in again.stderr
    del env["COSIGN_PASSWORD"]
    (place / "b.json").unlink()
    asked = subprocess.run(command, input=b"correct horse\n", env=env, capture_output=True, check=False)
    assert asked.returncode == 1 and b"COSIGN_PASSWORD" in asked.stderr


def test_one_bad_file_does_not_keep_the_others(place: Path, call: Call) -> None:
    (place / "out").mkdir()
    done = call("sign-blob", "hello.txt", "nothing.txt", "k.pub", *KEY, *NOWHERE, "--bundle", "out")
    assert done.code == 1
    assert sorted(one.name for one in (place / "out").iterdir()) == ["hello.txt.sigstore.json", "k.pub.sigstore.json"]
    assert "nothing.txt" in done.err


def test_old_outputs(sigstore: WholeSigstore, place: Path, call: Call) -> None:
    """The old bundle, signature, certificate and timestamp files, each read again by verify-blob."""
    done = call("sign-blob", "hello.txt", "--new-bundle-format=false", "--signing-config", "v1.json", "--trusted-root",
                "root.json", "--identity-token", sigstore.token("ann@acme.example"), "--bundle", "old.json",
                "--output-signature", "s", "--output-certificate", "c",
                "--rfc3161-timestamp", "t.json")  # fmt: skip
    assert done.code == 0, done.err
    assert set(json.loads((place / "old.json").read_bytes())) == {"base64Signature", "cert", "rekorBundle"}
    who = ["--certificate-identity", "ann@acme.example", "--certificate-oidc-issuer-regexp", ".*"]
    trust = ["--trusted-root", "root.json"]
    check = call("verify-blob", "hello.txt", "--bundle", "old.json", *trust, *who)
    assert check.code == 0, check.err
    check = call("verify-blob", "hello.txt", "--signature", "s", "--certificate", "c", "--rfc3161-timestamp", "t.json",
                 "--use-signed-timestamps", "--insecure-ignore-tlog", *trust, *who)  # fmt: skip
    assert check.code == 0, check.err


def test_the_signature_alone_goes_to_standard_output(place: Path, call: Call) -> None:
    old = ["--new-bundle-format=false", "--use-signing-config=false", "--tlog-upload=false"]
    done = call("sign-blob", "hello.txt", *KEY, *old)
    assert done.code == 0
    (place / "s").write_text(done.out)
    check = call("verify-blob", "hello.txt", "--signature", "s", "--key", "k.pub", "--insecure-ignore-tlog")
    assert check.code == 0, check.err


def test_a_flag_can_come_from_the_environment(place: Path, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("KEY", "k.key"), ("SIGNING_CONFIG", "none.json"), ("BUNDLE", "b.json")):
        monkeypatch.setenv(f"COSIGN_{name}", value)
    assert call("sign-blob", "hello.txt").code == 0
    assert (place / "b.json").exists()


def test_keys_from_variables(place: Path, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MYKEY", (place / "k.key").read_text())
    done = call("sign-blob", "hello.txt", "--key", "env://MYKEY", *NOWHERE, "--bundle", "b.json")
    assert done.code == 0, done.err


def test_with_keys_of_the_real_cosign(
    real_data: Path, place: Path, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = real_data / "cosign" / "keys"
    for name in ("import-p384", "import-p521", "import-rsa4096", "import-ed25519"):
        monkeypatch.setenv("COSIGN_PASSWORD", "sigwarden-test")
        done = call("sign-blob", "hello.txt", "--key", str(keys / f"{name}.key"), *NOWHERE, "--bundle", f"{name}.json")
        assert done.code == 0, done.err
        check = call("verify-blob", "hello.txt", "--bundle", f"{name}.json", "--key", str(keys / f"{name}.pub"),
                     "--insecure-ignore-tlog")  # fmt: skip
        assert check.code == 0, check.err


def test_import_of_an_encrypted_key_of_openssl(
    real_data: Path, place: Path, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COSIGN_PASSWORD", "sigwarden-test")
    raw = real_data / "cosign" / "keys" / "raw" / "ec-p256-pkcs8-enc.pem"
    assert call("import-key-pair", "--key", str(raw), "-o", "imported").code == 0
    assert PublicKey.from_pem((place / "imported.pub").read_bytes()).kind == "ecdsa-p256"


# -- interrupted -----------------------------------------------------------------------------------------------------


def start(place: Path, *argv: str) -> "subprocess.Popen[bytes]":
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    command = [sys.executable, "-m", "cli.main", "sign-blob", "hello.txt", *argv, "--bundle", "b.json"]
    return subprocess.Popen(command, cwd=place, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_killed_while_the_log_holds_its_answer(sigstore: WholeSigstore, place: Path, number: int) -> None:
    """No file, no key on disk; where we can still speak we say that the log may have the entry."""
    sigstore.rekor_v2.silence("/api/v2/*")
    before = sorted(place.rglob("*"))
    process = start(place, "--signing-config", "v2.json", "--trusted-root", "root.json", "--identity-token",
                    sigstore.token())  # fmt: skip
    while not sigstore.rekor_v2.requests and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(number)
    out, err = process.communicate(timeout=20)
    assert process.returncode != 0
    assert sorted(place.rglob("*")) == before
    assert out == b"" and b"Traceback" not in err
    if number != signal.SIGKILL:
        assert b"may be in the log" in err


def test_killed_with_several_files_on_their_way_nobody_is_waited_for(sigstore: WholeSigstore, place: Path) -> None:
    sigstore.rekor_v2.silence("/api/v2/*")
    names = [f"file{number}" for number in range(4)]
    for name in names:
        (place / name).write_text(name)
    (place / "out").mkdir()
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    command = [sys.executable, "-m", "cli.main", "sign-blob", *names, "--signing-config", "v2.json", "--trusted-root",
               "root.json", "--identity-token", sigstore.token(), "--bundle", "out"]  # fmt: skip
    process = subprocess.Popen(command, cwd=place, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    while len(sigstore.rekor_v2.requests) < len(names) and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)  # the log would hold them for ever
    assert process.returncode == 130
    assert err.count(b"may be in the log") == len(names)
    assert not list((place / "out").iterdir())


def test_a_full_disk_leaves_nothing_and_tells_of_the_entry(
    sigstore: WholeSigstore, place: Path, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_descriptor: int, _data: object) -> int:
        raise OSError(28, "No space left on device")

    before = sorted(place.rglob("*"))
    monkeypatch.setattr("cli.new_file.os.write", full)
    done = call("sign-blob", "hello.txt", "--signing-config", "v2.json", "--trusted-root", "root.json", "--bundle",
                "b.json", "--identity-token", sigstore.token())  # fmt: skip
    monkeypatch.undo()
    assert done.code == 1
    assert "No space left" in done.err
    assert f"in the log {sigstore.rekor_v2.base_url} at index 0" in done.err
    assert sorted(place.rglob("*")) == before
