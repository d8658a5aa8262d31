"""Which findings do we hold, and where?"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, delete, func, insert, select, update

from monitor.findings import SEVERITIES, Difference, Finding, Location, Severity
from monitor.incidents import incident_key
from monitor.store.open import insert_once
from monitor.store.rows import StoredFinding, WantedProof
from monitor.store.schema import counters, evidence, findings, locations, safe_text
from verifier.errors import Refused

PROOFS_PER_INCIDENT = 20
"""Findings of low or no severity keep body and inclusion proof up to this many in one incident: spam costs the log's
bandwidth and our disk (row 42). The others name leaf and hash, by which all of it can be had from the log again."""

_FIELDS = ("id", "kind", "severity", "log", "index", "watch", "identity", "message", "group")


@dataclass(frozen=True, slots=True)
class FindingFilter:
    """Which findings are asked for; empty fields do not restrict. `after` is a `seq`."""

    kinds: tuple[str, ...] = ()
    severities: tuple[Severity, ...] = ()
    log: str = ""
    watch: str = ""
    incident: str = ""
    since: datetime | None = None
    until: datetime | None = None
    after: int = 0
    acked: bool | None = None
    proven: bool | None = None
    limit: int = 0
    newest_first: bool = False


def add_findings(connection: Connection, new: Sequence[Finding]) -> tuple[Finding, ...]:
    """Store findings; those not held before are returned. Known ones only gain locations (a duplicated leaf)."""
    first: dict[str, Finding] = {}
    for one in new:
        first.setdefault(one.id, one)
    held = _held(connection, list(first))
    fresh = [one for one in first.values() if one.id not in held]
    room = _Room(connection)
    rows = [_values(one, keep=room.takes(one)) for one in fresh]
    if rows:
        connection.execute(insert(findings), rows)
    kept = [one for one, row in zip(fresh, rows, strict=True) if row["proof"] != "none" or one.index is None]
    _add_blobs(connection, {one.id: one.evidence for one in kept})
    for known in held:
        _revive(connection, first[known])
    places = [(one.id, place) for one in new for place in _places(one)]
    insert_once(connection, locations, [{"finding": i, "log": p.log, "leaf_index": p.index} for i, p in places])
    _count(connection, fresh)
    return tuple(fresh)


def void(connection: Connection, log: str, start: int, end: int) -> None:
    """What was read at [start, end) is not what the log signed: findings stay, but cannot be proven from there.

    Read again and found again, they are as before.
    """
    here = (locations.c.log == log, locations.c.leaf_index >= start, locations.c.leaf_index < end)
    connection.execute(delete(locations).where(*here))
    there = (findings.c.log == log, findings.c.leaf_index >= start, findings.c.leaf_index < end)
    connection.execute(update(findings).where(*there, findings.c.proven.is_(False)).values(proof="void"))


def prove(connection: Connection, log: str, start: int, end: int) -> int:
    """The leaves [start, end) hash into a signed root: their findings are proven. How many turned."""
    here = (findings.c.log == log, findings.c.leaf_index >= start, findings.c.leaf_index < end)
    unproven = (findings.c.proven.is_(False), findings.c.proof != "void")
    return connection.execute(update(findings).where(*here, *unproven).values(proven=True)).rowcount


def proofs_wanted(connection: Connection, log: str, limit: int) -> tuple[WantedProof, ...]:
    """Proven findings of a log whose inclusion proof is not stored yet."""
    query = (
        select(findings.c.id, findings.c.leaf_index, evidence.c.data)
        .join(evidence, (evidence.c.finding == findings.c.id) & (evidence.c.name == "body"))
        .where(findings.c.log == log, findings.c.proof == "wanted", findings.c.proven.is_(True))
        .where(findings.c.leaf_index.is_not(None))
    )
    rows = connection.execute(query.order_by(findings.c.seq).limit(limit))
    return tuple(WantedProof(row.id, row.leaf_index, row.data) for row in rows)


def add_proofs(connection: Connection, proofs: Mapping[str, Mapping[str, bytes]]) -> None:
    """Add inclusion proofs, and what belongs to them, to the evidence of findings; names that exist stay."""
    _add_blobs(connection, proofs)
    _mark(connection, list(proofs), {"proof": "stored"})


def read_findings(connection: Connection, which: FindingFilter) -> tuple[StoredFinding, ...]:
    """Findings without their evidence, in the order of storing unless asked otherwise."""
    query = _where(select(findings), which).order_by(findings.c.seq.desc() if which.newest_first else findings.c.seq)
    return _load(connection, query.limit(which.limit) if which.limit else query)


def count_findings(connection: Connection, which: FindingFilter) -> int:
    """How many findings the filter leaves."""
    return int(connection.execute(_where(select(func.count()).select_from(findings), which)).scalar_one())


def read_finding(connection: Connection, prefix: str) -> StoredFinding:
    """One finding with its evidence, by id or unique start of it (case and ``F-`` do not matter)."""
    wanted = "F-" + prefix.strip().upper().removeprefix("F-")
    query = select(findings).where(findings.c.id.startswith(wanted, autoescape=True)).limit(3)
    found = _load(connection, query, with_evidence=True)
    exact = [one for one in found if one.finding.id == wanted]
    if len(found) != 1 and not exact:
        said = "several findings start" if found else "no finding starts"
        raise Refused(
            f"{said} with {safe_text(wanted, 60)}", code="finding-unknown", hint="see `sigwarden findings list`"
        )
    return exact[0] if exact else found[0]


def ack_findings(connection: Connection, ids: Sequence[str], who: str, note: str, at: datetime) -> None:
    """Mark findings as seen by a person; the first acknowledgement stays."""
    values = {"acked_at": at, "acked_by": safe_text(who), "ack_note": safe_text(note)}
    _mark(connection, ids, values, findings.c.acked_at.is_(None))


def last_seq(connection: Connection) -> int:
    """The `seq` of the newest finding, 0 if there is none."""
    return int(connection.execute(select(func.max(findings.c.seq))).scalar_one() or 0)


def read_counters(connection: Connection, since: str = "", until: str = "") -> tuple[tuple[str, str, str, int], ...]:
    """(day, watch, kind, findings) for the days [since, until], each as YYYY-MM-DD."""
    query = select(counters.c.day, counters.c.watch, counters.c.kind, counters.c.count)
    if since:
        query = query.where(counters.c.day >= since)
    if until:
        query = query.where(counters.c.day <= until)
    return tuple(tuple(row) for row in connection.execute(query.order_by(counters.c.day, counters.c.watch)))


def _revive(connection: Connection, one: Finding) -> None:
    """A finding that was voided is found again, perhaps elsewhere."""
    was_void = (findings.c.id == one.id, findings.c.proof == "void")
    wanted = "wanted" if "body" in one.evidence else "none"
    connection.execute(update(findings).where(*was_void).values(leaf_index=one.index, log=one.log, proof=wanted))


class _Room:
    """Whether a finding's evidence is worth keeping, by what its incident holds already and gets in this batch."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._taken: dict[str, int] = {}

    def takes(self, one: Finding) -> bool:
        """Always from medium severity on; else for the first ones of an incident."""
        if SEVERITIES.index(one.severity) <= SEVERITIES.index("medium"):
            return True
        key = incident_key(one)
        if key not in self._taken:
            here = (findings.c.incident == key, findings.c.proof != "none")
            query = select(findings.c.seq).where(*here).limit(PROOFS_PER_INCIDENT)
            self._taken[key] = len(self._connection.execute(query).all())
        self._taken[key] += 1
        return self._taken[key] <= PROOFS_PER_INCIDENT


