"""Row 79: a rule that can never match is an error at load with the reason. Row 98: every widening is listed."""

from typing import Any

import pytest

from monitor.lint import lint_watches
from monitor.watch import build_watch, build_watches
from monitor.weakening import compare_watches

REPO: dict[str, Any] = {"github_repo": "acme/widget"}
MAIL: dict[str, Any] = {"email": "ann@acme.example"}
GITHUB, GITLAB = "https://token.actions.githubusercontent.com", "https://gitlab.com"
GOOGLE = "https://accounts.google.com"


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        (MAIL | {"expect": {"issuer": GITHUB}}, "does not issue certificates for an e-mail address"),
        (MAIL | {"issuer": GITHUB}, "does not issue certificates for an e-mail address"),
        ({"email_domain": "acme.example", "expect": {"issuer": [GITHUB, GITLAB]}}, "does not issue"),
        (REPO | {"expect": {"issuer": GOOGLE}}, "does not issue certificates for a CI job"),
        (REPO | {"expect": {"issuer": GITLAB}}, "does not issue certificates for github.com"),
        ({"gitlab_project": "a/b", "expect": {"issuer": GITHUB}}, "does not issue certificates for gitlab.com"),
        (REPO | {"expect": {"issuer": "accounts.google.com"}}, "issuers are URLs"),
        (MAIL | {"expect": {"workflow": ".github/workflows/x.yml"}}, "says nothing about it"),
        (MAIL | {"expect": {"build-trigger": "push"}}, "says nothing about it"),
        ({"key_fingerprint": "ab" * 32, "expect": {"issuer": GOOGLE}}, "a bare key says nothing"),
        (REPO | {"expect": {"ref": "v*"}}, "refs look like"),
        (REPO | {"expect": {"ref": "main"}}, "refs look like"),
        (REPO | {"expect": {"ref": r"regex:v[0-9]+"}}, "refs look like"),
        (REPO | {"expect": [{"ref": "refs/tags/v*"}, {"ref": "tags/v*"}]}, "expect.1.ref"),
        (REPO | {"expect": {"ref": "refs/tag/v*"}}, "refs look like"),
        (REPO | {"expect": {"runner": "ubuntu-latest"}}, "one of github-hosted, self-hosted"),
        ({"san": "https://github.com/acme/w/.github/workflows/x.yml"}, "end with @REF"),
        ({"san": ["https://gitlab.com/a/b//.gitlab-ci.yml"]}, "end with @REF"),
        (REPO | {"expect": {"workflow": "/.github/workflows/x.yml"}}, "write .github/workflows/x.yml"),
        (REPO | {"expect": {"workflow": "release.yml"}}, "write .github/workflows/release.yml"),
        (REPO | {"github_repo_id": "seven"}, "it is a number"),
        (REPO | {"expect": {"owner_id": "acme"}}, "it is a number"),
        (REPO | MAIL, "never in one certificate"),
        (REPO | {"github_org": "other"}, "no repository named is of an organisation named"),
    ],
)
def test_row_79_a_watch_that_can_never_match_is_fatal_with_the_reason(table: dict[str, Any], reason: str) -> None:
    fatal = [problem.message for problem in lint_watches([build_watch(table)]) if problem.fatal]
    assert len(fatal) == 1
    assert reason in fatal[0]


