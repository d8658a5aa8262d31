"""What happened in a period, and what can be said about it? Coverage first: a clean page says nothing without it."""

from dataclasses import dataclass
from datetime import datetime

from monitor.alerts.owed import read_incident
from monitor.alerts.wording import headline
from monitor.findings import KINDS, SEVERITIES, Class, Finding
from monitor.incidents import importance
from monitor.store import FindingFilter, IncidentRow, Store
from reports.activity import (
    Event,
    Expected,
    RuleChange,
    Signer,
    Told,
    read_events,
    read_rule_changes,
    read_signers,
    read_told,
)
from reports.blindness import Blind, read_blindness
from reports.coverage import LogCoverage, read_coverage

_FINDING_CLASSES: frozenset[Class] = frozenset({"FINDING", "TAMPER", "SUSPECT", "DEGRADED"})


@dataclass(frozen=True, slots=True)
class Ack:
    """Who answered an incident, when, with which words."""

    who: str
    at: datetime
    note: str


@dataclass(frozen=True, slots=True)
class Item:
    """One incident of the report: `findings` are the first of its `count`."""

    key: str
    kind: str
    cls: Class
    severity: str
    watch: str
    headline: str
    count: int
    proven: int
    first_seen: datetime
    last_seen: datetime
    is_open: bool
    ack: Ack | None
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """All that a report says. `as_of` is the last time that any log was looked at; nothing in it is of later."""

    title: str
    instance: str
    since: datetime
    until: datetime
    as_of: datetime | None
    logs: tuple[LogCoverage, ...]
    blind: tuple[Blind, ...]
    items: tuple[Item, ...]
    expected: Expected
    signers: tuple[Signer, ...]
    rules: tuple[RuleChange, ...]
    told: tuple[Told, ...]
    events: tuple[Event, ...]

    @property
    def open_items(self) -> tuple[Item, ...]:
        """What nobody has answered."""
        return tuple(item for item in self.items if item.is_open)

    def open_of(self, cls: Class) -> int:
        """How many open incidents of a class there are."""
        return sum(item.cls == cls for item in self.open_items)

    @property
    def coverage(self) -> str:
        """FULL, PARTIAL or NONE."""
        if not self.logs or all(log.looked_at is None for log in self.logs):
            return "NONE"
        is_full = all(log.is_full and not log.pauses for log in self.logs if log.state != "archived")
        return "FULL" if is_full else "PARTIAL"

    @property
    def is_clean(self) -> bool:
        """Nothing open, everything covered: the only case in which a page may say so."""
        serious = [item for item in self.open_items if SEVERITIES.index(item.findings[0].severity) < 3]
        return not serious and self.coverage == "FULL"


def build_report(store: Store, since: datetime, until: datetime, title: str = "Sigwarden") -> Report:
    """The report of [since, until). It reads the store only: the same database and period give the same report."""
    logs = tuple(read_coverage(store, log, since, until) for log in store.logs())
    signers, expected = read_signers(store, since, until)
    looked = [log.looked_at for log in logs if log.looked_at is not None]
    return Report(
        title=title,
        instance=store.instance,
        since=since,
        until=until,
        as_of=max(looked, default=None),
        logs=logs,
        blind=read_blindness(store, logs, since, until),
        items=_items(store, since, until),
        expected=expected,
        signers=signers,
        rules=read_rule_changes(store.rules(), since, until),
        told=read_told(store.outbox(since=since), until),
        events=read_events(store, since, until),
    )


def _items(store: Store, since: datetime, until: datetime) -> tuple[Item, ...]:
    """Incidents of the period, and older ones that are still open; most important first."""
    rows = [
        row
        for row in store.incidents()
        if KINDS[row.kind].cls in _FINDING_CLASSES
        and row.first_at < until
        and (row.last_at >= since or row.state != "acked")
    ]
    items = []
    for row in rows:
        incident = read_incident(store, row)
        if incident.findings:
            item = _item(store, row, incident.proven, incident.findings, headline(incident))
            items.append((importance(incident), item))
    return tuple(item for _, item in sorted(items, key=lambda pair: pair[0]))


def _item(store: Store, row: IncidentRow, proven: int, findings: tuple[Finding, ...], said: str) -> Item:
    first = store.findings(FindingFilter(incident=row.key, limit=1))
    acked = next((one for one in first if one.acked_at is not None), None)
    return Item(
        key=row.key,
        kind=row.kind,
        cls=KINDS[row.kind].cls,
        severity=row.severity,
        watch=row.watch,
        headline=said,
        count=row.count,
        proven=proven,
        first_seen=row.first_at,
        last_seen=row.last_at,
        is_open=row.state != "acked" and row.severity != "info",
        ack=Ack(acked.acked_by, acked.acked_at, acked.ack_note) if acked and acked.acked_at else None,
        findings=findings,
    )
