"""Which entries of a log are proven, against which signed root, and when did we not look?"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from monitor.store import CheckpointRow, HealthRow, LogRow, Store, VerdictRow

AWAY = timedelta(minutes=10)
"""A pause between two looks that counts as downtime (the history keeps such pauses)."""

AWAY_WORDS = "we were not running"
_ACCEPTED = frozenset({"first", "same", "grew"})
"""What a head meant when it was seen: these are of the tree that we follow."""


@dataclass(frozen=True, slots=True)
class Range:
    """Entries [start, end) and how they stand: proven, pending or gap."""

    start: int
    end: int
    state: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Pause:
    """A time in which a log was not seen; `end` is None while it lasts. `why` is a verdict, or that we were away."""

    start: datetime
    end: datetime | None
    why: str


@dataclass(frozen=True, slots=True)
class SignedRoot:
    """The signed tree that the proven entries hash into."""

    size: int
    root: str
    signers: tuple[str, ...]
    seen_at: datetime


@dataclass(frozen=True, slots=True)
class LogCoverage:
    """One log at the end of the period. Entries of the period are [first, last); `proven` of them are proven."""

    origin: str
    service: str
    kind: str
    state: str
    verdict: str
    message: str
    size: int
    proven_to: int
    first: int
    last: int
    proven: int
    ranges: tuple[Range, ...]
    against: SignedRoot | None
    looked_at: datetime | None
    pauses: tuple[Pause, ...]
    began: datetime | None = None  # when watching began, if that was within the period

    @property
    def lag(self) -> int:
        """Entries below the newest head that are not proven."""
        return max(0, self.size - self.proven_to)

    @property
    def is_full(self) -> bool:
        """Everything of the period is proven, and the log was read at all."""
        return self.looked_at is not None and self.proven == self.last - self.first and self.lag == 0

    @property
    def share(self) -> str:
        """How much of the period's entries is proven; never rounded up to 100 %."""
        entries = self.last - self.first
        if not entries:
            return "no new entries" if self.looked_at else "never read"
        tenths = self.proven * 1000 // entries
        return f"{tenths // 10} %" if tenths % 10 == 0 else f"{tenths // 10}.{tenths % 10} %"


def read_coverage(store: Store, log: LogRow, since: datetime, until: datetime) -> LogCoverage:
    """The coverage of one log in [since, until)."""
    verdicts = store.verdicts(log.origin, until=until)
    heads = [row for row in store.checkpoints(log.origin) if row.seen_at < until and row.place in _ACCEPTED]
    newest = _newest(verdicts, store.health(log.origin), until)
    size = max((row.size for row in heads), default=newest[1])
    proven_to = log.timeline.proven_to if newest[3] else min(newest[2], log.timeline.proven_to)
    ranges = tuple(_ranges(log, size))
    first = _first(heads, ranges, since)
    return LogCoverage(
        origin=log.origin,
        service=log.service,
        kind=log.kind,
        state=log.state,
        verdict=newest[0],
        message=newest[4],
        size=size,
        proven_to=proven_to,
        first=min(first, size),
        last=size,
        proven=_overlap(ranges, min(first, size), size),
        ranges=ranges,
        against=_against(heads, proven_to),
        looked_at=newest[5],
        pauses=(*_pauses(verdicts, since), *_silence(store, log.origin, since, until)),
        began=next((row.at for row in verdicts[:1] if row.previous_tick is None and row.at > since), None),
    )


def _newest(
    verdicts: Sequence[VerdictRow], health: HealthRow | None, until: datetime
) -> tuple[str, int, int, bool, str, datetime | None]:
    """Verdict, size, proven size, whether this is today's state, message, and when we last looked."""
    if health is not None and health.last_tick < until:
        return health.verdict, health.head_size, health.proven_to, True, health.last_error, health.last_tick
    if not verdicts:
        return "never read", 0, 0, False, "", None
    last = verdicts[-1]
    return last.verdict, last.size, last.proven_to, False, last.message, last.at


def _first(heads: Sequence[CheckpointRow], ranges: Sequence[Range], since: datetime) -> int:
    """The size of the log when the period began; where we began later, the first entry that we said to cover."""
    before = [row.size for row in heads if row.seen_at < since]
    if before:
        return max(before)
    return ranges[0].end if ranges and ranges[0].state == "gap" else 0


def _ranges(log: LogRow, size: int) -> Iterator[Range]:
    """Spans up to the size at the end of the period, neighbours of the same state joined; the rest is pending."""
    last: Range | None = None
    for span in log.timeline.spans:
        if span.start >= size:
            break
        state = "read, not yet proven" if span.verdict == "pending" and span.is_read else span.verdict
        now = Range(span.start, min(span.end, size), state, span.note)
        if last is not None and (last.state, last.note) == (now.state, now.note):
            now = Range(last.start, now.end, now.state, now.note)
        elif last is not None:
            yield last
        last = now
    if last is not None:
        yield last
    end = last.end if last else 0
    if end < size:
        yield Range(end, size, "pending", "not read yet")


def _overlap(ranges: Sequence[Range], first: int, last: int) -> int:
    return sum(max(0, min(one.end, last) - max(one.start, first)) for one in ranges if one.state == "proven")


def _against(heads: Sequence[CheckpointRow], proven_to: int) -> SignedRoot | None:
    signed = [row for row in heads if row.size == proven_to]
    if not signed:
        return None
    row = signed[0]
    return SignedRoot(row.size, row.root.hex(), row.signers, row.seen_at)


def _pauses(verdicts: Sequence[VerdictRow], since: datetime) -> Iterator[Pause]:
    """When we were away, and when a look ended in trouble; cut to the period."""
    began: VerdictRow | None = None
    found: list[Pause] = []
    for row in verdicts:
        if row.previous_tick is not None and row.at - row.previous_tick > AWAY:
            found.append(Pause(row.previous_tick, row.at, AWAY_WORDS))
        is_blind = row.verdict != "OK"
        if began is not None and began.verdict != row.verdict:
            is_hiccup = not is_blind and began.verdict == "OPERATIONAL" and row.at - began.at <= AWAY
            found += [] if is_hiccup else [Pause(began.at, row.at, began.verdict)]
            began = None
        if is_blind and began is None:
            began = row
    if began is not None:
        found.append(Pause(began.at, None, began.verdict))
    for pause in sorted(found, key=lambda one: (one.start, one.why)):
        if pause.end is None or pause.end > since:
            yield Pause(max(pause.start, since), pause.end, pause.why)


def _silence(store: Store, origin: str, since: datetime, until: datetime) -> Iterator[Pause]:
    """From our last look to the end of the period: a monitor that stopped must not look like a quiet log.

    Once we look again, the history keeps that pause: so the same period gives the same answer later.
    """
    health = store.health(origin)
    last = health.last_tick if health is not None else None
    if last is not None and last >= until:
        last = next((row.previous_tick for row in store.verdicts(origin, since=until)), None)
    if last is not None and until - last > AWAY:
        yield Pause(max(last, since), None, AWAY_WORDS)
