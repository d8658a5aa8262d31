"""A store with one healthy log, for tests of health and pages."""

from datetime import datetime, timedelta
from pathlib import Path

from monitor.logs.log import LogSpec
from monitor.store import HealthRow, NewLog, Store
from monitor.timeline import Timeline
from tests.unit.monitor.told import LOG, NOW
from verifier.merkle import EMPTY_ROOT, Frontier, Tree


def store_with_log(where: Path, origin: str = LOG) -> Store:
    """A new store that follows one log."""
    store = Store(where, create=True)
    store.bootstrap(NOW)
    timeline = Timeline.starting_at(Tree(0, EMPTY_ROOT), Frontier.empty(), "")
    store.add_log(NewLog(LogSpec("rekor-v2", origin, "https://log.test"), "public v2", timeline, None), NOW)
    tick(store, NOW, origin)
    return store


def tick(store: Store, at: datetime, origin: str = LOG, *, verdict: str = "OK", size: int = 0, proven: int = 0) -> None:
    """One pass over the log ended."""
    before = store.health(origin)
    last_ok = at if verdict == "OK" else before.last_ok if before else None
    error = "" if verdict == "OK" else "no answer in time"
    grown = at - timedelta(seconds=1)
    store.end_tick(HealthRow(origin, verdict, at, last_ok, grown, at, size, proven, 0, error), error, ())
