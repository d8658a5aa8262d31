"""What the sandbox signs and logs, sigstore-python verifies with the sandbox's trusted root."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sigstore.errors import VerificationError
from sigstore.models import Bundle, TrustedRoot
from sigstore.verify import Verifier
from sigstore.verify.policy import Identity

from sandbox import bundles, entries, trust
from sandbox.ca import Certified
from sandbox.rekor_v1 import SandboxV1
from sandbox.rekor_v2 import SandboxV2
from sandbox.tsa import TSA

pytestmark = pytest.mark.integration
WHO = Identity(identity="release@watched.example", issuer="https://accounts.google.com")
WHEN = datetime(2026, 3, 1, 12, 5, tzinfo=UTC).timestamp()


@pytest.fixture
def log() -> Iterator[SandboxV1]:
    with SandboxV1(seed="bundles", now=lambda: WHEN) as log:
        log.fill(5)
        log.publish()
        log.new_shard()
        log.fill(20)
        yield log


@pytest.fixture
def signer(log: SandboxV1) -> Certified:
    return log.ca.certificate("release@watched.example")


@pytest.fixture
def verifier(log: SandboxV1, tmp_path: Path) -> Verifier:
    path = tmp_path / "trusted_root.json"
    path.write_bytes(log.trusted_root)
    return Verifier(trusted_root=TrustedRoot.from_file(str(path)))


def test_a_signed_blob_verifies(log: SandboxV1, signer: Certified, verifier: Verifier) -> None:
    made = bundles.sign_blob(log, signer, b"artifact")
    verifier.verify_artifact(b"artifact", Bundle.from_json(made), WHO)
    with pytest.raises(VerificationError):
        verifier.verify_artifact(b"another", Bundle.from_json(made), WHO)


def test_an_attestation_verifies(log: SandboxV1, signer: Certified, verifier: Verifier) -> None:
    text = entries.envelope([signer], entries.statement(b"artifact"))
    made = bundles.bundle_v1(log, signer, text, entries.dsse_v1([signer], text))
    kind, payload = verifier.verify_dsse(Bundle.from_json(made), WHO)
    assert (kind, payload) == (entries.IN_TOTO, entries.statement(b"artifact"))


def test_what_proves_nothing_does_not_verify(log: SandboxV1, verifier: Verifier) -> None:
    for false in (log.ca.rogue().certificate("release@watched.example"), log.ca.self_signed("release@watched.example")):
        with pytest.raises(VerificationError):
            verifier.verify_artifact(b"artifact", Bundle.from_json(bundles.sign_blob(log, false, b"artifact")), WHO)


def test_a_log_that_changed_its_mind_does_not_verify(log: SandboxV1, signer: Certified, verifier: Verifier) -> None:
    made = json.loads(bundles.sign_blob(log, signer, b"artifact"))
    entry = made["verificationMaterial"]["tlogEntries"][0]
    entry["inclusionProof"]["hashes"] = entry["inclusionProof"]["hashes"][:-1]
    with pytest.raises(VerificationError):
        verifier.verify_artifact(b"artifact", Bundle.from_json(json.dumps(made)), WHO)


def test_rekor_v2_with_a_timestamp_verifies(tmp_path: Path) -> None:
    clock = datetime.fromtimestamp(WHEN, UTC)
    tsa = TSA(seed="bundles", now=lambda: clock)
    with SandboxV2(seed="bundles", now=lambda: WHEN) as log:
        log.fill(300)
        members = log.tlog_members(), [trust.ca_member(log.ca)], [trust.ct_member(log.ca)], [tsa.member()]
        path = tmp_path / "trusted_root.json"
        path.write_bytes(trust.trusted_root(*members))
        verifier = Verifier(trusted_root=TrustedRoot.from_file(str(path)))
        signer = log.ca.certificate("release@watched.example")
        made = Bundle.from_json(bundles.sign_blob(log, signer, b"artifact", tsa))
        verifier.verify_artifact(b"artifact", made, WHO)
        made = Bundle.from_json(bundles.attest_v2(log, signer, entries.statement(b"artifact"), tsa))
        assert verifier.verify_dsse(made, WHO)[1] == entries.statement(b"artifact")
        clock = datetime.fromtimestamp(WHEN + 3600, UTC)
        late = Bundle.from_json(bundles.sign_blob(log, signer, b"late", tsa))
        with pytest.raises(VerificationError):
            verifier.verify_artifact(b"late", late, WHO)
