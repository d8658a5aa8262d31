"""What does the rest of Sigwarden ask of our state?

One method is one transaction. The statements are in the modules beside this one; everything here is thread-safe.
"""

import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Self

from sqlalchemy import Connection, insert, select

from monitor.findings import Finding
from monitor.store import findings, history, lease, outbox, past, position
from monitor.store.findings import FindingFilter
from monitor.store.lease import Lease
from monitor.store.open import check_schema, open_engine, reading, writing
from monitor.store.rows import (
    Batch,
    CheckpointRow,
    Condition,
    GapRow,
    HealthRow,
    IncidentRow,
    LogRow,
    NewLog,
    OutboxRow,
    RuleRow,
    StoredFinding,
    VerdictRow,
)
from monitor.store.schema import rules
from verifier.errors import Refused

_EVERYTHING = FindingFilter()


class Store:
    """Our state in one database. `create` makes a new one (`monitor init`); else a missing one is refused."""

    def __init__(self, where: str | Path, *, create: bool = False, check: bool = True) -> None:
        """Open; `check` verifies the histories' hash chains. Refused: store-missing, store-schema, state-tampered."""
        self._lease: Lease | None = None
        self._engine = open_engine(_existing(where, create=create))
        try:
            self._prepare(create=create, check=check)
        except BaseException:
            self._engine.dispose()
            raise

    def close(self) -> None:
        """Give up the lease, if held, and all connections."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- identity -----------------------------------------------------------------------------------------------

    @property
    def instance(self) -> str:
        """The id that `init` made: a config that names another one refuses to start."""
        return self.get_meta("instance") or ""

    def get_meta(self, name: str) -> str | None:
        """A small value by name."""
        with reading(self._engine) as c:
            return history.get_meta(c, name)

    def set_meta(self, name: str, value: str) -> None:
        """Keep a small value."""
        with writing(self._engine) as c:
            history.set_meta(c, name, value)

    def bootstrap(self, now: datetime) -> str:
        """Write the marker without which no daemon starts; the instance id, made once."""
        with writing(self._engine) as c:
            held = history.get_meta(c, "instance")
            if held:
                return held
            made = secrets.token_hex(8)
            history.set_meta(c, "instance", made)
            history.set_meta(c, "bootstrapped_at", now.isoformat())
            return made

    def require_bootstrap(self, instance: str = "") -> None:
        """Refused unless `init` has run here (and made `instance`, when a config names one)."""
        held = self.instance
        if not held:
            raise Refused(
                "this database has never been initialised: nothing says where watching began",
                code="not-bootstrapped",
                hint="run `sigwarden monitor init`; a restored backup continues by itself",
            )
        if instance and instance != held:
            raise Refused(
                f"this database belongs to instance {held}, the configuration names {instance}",
                code="other-instance",
                hint="point `database` at the right one, or change `instance`",
            )

    # --- one tick -----------------------------------------------------------------------------------------------

    def commit_batch(self, batch: Batch) -> tuple[Finding, ...]:
        """All of a batch in one transaction, fenced by the lease if we hold one; the findings that are new."""
        with writing(self._engine) as c:
            self._fence(c, batch.at)
            if batch.timeline is not None:
                position.write_timeline(c, batch.origin, batch.timeline)
            if batch.newest is not None:
                position.write_newest(c, batch.origin, batch.newest)
            if batch.state:
                position.write_state(c, batch.origin, batch.state)
            position.write_subtrees(c, batch.origin, batch.subtrees)
            history.add_checkpoints(c, batch.origin, batch.at, batch.checkpoints)
            if batch.void is not None:
                findings.void(c, batch.origin, *batch.void)
            fresh = findings.add_findings(c, batch.findings)
            past.add_traits(c, fresh)
            if batch.settled is not None:
                findings.prove(c, batch.origin, *batch.settled)
            outbox.tell(c, fresh, batch.tells, batch.at, batch.more_after)
        return fresh

    def end_tick(self, health: HealthRow, message: str, conditions: Sequence[Condition]) -> None:
        """Health, standing conditions and verdict of one finished tick."""
        with writing(self._engine) as c:
            self._fence(c, health.last_tick)
            before = history.read_health(c, health.origin)
            history.add_verdict(c, health, message, before)
            history.write_health(c, health)
            position.write_conditions(c, health.origin, conditions)

    # --- position -----------------------------------------------------------------------------------------------

    def add_log(self, new: NewLog, at: datetime) -> None:
        """Follow another tree."""
        with writing(self._engine) as c:
            self._fence(c, at)
            position.add_log(c, new, at)

    def logs(self) -> tuple[LogRow, ...]:
        """Every followed tree with its timeline."""
        with reading(self._engine) as c:
            return position.read_logs(c)

    def log(self, origin: str) -> LogRow | None:
        """One followed tree."""
        with reading(self._engine) as c:
            return position.read_log(c, origin)

    def set_log_state(self, origin: str, state: str, at: datetime) -> None:
        """active, frozen, retired or archived (a person says that it went away for good)."""
        self.commit_batch(Batch(origin, at, state=state))

    def accept_gap(self, gap: GapRow) -> None:
        """Write down for ever that a range is not read, and by whose decision."""
        with writing(self._engine) as c:
            row = position.read_log(c, gap.origin)
            if row is None:
                raise Refused(f"{gap.origin} is not followed", code="log-unknown")
            position.write_timeline(c, gap.origin, row.timeline.with_gap(gap.start, gap.end, gap.note))
            position.add_gap(c, gap)

    def note_gap(self, gap: GapRow) -> None:
        """Write down a gap that is in the timeline already (what `init` does not cover)."""
        with writing(self._engine) as c:
            position.add_gap(c, gap)

    def gaps(self) -> tuple[GapRow, ...]:
        """Every gap ever accepted."""
        with reading(self._engine) as c:
            return position.read_gaps(c)

    def subtrees(self, origin: str, start: int, end: int) -> Mapping[int, bytes]:
        """Our hashes of the ranges [256 i, 256 (i + 1)) for i in [start, end)."""
        with reading(self._engine) as c:
            return position.read_subtrees(c, origin, start, end)

    def conditions(self, origin: str = "") -> tuple[Condition, ...]:
        """What is not right now."""
        with reading(self._engine) as c:
            return position.read_conditions(c, origin)

    # --- findings -----------------------------------------------------------------------------------------------

    def findings(self, which: FindingFilter = _EVERYTHING) -> tuple[StoredFinding, ...]:
        """Findings without their evidence."""
        with reading(self._engine) as c:
            return findings.read_findings(c, which)

    def new_findings(self, after: int) -> tuple[StoredFinding, ...]:
        """Findings stored since `last_seq()` was `after`."""
        return self.findings(FindingFilter(after=after))

    def last_seq(self) -> int:
        """The number of the newest finding."""
        with reading(self._engine) as c:
            return findings.last_seq(c)

    def count(self, which: FindingFilter = _EVERYTHING) -> int:
        """How many findings the filter leaves."""
        with reading(self._engine) as c:
            return findings.count_findings(c, which)

    def finding(self, prefix: str) -> StoredFinding:
        """One finding with its evidence, by id or unique prefix."""
        with reading(self._engine) as c:
            return findings.read_finding(c, prefix)

    def proofs_wanted(self, origin: str, limit: int) -> tuple[StoredFinding, ...]:
        """Proven findings whose inclusion proof is not stored yet."""
        with reading(self._engine) as c:
            return findings.proofs_wanted(c, origin, limit)

    def add_evidence(self, finding: str, blobs: Mapping[str, bytes], *, proof: bool = False) -> None:
        """Add blobs to a finding's evidence."""
        with writing(self._engine) as c:
            findings.add_evidence(c, finding, blobs, proof=proof)

    def ack(self, prefix: str, *, who: str, note: str, now: datetime) -> StoredFinding:
        """A person has seen a finding, and with it everything in its incident so far."""
        with writing(self._engine) as c:
            found = findings.read_finding(c, prefix)
            rest = findings.read_findings(c, FindingFilter(incident=found.incident, acked=False))
            findings.ack_findings(c, [found.finding.id, *(one.finding.id for one in rest)], who, note, now)
            outbox.close_incident(c, found.incident)
            return findings.read_finding(c, found.finding.id)

    def count_watch(self, watch: str) -> int:
        """Findings of a watch by the watched name itself."""
        with reading(self._engine) as c:
            return past.count_watch(c, watch)

    def count_trait(self, watch: str, field: str, value: str, excluding: frozenset[str] = frozenset()) -> int:
        """Findings of a watch with this run, ref, workflow or issuer, without those of some ids."""
        with reading(self._engine) as c:
            return past.count_trait(c, watch, field, value, excluding)

    def counters(self, since: str = "", until: str = "") -> tuple[tuple[str, str, str, int], ...]:
        """(day, watch, kind, new findings) for the days from `since` to `until`, as YYYY-MM-DD."""
        with reading(self._engine) as c:
            return findings.read_counters(c, since, until)

    # --- telling ------------------------------------------------------------------------------------------------

    def incidents(self, *, state: str = "", since: datetime | None = None) -> tuple[IncidentRow, ...]:
        """Incidents: state open, acked, or quiet (nothing in it was worth telling)."""
        with reading(self._engine) as c:
            return outbox.read_incidents(c, state=state, since=since)

    def incident(self, key: str) -> IncidentRow:
        """One incident."""
        with reading(self._engine) as c:
            return outbox.read_incident(c, key)

    def incident_findings(self, key: str, limit: int = 0) -> tuple[StoredFinding, ...]:
        """The first findings of an incident."""
        return self.findings(FindingFilter(incident=key, limit=limit))

    def outbox_add(
        self, incident: str, channel: str, reason: str, now: datetime, due_at: datetime | None = None
    ) -> None:
        """Owe a message, unless one for this incident and channel is pending."""
        with writing(self._engine) as c:
            outbox.add_message(c, incident, channel, reason, now, due_at)

    def outbox_due(self, now: datetime, limit: int = 100, channel: str = "") -> tuple[OutboxRow, ...]:
        """Messages to send now, worst first; of one channel, so that a dead one does not fill the limit."""
        with reading(self._engine) as c:
            return outbox.due(c, now, limit, channel)

    def outbox_done(self, message: int, now: datetime, thread: str = "") -> None:
        """Taken by the channel."""
        with writing(self._engine) as c:
            outbox.finish(c, message, now, thread)

    def outbox_failed(self, message: int, error: str, next_at: datetime) -> None:
        """Not taken; try again at `next_at`."""
        with writing(self._engine) as c:
            outbox.postpone(c, message, error, next_at)

    def outbox_dead(self, message: int, now: datetime, error: str) -> None:
        """Will not be taken."""
        with writing(self._engine) as c:
            outbox.bury(c, message, now, error)

    def outbox_skip(self, message: int, now: datetime, why: str) -> None:
        """Not worth sending any more."""
        with writing(self._engine) as c:
            outbox.skip(c, message, now, why)

    def outbox_revive(self, now: datetime) -> int:
        """Owe the dead letters again; how many."""
        with writing(self._engine) as c:
            return outbox.revive(c, now)

    def outbox_depth(self) -> Mapping[tuple[str, str], int]:
        """(channel, state) -> messages."""
        with reading(self._engine) as c:
            return outbox.depth(c)

    def outbox(self, *, state: str = "", incident: str = "", since: datetime | None = None) -> tuple[OutboxRow, ...]:
        """Messages in the order they were owed."""
        with reading(self._engine) as c:
            return outbox.read_messages(c, state=state, incident=incident, since=since)

    # --- history ------------------------------------------------------------------------------------------------

    def checkpoints(
        self, origin: str = "", *, size: int | None = None, newest_first: bool = False, limit: int = 0
    ) -> tuple[CheckpointRow, ...]:
        """Every signed note ever seen."""
        with reading(self._engine) as c:
            return history.read_checkpoints(c, origin, size=size, newest_first=newest_first, limit=limit)

    def verdicts(
        self, origin: str = "", since: datetime | None = None, until: datetime | None = None
    ) -> tuple[VerdictRow, ...]:
        """The verdicts kept."""
        with reading(self._engine) as c:
            return history.read_verdicts(c, origin, since, until)

    def health(self, origin: str) -> HealthRow | None:
        """How the last ticks of a log went."""
        with reading(self._engine) as c:
            return history.read_health(c, origin)

    def rules(self) -> tuple[RuleRow, ...]:
        """Every version of the watch rules, oldest first."""
        with reading(self._engine) as c:
            rows = c.execute(select(rules.c.sha256, rules.c.text, rules.c.at).order_by(rules.c.seq))
            return tuple(RuleRow(row.sha256, row.text, row.at) for row in rows)

    def add_rules(self, sha256: str, text: str, at: datetime) -> RuleRow | None:
        """Note the rules in force; the version before if this one is another, else None."""
        with writing(self._engine) as c:
            last = c.execute(select(rules).order_by(rules.c.seq.desc()).limit(1)).one_or_none()
            if last is not None and last.sha256 == sha256:
                return None
            c.execute(insert(rules).values(sha256=sha256, text=text, at=at))
            return None if last is None else RuleRow(last.sha256, last.text, last.at)

    # --- lease --------------------------------------------------------------------------------------------------

    def acquire_lease(self, now: datetime, holder: str = "") -> Lease:
        """Become the one writer of ticks; from now on every batch is fenced. Refused(lease-held) if another is."""
        with writing(self._engine) as c:
            self._lease = lease.acquire(c, holder or lease.this_process(), now)
        return self._lease

    def renew_lease(self, now: datetime) -> None:
        """Keep the lease; Refused(lease-lost) if another has taken over. Each batch does it too."""
        with writing(self._engine) as c:
            self._fence(c, now)

    def release_lease(self, now: datetime) -> None:
        """Let another one in at once."""
        if self._lease is not None:
            with writing(self._engine) as c:
                lease.release(c, self._lease, now)
            self._lease = None

    # --- ours ---------------------------------------------------------------------------------------------------

    def _prepare(self, *, create: bool, check: bool) -> None:
        if not check_schema(self._engine):
            if not create:
                raise _missing("the database is empty")
            from monitor.store.upgrade import upgrade  # alembic costs 0.4 s; only `init` and `db upgrade` pay

            upgrade(self._engine)
        if check:
            with reading(self._engine) as c:
                history.check_chains(c)

    def _fence(self, c: Connection, now: datetime) -> None:
        if self._lease is not None:
            self._lease = lease.check_and_renew(c, self._lease, now)


def _existing(where: str | Path, *, create: bool) -> str | Path:
    """The same place; Refused when a file is named that is not there and must be."""
    if isinstance(where, Path) or "://" not in where:
        path = Path(where)
        if not create and not path.is_file():
            raise _missing(f"there is no database at {path}")
        path.parent.mkdir(parents=True, exist_ok=True)
    return where


def _missing(said: str) -> Refused:
    return Refused(
        f"{said}: a monitor without its state would start over and be blind to what came before",
        code="store-missing",
        hint="run `sigwarden monitor init` for a first start, or restore the database",
    )
