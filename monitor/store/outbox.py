"""What is still to be told, to whom, and what was told?"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, update

from monitor.findings import SEVERITIES, Finding
from monitor.incidents import incident_key
from monitor.store.rows import IncidentRow, OutboxRow, Tell
from monitor.store.schema import incidents, outbox, safe_text
from verifier.errors import Refused


def tell(
    connection: Connection, fresh: Sequence[Finding], tells: Sequence[Tell], at: datetime, more_after: timedelta
) -> None:
    """Open or grow the incidents of new findings and owe one message per incident and channel.

    A message not sent yet covers what comes later; after it was sent, further findings wait `more_after` together.
    """
    channels: dict[str, set[str]] = {}
    for one in tells:
        channels.setdefault(one.finding, set()).add(one.channel)
    groups: dict[str, list[Finding]] = {}
    for finding in fresh:
        groups.setdefault(incident_key(finding), []).append(finding)
    for key, members in groups.items():
        wanted = sorted({channel for member in members for channel in channels.get(member.id, ())})
        is_news = _grow(connection, key, members, worth_telling=bool(wanted))
        for channel in wanted:
            due = at if is_news else at + more_after
            add_message(connection, key, channel, "new" if is_news else "more", at, due)


def add_message(
    connection: Connection, incident: str, channel: str, reason: str, at: datetime, due_at: datetime | None = None
) -> None:
    """Owe a message, unless one for this incident and channel is still pending (which then covers it)."""
    here = (outbox.c.incident == incident, outbox.c.channel == channel, outbox.c.state == "pending")
    if connection.execute(select(outbox.c.id).where(*here).limit(1)).one_or_none() is None:
        values = {"incident": incident, "channel": channel, "reason": reason, "created_at": at, "due_at": due_at or at}
        connection.execute(insert(outbox).values(**values, attempts=0, state="pending", last_error=""))


def due(connection: Connection, now: datetime, limit: int, channel: str = "") -> tuple[OutboxRow, ...]:
    """The messages to send now (to `channel`): worst severity first (a flood buries nothing), then oldest."""
    rank = {severity: place for place, severity in enumerate(SEVERITIES)}
    query = (
        select(outbox, incidents.c.severity)
        .join(incidents, incidents.c.key == outbox.c.incident, isouter=True)
        .where(outbox.c.state == "pending", outbox.c.due_at <= now)
        .order_by(outbox.c.due_at, outbox.c.id)
    )
    if channel:
        query = query.where(outbox.c.channel == channel)
    rows = sorted(connection.execute(query), key=lambda row: rank.get(row.severity, 0))
    return tuple(_message(row) for row in rows[:limit])


def finish(connection: Connection, message: int, now: datetime, thread: str) -> None:
    """It was taken; `thread` is the channel's reference for what follows."""
    row = _close(connection, message, state="sent", done_at=now, last_error="")
    if thread:
        threads = dict(read_incident(connection, row.incident).threads) | {row.channel: thread}
        values = {"threads": json.dumps(threads)}
        connection.execute(update(incidents).where(incidents.c.key == row.incident).values(values))


def postpone(connection: Connection, message: int, error: str, next_at: datetime) -> None:
    """It was not taken; try again later."""
    _close(connection, message, state="pending", due_at=next_at, last_error=safe_text(error))


def bury(connection: Connection, message: int, now: datetime, error: str) -> None:
    """It will not be taken: a dead letter, kept."""
    _close(connection, message, state="dead", done_at=now, last_error=safe_text(error))


def skip(connection: Connection, message: int, now: datetime, why: str) -> None:
    """It is not worth sending any more; kept apart from what was sent."""
    _close(connection, message, state="skipped", done_at=now, last_error=safe_text(why))


def revive(connection: Connection, now: datetime) -> int:
    """Owe every dead letter again; how many."""
    values = {"state": "pending", "due_at": now, "done_at": None, "attempts": 0}
    return connection.execute(update(outbox).where(outbox.c.state == "dead").values(values)).rowcount


