"""What tests of watching share: a CA, its trust root, and the way from a body to findings."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from monitor.assess import NoHistory, Rules, assess_all
from monitor.findings import Finding
from monitor.logs.log import Leaves, LogKind, LogSpec
from monitor.match import Matcher
from monitor.scan import ScanResult, scan_leaves
from monitor.watch import build_watches
from sandbox import trust
from sandbox.ca import CA
from verifier.trust import TrustedRoot

ISSUED = datetime(2026, 3, 1, tzinfo=UTC)
NOW = ISSUED + timedelta(hours=1)
REPO = "acme/widget"
SPEC = LogSpec("rekor-v2", "log.sandbox.test", "https://log.sandbox.test")


def sandbox_ca(seed: str = "watching") -> CA:
    return CA(seed=seed, now=lambda: ISSUED)


def trust_of(ca: CA, *, with_ct: bool = True) -> TrustedRoot:
    ctlogs = [trust.ct_member(ca)] if with_ct else []
    return TrustedRoot.parse(trust.trusted_root([], [trust.ca_member(ca)], ctlogs))


def scan(*bodies: bytes, watches: list[dict[str, Any]], kind: LogKind = "rekor-v2") -> ScanResult:
    return scan_leaves(Leaves(0, bodies), Matcher(build_watches(watches)), kind)


def found(
    *bodies: bytes, watches: list[dict[str, Any]], ca: CA, extra: tuple[bytes, ...] = (), **more: Any
) -> list[Finding]:
    """The findings of these leaves."""
    built = build_watches(watches)
    hits = scan_leaves(Leaves(0, bodies, extra), Matcher(built), SPEC.kind).hits
    rules = Rules(built, more.get("trust") or trust_of(ca), more.get("history") or NoHistory())
    return assess_all(hits, SPEC, rules, more.get("now") or NOW)


def kinds(findings: list[Finding]) -> list[str]:
    return [finding.kind for finding in findings]


def fields(finding: Finding) -> list[str]:
    return [difference.field for difference in finding.differs]


WIDGET: dict[str, Any] = {
    "github_repo": REPO,
    "expect": {"workflow": ".github/workflows/release.yml", "ref": "refs/tags/v*", "trigger": "push"},
}


def widget(**changes: Any) -> dict[str, Any]:
    """The watch of acme/widget, with settings changed; those of `expect` are added to the expectation."""
    expect: Mapping[str, Any] = changes.pop("expect", {})
    return WIDGET | changes | {"expect": WIDGET["expect"] | expect}
