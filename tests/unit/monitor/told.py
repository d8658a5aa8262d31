"""Findings and incidents for the tests of telling."""

from datetime import UTC, datetime, timedelta
from typing import Any

from monitor.findings import KINDS, Difference, Finding, Location, finding_id

NOW = datetime(2026, 11, 23, 2, 17, 19, tzinfo=UTC)
LOG = "log2025-1.rekor.sigstore.dev"
IDENTITY = "https://github.com/acme/widget/.github/workflows/release.yml@refs/heads/fix-ci"
REF = Difference("ref", "refs/heads/fix-ci", ("refs/tags/v*",))
TRIGGER = Difference("trigger", "workflow_dispatch", ("push",))


def finding(kind: str = "unexpected-identity", number: int = 1, **changes: Any) -> Finding:
    """One finding; `number` makes it another one of the same group."""
    values: dict[str, Any] = {
        "id": finding_id(kind, changes.get("watch", "widget"), number),
        "kind": kind,
        "severity": KINDS[kind].severity,
        "log": LOG,
        "index": number,
        "watch": "widget",
        "identity": IDENTITY,
        "message": KINDS[kind].told_when,
        "proven": False,
        "seen_at": NOW + timedelta(seconds=number),
        "group": "run/173",
        "differs": (REF, TRIGGER) if kind == "unexpected-identity" else (),
        "same": ("repository id", "issuer", "workflow") if kind == "unexpected-identity" else (),
        "locations": (Location(LOG, number),),
    }
    return Finding(**values | changes)
