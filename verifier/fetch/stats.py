"""What did we ask for, how often, and whose clock is wrong?"""

import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from verifier.fetch.retry import http_date

_SKEW_EVERY = 15.0
"""Seconds between two looks at a host's Date header: reading one costs as much as a small request."""


@dataclass(frozen=True, slots=True)
class Counts:
    """A picture of the counters; picklable, and what two processes counted can be added."""

    requests: Counter[tuple[str, str]]
    bytes: int
    retries: int
    date_skew: dict[str, float]

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(
            self.requests + other.requests,
            self.bytes + other.bytes,
            self.retries + other.retries,
            {**self.date_skew, **other.date_skew},
        )


class Stats:
    """Counters of one client. `requests` counts by ``(scheme://host:port, status or cause)``.

    `date_skew` is seconds by which a host's clock is ahead of ours (its Date header has whole seconds).
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self.requests: Counter[tuple[str, str]] = Counter()
        self.bytes = 0
        self.retries = 0
        self.date_skew: dict[str, float] = {}
        self._clock = clock
        self._looked: dict[str, float] = {}
        self._lock = threading.Lock()

    def counted(self, host: str, outcome: int | str) -> None:
        """One request ended with a status, or failed for a cause."""
        with self._lock:
            self.requests[host, str(outcome)] += 1

    def answered(self, host: str, date: str | None, size: int) -> None:
        """An answer of `size` decoded bytes came, with this Date header."""
        now = self._clock()
        with self._lock:
            self.bytes += size
            if date is None or abs(now - self._looked.get(host, 0.0)) < _SKEW_EVERY:
                return
            self._looked[host] = now
        moment = http_date(date)
        if moment is not None:
            self.date_skew[host] = moment.timestamp() - now

    def retried(self) -> None:
        """A request is repeated."""
        with self._lock:
            self.retries += 1

    def counts(self) -> Counts:
        """A picture of the counters now."""
        with self._lock:
            return Counts(Counter(self.requests), self.bytes, self.retries, dict(self.date_skew))
