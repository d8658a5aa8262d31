"""What did the logs sign and what did we say, in an order that nobody can edit unnoticed?

Each row carries the SHA-256 of the row before it and its own content; the last one is repeated in `meta`.
"""

import hashlib
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, Table, insert, select, update

from monitor.store.rows import CheckpointRow, HealthRow, NewCheckpoint, VerdictRow
from monitor.store.schema import checkpoints, health, meta, safe_text, verdicts
from verifier.errors import Refused

_START = bytes(32)
_CHAINED = (checkpoints, verdicts)

AWAY = timedelta(minutes=10)
"""A longer time without a tick is downtime: it is written down, since coverage reports need it."""

REPEAT = timedelta(hours=1)
"""An unchanged verdict is written again this often."""


def add_checkpoints(connection: Connection, origin: str, at: datetime, new: Sequence[NewCheckpoint]) -> None:
    """Append notes; a text that we hold already is skipped (v1 signs the same text anew on every request)."""
    for note in new:
        if _holds(connection, origin, note):
            continue
        values = {
            "origin": origin,
            "size": note.size,
            "root": note.root,
            "note": note.note,
            "signers": " ".join(note.signers),
            "place": note.place,
            "seen_at": at,
        }
        _append(connection, checkpoints, values)


def add_verdict(connection: Connection, now: HealthRow, message: str, before: HealthRow | None) -> None:
    """Append a verdict when it changed, when we were away, and once an hour."""
    last = _last_verdict(connection, now.origin)
    changed = last is None or before is None or last.verdict != now.verdict or last.message != safe_text(message)
    away = before is not None and now.last_tick - before.last_tick > AWAY
    if not (changed or away) and last is not None and now.last_tick - last.at < REPEAT:
        return
    values = {
        "at": now.last_tick,
        "previous_tick": before.last_tick if before else None,
        "origin": now.origin,
        "verdict": now.verdict,
        "size": now.head_size,
        "proven_to": now.proven_to,
        "message": safe_text(message),
    }
    _append(connection, verdicts, values)


def check_chains(connection: Connection) -> None:
    """Refused (state-tampered) unless both histories are as we wrote them."""
    for table in _CHAINED:
        chain, count = _START, 0
        for row in connection.execute(select(table).order_by(table.c.seq)).yield_per(1000):
            values = {name: value for name, value in row._mapping.items() if name not in ("seq", "chain")}
            chain, count = _link(chain, values), count + 1
            if row.seq != count or row.chain != chain:
                raise _tampered(f"row {row.seq} of the history of {table.name} was edited, or one before it is gone")
        if _head(connection, table) != (count, chain):
            raise _tampered(f"the newest rows of the history of {table.name} are gone")


def read_checkpoints(
    connection: Connection, origin: str = "", *, size: int | None = None, newest_first: bool = False, limit: int = 0
) -> tuple[CheckpointRow, ...]:
    """The notes seen, oldest first unless asked otherwise."""
    query = select(checkpoints).order_by(checkpoints.c.seq.desc() if newest_first else checkpoints.c.seq)
    if origin:
        query = query.where(checkpoints.c.origin == origin)
    if size is not None:
        query = query.where(checkpoints.c.size == size)
    return tuple(_checkpoint(row) for row in connection.execute(query.limit(limit) if limit else query))


def read_verdicts(
    connection: Connection, origin: str = "", since: datetime | None = None, until: datetime | None = None
) -> tuple[VerdictRow, ...]:
    """The verdicts kept, oldest first."""
    query = select(verdicts).order_by(verdicts.c.seq)
    if origin:
        query = query.where(verdicts.c.origin == origin)
    if since is not None:
        query = query.where(verdicts.c.at >= since)
    if until is not None:
        query = query.where(verdicts.c.at < until)
    return tuple(_verdict(row) for row in connection.execute(query))


def write_health(connection: Connection, row: HealthRow) -> None:
    """Replace the health of one log."""
    values = {name: getattr(row, name) for name in health.c.keys()}  # noqa: SIM118 - a column collection, not a dict
    values["last_error"] = safe_text(row.last_error)
    if connection.execute(update(health).where(health.c.origin == row.origin).values(values)).rowcount == 0:
        connection.execute(insert(health).values(values))


def read_health(connection: Connection, origin: str) -> HealthRow | None:
    """The health of one log, None before its first tick."""
    row = connection.execute(select(health).where(health.c.origin == origin)).one_or_none()
    return None if row is None else HealthRow(**row._mapping)


def get_meta(connection: Connection, name: str) -> str | None:
    """One value of `meta`."""
    return connection.execute(select(meta.c.value).where(meta.c.name == name)).scalar_one_or_none()


def set_meta(connection: Connection, name: str, value: str) -> None:
    """Replace one value of `meta`."""
    if connection.execute(update(meta).where(meta.c.name == name).values(value=value)).rowcount == 0:
        connection.execute(insert(meta).values(name=name, value=value))


def _append(connection: Connection, table: Table, values: dict[str, Any]) -> None:
    count, chain = _head(connection, table)
    chain = _link(chain, values)
    connection.execute(insert(table).values(seq=count + 1, chain=chain, **values))
    set_meta(connection, f"chain:{table.name}", f"{count + 1} {chain.hex()}")


def _head(connection: Connection, table: Table) -> tuple[int, bytes]:
    kept = get_meta(connection, f"chain:{table.name}")
    if kept is None:
        return 0, _START
    count, _, chain = kept.partition(" ")
    return int(count), bytes.fromhex(chain)


def _link(chain: bytes, values: dict[str, Any]) -> bytes:
    """SHA-256 over the row before and this row: names in order, bytes as hex, times in UTC."""
    plain = {name: _plain(value) for name, value in values.items()}
    return hashlib.sha256(chain + json.dumps(plain, sort_keys=True).encode()).digest()


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.hex()
    return value.astimezone(UTC).isoformat(timespec="microseconds") if isinstance(value, datetime) else value


def _holds(connection: Connection, origin: str, note: NewCheckpoint) -> bool:
    query = select(checkpoints.c.note).where(checkpoints.c.origin == origin, checkpoints.c.size == note.size)
    texts = {held.rsplit(b"\n\n", 1)[0] for held in connection.execute(query).scalars()}
    return note.note.rsplit(b"\n\n", 1)[0] in texts


def _last_verdict(connection: Connection, origin: str) -> VerdictRow | None:
    query = select(verdicts).where(verdicts.c.origin == origin).order_by(verdicts.c.seq.desc()).limit(1)
    row = connection.execute(query).one_or_none()
    return None if row is None else _verdict(row)


def _checkpoint(row: Row[Any]) -> CheckpointRow:
    values = {name: value for name, value in row._mapping.items() if name != "chain"}
    return CheckpointRow(**{**values, "signers": tuple(values["signers"].split())})


def _verdict(row: Row[Any]) -> VerdictRow:
    return VerdictRow(**{name: value for name, value in row._mapping.items() if name != "chain"})


def _tampered(message: str) -> Refused:
    return Refused(
        message, code="state-tampered", hint="restore a backup; `monitor init` starts over, and a report will say so"
    )
