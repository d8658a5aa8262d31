"""What does ``monitor run`` run? Polls, delivery, health, trust, reports: the plan of the daemon, and its reload."""

import logging
import os
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from cli.config_file import LoadedConfig, load_config
from cli.logs import load_trust
from cli.parts import open_store
from cli.passing import freshness_of, make_duties
from cli.reports import report_jobs
from cli.rules import note_changes
from cli.version import VERSION
from cli.watchtower import Watchtower, build, utc_now
from monitor.daemon import Daemon, Ending, Plan
from monitor.duties import Sight
from monitor.follow import tick_service
from monitor.jobs import Job, Ledger
from monitor.logging import configure
from monitor.logs.log import Service
from monitor.machinery import Limits, Machinery
from monitor.metrics import Requests, Sources
from monitor.store import Store
from monitor.systemd import Notifier
from verifier.errors import SigwardenError

log = logging.getLogger(__name__)

_DELIVER_EVERY = timedelta(seconds=2)
_CHECK_EVERY = timedelta(seconds=30)
_FIRST_CHECK = timedelta(seconds=3)
"""After the first look at each log, which usually takes less."""
_TRUST_EVERY = timedelta(hours=1)
_TICK_SECONDS = 300.0
"""A tick ends at a batch after this, so that heads, health and reloads have their turn during a long backlog."""


@dataclass(slots=True)
class _Run:
    """What lives as long as the process; a reload replaces the watchtower and keeps the rest."""

    path: Path
    store: Store
    ledger: Ledger
    stop: threading.Event
    listen: bool

    def plan(self, config: LoadedConfig) -> Plan:
        """The jobs of a configuration. Raises Refused for any fault in it, before anything is changed."""
        tower = build(config, self.store)
        try:
            return self._plan(config, tower)
        except SigwardenError:
            tower.close()
            raise

    def reload(self) -> Plan:
        """The plan of the file as it is now."""
        config = load_config(self.path)
        self.store.require_bootstrap(config.file.instance or "")
        return self.plan(config)

    def _plan(self, config: LoadedConfig, tower: Watchtower) -> Plan:
        sight = Sight(
            freshness_of(tower.followed),
            skew=lambda: tower.http.stats.counts().date_skew,
            job_errors=lambda: self.ledger.errors,
        )
        duties = make_duties(tower, sight)
        machinery = tower.machinery(Limits(seconds=_TICK_SECONDS), self.stop)
        polls = [
            Job(f"poll {one.service.name}", _poll(one.service, machinery, tower), every=one.every)
            for one in tower.followed
        ]
        others = [
            Job("deliver", lambda: _drop(duties.deliver()), every=_DELIVER_EVERY),
            Job("check", lambda: _drop(duties.check()), every=_CHECK_EVERY, first_after=_FIRST_CHECK),
            Job("trust", lambda: _reread_trust(config, tower), every=_TRUST_EVERY),
            *report_jobs(config, self.store, tower.channels),
        ]
        sources = Sources(
            self.store,
            duties.health,
            requests=lambda: _requests(tower),
            jobs=self.ledger.jobs,
            version=VERSION,
        )
        configure(config.file.daemon.log_format, tower.redact)
        note_changes(tower)
        return Plan(
            jobs=(*polls, *others),
            listen=config.file.daemon.listen if self.listen else "",
            pages=duties.pages(sources),
            close=tower.close,
            grace=config.file.daemon.grace,
        )


def run_daemon(path: Path, *, listen: bool = True) -> Ending:
    """Run until SIGTERM. Raises Refused when it cannot start, or another daemon took over."""
    config = load_config(path)
    environment = os.environ
    with open_store(config) as store:
        store.acquire_lease(utc_now())
        run = _Run(path, store, Ledger(), threading.Event(), listen)
        notifier = Notifier(environment.get("NOTIFY_SOCKET"), environment.get("WATCHDOG_USEC"))
        try:
            plan = run.plan(config)
        except SigwardenError:
            store.release_lease(utc_now())
            raise
        return Daemon(plan, run.reload, store, stop=run.stop, notifier=notifier, ledger=run.ledger).run()


def _poll(service: Service, machinery: Machinery, tower: Watchtower) -> Callable[[], None]:
    def poll() -> None:
        for tick in tick_service(service, machinery):
            if tick.unsaved:
                tower.deliverer.tell_unsaved(tick.unsaved, utc_now())
            level = logging.INFO if tick.verdict == "OK" else logging.WARNING
            if tick.read or tick.verdict != "OK":
                facts = {"verdict": tick.verdict, "size": tick.size, "proven": tick.proven_to, "read": tick.read}
                log.log(level, "%s %s", tick.origin, tick.message or "followed", extra=facts)

    return poll


def _reread_trust(config: LoadedConfig, tower: Watchtower) -> None:
    """When a trust root says something else, everything is built anew with it: new keys, authorities and shards.

    A root that cannot be read leaves the old one in force, and fails this job.
    """
    if load_trust(config) != tower.trust:
        log.warning("a trust root has changed; building anew with it")
        os.kill(os.getpid(), signal.SIGHUP)


def _requests(tower: Watchtower) -> Requests:
    counts = tower.http.stats.counts()
    return Requests(counts.requests, counts.bytes, counts.retries)


def _drop(_result: object) -> None:
    """A job returns nothing."""
