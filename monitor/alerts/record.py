"""What does a finding or an incident look like to a machine? The JSON of webhooks."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from monitor.findings import Finding
from monitor.incidents import Incident


def finding_record(finding: Finding) -> dict[str, Any]:
    """JSON values of one finding, without its evidence bytes; names as in ``findings list --json``."""
    return {
        "id": finding.id,
        "kind": finding.kind,
        "class": finding.cls,
        "severity": finding.severity,
        "proven": finding.proven,
        "log": finding.log,
        "index": finding.index,
        "watch": finding.watch,
        "identity": finding.identity,
        "message": finding.message,
        "seen_at": timestamp(finding.seen_at),
        "group": finding.group,
        "differs": [
            {"field": item.field, "got": item.got, "expected": list(item.expected)} for item in finding.differs
        ],
        "same": list(finding.same),
        "locations": [{"log": place.log, "index": place.index} for place in finding.locations],
        "facts": facts_now(finding),
    }


def facts_now(finding: Finding) -> dict[str, Any]:
    """The facts as they stand: they were written when the entry was read, before it was proven."""
    facts = dict(finding.facts)
    trust = facts.get("trust")
    if finding.proven and isinstance(trust, Mapping) and "inclusion" in trust:
        facts["trust"] = {**trust, "inclusion": "ok"}
    return facts


def incident_record(incident: Incident, reason: str) -> dict[str, Any]:
    """JSON values of one incident with its first findings; ``more`` says how many are not listed."""
    return {
        "type": "sigwarden.incident",
        "reason": reason,
        "incident": incident.key,
        "kind": incident.kind,
        "class": incident.cls,
        "severity": incident.severity,
        "watch": incident.watch,
        "logs": list(incident.logs),
        "count": incident.count,
        "proven": incident.proven,
        "first_seen": timestamp(incident.first_seen),
        "last_seen": timestamp(incident.last_seen),
        "findings": [finding_record(finding) for finding in incident.findings],
        "more": incident.count - len(incident.findings),
    }


def timestamp(at: datetime) -> str:
    """RFC 3339 in UTC with whole seconds or as fine as known."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
