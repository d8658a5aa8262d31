"""Every real bundle verifies; with any one thing about it changed it is refused, by an error that names the check."""

import itertools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.real.bundle_cases import (
    BundleCase,
    cosign_cases,
    flipped,
    leaves,
    members,
    public_cases,
    with_value,
    without,
)
from verifier.artifact import Artifact
from verifier.errors import Malformed, SigwardenError, Untrue
from verifier.policy import Policy

Change = tuple[str, BundleCase]


@pytest.fixture(scope="module")
def cases(real_data: Path) -> list[BundleCase]:
    return public_cases(real_data) + cosign_cases(real_data)


def refusal(case: BundleCase) -> SigwardenError | None:
    """Why a case is refused; None if it verifies. Anything but our own errors is a crash, and fails the test."""
    try:
        case.verify()
    except (Malformed, Untrue) as error:
        assert error.code
        assert error.message
        return error
    return None


def accepted(case: BundleCase, changes: Callable[[BundleCase], list[Change]]) -> list[str]:
    """Names of the changes that were wrongly accepted."""
    return [f"{case.name}: {name}" for name, changed in changes(case) if refusal(changed) is None]


def test_all_verify(cases: list[BundleCase]) -> None:
    for case in cases:
        assert refusal(case) is None, case.name
    assert len(cases) >= 28


# Nothing signs it, so no verifier can notice another value: a lookup aid.
UNSIGNED_HINTS = {("verificationMaterial", "publicKey", "hint")}


def _value_changes(case: BundleCase) -> list[Change]:
    found: list[Change] = []
    for at, value in leaves(case.bundle):
        if at in UNSIGNED_HINTS:
            continue
        found += [(f"{at} = {str(new)[:40]}", with_value(case, at, new)) for new in flipped(value)]
    return found


def test_no_changed_value_is_accepted(cases: list[BundleCase]) -> None:
    wrong = [text for case in cases for text in accepted(case, _value_changes)]
    assert not wrong, "\n".join(wrong)


def _optional(case: BundleCase) -> set[str]:
    """Members that a bundle may lack: what they say is said elsewhere, or is a hint."""
    names = {"hint", "keyid", "messageDigest", "timestampVerificationData"} - _needed(case)
    if case.bundle["mediaType"].endswith("0.1"):
        return names | {"inclusionProof", "checkpoint"}
    if "signedTimestamp" in str(case.bundle) or case.policy.key is not None:
        names.add("inclusionPromise")  # a time from elsewhere, or none needed: the proof is enough
    return names


def _needed(case: BundleCase) -> set[str]:
    """A v2 log gives no time: then the timestamps are not optional."""
    promised = "inclusionPromise" in str(case.bundle)
    return set() if promised or case.policy.key is not None else {"timestampVerificationData"}


def _missing(case: BundleCase) -> list[Change]:
    optional = _optional(case)
    needed = [at for at in members(case.bundle) if not optional.intersection(map(str, at))]
    return [(f"without {at}", without(case, at)) for at in needed]


def test_nothing_that_matters_may_be_missing(cases: list[BundleCase]) -> None:
    wrong = [text for case in cases for text in accepted(case, _missing)]
    assert not wrong, "\n".join(wrong)


def test_no_unknown_member_is_accepted_anywhere(cases: list[BundleCase]) -> None:
    for case in cases[:3] + cases[-3:]:
        for at in [(), *members(case.bundle)]:
            value: Any = case.bundle
            for key in at:
                value = value[key]
            if isinstance(value, dict):
                assert refusal(with_value(case, (*at, "unknown"), 1)) is not None, at


def test_another_artifact_is_refused(cases: list[BundleCase]) -> None:
    for case in cases:
        error = refusal(replace(case, artifact=Artifact.of(b"something else")))
        assert error is not None
        assert error.code in {"message-digest", "binding-digest", "subject-digest"}, case.name


def test_another_identity_or_issuer_is_refused(cases: list[BundleCase]) -> None:
    for case in cases:
        if case.policy.key is not None:
            continue
        (rule,) = case.policy.identities
        san, issuer = rule.san[0].text, rule.issuer[0].text
        for policy in (Policy.identity(san + "x", issuer), Policy.identity(san, issuer + "/")):
            error = refusal(replace(case, policy=policy))
            assert error is not None
            assert error.code == "identity"


TRUST_SECTIONS = {
    "tlogs": {"log-threshold"},
    "ctlogs": {"sct-log", "sct-unknown-log", "sct-threshold", "sct-absent"},
    "certificateAuthorities": {"certificate-chain"},
    "timestampAuthorities": {"timestamp-authority"},
}


@pytest.mark.parametrize("section", TRUST_SECTIONS)
def test_a_missing_section_of_the_trust_root_is_named(cases: list[BundleCase], section: str) -> None:
    for case in cases:
        keyed = case.policy.key is not None
        if keyed and section != "tlogs":
            continue
        if section == "timestampAuthorities" and "signedTimestamp" not in str(case.bundle):
            continue
        trust = {name: value for name, value in case.trust.items() if name != section}
        error = refusal(replace(case, trust=trust))
        assert error is not None, case.name
        assert error.code in TRUST_SECTIONS[section] or error.code.startswith("sct"), (case.name, error.code)


@pytest.mark.parametrize("section", TRUST_SECTIONS)
@pytest.mark.parametrize(
    "window", [{"start": "2035-01-01T00:00:00Z"}, {"start": "2000-01-01T00:00:00Z", "end": "2001-01-01T00:00:00Z"}]
)
def test_trust_that_was_not_valid_then_is_refused(
    cases: list[BundleCase], section: str, window: dict[str, str]
) -> None:
    for case in cases:
        if case.policy.key is not None and (section != "tlogs" or "inclusionPromise" not in str(case.bundle)):
            continue
        if section == "timestampAuthorities" and "signedTimestamp" not in str(case.bundle):
            continue
        changed = []
        for entry in case.trust.get(section, []):
            if "publicKey" in entry:
                changed.append({**entry, "publicKey": {**entry["publicKey"], "validFor": window}})
            else:
                changed.append({**entry, "validFor": window})
        error = refusal(replace(case, trust={**case.trust, section: changed}))
        assert error is not None, (case.name, section)


def test_parts_of_another_bundle_are_refused(cases: list[BundleCase]) -> None:
    """CVE-2022-36056 and its kin: signature, certificate, entry and timestamp of another signature, one at a time."""
    for case, other in itertools.pairwise(cases):
        for name in ("messageSignature", "dsseEnvelope", "verificationMaterial"):
            if name in case.bundle and name in other.bundle:
                assert refusal(with_value(case, (name,), other.bundle[name])) is not None, (case.name, name)
        for name in ("certificate", "x509CertificateChain", "tlogEntries", "timestampVerificationData"):
            mine, theirs = case.bundle["verificationMaterial"], other.bundle["verificationMaterial"]
            if mine.get(name) and theirs.get(name) and mine[name] != theirs[name]:
                assert refusal(with_value(case, ("verificationMaterial", name), theirs[name])) is not None, name


def test_the_same_entry_twice_is_refused(cases: list[BundleCase]) -> None:
    for case in cases:
        entries = case.bundle["verificationMaterial"]["tlogEntries"]
        error = refusal(with_value(case, ("verificationMaterial", "tlogEntries"), entries * 2))
        assert error is not None
        assert error.code == "bundle-duplicate-entry"


def test_one_log_cannot_stand_for_two(cases: list[BundleCase]) -> None:
    for case in cases:
        error = refusal(replace(case, policy=replace(case.policy, logs=2)))
        assert error is not None
        assert error.code == "log-threshold"
