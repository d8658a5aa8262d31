"""What a monitor should make of the labelled entries of a real Rekor v2 log: `expected.json` is the oracle."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from monitor.assess import NoHistory, Rules, assess_all
from monitor.facts import read_facts
from monitor.findings import Finding
from monitor.logs.log import Leaves, LogSpec
from monitor.match import Matcher
from monitor.scan import scan_leaves
from monitor.watch import Watch, build_watches
from verifier.tiles import parse_entry_bundle
from verifier.trust import TrustedRoot

SPEC = LogSpec("rekor-v2", "log2026-1.example.test", "https://log2026-1.example.test")
NOW = datetime(2026, 11, 21, tzinfo=UTC)


@pytest.fixture(scope="module")
def folder(real_data: Path) -> Path:
    return real_data / "logs" / "rekor-v2"


@pytest.fixture(scope="module")
def oracle(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / "expected.json").read_bytes()))


@pytest.fixture(scope="module")
def leaves(folder: Path) -> list[bytes]:
    bodies: list[bytes] = []
    for number in range(12):
        bodies += parse_entry_bundle((folder / f"tile/entries/{number:03d}").read_bytes(), 256)
    return bodies + parse_entry_bundle((folder / "tile/entries/012.p/39").read_bytes(), 39)


@pytest.fixture(scope="module")
def watches(oracle: dict[str, Any]) -> tuple[Watch, ...]:
    return build_watches(oracle["watches"])


@pytest.fixture(scope="module")
def findings(folder: Path, leaves: list[bytes], watches: tuple[Watch, ...]) -> dict[int, list[Finding]]:
    result = scan_leaves(Leaves(0, leaves), Matcher(watches), "rekor-v2")
    assert not result.unreadable
    trust = TrustedRoot.parse((folder / "trusted_root.json").read_bytes())
    by_index: dict[int, list[Finding]] = {}
    for finding in assess_all(result.hits, SPEC, Rules(watches, trust, NoHistory()), NOW):
        assert finding.index is not None
        by_index.setdefault(finding.index, []).append(finding)
    return by_index


def test_every_labelled_entry_is_told_as_it_should_be(
    oracle: dict[str, Any], findings: dict[int, list[Finding]]
) -> None:
    wrong = {}
    for index, entry in oracle["entries"].items():
        got = [finding.kind for finding in findings.get(int(index), [])] or ["none"]
        if len(got) != 1 or got[0] not in entry["one_of"]:
            wrong[index] = (entry["label"], got)
    assert not wrong


def test_no_other_entry_gives_a_finding(oracle: dict[str, Any], findings: dict[int, list[Finding]]) -> None:
    assert {str(index) for index in findings} <= oracle["entries"].keys()


@pytest.mark.parametrize(("index", "anomaly"), [(746, "issuer-mismatch"), (1239, "issuer-encoding"), (2175, "no-sct")])
def test_the_anomaly_is_named_in_the_finding(findings: dict[int, list[Finding]], index: int, anomaly: str) -> None:
    (finding,) = findings[index]
    assert anomaly in finding.facts["anomalies"]
    assert anomaly in finding.message


def test_honest_hits_are_trusted_in_every_respect(findings: dict[int, list[Finding]]) -> None:
    for index in (858, 1495, 1733, 3014):
        (finding,) = findings[index]
        trust = {name: finding.facts["trust"][name] for name in ("chain", "sct", "signature")}
        assert trust == {"chain": "ok", "sct": "ok", "signature": "ok"}


def test_the_unexpected_branch_names_what_differed_and_what_was_the_same(findings: dict[int, list[Finding]]) -> None:
    (finding,) = findings[914]
    assert [(one.field, one.got) for one in finding.differs] == [("ref", "refs/heads/pull-7")]
    assert finding.same == ("issuer", "workflow")
    assert finding.severity == "high"


def test_the_sieve_clears_nothing_that_full_reading_would_find(leaves: list[bytes], watches: tuple[Watch, ...]) -> None:
    matcher = Matcher(watches)
    suspects = set(matcher.sieve.suspects(leaves))
    for at, data in enumerate(leaves):
        facts = read_facts(data)
        assert at in suspects or not matcher.match(facts), at
        assert at in suspects or facts.problem is None, at
    assert len(suspects) < 50  # 34 hits and a few odd names
