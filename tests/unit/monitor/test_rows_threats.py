"""Scenarios 91 to 98: what an attacker does who has read the configuration. And time, history and grouping."""

import hashlib
import json
from typing import Any

import pytest

from monitor.assess import Rules, assess_all
from monitor.incidents import group
from monitor.logs.log import Leaves, LogSpec
from monitor.match import Matcher
from monitor.scan import scan_leaves, watch_test
from monitor.watch import build_watches
from sandbox import subjects
from sandbox.ca import CA
from sandbox.entries import dsse_v2, hashedrekord_v1, hashedrekord_v2
from sandbox.keys import SigningKey
from tests.unit.monitor.watching import NOW, WIDGET, fields, found, kinds, sandbox_ca, trust_of, widget


@pytest.fixture(scope="module")
def ca() -> CA:
    return sandbox_ca()


def body(ca: CA, artifact: bytes = b"a", **claims: Any) -> bytes:
    repo = claims.pop("repo", "acme/widget")
    return hashedrekord_v2(ca.certificate(subjects.github(repo, **claims)), artifact)


def digest_of(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


class Remembered:
    """A history that holds what it was told."""

    def __init__(self, runs: int = 0, seen: int = 0) -> None:
        self.runs, self.earlier = runs, seen
        self.asked: list[frozenset[str]] = []

    def count(self, watch: str) -> int:
        return self.earlier

    def seen(self, watch: str, field: str, value: str) -> int:
        return 0 if value == "refs/heads/fix-ci" else self.earlier

    def run_count(self, watch: str, run: str, excluding: frozenset[str]) -> int:
        self.asked.append(excluding)
        return self.runs if run.endswith("/runs/7/attempts/1") else 0


def test_an_unexpected_branch_names_what_differs_and_what_is_the_same(ca: CA) -> None:
    wrong = body(ca, ref="refs/heads/fix-ci", trigger="workflow_dispatch")
    (finding,) = found(wrong, watches=[widget(severity="critical")], ca=ca, history=Remembered(seen=214))
    assert (finding.kind, finding.severity, finding.message) == (
        "unexpected-identity",
        "critical",
        "ref and trigger differ",
    )
    assert [(one.field, one.got, one.expected) for one in finding.differs] == [
        ("ref", "refs/heads/fix-ci", ("refs/tags/v*",)),
        ("trigger", "workflow_dispatch", ("push",)),
    ]
    assert finding.same == ("workflow",)
    assert finding.facts["history"] == {"same_watch": 214, "same_ref": 0, "same_workflow": 214, "same_issuer": 214}
    assert finding.facts["trust"] == {"chain": "ok", "sct": "ok", "signature": "ok", "inclusion": "not yet proven"}
    assert finding.facts["links"]["run"].endswith("/acme/widget/actions/runs/1/attempts/1")
    assert "/commit/" in finding.facts["links"]["commit"]
    json.dumps(dict(finding.facts))


def test_a_release_of_120_is_silence_and_120_from_a_wrong_branch_are_one_incident(ca: CA) -> None:
    right = ca.certificate(subjects.github("acme/widget", run=5))
    wrong = ca.certificate(subjects.github("acme/widget", ref="refs/heads/x", run=6))
    expected = [hashedrekord_v2(right, b"%d" % at) for at in range(120)]
    other = [hashedrekord_v2(wrong, b"%d" % at) for at in range(120)]
    findings = found(*expected, *other, watches=[WIDGET], ca=ca)
    (incident,) = group(findings)
    assert incident.count == 120
    assert kinds(findings).count("expected-identity") == 120


def test_row_91_more_signatures_of_a_run_than_there_should_be_are_news(ca: CA) -> None:
    watches = [widget(expect={"per_run": 3})]
    certified = ca.certificate(subjects.github("acme/widget", run=7))
    bodies = [hashedrekord_v2(certified, b"%d" % at) for at in range(5)]
    findings = found(*bodies, watches=watches, ca=ca)
    assert kinds(findings) == ["expected-identity"] * 3 + ["unexpected-identity"] * 2
    assert (fields(findings[3]), findings[3].differs[0].got) == (["per_run"], "4")
    assert len(group(findings)) == 1


def test_row_91_signatures_found_earlier_count_and_the_same_leaf_never_twice(ca: CA) -> None:
    history = Remembered(runs=3)
    findings = found(body(ca, run=7), watches=[widget(expect={"per_run": 3})], ca=ca, history=history)
    assert kinds(findings) == ["unexpected-identity"]
    assert findings[0].id in history.asked[0]


def test_row_91_an_artifact_that_was_not_released_is_news(ca: CA) -> None:
    watches = [widget(expect={"digests": [digest_of(b"released")]})]
    good, bad = found(body(ca, b"released"), body(ca, b"backdoor"), watches=watches, ca=ca)
    assert (good.kind, good.facts["artifact"]["released"]) == ("expected-identity", True)
    assert (bad.kind, fields(bad), bad.facts["artifact"]["released"]) == ("unexpected-identity", ["digests"], False)
    assert bad.facts["artifact"]["sha256"] == digest_of(b"backdoor").removeprefix("sha256:")


def test_row_92_a_name_that_was_registered_anew_has_another_id(ca: CA) -> None:
    watches = [{"github_repo": "acme/widget", "github_repo_id": 7, "github_owner_id": 9}]
    honest, taken, renamed, stranger = (
        found(body(ca, repo_id=7, owner_id=9), watches=watches, ca=ca),
        found(body(ca, repo_id=8, owner_id=10), watches=watches, ca=ca),
        found(body(ca, repo="acme/gadget", repo_id=7, owner_id=9), watches=watches, ca=ca),
        found(body(ca, repo="acme/gadget", repo_id=8, owner_id=9), watches=watches, ca=ca),
    )
    assert kinds(honest) == ["expected-identity"]
    assert (kinds(taken), fields(taken[0])) == (["unexpected-identity"], ["repo_id", "owner_id"])
    assert (kinds(renamed), fields(renamed[0])) == (["unexpected-identity"], ["repository"])
    assert taken[0].severity == "high"
    assert not stranger


def test_row_92_an_id_in_scientific_notation_is_the_same_id(ca: CA) -> None:
    """Fulcio wrote long ids so until July 2026."""
    subject = subjects.github("acme/widget").with_claims(source_repository_identifier="1.2345678e+07")
    watches = [{"github_repo": "acme/widget", "github_repo_id": 12345678}]
    (finding,) = found(hashedrekord_v2(ca.certificate(subject), b"a"), watches=watches, ca=ca)
    assert finding.kind == "expected-identity"


@pytest.mark.parametrize("policy", ["page", "count"])
def test_row_93_outsiders_who_run_our_workflow_are_told_or_counted(ca: CA, policy: str) -> None:
    watches = [widget(foreign_source=policy)]
    (finding,) = found(body(ca, source="outsider/project"), watches=watches, ca=ca)
    assert finding.facts["foreign_source"] == policy
    if policy == "count":
        assert (finding.kind, finding.severity) == ("expected-identity", "info")
        assert not group([finding])
    else:
        assert finding.kind == "unexpected-identity"
        assert finding.differs[-1].got == "github.com/outsider/project"


def test_row_93_our_repository_running_their_workflow_is_ours(ca: CA) -> None:
    theirs = body(ca, repo="slsa/generator", workflow=".github/workflows/sign.yml", source="acme/widget")
    (finding,) = found(theirs, watches=[WIDGET], ca=ca)
    assert (finding.kind, fields(finding)) == ("unexpected-identity", ["workflow"])
    assert finding.facts["field"] == "source-repository-uri"
    allowed = widget(expect={"workflow": "slsa/generator/.github/workflows/sign.yml"})
    assert kinds(found(theirs, watches=[allowed], ca=ca)) == ["expected-identity"]


def test_row_93_a_workflow_of_the_same_name_elsewhere_is_not_ours(ca: CA) -> None:
    theirs = body(ca, repo="evil/widget", source="acme/widget")
    (finding,) = found(theirs, watches=[WIDGET], ca=ca)
    assert fields(finding) == ["workflow"]


def test_row_95_a_retired_key_is_never_expected(ca: CA) -> None:
    key = SigningKey.make("ecdsa-p256", "stolen")
    watches = [{"name": "retired", "key_file": "k", "expect": "never", "severity": "critical"}]
    built = build_watches(watches, read_file=lambda _: key.pem)
    used = hashedrekord_v2(key, b"malware")
    hits = scan_leaves(Leaves(0, [used, hashedrekord_v1(key, b"more")]), Matcher(built), "rekor-v1").hits
    spec = LogSpec("rekor-v1", "o", "https://x.example")
    findings = assess_all(hits, spec, Rules(built, trust_of(ca), Remembered()), NOW)
    assert [(one.kind, one.severity, fields(one)) for one in findings] == [
        ("unexpected-identity", "critical", ["never"])
    ] * 2
    assert "nothing should ever be" in findings[0].message


def test_row_95_a_stolen_key_signs_what_was_not_released(ca: CA) -> None:
    key = SigningKey.make("ed25519ph", "in use")
    fingerprint = {"key_file": "k"}
    watches = [fingerprint | {"name": "ours", "expect": {"digests": [hash512(b"released")]}}]
    built = build_watches(watches, read_file=lambda _: key.pem)
    bodies = [hashedrekord_v2(key, b"released"), hashedrekord_v2(key, b"malware")]
    hits = scan_leaves(Leaves(0, bodies), Matcher(built), "rekor-v2").hits
    spec = LogSpec("rekor-v2", "o", "https://x.example")
    findings = assess_all(hits, spec, Rules(built, trust_of(ca), Remembered()), NOW)
    assert kinds(findings) == ["expected-identity", "unexpected-identity"]
    assert findings[0].facts["trust"]["signature"] == "ok"


def hash512(data: bytes) -> str:
    return f"sha512:{hashlib.sha512(data).hexdigest()}"


def test_an_expectation_of_several_blocks_is_met_by_one_and_told_by_the_nearest(ca: CA) -> None:
    blocks = [
        {"workflow": ".github/workflows/release.yml", "ref": "refs/tags/v*"},
        {"workflow": ".github/workflows/nightly.yml", "ref": "refs/heads/main"},
    ]
    watches = [{"github_org": "acme", "expect": blocks}]
    nightly = body(ca, workflow=".github/workflows/nightly.yml", ref="refs/heads/main")
    assert kinds(found(nightly, watches=watches, ca=ca)) == ["expected-identity"]
    (finding,) = found(body(ca, workflow=".github/workflows/nightly.yml", ref="refs/heads/x"), watches=watches, ca=ca)
    assert fields(finding) == ["ref"]
    assert finding.differs[0].expected == ("refs/heads/main",)


def test_a_digest_of_an_attestation_says_that_the_artifact_is_not_named(ca: CA) -> None:
    certified = ca.certificate(subjects.github("acme/widget"))
    (finding,) = found(dsse_v2([certified], b"statement"), watches=[WIDGET], ca=ca)
    assert "artifact not named in the log" in finding.facts["artifact"]["note"]
    assert finding.facts["trust"]["signature"].startswith("not in the log")


def test_a_missing_fact_differs(ca: CA) -> None:
    subject = subjects.github("acme/widget").with_claims(build_trigger=None, github_workflow_trigger=None)
    (finding,) = found(hashedrekord_v2(ca.certificate(subject), b"a"), watches=[WIDGET], ca=ca)
    assert (fields(finding), finding.differs[0].got) == (["trigger"], "(absent)")


def test_what_would_a_watch_have_matched(ca: CA) -> None:
    matcher = Matcher(build_watches([WIDGET]))
    leaves = [body(ca, repo="other/thing"), body(ca), hashedrekord_v2(SigningKey.make("ecdsa-p256", "x"), b"a")]
    assert [(index, match.watch) for index, match in watch_test(matcher, leaves, 100)] == [(101, "acme/widget")]


def test_the_history_counts_earlier_findings_of_the_same_batch(ca: CA) -> None:
    watches = [WIDGET]
    first, second, third = found(
        body(ca, ref="refs/tags/v1"),
        body(ca, ref="refs/tags/v2"),
        body(ca, b"b", ref="refs/tags/v1"),
        watches=watches,
        ca=ca,
    )
    counted = [one.facts["history"] for one in (first, second, third)]
    assert [one["same_watch"] for one in counted] == [0, 1, 2]
    assert [one["same_ref"] for one in counted] == [0, 0, 1]
