"""Where does watching begin, what is not covered by it, and what will reading cost? (`monitor init`)

A first run trusts the head it sees, unless one is pinned by a file. Everything below the start is a gap that is written
down for ever.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from time import monotonic
from typing import Literal

from monitor.logs.log import Head, Log, LogSpec, Service
from monitor.prefix import can_be_shown, older_frontier
from monitor.scan_jobs import requests_for
from monitor.store import FirstRows, GapRow, NewCheckpoint, NewLog, Store
from monitor.timeline import Timeline
from verifier.checkpoint import Checkpoint, open_checkpoint, read_checkpoint
from verifier.errors import Refused, SigwardenError, Untrue
from verifier.merkle import check_consistency, frontier_from_consistency

WHY = "before watching began"
AT_ONCE = 8
"""Requests on their way at once, as the estimate assumes: the polite ceiling for public instances."""

_SAMPLE = {"rekor-v1": 50, "rekor-v2": 256}


@dataclass(frozen=True, slots=True)
class Start:
    """Where to begin: now (the newest head), an index (on Rekor v1 the global one), or a head that a file pins."""

    kind: Literal["now", "index", "checkpoint"]
    index: int = 0
    note: bytes = b""


@dataclass(frozen=True, slots=True)
class Cost:
    """What it takes to read up to today's head: measured on a sample, so an estimate."""

    leaves: int
    requests: int
    bytes: int
    seconds: float


@dataclass(frozen=True, slots=True)
class LogPlan:
    """How one log begins. `start` is the first leaf that will be read; below it nothing is covered."""

    spec: LogSpec
    service: str
    state: str
    start: int
    size: int
    timeline: Timeline
    heads: tuple[Checkpoint, ...]
    cost: Cost

    @property
    def said(self) -> tuple[str, ...]:
        """What a person must know, in sentences."""
        first = f"{self.spec.origin}: reading begins at leaf {self.start} of {self.size}"
        covered = (
            f"NOT covered: the {self.start} leaves [0, {self.start}), signed before; whatever is in them stays unseen"
            if self.start
            else "covered: every leaf from the first"
        )
        cost = self.cost
        if not cost.leaves:
            return (first, covered, "nothing to read now")
        mib, minutes = cost.bytes / (1 << 20), cost.seconds / 60
        needs = f"about {cost.requests} requests, {mib:.1f} MiB and {minutes:.1f} minutes"
        return (first, covered, f"to read now: {cost.leaves} leaves, {needs}")


@dataclass(frozen=True, slots=True)
class Begun:
    """What `init` did. `known` were followed before and stay as they are."""

    instance: str
    plans: tuple[LogPlan, ...]
    known: tuple[str, ...]


def parse_start(text: str, read_file: Callable[[str], bytes]) -> Start:
    """``now``, a number, or the name of a file that holds a signed head."""
    if text == "now":
        return Start("now")
    if text.isascii() and text.isdecimal() and len(text) < 19:
        return Start("index", int(text))
    note = read_file(text)
    try:
        read_checkpoint(note)
    except SigwardenError as error:
        raise Refused(
            f"{text} is no signed head: {error.message}",
            code="bad-start",
            hint="--from now, 0, INDEX or CHECKPOINT_FILE",
        ) from error
    return Start("checkpoint", note=note)


def begin(
    services: Sequence[Service],
    start: Start | Callable[[Head], Start],
    store: Store,
    open_log: Callable[[LogSpec], Log],
    *,
    now: datetime,
    who: str = "",
) -> Begun:
    """Plan every log that is not followed yet, then write them all. Raises, with nothing written, if one cannot begin.

    A log left out here would later count as a new shard and be read from its first leaf.
    """
    known = {row.origin for row in store.logs()}
    heads = [(service.name, head) for service in services for head in service.heads()]
    fresh = [(name, head) for name, head in heads if head.spec.origin not in known]
    if isinstance(start, Start) and start.kind == "checkpoint":
        _check_pin_is_used(start, [head for _, head in fresh])
    plans = [
        plan_log(name, head, start if isinstance(start, Start) else start(head), open_log(head.spec))
        for name, head in fresh
    ]
    instance = store.begin([_written(plan, now, who) for plan in plans], now)
    return Begun(instance, tuple(plans), tuple(sorted(known)))


