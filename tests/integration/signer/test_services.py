"""Services on the way: URLs by hand, answers lost and asked for again, what is logged when things end early."""

import json
from pathlib import Path

import pytest
from rekor_types import Dsse, Hashedrekord, Intoto

from sandbox.whole import WholeSigstore
from signer.keys.key import generate
from signer.rekor import propose
from signer.services import Log
from signer.signed import Signed
from tests.integration.signer.conftest import Call
from verifier.dsse import IN_TOTO, Envelope
from verifier.keys import PublicKey

pytestmark = pytest.mark.integration
ANN = "ann@acme.example"


def flags(sigstore: WholeSigstore, config: str = "v2.json") -> list[str]:
    trust = ["--trusted-root", "root.json", "--identity-token", sigstore.token(ANN)]
    return ["--signing-config", config, *trust, "--bundle", "b.json"]


def verified(call: Call, *more: str) -> bool:
    done = call("verify-blob", "hello.txt", "--bundle", "b.json", "--trusted-root", "root.json", *more,
                "--certificate-identity", ANN, "--certificate-oidc-issuer-regexp", ".*")  # fmt: skip
    return done.code == 0


def test_urls_by_hand_need_no_signing_config(sigstore: WholeSigstore, place: Path, call: Call) -> None:
    """And win over one; TUF is not asked (its mirror is dead here)."""
    urls = ["--fulcio-url", sigstore.fulcio.url, "--rekor-url", sigstore.rekor_v1.base_url]
    token = ["--identity-token", sigstore.token(ANN)]
    done = call("sign-blob", "hello.txt", *urls, *token, "--trusted-root", "root.json", "--bundle", "b.json")
    assert done.code == 0, done.err
    assert verified(call)
    (place / "b.json").unlink()
    (place / "broken.json").write_bytes(
        sigstore.signing_config_for(1).replace(sigstore.fulcio.url.encode(), b"http://127.0.0.1:9")
    )
    done = call("sign-blob", "hello.txt", *urls, *token, "--trusted-root", "root.json", "--bundle", "b.json",
                "--signing-config", "broken.json")  # fmt: skip
    assert done.code == 0, done.err


def test_urls_from_the_environment(
    sigstore: WholeSigstore, place: Path, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COSIGN_FULCIO_URL", sigstore.fulcio.url)
    monkeypatch.setenv("COSIGN_REKOR_URL", sigstore.rekor_v2.base_url)
    monkeypatch.setenv("COSIGN_REKOR_VERSION", "2")
    monkeypatch.setenv("COSIGN_TIMESTAMP_SERVER_URL", sigstore.tsa.timestamp_url)
    done = call("sign-blob", "hello.txt", "--trusted-root", "root.json", "--identity-token", sigstore.token(ANN),
                "--bundle", "b.json")  # fmt: skip
    assert done.code == 0, done.err
    assert verified(call)


def test_without_a_log_the_timestamp_stands_alone(sigstore: WholeSigstore, place: Path, call: Call) -> None:
    done = call("sign-blob", "hello.txt", *flags(sigstore), "--tlog-upload=false")
    assert done.code == 0, done.err
    assert sigstore.rekor_v2.size == 0
    assert verified(call, "--insecure-ignore-tlog")


def test_a_certificate_for_a_key_of_ones_own(sigstore: WholeSigstore, place: Path, call: Call) -> None:
    assert call("generate-key-pair", "--output-key-prefix", "k").code == 0
    done = call("sign-blob", "hello.txt", *flags(sigstore), "--key", "k.key", "--issue-certificate")
    assert done.code == 0, done.err
    assert "ephemeral" not in done.err
    assert verified(call)


def test_an_artifact_behind_a_url(sigstore: WholeSigstore, place: Path, call: Call) -> None:
    url = f"{sigstore.tsa.url}/ping"
    done = call("sign-blob", url, *flags(sigstore))
    assert done.code == 0, done.err
    (place / "hello.txt").write_bytes(b"pong\n")
    assert verified(call)


@pytest.mark.parametrize("config", ["v1.json", "v2.json"])
def test_an_answer_that_was_lost_is_found_in_the_log(
    sigstore: WholeSigstore, place: Path, call: Call, config: str
) -> None:
    """The entry is made, the answer is not seen: asked again, the log says 409, and the entry that exists is used."""
    log = sigstore.rekor_v1 if config == "v1.json" else sigstore.rekor_v2
    log.hang_up("*/log/entries", times=1)
    done = call("sign-blob", "hello.txt", *flags(sigstore, config))
    assert done.code == 0, done.err
    assert log.size == 1
    assert verified(call)


@pytest.mark.parametrize("service", ["fulcio", "tsa", "rekor_v2"])
def test_a_service_that_breaks_off_for_good(sigstore: WholeSigstore, place: Path, call: Call, service: str) -> None:
    getattr(sigstore, service).hang_up()
    before = sorted(place.iterdir())
    done = call("sign-blob", "hello.txt", *flags(sigstore))
    assert done.code == 1
    assert sorted(place.iterdir()) == before
    assert ("may be in the log" in done.err) == (service == "rekor_v2")


def test_a_frozen_log_says_what_to_do(sigstore: WholeSigstore, place: Path, call: Call) -> None:
    sigstore.rekor_v2.frozen = True
    done = call("sign-blob", "hello.txt", *flags(sigstore))
    assert done.code == 1 and "initialize" in done.err
    assert "in the log" not in done.err


def test_a_log_that_returns_the_entry_of_somebody_else(sigstore: WholeSigstore, place: Path, call: Call) -> None:
    assert call("sign-blob", "hello.txt", *flags(sigstore)).code == 0
    theirs = json.loads((place / "b.json").read_bytes())["verificationMaterial"]["tlogEntries"][0]
    (place / "b.json").unlink()
    (place / "hello.txt").write_text("mine")
    sigstore.rekor_v2.garble(lambda _body: json.dumps(theirs).encode(), "*/log/entries")
    done = call("sign-blob", "hello.txt", *flags(sigstore))
    assert done.code == 1
    assert not (place / "b.json").exists()
    assert "at index 0" in done.err  # what the log claimed is what we can tell


def test_several_files_where_the_log_fails_in_between(sigstore: WholeSigstore, place: Path, call: Call) -> None:
    """What was written stays, what failed is told, and only the unfinished one is noted as maybe logged."""
    (place / "out").mkdir()
    (place / "second.txt").write_text("second")
    sigstore.tsa.refuse(400, times=1)
    done = call("sign-blob", "hello.txt", "second.txt", *flags(sigstore, "v1.json")[:-1], "out")
    assert done.code == 1
    assert [one.name for one in (place / "out").iterdir()] == ["second.txt.sigstore.json"]
    assert done.err.count("Error: signing hello.txt") == 1 and "NOTE" not in done.err


def test_what_is_proposed_is_what_rekor_defines() -> None:
    """Rekor's own schemas (the package rekor-types) take every proposal of ours for version 1."""
    key = generate()
    envelope = Envelope(b'{"_type":"x"}', IN_TOTO, key.sign(b"x"))
    log = Log("http://x", 1)

    def proposed(kind: str, envelope: Envelope | None) -> str:
        public = PublicKey.from_der(key.public.der)
        return json.dumps(propose(log, Signed(b"sig", "sha256", b"d" * 32, public, None, envelope), kind))

    Hashedrekord.model_validate_json(proposed("dsse", None))
    Dsse.model_validate_json(proposed("dsse", envelope))
    made = Intoto.model_validate_json(proposed("intoto", envelope))
    assert made.api_version == "0.0.2"
