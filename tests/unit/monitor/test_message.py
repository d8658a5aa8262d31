"""What the person on call reads: everything needed to decide, and what is not known is said."""

from datetime import timedelta
from typing import Any

import pytest

from monitor.alerts.channel import Message
from monitor.alerts.console import as_text
from monitor.alerts.message import Links, build_message
from monitor.alerts.wording import WORDS
from monitor.findings import KINDS, Difference, Finding, Location
from monitor.incidents import group
from tests.unit.monitor.told import LOG, NOW, finding

FACTS: dict[str, Any] = {
    "artifact": {"sha256": "9f2c" * 16, "of": "blob", "released": False},
    "time": {
        "source": "SET",
        "at": "2026-11-23T02:14:07+00:00",
        "not_before": "2026-11-23T02:14:04+00:00",
        "not_after": "2026-11-23T02:24:04+00:00",
    },
    "history": {"same_watch": 214, "same_ref": 0},
    "trust": {"chain": "ok", "sct": "ok", "signature": "ok"},
    "links": {"run": "https://github.com/acme/widget/actions/runs/173", "commit": "https://evil.test/phish"},
}


def told(*findings: Finding, reason: Any = "new", now: Any = NOW) -> Message:
    (incident,) = group(findings)
    return build_message(incident, message_id="m", reason=reason, now=now, links=Links("https://docs.test/runbook"))


def test_the_alert_of_the_experience() -> None:
    text = as_text(told(finding(facts=FACTS, proven=True)))
    assert text.splitlines()[:13] == [
        "HIGH · widget signed from an unexpected branch · PROVEN",
        "Differs   ref refs/heads/fix-ci (expected refs/tags/v*)",
        "          trigger workflow_dispatch (expected push)",
        "Same      repository id, issuer, workflow",
        "What      1 entry, by https://github.com/acme/widget/.github/workflows/release.yml@refs/heads/fix-ci",
        f"          blob sha256:{'9f2c' * 16}, not in the released list",
        "When      Mon 23 Nov 02:14:07Z (SET); certificate 02:14:04–02:24:04Z; seen Mon 23 Nov 02:17:20Z; "
        "told after 3 m 12 s",
        "New?      first time on this ref; 214 earlier signatures of this watch",
        "Trust     chain ok · SCT ok · signature ok · inclusion ok",
        f"Where     {LOG}, index 1",
        "Decide    Did one of us do this on purpose?",
        f'          yes -> sigwarden findings ack {finding().id} --note "…"',
        "          no -> disable the workflow or account, revoke its tokens, block the digest "
        "(runbook: unexpected-identity)",
    ]


def test_what_is_not_known_is_said() -> None:
    text = as_text(told(finding(identity="")))
    for said in ("an unnamed key", "not known from the log entry", "time of signing: not known", "no history"):
        assert said in text
    assert "chain not checked · SCT not checked · signature not checked · inclusion not yet proven" in text


def test_a_time_between_two_heads_is_said_as_such() -> None:
    facts = {"time": {"after": "02:13:50Z", "before": "02:14:50Z"}}
    assert "between two heads, 02:13:50Z and 02:14:50Z" in as_text(told(finding(facts=facts)))


def test_only_addresses_that_people_know_become_links() -> None:
    links = told(finding(facts=FACTS)).links
    assert [one.label for one in links] == ["Run", "Runbook"]
    worthless = told(finding("untrusted-chain", facts=FACTS)).links
    assert [one.label for one in worthless] == ["Runbook"]
    odd = finding(facts={"links": {"run": "https://github.com/a b/<x>\n|y", "commit": "https://github.com.evil.test/"}})
    assert [one.url for one in told(odd).links[:-1]] == ["https://github.com/a%20b/%3Cx%3E%0A%7Cy"]


def test_many_values_are_counted_not_listed() -> None:
    digests = [finding(number=n, differs=(Difference("digests", f"sha256:{n:064x}", ()),)) for n in range(1, 121)]
    text = as_text(told(*digests))
    assert "signed an artifact that is not in the released list · 120 entries" in text
    assert "and 2 more (nothing is expected)" in text


def test_a_partly_proven_incident_says_how_far() -> None:
    title = as_text(told(finding(proven=True), finding(number=2))).splitlines()[0]
    assert title.endswith("1 of 2 PROVEN")


def test_a_repetition_says_why_it_comes_again() -> None:
    lines = as_text(told(finding("fork"), reason="repeat", now=NOW + timedelta(minutes=16))).splitlines()
    assert lines[0].startswith("NOT ACKNOWLEDGED · CRITICAL")
    assert "nobody has acknowledged it" in lines[1]


@pytest.mark.parametrize("kind", sorted(set(KINDS) - {"expected-identity"}))
def test_every_kind_has_words_and_a_decision(kind: str) -> None:
    message = told(finding(kind, message="the log said something"))
    text = as_text(message)
    assert "Decide" in text
    assert "{id}" not in text
    assert f"(runbook: {kind})" in text
    assert kind in WORDS or KINDS[kind].severity == "info"
    assert message.data["kind"] == kind


@pytest.mark.parametrize(
    "facts",
    [
        {"time": {"at": 10**30}, "history": 7, "trust": [], "links": "x", "artifact": {"sha256": 5}},
        {"time": {"at": "yesterday"}, "history": {}, "artifact": {}, "links": {"run": 7}},
        {"time": {"at": -(10**30), "not_before": "x"}, "artifact": [1]},
    ],
)
def test_odd_facts_trip_nothing(facts: dict[str, Any]) -> None:
    assert "not known" in as_text(told(finding(facts=facts)))


def test_50_no_line_of_the_console_is_an_attackers() -> None:
    hostile = "x\n\x1b[31mCRITICAL all clean\r\u2028\u202e"
    one = finding(identity=hostile, watch=hostile, message=hostile, log=hostile, locations=(Location(hostile, 1),))
    text = as_text(told(one))
    honest = as_text(told(finding()))
    assert text.count("\n") == honest.count("\n")
    assert not {"\x1b", "\r", "\u2028", "\u202e"} & set(text)