@pytest.mark.parametrize(
    "table",
    [
        MAIL | {"expect": {"issuer": GOOGLE}},
        MAIL | {"expect": {"issuer": [GITHUB, GOOGLE]}},
        MAIL | {"expect": {"issuer": "https://login.acme.example"}},
        REPO | {"expect": {"issuer": GITHUB, "workflow": ".github/workflows/x.yml", "ref": "refs/tags/v*"}},
        REPO | {"expect": {"issuer": f"{GITHUB}/acme", "ref": "regex:refs/(heads|tags)/.*"}},
        REPO | {"expect": {"ref": "*/v1"}},
        REPO | {"expect": {"ref": ["refs/pull/7/merge", "refs/t*"], "runner": "self-hosted"}},
        {"san": "https://github.com/acme/w/.github/workflows/x.yml@refs/heads/main"},
        {"san_glob": "https://github.com/acme/w/.github/workflows/x.yml@*"},
        {"gitlab_project": "a/b", "expect": {"ref": "refs/merge-requests/7/head", "runner": "self-hosted"}},
        REPO | {"expect": {"ref": "regex:(refs)/tags/.*"}},
        REPO | {"expect": {"workflow": "acme/ci/.github/workflows/sign.yml"}, "github_org": "acme"},
        {"gitlab_project": "a/b", "expect": {"workflow": ".gitlab-ci.yml", "issuer": GITLAB}},
        {"key_fingerprint": "ab" * 32, "expect": "never"},
        {"san": "https://ci.acme.example/x", "expect": {"issuer": "https://ci.acme.example"}},
    ],
)
def test_a_watch_that_makes_sense_is_left_alone(table: dict[str, Any]) -> None:
    assert not lint_watches([build_watch(table)])


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        (MAIL, "any identity provider"),
        ({"san_regex": ".*"}, "matches strangers"),
        ({"san_glob": "https://github.com/*"}, "matches strangers"),
        ({"san_regex": "acme|https", "unanchored": True}, "matches strangers"),
        ({"email_domain": "gmail.com", "expect": {"issuer": GOOGLE}}, "millions"),
        ({"issuer": GITHUB}, "everybody of an issuer"),
        ({"san_regex": "https://github.com/acme/.*"}, "a dot that stands for any character"),
        ({"san_regex": "[a-z]+://[a-z]{3}"}, "no fixed text"),
        ({"digests": ["ab" * 32]}, "do not name their artifact"),
    ],
)
def test_what_is_too_wide_is_a_warning(table: dict[str, Any], reason: str) -> None:
    (problem,) = lint_watches([build_watch(table)])
    assert not problem.fatal
    assert reason in problem.message


def test_an_issuer_that_the_authority_does_not_know_is_a_warning() -> None:
    (problem,) = lint_watches([build_watch(MAIL | {"expect": {"issuer": "https://x.example"}})], known_issuers=[GOOGLE])
    assert "no issuer that" in problem.message


BASE: dict[str, Any] = REPO | {
    "severity": "critical",
    "channels": ["sec"],
    "expect": {"ref": "refs/tags/v*", "trigger": "push", "per_run": 5, "digests": ["ab" * 32]},
}


def changed(**changes: Any) -> dict[str, Any]:
    expect = {key: value for key, value in (BASE["expect"] | changes.pop("expect", {})).items() if value is not None}
    return BASE | {"expect": expect} | changes


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (changed(expect={"ref": "*"}), "ref may now be *"),
        (changed(expect={"ref": ["refs/tags/v*", "refs/heads/main"]}), "refs/heads/main"),
        (changed(expect={"trigger": None}), "trigger is no longer expected to be push"),
        (changed(expect={"per_run": 50}), "per_run grew from 5 to 50"),
        (changed(expect={"per_run": None}), "any number"),
        (changed(expect={"digests": None}), "no longer compared"),
        (changed(expect={"digests": ["ab" * 32, "cd" * 32]}), "1 more artifacts"),
        (BASE | {"expect": [BASE["expect"], {"trigger": "workflow_dispatch"}]}, "another set of signatures"),
        (BASE | {"expect": []}, "every hit is accepted"),
        (changed(severity="low"), "severity fell"),
        (changed(foreign_source="count"), "no longer told"),
        (changed(channels=["tty"]), "channel sec"),
        (changed(issuer=GITHUB), "a certain issuer"),
    ],
)
def test_row_98_a_widened_rule_is_named(table: dict[str, Any], said: str) -> None:
    (widening,) = compare_watches(build_watches([BASE]), build_watches([table | {"name": "acme/widget"}]))
    assert widening.watch == "acme/widget"
    assert said in widening.message


@pytest.mark.parametrize(
    "table",
    [
        BASE,
        changed(expect={"ref": "refs/tags/v1"}),
        changed(expect={"per_run": 4}),
        changed(expect={"runner": "github-hosted"}),
        changed(severity="critical", channels=["sec", "siem"]),
        changed(github_repo=["acme/widget", "acme/gadget"]),
        BASE | {"expect": "never"},
    ],
)
def test_row_98_a_rule_that_is_as_strict_or_stricter_is_no_news(table: dict[str, Any]) -> None:
    assert not compare_watches(build_watches([BASE]), build_watches([table | {"name": "acme/widget"}]))


def test_row_98_a_watch_that_is_gone_or_watches_less_is_named() -> None:
    assert [one.message for one in compare_watches(build_watches([BASE]), ())] == ["the watch is gone"]
    other = build_watches([BASE | {"github_repo": "acme/x", "name": "acme/widget"}])
    messages = [one.message for one in compare_watches(build_watches([BASE]), other)]
    assert messages == ["repository github.com/acme/widget is no longer watched"]
    (widening,) = compare_watches(build_watches([BASE | {"expect": "never"}]), build_watches([BASE]))
    assert widening.message.startswith("signatures are accepted")
