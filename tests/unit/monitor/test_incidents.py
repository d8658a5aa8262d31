"""Findings become incidents: one thing to a person is one incident."""

from dataclasses import replace

from monitor.findings import Difference
from monitor.incidents import SHOWN, group
from tests.unit.monitor.told import NOW, REF, finding


def test_120_entries_of_one_run_are_one_incident() -> None:
    incidents = group(finding(number=n) for n in range(120))
    assert [(i.count, i.severity, i.fields) for i in incidents] == [(120, "high", ("ref", "trigger"))]
    assert len(incidents[0].findings) == SHOWN


def test_values_of_a_difference_do_not_split_an_incident() -> None:
    digests = [Difference("digests", f"sha256:{n:064x}", ("released-digests",)) for n in range(40)]
    assert [i.count for i in group(finding(number=n, differs=(d,)) for n, d in enumerate(digests))] == [40]


def test_other_watch_run_kind_or_difference_is_another_incident() -> None:
    base = finding()
    others = [
        finding(number=2, watch="gadget"),
        finding(number=3, group="run/174"),
        finding(number=4, differs=(REF,)),
        finding("lookalike", 5),
    ]
    assert len(group([base, *others])) == 5


def test_expected_signatures_make_no_incident() -> None:
    assert group(finding("expected-identity", n) for n in range(120)) == ()


def test_a_finding_seen_twice_counts_once() -> None:
    assert group([finding(), finding().proved()])[0].count == 1
    assert group([finding(), finding().proved()])[0].proven == 1


def test_88_importance_is_severity_never_arrival() -> None:
    flood = [finding("untrusted-chain", n, group=f"cert/{n}") for n in range(500)]
    real = finding(number=1000)
    tamper = finding("fork", 1001, group="fork")
    kinds = [i.kind for i in group([*flood, real, tamper])]
    assert kinds[:2] == ["fork", "unexpected-identity"]
    assert [i.exempt for i in group([real, tamper, flood[0]])] == [True, True, False]


def test_more_findings_are_added_up() -> None:
    first = group(finding(number=n) for n in range(10))[0]
    later = group(replace(finding(number=n), proven=True, severity="critical") for n in range(10, 15))[0]
    both = first.with_more(later)
    assert (both.count, both.proven, both.severity, both.key) == (15, 5, "critical", first.key)
    assert both.first_seen == first.first_seen
    assert both.last_seen == later.last_seen > NOW
    assert len(both.findings) == SHOWN
