"""How many requests may be in flight to one host right now?

Starts at one and doubles per round of answers; halves when the server says it has too much (429, 5xx), breaks off, or
answers slower and slower; grows by one per round after that. Never above the ceiling.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from verifier.errors import Unreachable

_SLOWER = 2.5
_SLOWER_BY = 0.03
"""A round is too slow when its median is over 2.5 times the fastest round's and 30 ms: less is noise."""

_CAREFUL_ROUND = 8
"""Answers that make a round at least, once there was trouble: recover slowly."""

Outcome = Literal["good", "full", "other"]
"""A good answer; the server has too much (429, 5xx, no answer in time, breaking off); a fault that says neither."""


@dataclass(slots=True)
class Pace:
    """The arithmetic, without threads: answers in, limit out. `latency` is in seconds to the first byte."""

    ceiling: int
    limit: int = 1
    troubled: bool = False
    _fastest: float = float("inf")
    _round: list[float] = field(default_factory=list)
    _peak: int = 0

    def started(self, in_flight: int) -> None:
        """A request left; `in_flight` counts it."""
        self._peak = max(self._peak, in_flight)

    def answered(self, latency: float) -> None:
        """A good answer came."""
        self._round.append(latency)
        if len(self._round) >= (max(self.limit, _CAREFUL_ROUND) if self.troubled else self.limit):
            self._end_round()

    def overloaded(self) -> None:
        """The server has too much."""
        self._shrink()

    def _end_round(self) -> None:
        median = sorted(self._round)[len(self._round) // 2]
        full = self._peak >= self.limit
        self._round.clear()
        self._peak = 0
        # one at a time nobody waits for us: that is what the server needs now, faster or slower than before
        self._fastest = median if self.limit == 1 else min(self._fastest, median)
        if median > self._fastest * _SLOWER + _SLOWER_BY:
            self._shrink()
        elif full:  # a limit that nobody used proves nothing about a higher one
            self.limit = min(self.ceiling, self.limit + 1 if self.troubled else self.limit * 2)

    def _shrink(self) -> None:
        self.limit = max(1, self.limit // 2)
        self.troubled = True
        self._round.clear()
        self._peak = 0


@dataclass(frozen=True, slots=True)
class Ticket:
    """The right to make one request; `cuts` is how often the limit had been cut when it was given."""

    cuts: int


class Gate:
    """Blocks threads so that no more requests are in flight than the pace allows; one per host."""

    def __init__(self, ceiling: int, clock: Callable[[], float], rate: float | None = None) -> None:
        self._pace = Pace(max(1, ceiling))
        self._clock = clock
        self._spacing = 1 / rate if rate else 0.0
        self._changed = threading.Condition()
        self._in_flight = 0
        self._cuts = 0
        self._not_before = 0.0
        self._closed = False

    @property
    def limit(self) -> int:
        """How many may be in flight now."""
        return self._pace.limit

    def enter(self, deadline: float) -> Ticket:
        """Waits for a free place, and for the end of a pause; Unreachable when that is after `deadline`."""
        with self._changed:
            while True:
                now = self._clock()
                if self._closed or now >= deadline or self._not_before >= deadline:
                    raise self._no_place(now)
                pause = self._not_before - now
                if pause <= 0 and self._in_flight < self._pace.limit:
                    break
                self._changed.wait(min(pause if pause > 0 else deadline - now, 1.0))
            self._not_before = max(self._not_before, now + self._spacing) if self._spacing else self._not_before
            self._in_flight += 1
            self._pace.started(self._in_flight)
            return Ticket(self._cuts)

    def leave(self, ticket: Ticket, outcome: Outcome, *, latency: float = 0.0, pause: float = 0.0) -> None:
        """Gives the place back. `latency` is that of a good answer; `pause` is what the server asked for."""
        with self._changed:
            self._in_flight -= 1
            limit = self._pace.limit
            news = ticket.cuts == self._cuts  # those that left before the last cut say nothing new
            if outcome == "good":
                self._pace.answered(latency)
            elif outcome == "full" and news:
                self._pace.overloaded()
            if news and (outcome == "full" or self._pace.limit < limit):
                self._cuts += 1
            if pause > 0:
                self._not_before = max(self._not_before, self._clock() + pause)
            self._changed.notify_all()

    def close(self) -> None:
        """Sends everybody home who waits."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _no_place(self, now: float) -> Unreachable:
        wait = max(0.0, self._not_before - now)
        if self._closed:
            return Unreachable("we are closing", cause="connect", code="closing")
        return Unreachable(
            "the server asked for a longer pause than this request may take",
            cause="status" if wait else "timeout",
            code="paused" if wait else "timeout",
            retry_after=wait or None,
        )
