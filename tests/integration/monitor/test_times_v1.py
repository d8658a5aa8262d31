"""What a finding says about time: a Rekor v1 log stamps its entries, and may stamp them impossibly (row 30)."""

import base64
import json
from datetime import UTC, datetime, timedelta

import pytest

from monitor.assess import NoHistory, Rules, assess_all
from monitor.findings import Finding
from monitor.logs.log import Leaves, LogSpec
from monitor.match import Matcher
from monitor.scan import scan_leaves
from monitor.watch import build_watches
from sandbox import trust
from sandbox.ca import CA
from sandbox.entries import hashedrekord_v1
from sandbox.rekor_v1 import SandboxV1
from tests.unit.monitor.watching import ISSUED, sandbox_ca
from verifier.trust import TrustedRoot


@pytest.fixture(scope="module")
def ca() -> CA:
    return sandbox_ca()


def v1_findings(ca: CA, taken: datetime, *, trusts_log: bool = True, now: datetime | None = None) -> list[Finding]:
    """One entry of a v1 log that took it at this time, served with its signed entry timestamp."""
    with SandboxV1("log.sandbox.test", seed="times", now=taken.timestamp) as log:
        index = log.add(hashedrekord_v1(ca.certificate("ann@acme.example"), b"a"))
        log.publish()
        leaf, extra = served(log, index)
        trusted = trusted_with(ca, log if trusts_log else None)
    built = build_watches([{"email": "ann@acme.example"}])
    spec = LogSpec("rekor-v1", "log.sandbox.test - 1", "https://log.sandbox.test")
    hits = scan_leaves(Leaves(0, [leaf], [extra]), Matcher(built), "rekor-v1").hits
    return assess_all(hits, spec, Rules(built, trusted, NoHistory()), now or ISSUED + timedelta(hours=1))


def served(log: SandboxV1, index: int) -> tuple[bytes, bytes]:
    ((entry_id, entry),) = log.entries.entry(0, index).items()
    return base64.b64decode(entry["body"]), json.dumps({entry_id: entry}).encode()


def trusted_with(ca: CA, log: SandboxV1 | None) -> TrustedRoot:
    tlogs = log.tlog_members() if log else []
    return TrustedRoot.parse(trust.trusted_root(tlogs, [trust.ca_member(ca)], [trust.ct_member(ca)]))


def test_the_time_of_a_v1_entry_is_proven_by_its_timestamp(ca: CA) -> None:
    (finding,) = v1_findings(ca, ISSUED + timedelta(minutes=3))
    assert finding.kind == "expected-identity"
    assert (finding.facts["time"]["source"], finding.facts["time"]["at"]) == ("SET", "2026-03-01T00:03:00Z")
    assert len(finding.facts["uuid"]) == 64
    assert finding.facts["global_index"] == 0
    (finding,) = v1_findings(ca, ISSUED + timedelta(minutes=3), trusts_log=False)
    assert finding.facts["time"]["source"].startswith("claimed by the log, unproven")


@pytest.mark.parametrize(
    ("taken", "anomaly", "kind"),
    [
        (ISSUED - timedelta(hours=1), "time-before-certificate", "anomaly"),
        (ISSUED + timedelta(minutes=40), "time-after-certificate", "anomaly"),
        (datetime(2031, 1, 1, tzinfo=UTC), "time-future", "anomaly"),
    ],
)
def test_row_30_impossible_times_are_named(ca: CA, taken: datetime, anomaly: str, kind: str) -> None:
    (finding,) = v1_findings(ca, taken)
    assert finding.kind == kind
    assert anomaly in finding.facts["anomalies"]
    assert anomaly in finding.message
