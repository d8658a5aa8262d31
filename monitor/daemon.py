"""How does watching go on for months? Scheduled jobs, signals, lease, health pages, and an orderly end.

The daemon knows nothing about logs or channels: the command line gives it a `Plan` of jobs, and a new one when asked to
reload. Scheduling in memory: a restart begins with one pass of everything.
"""

import logging
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import FrameType
from typing import Protocol

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.interval import IntervalTrigger

from monitor.jobs import Guard, Job, Ledger, trigger_at, was_missed
from monitor.systemd import Notifier
from monitor.web import Page, Pages, Web, json_page
from verifier.errors import Refused, SigwardenError

log = logging.getLogger(__name__)

RENEW_EVERY = 20.0
"""Seconds; a lease lasts three times as long."""
JUMP = 5.0
"""Seconds by which wall clock and monotonic clock may part between two looks before we call it a jump."""
_LOOK_EVERY = 0.5
_HUNG_AFTER = 60.0
_MOST_THREADS = 64
_RELOAD = "reload"


@dataclass(frozen=True, slots=True)
class Plan:
    """What to run. `pages` are added to /healthz; `close` frees what the jobs use, once none of them runs any more.

    `grace` is how long running jobs may take to end after SIGTERM.
    """

    jobs: tuple[Job, ...]
    listen: str = ""
    pages: Pages = field(default_factory=dict)
    close: Callable[[], None] = lambda: None
    grace: timedelta = timedelta(seconds=20)


class Leased(Protocol):
    """The right to be the one daemon on a database (the store has these methods)."""

    def renew_lease(self, now: datetime) -> None:
        """Keep it; Refused(lease-lost) when another one has it."""

    def release_lease(self, now: datetime) -> None:
        """Let the next one in at once."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How it ended. `abandoned` jobs still ran when the grace time was over: the process should exit without them."""

    abandoned: tuple[str, ...] = ()


