"""An independent client judges the same bundles: what it refuses, we refuse; what we accept, it accepts."""

import hashlib
import json
import random
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sigstore.errors import Error
from sigstore.hashes import Hashed
from sigstore.models import Bundle, TrustedRoot
from sigstore.verify import Verifier
from sigstore.verify.policy import Identity
from sigstore_models.common.v1 import HashAlgorithm

from sandbox import bundles, trust
from sandbox.ca import CA, Profile
from sandbox.entries import statement
from sandbox.rekor_v1 import SandboxV1
from sandbox.rekor_v2 import SandboxV2
from sandbox.subjects import GOOGLE
from sandbox.tsa import TSA
from tests.real.bundle_cases import BundleCase, cosign_cases, flipped, leaves, public_cases, with_value
from verifier.artifact import Artifact
from verifier.errors import Malformed, Refused, Untrue
from verifier.policy import Policy

_MUTATIONS = 400
# What it cannot read, though it is right (cosign.md section 7, 27): index 0, which protobuf JSON leaves out, and a
# digest other than SHA-256.
_STUMBLES = {"keyless-email.sigstore.json", "keyless-alg-ecdsa-sha2-384-nistp384.sigstore.json"}


@pytest.fixture(scope="module")
def cases(real_data: Path) -> list[BundleCase]:
    return [case for case in public_cases(real_data) + cosign_cases(real_data) if case.policy.key is None]


class Other:
    """sigstore-python, with one verifier for each trust root."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._verifiers: dict[str, Verifier] = {}

    def accepts(self, case: BundleCase) -> bool:
        """Whether it verifies the case; any error of its own is a refusal."""
        (rule,) = case.policy.identities
        policy = Identity(identity=rule.san[0].text, issuer=rule.issuer[0].text)
        try:
            bundle = Bundle.from_json(json.dumps(case.bundle))
            if "dsseEnvelope" in case.bundle:
                self._verifier(case.trust).verify_dsse(bundle, policy)
            else:
                digest = Hashed(algorithm=HashAlgorithm.SHA2_256, digest=case.artifact.digest("sha256"))
                self._verifier(case.trust).verify_artifact(digest, bundle, policy)
        except (Error, ValueError, KeyError, TypeError):
            return False
        return True

    def _verifier(self, root: Any) -> Verifier:
        data = json.dumps(root).encode()
        name = hashlib.sha256(data).hexdigest()
        if name not in self._verifiers:
            path = self._folder / name
            path.write_bytes(data)
            self._verifiers[name] = Verifier(trusted_root=TrustedRoot.from_file(str(path)))
        return self._verifiers[name]


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Other:
    return Other(tmp_path_factory.mktemp("roots"))


def ours(case: BundleCase) -> bool:
    try:
        case.verify()
    except (Malformed, Untrue, Refused):
        return False
    return True


def test_both_accept_every_real_bundle(cases: list[BundleCase], other: Other) -> None:
    for case in cases:
        assert ours(case), case.name
        assert other.accepts(case) != (case.name in _STUMBLES), case.name


def test_what_it_refuses_we_refuse(cases: list[BundleCase], other: Other) -> None:
    changes = [(case, at, new) for case in cases for at, value in leaves(case.bundle) for new in flipped(value)]
    lenient: list[str] = []
    for case, at, new in random.Random(7).sample(changes, _MUTATIONS):
        changed = with_value(case, at, new)
        if ours(changed) and not other.accepts(changed):
            lenient.append(f"{case.name}: {at} = {str(new)[:40]}")
    assert not lenient, "\n".join(lenient)


NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
BLOB = b"hello"


def sandbox_cases() -> list[BundleCase]:
    """Signatures by the sandbox: other authorities, other keys, both logs."""
    ca, tsa = CA(seed="cross", now=lambda: NOW), TSA(seed="cross", now=lambda: NOW)
    v1 = SandboxV1(ca=ca, seed="cross", now=NOW.timestamp, base_url="https://rekor.sandbox.test")
    v2 = SandboxV2(ca=ca, seed="cross", now=NOW.timestamp, base_url="https://log.sandbox.test")
    members = [*v1.tlog_members(), *v2.tlog_members()]
    root = json.loads(trust.trusted_root(members, [trust.ca_member(ca)], [trust.ct_member(ca)], [tsa.member()]))
    policy = Policy.identity("alice@watched.example", GOOGLE)
    signer = ca.certificate("alice@watched.example", GOOGLE)
    indexed = ca.certificate("alice@watched.example", GOOGLE, Profile(leaf_index=9))
    made = {
        "v1": bundles.sign_blob(v1, signer, BLOB),
        "v1 and stamp": bundles.sign_blob(v1, signer, BLOB, tsa),
        "v2": bundles.sign_blob(v2, signer, BLOB, tsa),
        "static-ct": bundles.sign_blob(v2, indexed, BLOB, tsa),
        "attestation": bundles.attest_v2(v2, signer, statement(BLOB), tsa),
    }
    case = BundleCase("", {}, Artifact.of(BLOB), root, policy)
    return [replace(case, name=name, bundle=json.loads(data)) for name, data in made.items()]


def test_both_accept_what_the_sandbox_signs(other: Other) -> None:
    for case in sandbox_cases():
        assert ours(case), case.name
        assert other.accepts(case), case.name
