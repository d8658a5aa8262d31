"""What does a tick need, and what does it say?"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Literal

from monitor.findings import Finding
from monitor.logs.log import Head, Log, LogSpec
from monitor.scan import RawHit, Unreadable
from monitor.scan_jobs import Executor
from monitor.store import Store
from verifier.note import NoteKey

Verdict = Literal["OK", "OPERATIONAL", "DEGRADED", "SUSPECT", "TAMPER"]
VERDICTS: tuple[Verdict, ...] = ("OK", "OPERATIONAL", "DEGRADED", "SUSPECT", "TAMPER")
"""Harmless first."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one tick may do; where it stops is saved, and the result says incomplete.

    A batch is written after so many leaves, or so many bytes of leaves that are kept, or so many seconds (a quarter of
    them when there are hits): one fsync each.
    """

    max_requests: int | None = None
    seconds: float | None = None
    batch_leaves: int = 65_536
    batch_bytes: int = 8 << 20
    batch_seconds: float = 2.0


@dataclass(frozen=True, slots=True)
class Grace:
    """How long something may be wrong before it gets a worse name."""

    unreachable: timedelta = timedelta(minutes=5)
    stale: timedelta = timedelta(minutes=10)
    withheld: timedelta = timedelta(minutes=30)
    missing: timedelta = timedelta(hours=24)


Judge = Callable[[Sequence[RawHit], Sequence[Unreadable], LogSpec, datetime], Sequence[Finding]]


def _nowhere(_finding: Finding) -> Sequence[str]:
    return ()


def _no_keys(_head: Head) -> Sequence[NoteKey]:
    return ()


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Machinery:
    """What a tick works with; everything impure is in here.

    `open_log(spec, fresh)` gives a log, on new connections if `fresh`. `judge(hits, unreadable, spec, now)` makes
    findings of what one batch found. `route` names the channels of a finding. `refresh_keys` reads the trust root
    again, once, when a head is signed by a key that we do not know. `stop` says that we are asked to end.
    """

    store: Store
    executor: Executor
    open_log: Callable[[LogSpec, bool], Log]
    judge: Judge
    route: Callable[[Finding], Sequence[str]] = _nowhere
    refresh_keys: Callable[[Head], Sequence[NoteKey]] = _no_keys
    now: Callable[[], datetime] = _utc_now
    monotonic: Callable[[], float] = monotonic
    limits: Limits = field(default_factory=Limits)
    grace: Grace = field(default_factory=Grace)
    stop: Callable[[], bool] = lambda: False
    checked: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class TickResult:
    """What one tick of one log came to.

    `findings` are those that are new and stored; `unsaved` those that our database did not take, to be told all the
    same. `proven_to` is the size that was read and proven, `lag` what is missing to the newest head. `incomplete`:
    stopped by a limit, the rest comes with the next tick.
    """

    origin: str
    verdict: Verdict
    size: int
    proven_to: int
    lag: int
    findings: tuple[Finding, ...] = ()
    unsaved: tuple[Finding, ...] = ()
    read: int = 0
    requests: int = 0
    message: str = ""
    incomplete: bool = False
