"""What does the rest of Sigwarden ask of our state?

One method is one transaction. The statements are in the modules beside this one; everything here is thread-safe.
"""

import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Self

from sqlalchemy import Connection

from monitor.findings import Finding
from monitor.store import findings, history, lease, outbox, past, position
from monitor.store.finding_store import FindingStore
from monitor.store.lease import Lease
from monitor.store.open import check_integrity, check_schema, open_engine, reading, writing
from monitor.store.record_store import RecordStore
from monitor.store.rows import Batch, Condition, FirstRows, GapRow, HealthRow, LogRow, NewLog
from verifier.errors import Refused


class Store(FindingStore, RecordStore):
    """Our state in one database. `create` makes a new one (`monitor init`); else a missing one is refused."""

    def __init__(self, where: str | Path, *, create: bool = False, check: bool = True) -> None:
        """Open; `check` verifies the histories' hash chains. Refused: store-missing, store-schema, state-tampered."""
        self.generation = 0  # grows with every batch that brought new findings
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
        return self.begin((), now)

    def begin(self, rows: Sequence[FirstRows], now: datetime) -> str:
        """Marker and first rows of all logs in one transaction: half an `init` is none. The instance id."""
        with writing(self._engine) as c:
            self._fence(c, now)
            for row in rows:
                position.add_log(c, row.log, now)
                history.add_checkpoints(c, row.log.spec.origin, now, row.checkpoints)
                if row.gap is not None:
                    position.add_gap(c, row.gap)
            held = history.get_meta(c, "instance")
            if held is None:
                held = secrets.token_hex(8)
                history.set_meta(c, "instance", held)
                history.set_meta(c, "bootstrapped_at", now.isoformat())
            return held

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
        self.generation += bool(fresh)
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
            check_integrity(self._engine)
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
