"""What sigstore-python signs against the sandbox, sigstore-python and we verify, with both kinds of Rekor."""

import base64
from collections.abc import Iterator

import httpx
import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from sigstore.dsse import DigestSet, StatementBuilder, Subject
from sigstore.errors import VerificationError
from sigstore.models import Bundle, ClientTrustConfig
from sigstore.oidc import IdentityToken
from sigstore.sign import SigningContext
from sigstore.verify import Verifier
from sigstore.verify.policy import Identity

from sandbox import claims
from sandbox.entries import IN_TOTO
from sandbox.keys import SigningKey
from sandbox.subjects import GITHUB_ACTIONS, GOOGLE, github
from sandbox.whole import WholeSigstore
from verifier.artifact import Artifact
from verifier.bundle import Bundle as OurBundle
from verifier.certificate import read_identity
from verifier.patterns import Pattern
from verifier.policy import IdentityRule, Policy
from verifier.trust import TrustedRoot
from verifier.verification import verify

pytestmark = pytest.mark.integration
RELEASE = "https://github.com/acme/widget/.github/workflows/release.yml@refs/tags/v1.0.0"


@pytest.fixture
def sigstore() -> Iterator[WholeSigstore]:
    with WholeSigstore(seed="whole") as sigstore:
        yield sigstore


def trust_of(sigstore: WholeSigstore, version: int = 2) -> ClientTrustConfig:
    return ClientTrustConfig.from_json(sigstore.client_trust(version).decode())


def sign(sigstore: WholeSigstore, identity: str | claims.Claims, version: int = 2, data: bytes = b"artifact") -> Bundle:
    context = SigningContext.from_trust_config(trust_of(sigstore, version))
    with context.signer(IdentityToken(sigstore.token(identity))) as signer:
        return signer.sign_artifact(data)


def rule(identity: str, issuer: str) -> Policy:
    return Policy(identities=(IdentityRule((Pattern(identity),), (Pattern(issuer),)),))


@pytest.mark.parametrize("version", [1, 2])
def test_a_message_signed_by_another_client_verifies(sigstore: WholeSigstore, version: int) -> None:
    made = sign(sigstore, "me@corp.test", version)
    who = Identity(identity="me@corp.test", issuer=GOOGLE)
    other = Verifier(trusted_root=trust_of(sigstore, version).trusted_root)
    other.verify_artifact(b"artifact", made, who)
    with pytest.raises(VerificationError):
        other.verify_artifact(b"another", made, who)
    trust = TrustedRoot.parse(sigstore.trusted_root)
    ours = OurBundle.parse(made.to_json().encode())
    artifact = Artifact.of(b"artifact")
    assert verify(ours, artifact, trust, rule("me@corp.test", GOOGLE))


@pytest.mark.parametrize("version", [1, 2])
def test_a_statement_signed_by_another_client_verifies(sigstore: WholeSigstore, version: int) -> None:
    subject = Subject(name="artifact", digest=DigestSet({"sha256": Artifact.of(b"artifact").digest("sha256").hex()}))
    statement = StatementBuilder([subject], "https://slsa.dev/provenance/v1", {}).build()
    config = trust_of(sigstore, version)
    with SigningContext.from_trust_config(config).signer(IdentityToken(sigstore.token(RELEASE))) as signer:
        made = signer.sign_dsse(statement)
    kind, _ = Verifier(trusted_root=config.trusted_root).verify_dsse(made, Identity(identity=RELEASE))
    assert kind == IN_TOTO
    ours = OurBundle.parse(made.to_json().encode())
    trust = TrustedRoot.parse(sigstore.trusted_root)
    assert verify(ours, Artifact.of(b"artifact"), trust, rule(RELEASE, GITHUB_ACTIONS))


def test_the_same_seed_and_clock_give_the_same_certificate_twice() -> None:
    made: list[list[object]] = [[], []]
    for one in made:
        with WholeSigstore(seed="twice", now=lambda: 1.79e9) as sigstore:
            one += [sigstore.tuf.first_root, sigstore.ca.chain, certificate_of(sigstore), sigstore.token(RELEASE)]
            one += [sigstore.rekor_v1.checkpoint, sigstore.rekor_v2.checkpoint]
            one.append(sigstore.ct.note(sigstore.ct.shard.view))
    assert made[0] == made[1]


def certificate_of(sigstore: WholeSigstore) -> bytes:
    """What Fulcio answers to a seeded key."""
    key = SigningKey.make("ecdsa-p256", "client")
    proof = base64.b64encode(key.sign(b"me@corp.test")).decode()
    asked = {"publicKeyRequest": {"publicKey": {"content": key.pem.decode()}, "proofOfPossession": proof}}
    token = {"Authorization": f"Bearer {sigstore.token('me@corp.test')}"}
    return httpx.post(sigstore.fulcio.url + "/api/v2/signingCert", json=asked, headers=token).content


def test_a_workflow_gets_the_claims_that_the_sandbox_gives_its_logs(sigstore: WholeSigstore) -> None:
    """What Fulcio makes of the token of a run is what `subjects.github` writes into log entries."""
    token = claims.github_run("acme/widget", ref="refs/heads/main", run=7, trigger="workflow_dispatch")
    made = read_identity(sign(sigstore, token).signing_certificate.public_bytes(Encoding.DER))
    subject = github("acme/widget", ref="refs/heads/main", run=7, trigger="workflow_dispatch")
    expected = read_identity(sigstore.ca.certificate(subject).der)
    assert dict(made.extensions) == dict(expected.extensions)
    assert [name.value for name in made.names] == [name.value for name in expected.names]
