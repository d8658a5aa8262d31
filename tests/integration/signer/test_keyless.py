"""With an identity: what we sign is verified by us and by sigstore-python, and what sigstore-python signs, by us."""

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from sigstore.models import Bundle as TheirBundle
from sigstore.models import ClientTrustConfig, TrustedRoot
from sigstore.oidc import IdentityToken
from sigstore.sign import SigningContext
from sigstore.verify import Verifier
from sigstore.verify.policy import Identity

from sandbox.subjects import subject_of
from sandbox.whole import WholeSigstore
from tests.integration.signer.conftest import Call

pytestmark = pytest.mark.integration
ANN = "ann@acme.example"
WORKFLOW = "https://github.com/acme/widget/.github/workflows/release.yml@refs/tags/v1"


def common(config: str) -> list[str]:
    return ["--signing-config", config, "--trusted-root", "root.json"]


@pytest.mark.parametrize("config", ["v1.json", "v2.json"])
@pytest.mark.parametrize("who", [ANN, WORKFLOW])
def test_a_blob(sigstore: WholeSigstore, place: Path, call: Call, config: str, who: str) -> None:
    token = sigstore.token(who)
    done = call("sign-blob", "hello.txt", *common(config), "--identity-token", token, "--bundle", "b.json")
    assert (done.code, done.out) == (0, "")
    lines = ["Generating ephemeral keys...", "Using payload from: hello.txt", "Signing artifact..."]
    assert done.err.splitlines() == [*lines, "Wrote bundle to file b.json"]
    assert (place / "b.json").stat().st_mode & 0o777 == 0o600
    found = json.loads((place / "b.json").read_bytes())
    assert len(found["verificationMaterial"]["tlogEntries"]) == 1
    check = call("verify-blob", "hello.txt", "--bundle", "b.json", "--trusted-root", "root.json",
                 "--certificate-identity", who, "--certificate-oidc-issuer-regexp", ".*")  # fmt: skip
    assert check.code == 0, check.err
    their = Verifier(trusted_root=TrustedRoot.from_file(str(place / "root.json")))
    their.verify_artifact(b"hello\n", TheirBundle.from_json((place / "b.json").read_bytes()), Identity(identity=who))


@pytest.mark.parametrize("config", ["v1.json", "v2.json"])
def test_an_attestation(sigstore: WholeSigstore, place: Path, call: Call, config: str) -> None:
    (place / "p.json").write_text('{"buildDefinition":{"buildType":"b"},"runDetails":{"builder":{"id":"x"}}}')
    done = call("attest-blob", "hello.txt", *common(config), "--identity-token", sigstore.token(ANN),
                "--type", "slsaprovenance1", "--predicate", "p.json", "--bundle", "b.json")  # fmt: skip
    assert done.code == 0, done.err
    check = call("verify-blob-attestation", "hello.txt", "--bundle", "b.json", "--trusted-root", "root.json",
                 "--type", "slsaprovenance1", "--certificate-identity", ANN,
                 "--certificate-oidc-issuer-regexp", ".*")  # fmt: skip
    assert check.code == 0, check.err
    their = Verifier(trusted_root=TrustedRoot.from_file(str(place / "root.json")))
    kind, payload = their.verify_dsse(TheirBundle.from_json((place / "b.json").read_bytes()), Identity(identity=ANN))
    assert kind == "application/vnd.in-toto+json"
    assert json.loads(payload)["predicate"]["runDetails"]["builder"]["id"] == "x"


@pytest.mark.parametrize("version", [1, 2])
def test_what_sigstore_python_signs_here_we_verify(
    sigstore: WholeSigstore, place: Path, call: Call, version: int
) -> None:
    config = ClientTrustConfig.from_json(sigstore.client_trust(version).decode())
    with SigningContext.from_trust_config(config).signer(IdentityToken(sigstore.token(ANN))) as signer:
        (place / "b.json").write_text(signer.sign_artifact(b"hello\n").to_json())
    check = call("verify-blob", "hello.txt", "--bundle", "b.json", "--trusted-root", "root.json",
                 "--certificate-identity", ANN, "--certificate-oidc-issuer-regexp", ".*")  # fmt: skip
    assert check.code == 0, check.err


