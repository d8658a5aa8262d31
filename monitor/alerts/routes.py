"""Who is told about an incident, and when? Pure: the rows it plans are committed together with the findings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType

from monitor.alerts.channel import Reason
from monitor.findings import SEVERITIES, Severity
from monitor.incidents import Incident

SILENT: Mapping[Severity, tuple[str, ...]] = MappingProxyType({"info": ()})
"""Severities that go nowhere unless a route names them; any other that is not named goes to every channel."""

UPDATE_AFTER: Mapping[Severity, timedelta] = MappingProxyType(
    {
        "critical": timedelta(minutes=1),
        "high": timedelta(minutes=2),
        "medium": timedelta(minutes=15),
        "low": timedelta(hours=1),
        "info": timedelta(hours=1),
    }
)
"""How long growth is collected before a message says so: 100,000 more entries are a few messages, not 100,000."""

FIRST_AFTER: Mapping[Severity, timedelta] = MappingProxyType({"low": timedelta(minutes=10)})
"""What is of low severity waits a little, so that a flood of small incidents becomes one digest."""


@dataclass(frozen=True, slots=True)
class Repeat:
    """An incident of at least `severity` that nobody acknowledged within `after` is repeated to `channels`."""

    severity: Severity
    after: timedelta
    channels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Routes:
    """Which severities go where. `watches` gives the channels of watches that name their own.

    `channels` are all names in the order of the configuration.
    """

    channels: tuple[str, ...]
    by_severity: Mapping[Severity, tuple[str, ...]] = field(default_factory=dict)
    watches: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    repeat: Repeat | None = None

    def of(self, incident: Incident) -> tuple[str, ...]:
        """Channels for an incident, each once, in order."""
        named = self.watches.get(incident.watch) if incident.severity not in SILENT else None
        if named:
            return named
        if incident.severity in self.by_severity:
            return self.by_severity[incident.severity]
        return SILENT.get(incident.severity, self.channels)


@dataclass(frozen=True, slots=True)
class Tell:
    """One row to be put into the outbox: tell `channel` about `incident`, not before `due`.

    At most one row of the same incident, channel and reason waits at a time: what it says is written when it is sent.
    """

    incident: str
    channel: str
    reason: Reason
    severity: Severity
    due: datetime


def plan(before: Incident | None, now_is: Incident, routes: Routes, now: datetime) -> tuple[Tell, ...]:
    """Rows for an incident that was `before` (None: not known) and `now_is`; none where nothing has changed."""
    if before is None:
        return _first(now_is, routes, now)
    if SEVERITIES.index(now_is.severity) < SEVERITIES.index(before.severity):
        return _first(now_is, routes, now)
    if now_is.count > before.count:
        return _rows(now_is, routes.of(now_is), "update", now + UPDATE_AFTER[now_is.severity])
    if now_is.proven == now_is.count and before.proven < before.count:
        return _rows(now_is, routes.of(now_is), "proven", now)
    return ()


def _first(incident: Incident, routes: Routes, now: datetime) -> tuple[Tell, ...]:
    due = now + FIRST_AFTER.get(incident.severity, timedelta())
    rows = _rows(incident, routes.of(incident), "new", due)
    repeat = routes.repeat
    if repeat is None or SEVERITIES.index(incident.severity) > SEVERITIES.index(repeat.severity):
        return rows
    return rows + _rows(incident, repeat.channels, "repeat", now + repeat.after)


def _rows(incident: Incident, channels: Sequence[str], reason: Reason, due: datetime) -> tuple[Tell, ...]:
    return tuple(
        Tell(incident=incident.key, channel=channel, reason=reason, severity=incident.severity, due=due)
        for channel in channels
    )
