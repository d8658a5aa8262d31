"""Files from before bundles, changed one thing at a time; and what real advisories were about."""

import base64
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from cli.app import run
from signer.keys.pem import read_private_key
from tests.real.bundle_cases import flipped, leaves
from verifier.artifact import Artifact
from verifier.bundle import MAX_BYTES, Bundle
from verifier.dsse import pae
from verifier.errors import Malformed, Untrue
from verifier.keys import PublicKey
from verifier.legacy import read_bundle
from verifier.patterns import Pattern
from verifier.policy import Policy, rule_of
from verifier.trust import TrustedRoot
from verifier.verification import verify

OIDC = "http://127.0.0.1:5520"
ALICE = Policy.identity("alice@example.com", OIDC)


class Recorded:
    """The recording's folder, by what a test needs of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.trust = TrustedRoot.parse((folder / "trust" / "trusted_root.json").read_bytes())
        self.hello = Artifact.of((folder / "blobs" / "hello.txt").read_bytes())

    def legacy(self, name: str) -> Any:
        return json.loads((self.folder / "bundles" / f"{name}.bundle.json").read_bytes())

    def key(self, name: str) -> Policy:
        return Policy.public_key(PublicKey.from_pem((self.folder / "keys" / f"{name}.pub").read_bytes()))

    def code(self, value: Any, policy: Policy, artifact: Artifact | None = None) -> str:
        """The code of the refusal, or empty text."""
        try:
            verify(read_bundle(json.dumps(value).encode()), artifact or self.hello, self.trust, policy)
        except (Malformed, Untrue) as error:
            return error.code
        return ""


@pytest.fixture(scope="module")
def recorded(real_data: Path) -> Recorded:
    return Recorded(real_data / "cosign")


CASES: list[tuple[str, Callable[[Recorded], Policy]]] = [
    ("legacy-keyless", lambda _: ALICE),
    ("legacy-key", lambda recorded: recorded.key("cosign")),
    ("att-legacy", lambda recorded: recorded.key("cosign")),
]


@pytest.mark.parametrize(("name", "policy"), CASES, ids=[name for name, _ in CASES])
def test_a_legacy_bundle_verifies_and_no_changed_value_does(
    recorded: Recorded, name: str, policy: Callable[[Recorded], Policy]
) -> None:
    value = recorded.legacy(name)
    assert recorded.code(value, policy(recorded)) == ""
    for at, old in leaves(value):
        for new in flipped(old):
            changed = json.loads(json.dumps(value))
            parent = changed
            for key in at[:-1]:
                parent = parent[key]
            parent[at[-1]] = new
            if at == ("cert",) and str(new)[:-8] == str(old)[:-8]:
                continue  # another white space after the PEM block: the same certificate or key
            assert recorded.code(changed, policy(recorded)), (at, str(new)[:60])


def test_the_key_inside_a_legacy_bundle_verifies_nothing(recorded: Recorded) -> None:
    """The real cosign lets it replace the key on the command line (cosign.md section 7, 1)."""
    value = recorded.legacy("legacy-key")
    assert recorded.code(value, recorded.key("other")) == "key-mismatch"
    assert recorded.code(value, ALICE) == "material-mismatch"
    without = {name: one for name, one in value.items() if name != "cert"}
    assert recorded.code(without, recorded.key("cosign")) == ""
    assert recorded.code(without, recorded.key("other")) == "binding-signer"


def test_a_log_entry_of_another_signature_is_refused(recorded: Recorded) -> None:
    """CVE-2022-23649: a true entry, attached to a signature that it is not about."""
    mine, other = recorded.legacy("legacy-keyless"), recorded.legacy("legacy-key")
    assert recorded.code({**mine, "rekorBundle": other["rekorBundle"]}, ALICE) == "binding-signature"
    assert recorded.code({**mine, "base64Signature": other["base64Signature"]}, ALICE) == "binding-signature"
    assert recorded.code({**mine, "cert": recorded.legacy("legacy-keyless")["cert"]}, ALICE) == ""


def test_without_its_log_entry_a_legacy_bundle_proves_nothing(recorded: Recorded) -> None:
    value = {name: one for name, one in recorded.legacy("legacy-keyless").items() if name != "rekorBundle"}
    assert recorded.code(value, ALICE) == "log-threshold"


def _signed(recorded: Recorded, payload: bytes, payload_type: str = "application/vnd.in-toto+json") -> Any:
    """A DSSE bundle without a log entry, signed with the recording's key."""
    pem = (recorded.folder / "keys" / "cosign.key").read_bytes()
    signature = read_private_key(pem, lambda: b"sigwarden-test").sign(pae(payload_type, payload))
    envelope = {
        "payload": base64.b64encode(payload).decode(),
        "payloadType": payload_type,
        "signatures": [{"sig": base64.b64encode(signature).decode()}],
    }
    return {
        "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
        "verificationMaterial": {"publicKey": {"hint": ""}},
        "dsseEnvelope": envelope,
    }