def _held(connection: Connection, ids: Sequence[str]) -> set[str]:
    found: set[str] = set()
    for some in _chunks(ids):
        found.update(connection.execute(select(findings.c.id).where(findings.c.id.in_(some))).scalars())
    return found


def _mark(connection: Connection, ids: Sequence[str], values: dict[str, Any], *tests: ColumnElement[bool]) -> None:
    for some in _chunks(ids):
        connection.execute(update(findings).where(findings.c.id.in_(some), *tests).values(values))


def _add_blobs(connection: Connection, blobs: Mapping[str, Mapping[str, bytes]]) -> None:
    rows = [{"finding": i, "name": name, "data": data} for i, held in blobs.items() for name, data in held.items()]
    insert_once(connection, evidence, rows)


def _places(one: Finding) -> tuple[Location, ...]:
    return one.locations or ((Location(one.log, one.index),) if one.index is not None else ())


def _chunks(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    """As many as one statement may name."""
    yield from (ids[start : start + 500] for start in range(0, len(ids), 500))


def _values(one: Finding, *, keep: bool) -> dict[str, Any]:
    wanted = one.index is not None and "body" in one.evidence and keep
    return {
        "id": one.id,
        "kind": one.kind,
        "severity": one.severity,
        "log": one.log,
        "leaf_index": one.index,
        "watch": one.watch,
        "identity": safe_text(one.identity),
        "incident": incident_key(one),
        "proven": one.proven,
        "proof": "stored" if "inclusion-proof" in one.evidence else "wanted" if wanted else "none",
        "seen_at": one.seen_at,
        "document": _encode(one),
    }


def _encode(one: Finding) -> str:
    values: dict[str, Any] = {name: getattr(one, name) for name in _FIELDS}
    values["differs"] = [[d.field, d.got, list(d.expected)] for d in one.differs]
    values["same"] = list(one.same)
    values["facts"] = dict(one.facts)
    return json.dumps(values, separators=(",", ":"))  # ASCII: NUL and lone surrogates travel as escapes


def _load(connection: Connection, query: Select[Any], *, with_evidence: bool = False) -> tuple[StoredFinding, ...]:
    rows = connection.execute(query).all()
    places: dict[str, list[Location]] = {}
    blobs: dict[str, dict[str, bytes]] = {}
    for ids in _chunks([row.id for row in rows]):
        by_place = select(locations).where(locations.c.finding.in_(ids))
        for row in connection.execute(by_place.order_by(locations.c.log, locations.c.leaf_index)):
            places.setdefault(row.finding, []).append(Location(row.log, row.leaf_index))
        if with_evidence:
            for row in connection.execute(select(evidence).where(evidence.c.finding.in_(ids))):
                blobs.setdefault(row.finding, {})[row.name] = row.data
    return tuple(_stored(row, tuple(places.get(row.id, ())), blobs.get(row.id, {})) for row in rows)


def _stored(row: Row[Any], places: tuple[Location, ...], blobs: Mapping[str, bytes]) -> StoredFinding:
    held = json.loads(row.document)
    finding = Finding(
        **{**{name: held[name] for name in _FIELDS}, "log": row.log, "index": row.leaf_index},
        proven=row.proven,
        seen_at=row.seen_at,
        differs=tuple(Difference(field, got, tuple(expected)) for field, got, expected in held["differs"]),
        same=tuple(held["same"]),
        locations=places,
        facts=held["facts"],
        evidence=blobs,
    )
    return StoredFinding(row.seq, finding, row.incident, row.acked_at, row.acked_by or "", row.ack_note or "")


def _where(query: Select[Any], which: FindingFilter) -> Select[Any]:
    c = findings.c
    tests: list[ColumnElement[bool]] = []
    for column, wanted in ((c.kind, which.kinds), (c.severity, which.severities)):
        tests += [column.in_(wanted)] if wanted else []
    for column, equal in ((c.log, which.log), (c.watch, which.watch), (c.incident, which.incident)):
        tests += [column == equal] if equal else []
    if which.since is not None:
        tests.append(c.seen_at >= which.since)
    if which.until is not None:
        tests.append(c.seen_at < which.until)
    if which.acked is not None:
        tests.append(c.acked_at.is_not(None) if which.acked else c.acked_at.is_(None))
    if which.proven is not None:
        tests.append(c.proven.is_(which.proven))
    return query.where(c.seq > which.after, *tests)


def _count(connection: Connection, fresh: Sequence[Finding]) -> None:
    new = Counter((one.seen_at.date().isoformat(), one.watch, one.kind) for one in fresh)
    for (day, watch, kind), count in new.items():
        here = (counters.c.day == day, counters.c.watch == watch, counters.c.kind == kind)
        grown = connection.execute(update(counters).where(*here).values(count=counters.c.count + count))
        if grown.rowcount == 0:
            connection.execute(insert(counters).values(day=day, watch=watch, kind=kind, count=count))