def depth(connection: Connection) -> Mapping[tuple[str, str], int]:
    """(channel, state) -> messages."""
    query = select(outbox.c.channel, outbox.c.state, func.count()).group_by(outbox.c.channel, outbox.c.state)
    return {(channel, state): count for channel, state, count in connection.execute(query)}


def read_messages(
    connection: Connection, *, state: str = "", incident: str = "", since: datetime | None = None
) -> tuple[OutboxRow, ...]:
    """Messages in the order they were owed."""
    query = select(outbox).order_by(outbox.c.id)
    if state:
        query = query.where(outbox.c.state == state)
    if incident:
        query = query.where(outbox.c.incident == incident)
    if since is not None:
        query = query.where(outbox.c.created_at >= since)
    return tuple(_message(row) for row in connection.execute(query))


def read_incident(connection: Connection, key: str) -> IncidentRow:
    """One incident; Refused if there is none."""
    row = connection.execute(select(incidents).where(incidents.c.key == key)).one_or_none()
    if row is None:
        raise Refused(f"no incident is called {safe_text(key, 100)}", code="incident-unknown")
    return _incident(row)


def read_incidents(
    connection: Connection, *, state: str = "", since: datetime | None = None
) -> tuple[IncidentRow, ...]:
    """Incidents, the latest last."""
    query = select(incidents).order_by(incidents.c.last_at, incidents.c.key)
    if state:
        query = query.where(incidents.c.state == state)
    if since is not None:
        query = query.where(incidents.c.last_at >= since)
    return tuple(_incident(row) for row in connection.execute(query))


def close_incident(connection: Connection, key: str) -> None:
    """A person has seen all of it; the next new finding opens it again."""
    connection.execute(update(incidents).where(incidents.c.key == key).values(state="acked"))


def _grow(connection: Connection, key: str, new: Sequence[Finding], *, worth_telling: bool) -> bool:
    """Count new findings in their incident; True if they open it, or make it worse."""
    worst = min(new, key=lambda one: SEVERITIES.index(one.severity))
    held = connection.execute(select(incidents).where(incidents.c.key == key)).one_or_none()
    last = max(one.seen_at for one in new)
    if held is None:
        values = {"watch": worst.watch, "kind": worst.kind, "severity": worst.severity, "first_at": new[0].seen_at}
        state = "open" if worth_telling else "quiet"
        row = {"key": key, "count": len(new), "last_at": last, "state": state, "threads": "{}", **values}
        connection.execute(insert(incidents).values(row))
        return True
    worse = SEVERITIES.index(worst.severity) < SEVERITIES.index(held.severity)
    opened = worth_telling and held.state != "open"
    values = {"count": held._mapping["count"] + len(new), "last_at": max(held.last_at, last)}
    if worse:
        values |= {"severity": worst.severity, "kind": worst.kind}
    if opened:
        values["state"] = "open"
    connection.execute(update(incidents).where(incidents.c.key == key).values(**values))
    return opened or (worse and worth_telling)


def _close(connection: Connection, message: int, **values: Any) -> OutboxRow:
    row = connection.execute(select(outbox).where(outbox.c.id == message)).one_or_none()
    if row is None:
        raise Refused(f"there is no message {message}", code="message-unknown")
    connection.execute(update(outbox).where(outbox.c.id == message).values(attempts=row.attempts + 1, **values))
    return _message(row)


def _message(row: Row[Any]) -> OutboxRow:
    names = (
        "id",
        "incident",
        "channel",
        "reason",
        "created_at",
        "due_at",
        "attempts",
        "state",
        "done_at",
        "last_error",
    )
    return OutboxRow(**{name: row._mapping[name] for name in names})


def _incident(row: Row[Any]) -> IncidentRow:
    return IncidentRow(**{**row._mapping, "threads": json.loads(row.threads)})