@pytest.mark.parametrize("extra", [[], ["--in-toto"]])
def test_the_conformance_suites_way_in(sigstore: WholeSigstore, place: Path, call: Call, extra: list[str]) -> None:
    digest = "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03"
    (place / "s.json").write_text(
        '{"_type":"https://in-toto.io/Statement/v1","subject":[{"name":"a","digest":{"sha256":"'
        f"{digest}"
        '"}}],"predicateType":"https://x.example/p","predicate":{}}'
    )
    done = call("conformance", "sign-bundle", *extra, "--identity-token", sigstore.token(ANN), "--bundle", "b.json",
                *reversed_pairs(common("v2.json")), "s.json" if extra else "hello.txt")  # fmt: skip
    assert done.code == 0, done.err
    check = call("conformance", "verify-bundle", "--bundle", "b.json", "--certificate-identity", ANN,
                 "--certificate-oidc-issuer", "https://accounts.google.com", "--trusted-root", "root.json",
                 "hello.txt")  # fmt: skip
    assert check.code == 0, check.err


def reversed_pairs(words: list[str]) -> list[str]:
    return [*words[2:], *words[:2]]


@pytest.mark.parametrize(
    "name", ["ecdsa-sha2-384-nistp384", "ecdsa-sha2-512-nistp521", "rsa-sign-pkcs1-2048-sha256", "ed25519"]
)
def test_other_algorithms(sigstore: WholeSigstore, place: Path, call: Call, name: str) -> None:
    done = call("sign-blob", "hello.txt", *common("v2.json"), "--identity-token", sigstore.token(ANN),
                "--signing-algorithm", name, "--bundle", "b.json")  # fmt: skip
    assert done.code == 0, done.err


def test_a_hundred_files_take_one_login_one_certificate_and_few_connections(
    sigstore: WholeSigstore, place: Path, call: Call
) -> None:
    names = [f"file{number}" for number in range(100)]
    for name in names:
        (place / name).write_text(name)
    (place / "bundles").mkdir()
    done = call("sign-blob", *names, *common("v1.json"), "--identity-token", sigstore.token(ANN),
                "--bundle", "bundles")  # fmt: skip
    assert done.code == 0, done.err
    assert len(list((place / "bundles").iterdir())) == 100
    assert [one.path for one in sigstore.fulcio.requests] == ["/api/v2/signingCert"]
    for service in (sigstore.rekor_v1, sigstore.tsa):
        assert len(service.requests) == 100
        assert len({one.connection for one in service.requests}) == 1


# -- what goes wrong leaves no file ----------------------------------------------------------------------------------

LATER = timedelta(minutes=20)
FAULTS: dict[str, Callable[[WholeSigstore], None]] = {
    "no certificate timestamp": lambda s: s.fulcio.unlogged(),
    "another key": lambda s: s.fulcio.wrong_key(),
    "an authority nobody trusts": lambda s: s.fulcio.untrusted(),
    "an expired certificate": lambda s: s.fulcio.expired(s.fulcio.ca.now() - LATER),
    "a CT log that is down": lambda s: s.fulcio.ct_down(),
    "no answer of the authority": lambda s: s.fulcio.hang_up(),
    "a page of HTML": lambda s: s.fulcio.html_200(),
    "a wrong clock": lambda s: s.tsa.wrong_clock(),
    "a stamp for another request": lambda s: s.tsa.wrong_nonce(),
    "a stamp over something else": lambda s: s.tsa.wrong_imprint(),
    "a rejected stamp": lambda s: s.tsa.rejects(),
    "a closed log": lambda s: setattr(s.rekor_v2, "frozen", True),
    "an entry cut off": lambda s: s.rekor_v2.truncate(),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_service_that_lies_or_fails_makes_no_bundle(
    sigstore: WholeSigstore, place: Path, call: Call, fault: str
) -> None:
    token = sigstore.token(ANN)
    FAULTS[fault](sigstore)
    before = sorted(place.iterdir())
    done = call("sign-blob", "hello.txt", *common("v2.json"), "--identity-token", token, "--bundle", "b.json")
    assert done.code == 1
    assert sorted(place.iterdir()) == before
    assert "Error: " in done.err and token not in done.err + done.out
    assert "Traceback" not in done.err
    assert (sigstore.rekor_v2.size > 0) == ("is in the log" in done.err or "may be in the log" in done.err)


def test_a_certificate_for_somebody_else_is_not_used(sigstore: WholeSigstore, place: Path, call: Call) -> None:
    sigstore.fulcio.wrong_subject(subject_of("eve@evil.example", None))
    done = call("sign-blob", "hello.txt", *common("v2.json"), "--identity-token", sigstore.token(ANN),
                "--bundle", "b.json")  # fmt: skip
    assert done.code == 1
    assert "eve@evil.example" in done.err
    assert not (place / "b.json").exists()