def plan_log(service: str, head: Head, start: Start, log: Log, *, clock: Callable[[], float] = monotonic) -> LogPlan:
    """How this log would begin. Untrue when a pinned head and the one served contradict each other."""
    if head.problem is not None:
        raise head.problem
    seen = open_checkpoint(head.note, head.keys, origin=head.spec.origin)
    heads: tuple[Checkpoint, ...] = (seen,)
    if start.kind == "checkpoint" and read_checkpoint(start.note).origin == head.spec.origin:
        pinned = open_checkpoint(start.note, head.keys, origin=head.spec.origin)
        timeline = _from_pin(pinned, seen, log)
        heads = (pinned,) if pinned.size == seen.size else (pinned, seen)
    elif start.kind == "index":
        timeline = _from_index(start.index - head.spec.base, seen, log)
    else:
        timeline = Timeline.starting_at(seen.tree, None, WHY)
    state = "frozen" if seen.frozen else "retired" if head.retired else "active"
    first = timeline.position
    cost = estimate(log, head.spec, first, seen.size, clock)
    return LogPlan(head.spec, service, state, first, seen.size, timeline, heads, cost)


def estimate(log: Log, spec: LogSpec, start: int, end: int, clock: Callable[[], float]) -> Cost:
    """The cost of the leaves [start, end) of a tree of `end`, by reading a few of its newest ones."""
    if start == end:
        return Cost(0, 0, 0, 0.0)
    low = max(start, end - _SAMPLE.get(spec.kind, 256))
    began = clock()
    sample = log.leaves(low, end, end)
    seconds = clock() - began
    requests = requests_for(spec, start, end)
    size = sum(map(len, sample.data)) + sum(map(len, sample.extra))
    each = seconds / requests_for(spec, low, end)
    return Cost(end - start, requests, size * (end - start) // (end - low), each * max(1.0, requests / AT_ONCE))


def _from_index(index: int, seen: Checkpoint, log: Log) -> Timeline:
    """From a leaf on; where no proof shows the tree of exactly that size, from one leaf earlier."""
    if index >= seen.size:
        return Timeline.starting_at(seen.tree, None, WHY)
    while index > 0 and not can_be_shown(index, seen.tree):
        index -= 1
    if index <= 0:
        return Timeline.from_start()
    frontier, _ = older_frontier(log, index, seen.tree)
    return Timeline.starting_at(frontier.tree, frontier, WHY)


def _from_pin(pinned: Checkpoint, seen: Checkpoint, log: Log) -> Timeline:
    if pinned.size > seen.size:
        raise Refused(
            f"the pinned head has {pinned.size} leaves, the one served {seen.size}",
            code="pin-ahead",
            hint="a stale replica, or a rollback: try again, then look closer",
        )
    try:
        if pinned.size in (0, seen.size):
            check_consistency(pinned.tree, seen.tree, ())
            return Timeline.starting_at(pinned.tree, None, WHY)
        proof = tuple(log.consistency(pinned.size, seen.size))
        frontier = frontier_from_consistency(pinned.tree, seen.tree, proof)
    except Untrue as error:
        raise Untrue(
            f"no proof leads from the pinned head to the one that the log serves: {error.message}",
            code="pin-contradicts",
            hint="both are signed by its key: keep both; if another network shows the same, the log forked",
            evidence={"older-checkpoint": pinned.raw, "checkpoint": seen.raw},
        ) from error
    return Timeline.starting_at(pinned.tree, frontier, WHY)


def _check_pin_is_used(start: Start, heads: Sequence[Head]) -> None:
    origin = read_checkpoint(start.note).origin
    if origin not in {head.spec.origin for head in heads}:
        raise Refused(f"the pinned head is of {origin!a}, which is none of the logs to begin", code="pin-unused")


def _written(plan: LogPlan, now: datetime, who: str) -> FirstRows:
    rows = tuple(
        NewCheckpoint(one.size, one.root, one.raw, one.signers, word)
        for one, word in zip(plan.heads, ("first", "grew"), strict=False)
    )
    log = NewLog(plan.spec, plan.service, plan.timeline, plan.heads[-1].tree, plan.state)
    gap = GapRow(plan.spec.origin, 0, plan.start, now, who, WHY) if plan.start else None
    return FirstRows(log, rows, gap)
