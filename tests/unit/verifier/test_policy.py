"""Policies: who is accepted, and which policies are refused for saying nothing."""

import hashlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verifier.certificate import Identity, Name
from verifier.errors import Refused, Untrue
from verifier.patterns import Pattern
from verifier.policy import Policy, check_identity, rule_of

ALICE = Identity(
    names=(Name("email", "alice@example.com", b"alice@example.com"),),
    issuer="https://accounts.google.com",
    extensions={"issuer": "https://accounts.google.com", "source-repository-ref": "refs/heads/main"},
    raw_extensions={},
    anomalies=(),
    not_before=None,
    not_after=None,
    serial=1,
    key_sha256=None,
    cert_sha256=hashlib.sha256(b"").digest(),
)
GOOGLE = "https://accounts.google.com"


def test_exact_name_and_issuer() -> None:
    rule = check_identity(ALICE, Policy.identity("alice@example.com", GOOGLE))
    assert rule.san == (Pattern("alice@example.com"),)


@pytest.mark.parametrize(
    ("san", "issuer"),
    [
        ("bob@example.com", GOOGLE),
        ("alice@example.com", "https://github.com/login/oauth"),
        ("ALICE@example.com", GOOGLE),
    ],
)
def test_anybody_else_is_refused(san: str, issuer: str) -> None:
    with pytest.raises(Untrue) as caught:
        check_identity(ALICE, Policy.identity(san, issuer))
    assert caught.value.code == "identity"


def test_identities_are_alternatives() -> None:
    rules = [
        rule_of([Pattern("bob@example.com")], [Pattern(GOOGLE)]),
        rule_of([Pattern.regex("^alice@")], [Pattern.regex("^https://accounts")]),
    ]
    assert check_identity(ALICE, Policy.any_of(rules)) == rules[1]


def test_every_pattern_of_one_rule_must_hold() -> None:
    rule = rule_of([Pattern("alice@example.com")], [Pattern(GOOGLE), Pattern.regex("^https://github")])
    with pytest.raises(Untrue):
        check_identity(ALICE, Policy.any_of([rule]))


@pytest.mark.parametrize("name", ["source-repository-ref", "1.3.6.1.4.1.57264.1.14"])
def test_extensions_are_checked_by_name_or_oid(name: str) -> None:
    fine = Policy.identity("alice@example.com", GOOGLE, {name: "refs/heads/main"})
    assert check_identity(ALICE, fine)
    with pytest.raises(Untrue):
        check_identity(ALICE, Policy.identity("alice@example.com", GOOGLE, {name: "refs/heads/other"}))


def test_a_missing_extension_never_matches() -> None:
    rule = rule_of([Pattern("alice@example.com")], [Pattern(GOOGLE)], {"build-trigger": Pattern.regex(".*")})
    with pytest.raises(Untrue):
        check_identity(ALICE, Policy.any_of([rule]))


def test_an_unknown_extension_is_refused() -> None:
    with pytest.raises(Refused) as caught:
        Policy.identity("a", "b", {"colour": "blue"})
    assert caught.value.code == "policy-extension"


@pytest.mark.parametrize("anomaly", ["issuer-mismatch", "san-twice", "extension-twice", "precertificate"])
def test_a_certificate_with_two_readings_matches_nothing(anomaly: str) -> None:
    odd = replace(ALICE, anomalies=(anomaly,))
    with pytest.raises(Untrue) as caught:
        check_identity(odd, Policy.identity("alice@example.com", GOOGLE))
    assert caught.value.code == "certificate-ambiguous"


def test_a_name_whose_bytes_are_not_its_text_matches_nothing() -> None:
    odd = replace(ALICE, names=(Name("email", "alic\xe9@example.com", b"alic\xe9@example.com"),))
    with pytest.raises(Untrue):
        check_identity(odd, Policy.identity("alic\xe9@example.com", GOOGLE))


@pytest.mark.parametrize(
    "policy",
    [
        Policy(),
        Policy(identities=(rule_of([], [Pattern("x")]),)),
        Policy(identities=(rule_of([Pattern("x")], []),)),
        Policy(identities=(rule_of([Pattern("")], [Pattern("x")]),)),
        Policy(identities=(rule_of([Pattern("x")], [Pattern("", regexp=True)]),)),
        replace(Policy(identities=(rule_of([Pattern("x")], [Pattern("x")]),)), logs=0),
        replace(Policy(identities=(rule_of([Pattern("x")], [Pattern("x")]),)), times=0),
        replace(Policy(identities=(rule_of([Pattern("x")], [Pattern("x")]),)), scts=0),
    ],
)
def test_an_undefined_policy_is_refused(policy: Policy) -> None:
    with pytest.raises(Refused):
        policy.checked()


@pytest.mark.parametrize(
    ("text", "word"),
    [
        (".*", "anything"),
        ("^.*$", "anything"),
        ("", "anything"),
        ("https://github.com/org/repo", "not anchored"),
        ("^https://github.com/org/repo", "not anchored"),
        (r"^cost\$", "not anchored"),
        ("^.+$", "nothing in common"),
        ("^[^@]+@.*$", "nothing in common"),
        (r"^[^@]+@example\.com$", ""),
        ("^a|b$", "alternative"),
        ("^(a|b)$", ""),
        (r"^a[|]b$", ""),
        (r"\Ahttps://x\z", ""),
    ],
)
def test_patterns_that_catch_more_than_they_seem_to_are_named(text: str, word: str) -> None:
    warning = Pattern.regex(text).warning
    assert (word in warning) if word else not warning


def test_search_semantics_as_cosign_has_them() -> None:
    assert Pattern.regex("org/repo").matches("https://github.com/org/repo-evil")
    assert not Pattern.regex("^https://github.com/org/repo/").matches("https://github.com/org/repo-evil/x")


@pytest.mark.parametrize("text", ["(", "a(?=b)", r"(a)\1", "*"])
def test_what_re2_cannot_do_is_refused(text: str) -> None:
    with pytest.raises(Refused) as caught:
        Pattern.regex(text)
    assert caught.value.code == "pattern"


@given(st.text(), st.text())
def test_exact_is_equality(pattern: str, value: str) -> None:
    assert Pattern(pattern).matches(value) == (pattern == value)
