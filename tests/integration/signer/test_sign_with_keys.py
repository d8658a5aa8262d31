"""With a key, against real HTTP: what we sign is logged, proven, and verified by us and by sigstore-python."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from sandbox.rekor_v1 import SandboxV1
from sandbox.rekor_v2 import SandboxV2
from signer.journal import Journal
from signer.keys.key import LocalKey, generate
from signer.services import Log, Services
from signer.sign import Credential, Work, Workshop, needs, sign
from signer.statement import make_statement
from verifier.artifact import Artifact, Hasher
from verifier.bundle import Bundle
from verifier.errors import SigwardenError, Untrue
from verifier.fetch.http import Http, HttpPolicy
from verifier.policy import Policy
from verifier.trust import TrustedRoot
from verifier.verification import verify

pytestmark = pytest.mark.integration
NOW = datetime.now(UTC)
DATA = b"the release\n"
KINDS = (
    "ecdsa-sha2-256-nistp256",
    "ecdsa-sha2-384-nistp384",
    "ecdsa-sha2-512-nistp521",
    "rsa-sign-pkcs1-2048-sha256",
    "ed25519",
)
_HTTP: list[Http] = [Http(HttpPolicy())]
KEYS = {name: generate(name) for name in KINDS}


@pytest.fixture(autouse=True)
def http() -> Iterator[Http]:
    with Http(HttpPolicy(retries=0)) as http:
        _HTTP[0] = http
        yield http


@pytest.fixture
def v1() -> Iterator[SandboxV1]:
    with SandboxV1(base_url="https://rekor.sandbox.test") as log:
        log.fill(3)
        log.publish()
        yield log


@pytest.fixture
def v2() -> Iterator[SandboxV2]:
    with SandboxV2(base_url="https://log.sandbox.test") as log:
        log.fill(300)
        log.publish()
        yield log


def shop(log: SandboxV1 | SandboxV2 | None, **more: object) -> Workshop:
    logs = () if log is None else (Log(log.url, 1 if isinstance(log, SandboxV1) else 2),)
    trust = TrustedRoot() if log is None else TrustedRoot.parse(log.trusted_root)
    return Workshop(_HTTP[0], Services(logs=logs), trust, Journal(), **more)  # type: ignore[arg-type]


def work(key: LocalKey, place: Workshop, statement: bytes | None = None) -> Work:
    algorithms, keep = needs(key, place.services, attest=statement is not None)
    hasher = Hasher(algorithms, keep=keep)
    hasher.update(DATA)
    return Work("release", hasher.artifact(), statement)


def about(artifact: bytes) -> bytes:
    digest = Artifact.of(artifact).digest("sha256").hex()
    return make_statement(("release", digest), "slsaprovenance1", b'{"buildDefinition":{}}', NOW)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("attest", [False, True])
def test_without_a_log(kind: str, attest: bool) -> None:
    key, place = KEYS[kind], shop(None)
    bundle = sign(work(key, place, about(DATA) if attest else None), Credential(key), place, NOW)
    policy = Policy.public_key(key.public).insecurely(ignore_logs=True)
    verify(Bundle.parse(bundle.encode()), Artifact.of(DATA), TrustedRoot(), policy)
    with pytest.raises(SigwardenError):
        verify(bundle, Artifact.of(b"other"), TrustedRoot(), policy)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("attest", [False, True])
def test_into_rekor_v1(v1: SandboxV1, kind: str, attest: bool) -> None:
    key, place = KEYS[kind], shop(v1)
    bundle = sign(work(key, place, about(DATA) if attest else None), Credential(key), place, NOW)
    assert bundle.entries[0].kind == ("dsse" if attest else "hashedrekord")
    proven = verify(bundle, Artifact.of(DATA), place.trust, Policy.public_key(key.public))
    assert proven.moments[0].source == "log"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("attest", [False, True])
def test_into_rekor_v2(v2: SandboxV2, kind: str, attest: bool) -> None:
    key, place = KEYS[kind], shop(v2)
    bundle = sign(work(key, place, about(DATA) if attest else None), Credential(key), place, NOW)
    assert (bundle.entries[0].kind, bundle.entries[0].version) == ("hashedrekord", "0.0.2")
    verify(bundle, Artifact.of(DATA), place.trust, Policy.public_key(key.public))


@pytest.mark.parametrize("kind", ["rsa-sign-pkcs1-2048-sha256", "ed25519"])
def test_signing_again_uses_the_existing_entry_of_v2(v2: SandboxV2, kind: str) -> None:
    key, place = KEYS[kind], shop(v2)
    first = sign(work(key, place), Credential(key), place, NOW)
    v2.fill(20)
    v2.publish()
    again = sign(work(key, place), Credential(key), place, NOW)
    assert again.entries[0].index == first.entries[0].index
    assert again.entries[0].proof is not None and first.entries[0].proof is not None
    assert again.entries[0].proof.size > first.entries[0].proof.size


@pytest.mark.parametrize("kind", ["rsa-sign-pkcs1-2048-sha256", "ed25519"])
def test_signing_again_uses_the_existing_entry_of_v1(v1: SandboxV1, kind: str) -> None:
    key, place = KEYS[kind], shop(v1)
    first = sign(work(key, place), Credential(key), place, NOW)
    assert sign(work(key, place), Credential(key), place, NOW).entries[0].index == first.entries[0].index


def test_a_log_that_lies_makes_no_bundle_but_the_journal_tells_of_the_entry(v2: SandboxV2) -> None:
    key, place = KEYS[KINDS[0]], shop(v2)
    other = SandboxV2("log.sandbox.test", seed="other", base_url="https://log.sandbox.test")
    false = Workshop(place.http, place.services, TrustedRoot.parse(other.trusted_root), place.journal)
    with pytest.raises(Untrue):
        sign(work(key, false), Credential(key), false, NOW)
    assert place.journal.lines() == [f"the signature of release is in the log {v2.url} at index 300"]
