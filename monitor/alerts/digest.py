"""What is said when much is owed at once, when a channel is dead, or when our own state cannot be written?"""

from collections.abc import Sequence
from datetime import datetime

from monitor.alerts.channel import Field, Line, Message, Quoted, Reason
from monitor.alerts.message import build_message
from monitor.alerts.wording import headline
from monitor.findings import KINDS, Finding, finding_id
from monitor.incidents import Incident, importance

FOLD_ABOVE = 5
"""So many incidents of lesser weight are told one by one in a pass; more become one message."""

_LISTED = 15


def digest(incidents: Sequence[Incident], message_id: str) -> Message:
    """One message about many incidents, worst first, that says how many it does not name."""
    ordered = sorted(incidents, key=importance)
    lines = [_line(one) for one in ordered[:_LISTED]]
    if len(ordered) > _LISTED:
        lines.append((f"and {len(ordered) - _LISTED} more: sigwarden findings list",))
    worst = ordered[0].severity
    entries = sum(one.count for one in ordered)
    return Message(
        id=message_id,
        reason="digest",
        severity=worst,
        title=(f"{worst.upper()} · {len(ordered)} incidents with {entries} findings, told together",),
        fields=(Field("Incidents", tuple(lines)),),
        footer=("none of them is a trusted signature in your name or a log contradicting itself: those come alone",),
        data={"type": "sigwarden.digest", "incidents": [one.key for one in ordered]},
    )


def _line(incident: Incident) -> Line:
    times = f" ×{incident.count}" if incident.count > 1 else ""
    subject = incident.watch or (incident.logs[0] if incident.logs else "sigwarden")
    first = incident.findings[0].id if incident.findings else incident.key
    return (f"{incident.severity.upper()} ", Quoted(subject), f" {headline(incident)}{times} · {first}")


def undeliverable(channel: str, owed_since: str, error: str, now: datetime) -> Finding:
    """The finding that `channel` does not take our alerts, once for each outage (`owed_since` tells them apart)."""
    kind = KINDS["undeliverable-alert"]
    return Finding(
        id=finding_id(kind.slug, channel, owed_since),
        kind=kind.slug,
        severity=kind.severity,
        log="",
        index=None,
        watch="",
        identity=channel,
        message=f"the channel {channel} does not take alerts: {error}",
        proven=True,
        seen_at=now,
        group=f"{kind.slug}/{channel}",
    )


def bare(incident: Incident, message_id: str, reason: Reason) -> Message:
    """A message that needs nothing but the incident's own row: better than none where the facts trip us."""
    first = incident.findings[0].id
    return Message(
        id=message_id,
        reason=reason,
        severity=incident.severity,
        title=(f"{incident.severity.upper()} · ", Quoted(incident.watch or "sigwarden"), f" {incident.kind}"),
        fields=(Field("What", ((f"{incident.count} findings; their facts could not be shown here",),)),),
        incident=incident.key,
        footer=(f"sigwarden findings show {first}",),
        data={"type": "sigwarden.incident", "incident": incident.key, "kind": incident.kind},
    )


def direct(incident: Incident, now: datetime) -> Message:
    """A message about findings that are not in the store."""
    return build_message(incident, message_id=f"direct-{incident.findings[0].id}", reason="new", now=now)