class Daemon:
    """Runs a plan until SIGTERM, SIGINT or `stop`."""

    def __init__(
        self,
        plan: Plan,
        reload: Callable[[], Plan],
        lease: Leased,
        *,
        stop: threading.Event | None = None,
        notifier: Notifier | None = None,
        ledger: Ledger | None = None,
    ) -> None:
        """`reload` builds a new plan or raises, which keeps the old one; `stop` is set when jobs should end."""
        self.ledger = ledger or Ledger()
        self.stop = stop or threading.Event()
        self._plan = plan
        self._reload = reload
        self._lease = lease
        self._notifier = notifier or Notifier(None)
        self._asked_to_reload = threading.Event()
        self._lost: SigwardenError | None = None
        self._looked = time.monotonic()
        self._renewed = time.monotonic()
        self._offset = time.time() - time.monotonic()
        self._scheduler = BackgroundScheduler(
            timezone=UTC,
            executors={"default": ThreadPoolExecutor(_MOST_THREADS)},
            # One pass after a suspend of twelve hours, not 144; however late, never skipped; never two at a time.
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )
        self._web: Web | None = None
        self._guards: list[Guard] = []

    def run(self) -> Ending:
        """Work until asked to stop. Raises Refused(lease-lost) when another daemon took over."""
        with _signals(self.stop, self._asked_to_reload):
            self._web = self._open_web(self._plan)
            self._add_jobs(self._plan)
            self._scheduler.start()
            self._notifier.ready(f"watching, {len(self._plan.jobs)} jobs")
            log.info("watching", extra={"jobs": len(self._plan.jobs)})
            while not self.stop.wait(_LOOK_EVERY):
                self.look()
            ending = self._end()
        if self._lost is not None:
            raise self._lost
        return ending

    def look(self) -> None:
        """What the main thread does between jobs: lease, clock, reload, watchdog."""
        before, self._looked = self._looked, time.monotonic()
        if self._looked - self._renewed >= RENEW_EVERY:
            self._renew()
        self._watch_clock()
        if self._asked_to_reload.is_set():
            self._asked_to_reload.clear()
            self.reload()
        seconds = self._notifier.watchdog_seconds
        if seconds and int(before / seconds) != int(self._looked / seconds) and self._scheduler.running:
            self._notifier.alive()

    def reload(self) -> bool:
        """Swap the plan for a new one; one with an error leaves the old one, and shows until it is mended."""
        self._notifier.reloading()
        try:
            new = self._reload()
            web = self._open_web(new)
        except SigwardenError as error:
            log.error("the configuration was not reloaded, the old one stays: %s", error)  # noqa: TRY400 - no trace
            self.ledger.note(_RELOAD, f"the configuration was not reloaded: {error}")
            self._notifier.ready("watching with the old configuration: the new one has an error")
            return False
        old, self._plan = self._plan, new
        if web is not self._web and self._web is not None:
            self._web.stop()
        self._web = web
        self._scheduler.remove_all_jobs()
        for guard in self._guards:
            guard.retire()
        self.ledger.forget(frozenset(job.name for job in new.jobs))
        self._add_jobs(new)
        threading.Thread(target=self._retire, args=(old,), name="retire", daemon=True).start()
        self._notifier.ready(f"watching, {len(new.jobs)} jobs")
        log.info("reloaded", extra={"jobs": len(new.jobs)})
        return True

    def alive(self) -> Page:
        """/healthz: whether we are at work at all; whether we see is /readyz."""
        idle = time.monotonic() - self._looked
        is_alive = self._scheduler.running and idle < _HUNG_AFTER and not self.stop.is_set()
        return json_page(200 if is_alive else 503, {"alive": is_alive, "seconds_since_last_look": round(idle, 1)})

    def _add_jobs(self, plan: Plan) -> None:
        now = datetime.now(UTC)
        self._guards = [Guard(job, self.ledger) for job in plan.jobs]
        for job, guard in zip(plan.jobs, self._guards, strict=True):
            trigger = trigger_at(job.at) if job.at else IntervalTrigger(seconds=_seconds(job), timezone=UTC)
            first = {"next_run_time": now + job.first_after} if not job.at or was_missed(job, now) else {}
            self._scheduler.add_job(guard, trigger, id=job.name, name=job.name, **first)

    def _open_web(self, plan: Plan) -> Web | None:
        """A server for the plan's address: the one that runs, if the address is the same."""
        if not plan.listen:
            return None
        if self._web is not None and plan.listen == self._plan.listen:
            return self._web
        web = Web(plan.listen, self.page)
        web.start()
        return web

    def page(self, path: str) -> Callable[[], Page] | None:
        """The page at `path` of the plan in force."""
        return self.alive if path == "/healthz" else self._plan.pages.get(path)

    def _renew(self) -> None:
        try:
            self._lease.renew_lease(datetime.now(UTC))
            self._renewed = time.monotonic()
        except Refused as error:
            self._lost = error
            self.stop.set()
        except SigwardenError as error:  # a full disk is told by the health job; the lease outlives it for a while
            log.warning("the lease was not renewed: %s", error)

    def _watch_clock(self) -> None:
        """After a jump of the wall clock, or a suspend, everything is due now: the scheduler counts in wall time."""
        offset = time.time() - time.monotonic()
        jumped, self._offset = offset - self._offset, offset
        if abs(jumped) < JUMP:
            return
        log.warning("the clock jumped by %.0f s; all jobs run now", jumped)
        now = datetime.now(UTC)
        for scheduled in self._scheduler.get_jobs():
            interval = isinstance(scheduled.trigger, IntervalTrigger)
            scheduled.modify(next_run_time=now if interval else scheduled.trigger.get_next_fire_time(None, now))

    def _end(self) -> Ending:
        self._notifier.stopping("finishing what runs")
        log.info("stopping", extra={"running": ", ".join(self.ledger.running)})
        self._scheduler.pause()
        self._scheduler.remove_all_jobs()
        is_idle = self.ledger.wait_until_idle(self._plan.grace.total_seconds())
        self._scheduler.shutdown(wait=is_idle)
        if self._web is not None:
            self._web.stop()
        if not is_idle:
            abandoned = self.ledger.running
            log.error("ending without %s: not finished within the grace time", ", ".join(abandoned))
            return Ending(abandoned)
        self._plan.close()
        if self._lost is None:
            self._give_back()
        return Ending()

    def _give_back(self) -> None:
        try:
            self._lease.release_lease(datetime.now(UTC))
        except SigwardenError as error:
            log.warning("the lease was not given back, it ends by itself: %s", error)

    def _retire(self, old: Plan) -> None:
        self.ledger.wait_until_idle(old.grace.total_seconds())
        old.close()


def _seconds(job: Job) -> float:
    if job.every is None:
        raise Refused(f"the job {job.name} has neither an interval nor a time", code="job-when")
    return max(0.05, job.every.total_seconds())


@contextmanager
def _signals(stop: threading.Event, reload: threading.Event) -> Iterator[None]:
    """SIGTERM and SIGINT stop, SIGHUP reloads; only where we are the main thread, and put back afterwards."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    actions = {signal.SIGTERM: stop, signal.SIGINT: stop, signal.SIGHUP: reload}

    def asked(number: int, _frame: FrameType | None) -> None:
        actions[signal.Signals(number)].set()

    before = {number: signal.signal(number, asked) for number in actions}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
