"""Where do we stand in each log, as the database keeps it?"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from monitor.logs.log import LogSpec
from monitor.store.rows import Condition, GapRow, LogRow, NewLog
from monitor.store.schema import conditions, gaps, logs, safe_text, spans, subtrees
from monitor.timeline import Span, Timeline
from verifier.errors import Malformed, Refused
from verifier.merkle import HASH_SIZE, Frontier, Tree

SUBTREE = 256
"""Leaves under one stored hash; a stored row holds as many of those."""


def add_log(connection: Connection, new: NewLog, at: datetime) -> None:
    """Start following a tree; Refused when it is followed already."""
    spec = new.spec
    if connection.execute(select(logs.c.origin).where(logs.c.origin == spec.origin)).one_or_none():
        raise Refused(f"{spec.origin} is followed already", code="log-known")
    values = {
        "origin": spec.origin,
        "service": new.service,
        "kind": spec.kind,
        "read_url": spec.read_url,
        "tree_id": None if spec.tree_id is None else str(spec.tree_id),
        "base": spec.base,
        "state": new.state,
        "added_at": at,
    }
    connection.execute(insert(logs).values(**values))
    write_timeline(connection, spec.origin, new.timeline)
    write_newest(connection, spec.origin, new.newest)


def write_timeline(connection: Connection, origin: str, timeline: Timeline) -> None:
    """Replace spans, verified and target of one log: only the rows that changed are written."""
    values = {**_tree("verified", timeline.verified), **_tree("target", timeline.target)}
    values["verified_frontier"] = timeline.base.to_bytes() if timeline.base else None
    connection.execute(update(logs).where(logs.c.origin == origin).values(**values))
    held = {row.start: row for row in connection.execute(select(spans).where(spans.c.origin == origin))}
    wanted = {span.start: _span_values(origin, span) for span in timeline.spans}
    for start in held.keys() - wanted.keys():
        connection.execute(delete(spans).where(spans.c.origin == origin, spans.c.start == start))
    for start, row in wanted.items():
        if start not in held:
            connection.execute(insert(spans).values(row))
        elif dict(held[start]._mapping) != row:
            connection.execute(update(spans).where(spans.c.origin == origin, spans.c.start == start).values(row))


def write_newest(connection: Connection, origin: str, newest: Tree | None) -> None:
    """Replace the newest accepted head of one log."""
    connection.execute(update(logs).where(logs.c.origin == origin).values(**_tree("newest", newest)))


def write_state(connection: Connection, origin: str, state: str) -> None:
    """Replace the state of one log: active, frozen, retired or archived."""
    connection.execute(update(logs).where(logs.c.origin == origin).values(state=state))


def write_subtrees(connection: Connection, origin: str, hashes: Mapping[int, bytes]) -> None:
    """Write our hashes of complete ranges of 256 leaves, by ``index // 256``."""
    by_tile: dict[int, dict[int, bytes]] = {}
    for index, node in hashes.items():
        by_tile.setdefault(index // SUBTREE, {})[index % SUBTREE] = node
    for tile, nodes in by_tile.items():
        at = (subtrees.c.origin == origin, subtrees.c.tile == tile)
        held = connection.execute(select(subtrees.c.hashes).where(*at)).scalar_one_or_none()
        row = bytearray(held or b"")
        for place, node in sorted(nodes.items()):
            # Hashes before the first one we read (a start in mid-log) are zeros: "not ours".
            row.extend(bytes(max(0, (place + 1) * HASH_SIZE - len(row))))
            row[place * HASH_SIZE : (place + 1) * HASH_SIZE] = node
        if held is None:
            connection.execute(insert(subtrees).values(origin=origin, tile=tile, hashes=bytes(row)))
        else:
            connection.execute(update(subtrees).where(*at).values(hashes=bytes(row)))


def read_subtrees(connection: Connection, origin: str, start: int, end: int) -> dict[int, bytes]:
    """Our hashes of the ranges of 256 leaves ``[start, end)`` (in units of 256); those we do not have are absent."""
    query = select(subtrees).where(
        subtrees.c.origin == origin, subtrees.c.tile >= start // SUBTREE, subtrees.c.tile <= max(0, end - 1) // SUBTREE
    )
    found: dict[int, bytes] = {}
    for row in connection.execute(query):
        for place in range(len(row.hashes) // HASH_SIZE):
            index, node = row.tile * SUBTREE + place, row.hashes[place * HASH_SIZE : (place + 1) * HASH_SIZE]
            if start <= index < end and any(node):
                found[index] = node
    return found


def read_log(connection: Connection, origin: str) -> LogRow | None:
    """One followed tree."""
    row = connection.execute(select(logs).where(logs.c.origin == origin)).one_or_none()
    return None if row is None else _log(connection, row)


def read_logs(connection: Connection) -> tuple[LogRow, ...]:
    """All followed trees, in the order they were added."""
    found = connection.execute(select(logs).order_by(logs.c.added_at, logs.c.base, logs.c.origin)).all()
    return tuple(_log(connection, row) for row in found)


def read_spec(row: LogRow) -> LogSpec:
    """The spec that a worker needs, from what is stored."""
    return LogSpec(row.kind, row.origin, row.read_url, row.tree_id, row.base)


def add_gap(connection: Connection, gap: GapRow) -> None:
    """Write down for ever that a person accepted not to read a range."""
    values = {"origin": gap.origin, "start": gap.start, "end": gap.end, "at": gap.at}
    connection.execute(insert(gaps).values(**values, who=safe_text(gap.who), note=safe_text(gap.note)))


def read_gaps(connection: Connection) -> tuple[GapRow, ...]:
    """Every gap ever accepted."""
    rows = connection.execute(select(gaps).order_by(gaps.c.seq))
    return tuple(GapRow(r.origin, r.start, r.end, r.at, r.who, r.note) for r in rows)


def read_conditions(connection: Connection, origin: str = "") -> tuple[Condition, ...]:
    """What is not right now, for one log or for all."""
    query = select(conditions).order_by(conditions.c.since)
    rows = connection.execute(query.where(conditions.c.origin == origin) if origin else query)
    return tuple(Condition(**row._mapping) for row in rows)


def write_conditions(connection: Connection, origin: str, now: Sequence[Condition]) -> None:
    """Replace the conditions of one log."""
    connection.execute(delete(conditions).where(conditions.c.origin == origin))
    for one in now:
        values = {name: getattr(one, name) for name in ("origin", "kind", "since", "last_at", "count")}
        connection.execute(insert(conditions).values(**values, detail=safe_text(one.detail)))


def _tree(name: str, tree: Tree | None) -> dict[str, Any]:
    return {f"{name}_size": tree.size if tree else None, f"{name}_root": tree.root if tree else None}


def _span_values(origin: str, span: Span) -> dict[str, Any]:
    return {
        "origin": origin,
        "start": span.start,
        "end": span.end,
        "verdict": span.verdict,
        "is_read": span.is_read,
        "left": span.left.to_bytes() if span.left else None,
        "right": span.right.to_bytes() if span.right else None,
        "note": span.note,
    }


def _log(connection: Connection, row: Row[Any]) -> LogRow:
    found = connection.execute(select(spans).where(spans.c.origin == row.origin).order_by(spans.c.start))
    try:
        timeline = Timeline(
            tuple(_span(one) for one in found),
            _read_tree(row.verified_size, row.verified_root),
            _read_tree(row.target_size, row.target_root),
            None if row.verified_frontier is None else Frontier.from_bytes(row.verified_frontier),
        ).check()
    except (Malformed, Refused) as error:
        raise Refused(
            f"the stored position in {row.origin} does not fit together: {error.message}",
            code="state-tampered",
            hint="restore a backup; `monitor init` starts over, and a report will say so",
        ) from None
    return LogRow(
        origin=row.origin,
        service=row.service,
        kind=row.kind,
        read_url=row.read_url,
        tree_id=None if row.tree_id is None else int(row.tree_id),
        base=row.base,
        state=row.state,
        timeline=timeline,
        newest=_read_tree(row.newest_size, row.newest_root),
        added_at=row.added_at,
    )


def _span(row: Row[Any]) -> Span:
    left = None if row.left is None else Frontier.from_bytes(row.left)
    right = None if row.right is None else Frontier.from_bytes(row.right)
    return Span(row.start, row.end, row.verdict, left, right, row.note, row.is_read)


def _read_tree(size: int | None, root: bytes | None) -> Tree | None:
    return None if size is None or root is None else Tree(size, root)
