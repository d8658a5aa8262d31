"""What does a daemon do besides reading logs? It delivers what is owed, judges its own health, and says so outside."""

import logging
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from monitor.alerts.deliver import Deliverer
from monitor.alerts.outcome import DeliveryResult
from monitor.alerts.routes import Routes
from monitor.findings import Finding
from monitor.health import Check, Freshness, Health, check_clock, note_channels, read_health
from monitor.heartbeat import Heartbeat
from monitor.metrics import CONTENT_TYPE, Sources, render_metrics
from monitor.store import Batch, Store, Tell
from monitor.trouble import log_finding
from monitor.web import Page, Pages, json_page
from verifier.errors import SigwardenError

log = logging.getLogger(__name__)

PROBE_EVERY = timedelta(minutes=10)
"""A revoked token is found out so soon after, even if nothing is to be told."""

GROWING_FOR = timedelta(minutes=30)
GROWING_FROM = 1024
"""Entries behind: a lag that grows from more than this for so long is a backlog, not a burst."""


@dataclass(frozen=True, slots=True)
class Sight:
    """Where health comes from: freshness targets, clocks of servers (seconds by host), errors of jobs by name."""

    freshness: Freshness
    skew: Callable[[], Mapping[str, float]] = dict
    job_errors: Callable[[], Mapping[str, str]] = dict


class Duties:
    """The jobs `deliver` and `check` of a daemon, and its pages. `once` calls them one after the other."""

    def __init__(
        self,
        store: Store,
        deliverer: Deliverer,
        routes: Routes,
        sight: Sight,
        clock: Callable[[], datetime],
        heartbeat: Heartbeat | None = None,
    ) -> None:
        self._store = store
        self._deliverer = deliverer
        self._routes = routes
        self._sight = sight
        self._clock = clock
        self._heartbeat = heartbeat
        self._probed: datetime | None = None
        self._lags: dict[str, deque[tuple[datetime, int]]] = {}
        self._health: Health | None = None
        self._started = clock()

    def deliver(self) -> DeliveryResult:
        """Send what is owed. Where our own state is out of order, that is told without it."""
        now = self._clock()
        try:
            result = self._deliverer.deliver(self._clock)
            self._note_channels()
        except SigwardenError as error:
            self._tell_store_fault(error, now)
            raise
        return result

    def check(self) -> Health:
        """Judge our health, make findings of what is not well, and call the heartbeat if all is."""
        now = self._clock()
        if self._probed is None or abs(now - self._probed) >= PROBE_EVERY:
            self._probed = now
            self._probe(now)
        health = read_health(self._store, now, self._sight.freshness, skew=self._sight.skew(), write=True)
        errors = sorted(self._sight.job_errors().items())
        jobs = tuple(Check("job", name, not error, error) for name, error in errors)
        self._health = health = replace(health, checks=(*health.checks, *jobs))
        self._make_findings(health)
        if self._heartbeat is not None:
            self._heartbeat.beat(health)
        return health

    def health(self) -> Health:
        """The health of the last `check`; before the first one, as the store tells it."""
        return self._health or read_health(self._store, self._clock(), self._sight.freshness)

    def pages(self, sources: Sources) -> Pages:
        """/readyz and /metrics."""
        return {"/readyz": self._ready, "/metrics": lambda: Page(200, CONTENT_TYPE, render_metrics(sources))}

    def _ready(self) -> Page:
        health = self.health()
        checks = [{"subject": c.subject, "name": c.name, "ok": c.ok, "message": c.message} for c in health.checks]
        return json_page(200 if health.ok else 503, {"ok": health.ok, "at": health.at.isoformat(), "checks": checks})

    def _probe(self, now: datetime) -> None:
        try:
            self._deliverer.probe(now)
            self._note_channels()
        except SigwardenError as error:
            self._tell_store_fault(error, now)

    def _note_channels(self) -> None:
        errors = {name: state.error for name, state in self._deliverer.states.items()}
        note_channels(self._store, errors, self._clock())

    def _make_findings(self, health: Health) -> None:
        found = [*self._behind(health), *self._backlogs(health), *self._clock_finding(health)]
        if not found:
            return
        tells = tuple(Tell(one.id, channel) for one in found for channel in self._routes.of(one))
        try:
            self._store.commit_batch(Batch("", health.at, findings=tuple(found), tells=tells))
        except SigwardenError as error:
            self._deliverer.tell_unsaved(found, health.at)
            self._tell_store_fault(error, health.at)

    def _behind(self, health: Health) -> list[Finding]:
        """One finding for each time a log fell behind, named by its last good pass.

        A log that was not looked at since we started has until its freshness target before that is news.
        """
        targets = {log.origin: self._sight.freshness.of(log) for log in self._store.logs()}
        found = []
        for check in health.faults:
            if check.subject != "log":
                continue
            row = self._store.health(check.name)
            if row is not None and row.verdict in ("SUSPECT", "TAMPER"):
                continue
            unseen = row is None or row.last_tick < self._started
            if unseen and health.at - self._started <= targets.get(check.name, self._sight.freshness.default):
                continue
            since = row.last_ok.isoformat() if row and row.last_ok else "never"
            found.append(log_finding("behind", check.name, (since,), f"{check.name}: {check.message}", health.at))
        return found

    def _backlogs(self, health: Health) -> list[Finding]:
        """Row 64: a lag that keeps growing is told before it is beyond recovery."""
        found = []
        for check in health.checks:
            row = self._store.health(check.name) if check.subject == "log" else None
            if row is None:
                continue
            seen = self._lags.setdefault(check.name, deque())
            seen.append((health.at, max(0, row.head_size - row.proven_to)))
            while len(seen) > 2 and health.at - seen[1][0] >= GROWING_FOR:
                seen.popleft()
            (begin, first), (_, last) = seen[0], seen[-1]
            if (
                health.at - begin >= GROWING_FOR
                and first >= GROWING_FROM
                and last > first
                and _never_below(seen, first)
            ):
                message = f"{check.name}: {last} entries behind, {last - first} more than at {begin:%H:%MZ}"
                day = (health.at.date().isoformat(),)
                found.append(log_finding("backlog", check.name, day, message, health.at))
        return found

    def _clock_finding(self, health: Health) -> list[Finding]:
        check = check_clock(self._sight.skew())
        if check.ok:
            return []
        return [log_finding("clock-skew", "", (health.at.date().isoformat(),), check.message, health.at)]

    def _tell_store_fault(self, error: SigwardenError, now: datetime) -> None:
        kind = "state-tampered" if error.code == "state-tampered" else "store-fault"
        day = now.date().isoformat()
        self._deliverer.tell_unsaved([log_finding(kind, "", (error.code, day), str(error), now)], now)


def _never_below(seen: deque[tuple[datetime, int]], first: int) -> bool:
    """What is proven moves in jumps, from head to head: so a lag may fall a little, but not below where it began."""
    return all(lag >= first for _, lag in seen)
