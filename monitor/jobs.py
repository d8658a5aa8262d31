"""What is done again and again, and what happens when one of these things fails?

An error in one job is that job's only: it is counted, shown as a failed health check, and tried again later and later;
the others go on. Delays are measured on the monotonic clock.
"""

import logging
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from apscheduler.triggers.cron import CronTrigger

from monitor.metrics import Jobs
from monitor.secrets import Redactor
from verifier.errors import Refused, SigwardenError

log = logging.getLogger(__name__)

_AT = re.compile(r"(?:(Mon|Tue|Wed|Thu|Fri|Sat|Sun) )?([01]\d|2[0-3]):([0-5]\d)(?: UTC)?\Z")
_FIRST_DELAY = 5.0


@dataclass(frozen=True, slots=True)
class Job:
    """Something to run `every` so often, or `at` times like ``Mon 07:00`` or ``07:00`` (UTC).

    `last` is when an `at` job ran before this process: one that was missed meanwhile runs at once. After errors it
    waits longer each time, up to `longest_delay`. The first run is `first_after` the start.
    """

    name: str
    run: Callable[[], None]
    every: timedelta | None = None
    at: str = ""
    last: datetime | None = None
    longest_delay: timedelta = timedelta(minutes=15)
    first_after: timedelta = timedelta()


def trigger_at(at: str) -> CronTrigger:
    """The trigger of a time of the day, or of a day of the week; Refused for anything else."""
    found = _AT.match(at)
    if not found:
        raise Refused(
            f"'{at}' is not a time for a report", code="report-at", hint='write "Mon 07:00" or "07:00", in UTC'
        )
    day, hour, minute = found.groups()
    return CronTrigger(day_of_week=day.lower() if day else None, hour=int(hour), minute=int(minute), timezone=UTC)


def was_missed(job: Job, now: datetime) -> bool:
    """Whether an `at` job should have run since `last`."""
    if not job.at or job.last is None:
        return False
    due = trigger_at(job.at).get_next_fire_time(None, job.last)
    return due is not None and due <= now


class Ledger:
    """Which jobs run now, which failed, and how often. Shared by all guards of a daemon; thread-safe."""

    def __init__(self, redact: Redactor | None = None, clock: Callable[[], float] = time.time) -> None:
        self._lock = threading.Condition()
        self._redact = redact or Redactor()
        self._clock = clock
        self._running: Counter[str] = Counter()
        self._failures: Counter[str] = Counter()
        self._last_success: dict[str, float] = {}
        self._errors: dict[str, str] = {}
        self._known: frozenset[str] | None = None

    def began(self, name: str) -> None:
        """A run begins."""
        with self._lock:
            self._running[name] += 1

    def ended(self, name: str, error: str = "") -> None:
        """A run ended, well if there is no `error`."""
        with self._lock:
            self._running[name] -= 1
            if self._known is None or name in self._known:
                self.note(name, error)
            if error:
                self._failures[name] += 1
            else:
                self._last_success[name] = self._clock()
            self._lock.notify_all()

    def note(self, name: str, error: str) -> None:
        """Something is out of order until it is noted as well again."""
        self._errors[name] = self._redact(error)

    def forget(self, keep: frozenset[str]) -> None:
        """Drop jobs that are no more, and what the last of their runs will say."""
        with self._lock:
            self._known = keep
            self._errors = {name: error for name, error in self._errors.items() if name in keep}

    @property
    def running(self) -> tuple[str, ...]:
        """Names of the jobs that run now."""
        with self._lock:
            return tuple(sorted(name for name, count in self._running.items() if count > 0))

    @property
    def errors(self) -> Mapping[str, str]:
        """Job to the error of its last run, empty where it ended well."""
        with self._lock:
            return dict(self._errors)

    def jobs(self) -> Jobs:
        """For the metrics."""
        with self._lock:
            return Jobs(Counter(self._failures), dict(self._last_success))

    def wait_until_idle(self, seconds: float) -> bool:
        """Wait for running jobs to end; False if some still run."""
        with self._lock:
            return self._lock.wait_for(lambda: not any(self._running.values()), timeout=seconds)


class Guard:
    """One job with its fault handling: what the scheduler calls."""

    def __init__(self, job: Job, ledger: Ledger, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._job = job
        self._ledger = ledger
        self._monotonic = monotonic
        self._failures = 0
        self._not_before = 0.0
        self._is_retired = False

    def retire(self) -> None:
        """Begin no run any more: what the job uses is about to be closed."""
        self._is_retired = True

    def __call__(self) -> None:
        """Run, unless retired or the last error was too short a time ago. Raises nothing."""
        if self._is_retired or self._monotonic() < self._not_before:
            return
        self._ledger.began(self._job.name)
        error = ""
        try:
            self._job.run()
            self._failures = 0
        except SigwardenError as fault:
            error = str(fault)
            log.warning("%s failed: %s", self._job.name, error)
        except Exception as fault:  # row 84: one job's bug is that job's only
            error = f"an error of our own: {type(fault).__name__}"
            log.exception("%s failed", self._job.name)
        finally:
            if error:
                self._put_off()
            self._ledger.ended(self._job.name, error)

    def _put_off(self) -> None:
        self._failures += 1
        first = self._job.every.total_seconds() if self._job.every else _FIRST_DELAY
        delay = min(self._job.longest_delay.total_seconds(), first * 2.0 ** min(self._failures - 1, 20))
        self._not_before = self._monotonic() + delay * 0.9  # the scheduler's own interval comes on top