def test_a_well_signed_payload_that_is_no_statement_is_refused(recorded: Recorded) -> None:
    """GHSA-w6c6-c85g-mmv6."""
    policy = recorded.key("cosign").insecurely(ignore_logs=True)
    digest = recorded.hello.digest("sha256").hex()
    subject = [{"name": "x", "digest": {"sha256": digest}}]
    good = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": subject,
        "predicateType": "https://a/b",
        "predicate": 1,
    }
    typed = replace(policy, predicate_type="https://a/b")
    assert recorded.code(_signed(recorded, json.dumps(good).encode()), typed) == ""
    assert recorded.code(
        _signed(recorded, json.dumps(good).encode()), replace(policy, predicate_type="https://a/c")
    ) == ("predicate-type")
    for name in ("_type", "subject", "predicateType"):
        bad = {member: value for member, value in good.items() if member != name}
        assert recorded.code(_signed(recorded, json.dumps(bad).encode()), typed) == "statement"
    assert recorded.code(_signed(recorded, json.dumps(good).encode(), "text/plain"), typed) == "payload-type"


def test_a_bundle_of_any_size_is_refused_before_it_is_parsed() -> None:
    """GHSA-88jx-383q-w4qc and its kin: memory is bounded by what we agree to read."""
    with pytest.raises(Malformed) as caught:
        Bundle.parse(b" " * (MAX_BYTES + 1))
    assert caught.value.code == "json"


def test_certificates_checked_against_the_clock_need_an_insecure_wish(recorded: Recorded) -> None:
    bundle = json.loads((recorded.folder / "bundles" / "byo.json").read_bytes())
    trust = TrustedRoot.parse((recorded.folder / "trust" / "tr-byo.json").read_bytes())
    policy = Policy.identity("carol@example.com", "x")
    policy = replace(policy, identities=(rule_of([Pattern("carol@example.com")], [Pattern.regex(".*")]),))
    loose = policy.insecurely(ignore_logs=True, ignore_scts=True)
    artifact, parsed = recorded.hello, Bundle.parse(json.dumps(bundle).encode())
    with pytest.raises(Untrue) as caught:
        verify(parsed, artifact, trust, loose)
    assert caught.value.code == "time-threshold"
    now = datetime(2027, 1, 1, tzinfo=UTC)
    verified = verify(parsed, artifact, trust, replace(loose, insecure_clock=now))
    assert verified.moments[0].source == "clock"
    assert any("clock" in text for text in verified.warnings)
    with pytest.raises(Untrue) as caught:
        verify(parsed, artifact, trust, replace(loose, insecure_clock=datetime(2040, 1, 1, tzinfo=UTC)))
    assert caught.value.code == "certificate-time"


@pytest.mark.parametrize(
    "arguments",
    [
        ["verify-blob", "blobs/hello.txt", "--bundle", "bundles/key-log.sigstore.json"],
        ["verify-blob", "blobs/hello.txt", "--bundle", "bundles/keyless-email.sigstore.json",
         "--certificate-identity", "a"],
        ["verify-blob", "blobs/hello.txt", "--key", "keys/cosign.pub"],
        ["verify-blob", "--key", "keys/cosign.pub"],
        ["verify-blob", "blobs/hello.txt", "--key", "keys/cosign.pub", "--sk",
         "--bundle", "bundles/key-log.sigstore.json"],
        ["verify-blob", "blobs/hello.txt", "--key", "keys/cosign.key", "--bundle", "bundles/key-log.sigstore.json"],
        ["verify-blob", "blobs/hello.txt", "--key", "byo/leaf.pem", "--bundle", "bundles/key-log.sigstore.json"],
        ["verify-blob", "blobs/hello.txt", "--nonsense"],
        ["verify-blob", "blobs/hello.txt", "--max-workers", "0", "--key", "keys/cosign.pub"],
        ["verify-blob", "blobs/hello.txt", "--bundle", "keys/cosign.pub", "--key", "keys/cosign.pub"],
        ["verify-blob", "blobs/hello.txt", "--insecure-ignore-tlog=maybe", "--key", "keys/cosign.pub"],
        ["verify-blob-attestation", "blobs/hello.txt", "--bundle", "bundles/key-nolog.sigstore.json",
         "--key", "keys/cosign.pub", "--insecure-ignore-tlog"],
    ],
)  # fmt: skip
def test_wrong_usage_exits_with_1_and_says_why(
    recorded: Recorded, arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(recorded.folder)
    assert run(arguments) == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert "Error: " in told.err
    assert "error during command execution: " in told.err
    assert "Traceback" not in told.err
