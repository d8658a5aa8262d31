"""What is owed to a channel right now, with the incident as it stands?"""

from dataclasses import dataclass
from datetime import datetime
from typing import cast, get_args

from monitor.alerts.channel import Reason
from monitor.incidents import SHOWN, Incident, importance
from monitor.store import FindingFilter, IncidentRow, OutboxRow, Store
from verifier.errors import Refused

AT_ONCE = 500
"""Rows of one channel looked at in one pass, worst first."""


@dataclass(frozen=True, slots=True)
class Owed:
    """One message to send: its row, what it is about as of now, and the channel's reference to what was said before."""

    row: OutboxRow
    incident: Incident
    thread: str

    @property
    def reason(self) -> Reason:
        """Why it is sent; a word that a newer program wrote is read as news."""
        return cast(Reason, self.row.reason) if self.row.reason in get_args(Reason) else "new"


def read_owed(store: Store, channel: str, now: datetime) -> tuple[list[Owed], list[tuple[int, str]]]:
    """What is due on `channel`, most important first, and (row, why) of what is not worth sending any more."""
    owed: list[Owed] = []
    hopeless: list[tuple[int, str]] = []
    for row in store.outbox_due(now, AT_ONCE, channel):
        try:
            about = store.incident(row.incident)
        except Refused:
            hopeless.append((row.id, "its incident is not known"))
            continue
        if about.state == "acked" and row.reason in ("repeat", "more"):
            hopeless.append((row.id, "acknowledged before it was due"))
            continue
        incident = read_incident(store, about)
        if not incident.findings:
            hopeless.append((row.id, "its incident has no findings"))
            continue
        owed.append(Owed(row, incident, about.threads.get(channel, "")))
    return sorted(owed, key=lambda one: (*importance(one.incident), one.row.id)), hopeless


def read_incident(store: Store, row: IncidentRow) -> Incident:
    """An incident with its first findings."""
    held = tuple(one.finding for one in store.incident_findings(row.key, SHOWN))
    unproven = store.count(FindingFilter(incident=row.key, proven=False))
    return Incident(
        key=row.key,
        kind=row.kind,
        watch=row.watch,
        severity=row.severity,
        count=row.count,
        proven=row.count - unproven,
        first_seen=row.first_at,
        last_seen=row.last_at,
        logs=tuple(dict.fromkeys(finding.log for finding in held)),
        findings=held,
    )
