"""What is to be said again: that nobody answered, or that what was told is proven by now?"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from monitor.alerts.channel import Channel
from monitor.alerts.routes import Repeat, Routes
from monitor.findings import KINDS, SEVERITIES
from monitor.store import FindingFilter, IncidentRow, OutboxRow, Store

_STILL_FOLLOWED = timedelta(days=2)
"""A hit that is not proven so long after is a matter of the log's findings, not of this message."""


def owe_follow_ups(store: Store, routes: Routes, channels: Mapping[str, Channel], now: datetime) -> None:
    """Put repetitions and proofs of open incidents into the outbox; each once for each time the incident was opened."""
    for incident in store.incidents(state="open"):
        repeat = routes.repeat
        if repeat and repeat.concerns(incident.severity) and now - incident.first_at >= repeat.after:
            _repeat(store, incident, repeat, now)
        following = [name for name in incident.threads if name in channels and channels[name].follows]
        if following and _worth_proving(incident, now):
            _proven(store, incident, following, now)


def _worth_proving(incident: IncidentRow, now: datetime) -> bool:
    matters = SEVERITIES.index(incident.severity) <= SEVERITIES.index("medium")
    return matters and KINDS[incident.kind].cls == "FINDING" and now - incident.last_at < _STILL_FOLLOWED


def _repeat(store: Store, incident: IncidentRow, repeat: Repeat, now: datetime) -> None:
    said = store.outbox(incident=incident.key)
    opened = max((row.created_at for row in said if row.reason == "new"), default=incident.first_at)
    if now - opened < repeat.after:
        return
    for channel in repeat.channels:
        if not _since(said, channel, "repeat", opened):
            store.outbox_add(incident.key, channel, "repeat", now)


def _proven(store: Store, incident: IncidentRow, following: Sequence[str], now: datetime) -> None:
    said = store.outbox(incident=incident.key)
    missing = []
    for channel in following:
        last = max(
            (row.created_at for row in said if row.channel == channel and row.reason in ("new", "more")), default=now
        )
        if not _since(said, channel, "proven", last):
            missing.append(channel)
    if missing and store.count(FindingFilter(incident=incident.key, proven=False)) == 0:
        for channel in missing:
            store.outbox_add(incident.key, channel, "proven", now)


def _since(said: Sequence[OutboxRow], channel: str, reason: str, at: datetime) -> bool:
    return any(row.channel == channel and row.reason == reason and row.created_at >= at for row in said)
