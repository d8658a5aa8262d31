"""When was the canary seen, and when did each channel take the alert?"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from cli.canary import Canary
from cli.passing import one_pass
from cli.watchtower import Watchtower, utc_now
from monitor.machinery import Limits
from monitor.store import FindingFilter, OutboxRow, StoredFinding
from verifier.errors import Refused

_POLL = 0.25
_PAUSE = 1.0
_OVER = ("sent", "dead", "skipped")


@dataclass(frozen=True, slots=True)
class Waiting:
    """What watches, the newest finding before the canary, and how many seconds we have."""

    tower: Watchtower
    after: int
    limit: float


@dataclass(slots=True)
class Arrival:
    """Seconds from the log's answer until the finding was stored, and until each channel took it (None: it did not)."""

    finding: str = ""
    seen: float | None = None
    seconds: dict[str, float | None] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        """Whether every channel was told."""
        return bool(self.seconds) and None not in self.seconds.values()

    @property
    def slowest(self) -> float | None:
        """Seconds of the last channel, where all were told."""
        return max((one for one in self.seconds.values() if one is not None), default=None) if self.complete else None


def wait_for(canary: Canary, waiting: Waiting) -> Arrival:
    """Wait for the alert: with the daemon that holds the lease, else by passes of our own."""
    tower, end = waiting.tower, time.monotonic() + waiting.limit
    ours = _take_lease(tower)
    try:
        while True:
            ours = ours and _pass(tower, max(1.0, end - time.monotonic()))
            arrival, settled = look(canary, waiting)
            left = end - time.monotonic()
            if settled or left <= 0:
                return arrival
            time.sleep(min(_PAUSE if ours else _POLL, left))
    finally:
        if ours:
            tower.store.release_lease(utc_now())


def _pass(tower: Watchtower, seconds: float) -> bool:
    """One pass; False when a daemon has taken over meanwhile: then it is waited for."""
    try:
        one_pass(tower, Limits(seconds=seconds))
    except Refused as error:
        if error.code != "lease-lost":
            raise
        return False
    return True


def look(canary: Canary, waiting: Waiting) -> tuple[Arrival, bool]:
    """What is known by now, and whether nothing more is to come."""
    arrival = Arrival(seconds=dict.fromkeys(canary.channels))
    found = _found(canary, waiting)
    if found is None:
        return arrival, False
    arrival.finding, arrival.seen = found.finding.id, _since(canary, found.finding.seen_at)
    rows = _rows(canary, waiting, found)
    for channel, row in rows.items():
        if row.state == "sent" and row.done_at is not None:
            arrival.seconds[channel] = _since(canary, row.done_at)
        elif row.last_error:
            arrival.errors[channel] = row.last_error
    states = [row.state for row in rows.values()]
    return arrival, len(states) == len(canary.channels) and all(state in _OVER for state in states)


def _found(canary: Canary, waiting: Waiting) -> StoredFinding | None:
    mine = [
        one
        for one in waiting.tower.store.findings(FindingFilter(after=waiting.after))
        if one.finding.watch in canary.watches and one.finding.facts.get("leaf_hash") == canary.leaf_hash.hex()
    ]
    told = [one for one in mine if waiting.tower.routes.of(one.finding)]
    return next(iter(told or mine), None)


def _rows(canary: Canary, waiting: Waiting, found: StoredFinding) -> Mapping[str, OutboxRow]:
    """The message about the canary by channel: the first one that was sent, or is to be sent, after it was logged."""
    rows: dict[str, OutboxRow] = {}
    for row in waiting.tower.store.outbox(incident=found.incident):
        late = row.done_at is None or row.done_at >= canary.logged_at
        if row.channel in canary.channels and late:
            rows.setdefault(row.channel, row)
    return rows


def _since(canary: Canary, at: datetime) -> float:
    return max(0.0, (at - canary.logged_at).total_seconds())


def _take_lease(tower: Watchtower) -> bool:
    try:
        tower.store.acquire_lease(utc_now())
    except Refused as error:
        if error.code != "lease-held":
            raise
        return False
    return True
