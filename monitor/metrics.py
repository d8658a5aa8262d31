"""What does Prometheus see? Read from the store and the HTTP counters when asked; no state of its own."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from monitor.display import visible
from monitor.health import Health
from monitor.store import HealthRow, LogRow, Store
from verifier.errors import SigwardenError

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_VERDICTS = ("OK", "OPERATIONAL", "DEGRADED", "SUSPECT", "TAMPER")
_USER = re.compile(r"://[^/@]*@")


@dataclass(frozen=True, slots=True)
class Requests:
    """What was asked of servers: requests by ``(host, status or cause)``, decoded bytes, repetitions."""

    by_outcome: Counter[tuple[str, str]] = field(default_factory=Counter)
    bytes: int = 0
    retries: int = 0


@dataclass(frozen=True, slots=True)
class Jobs:
    """The daemon's jobs: failures so far and the last success (seconds since the epoch) by name."""

    failures: Counter[str] = field(default_factory=Counter)
    last_success: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sources:
    """Where the numbers come from."""

    store: Store
    health: Callable[[], Health]
    requests: Callable[[], Requests] = Requests
    jobs: Callable[[], Jobs] = Jobs
    version: str = ""


def render_metrics(sources: Sources) -> bytes:
    """The page of ``/metrics``. A store that cannot be read leaves what is known without it, and says so."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Now(sources))
    return generate_latest(registry)


class _Now(Collector):
    """Collects once."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources

    def collect(self) -> Iterable[Metric]:
        """All families."""
        health = self._sources.health()
        yield _gauge("build_info", "The program that is running", ["version"], [((self._sources.version,), 1)])
        yield _gauge("healthy", "1 while every check is well and the heartbeat is sent", [], [((), health.ok)])
        checks = [((check.subject, check.name), check.ok) for check in health.checks]
        yield _gauge("check_ok", "One check of our own health", ["subject", "name"], checks)
        yield from _from_process(self._sources)
        try:
            yield from list(_from_store(self._sources.store, health.at))
        except SigwardenError:
            yield _gauge("store_readable", "Whether our own state could be read", [], [((), False)])


def _from_process(sources: Sources) -> Iterator[Metric]:
    requests = sources.requests()
    rows = [
        ((_USER.sub("://", host), outcome), count) for (host, outcome), count in sorted(requests.by_outcome.items())
    ]
    yield _counter("http_requests", "Requests by host and status, or cause of failure", ["host", "status"], rows)
    yield _counter("http_bytes", "Bytes read, after decompression", [], [((), requests.bytes)])
    yield _counter("http_retries", "Requests repeated", [], [((), requests.retries)])
    jobs = sources.jobs()
    yield _counter("job_failures", "Jobs that ended in an error", ["job"], _named(jobs.failures))
    yield _gauge("job_last_success_seconds", "When a job last ended well", ["job"], _named(jobs.last_success))


def _from_store(store: Store, now: datetime) -> Iterator[Metric]:
    yield _gauge("store_readable", "Whether our own state could be read", [], [((), True)])
    logs = [(log, store.health(log.origin)) for log in store.logs()]
    for name, says, value in _OF_A_LOG:
        rows = [((log.origin,), number) for log, row in logs if (number := value(log, row, now)) is not None]
        yield _gauge(name, says, ["log"], rows)
    verdicts = [
        ((log.origin, verdict), row.verdict == verdict) for log, row in logs if row is not None for verdict in _VERDICTS
    ]
    yield _gauge("log_verdict", "1 for the verdict of the last pass", ["log", "verdict"], verdicts)
    unread: Counter[tuple[str, str]] = Counter()
    for log, _ in logs:
        for span in log.timeline.spans:
            unread[log.origin, span.verdict] += span.end - span.start
    yield _gauge("log_entries", "Entries that are proven, pending or a gap", ["log", "state"], sorted(unread.items()))
    matches: Counter[tuple[str, str]] = Counter()
    for _day, watch, kind, count in store.counters():
        matches[watch, kind] += count
    yield _counter("findings", "Findings by watch and kind", ["watch", "kind"], sorted(matches.items()))
    depth = sorted(store.outbox_depth().items())
    yield _gauge("outbox_messages", "Messages to people by channel and state", ["channel", "state"], depth)
    severities: Counter[str] = Counter(incident.severity for incident in store.incidents(state="open"))
    yield _gauge("incidents_open", "Incidents that nobody acknowledged", ["severity"], _named(severities))


Value = Callable[[LogRow, HealthRow | None, datetime], float | None]


def _lag(log: LogRow, row: HealthRow | None) -> float | None:
    return None if row is None else max(0, row.head_size - log.timeline.proven_to)


def _behind(log: LogRow, row: HealthRow | None, now: datetime) -> float | None:
    if row is None or row.last_ok is None:
        return None
    is_level = row.verdict == "OK" and not _lag(log, row)
    return 0.0 if is_level else _since(row.last_ok, now)


def _head_age(_log: LogRow, row: HealthRow | None, now: datetime) -> float | None:
    return None if row is None else _since(row.head_time, now)


def _last_look(_log: LogRow, row: HealthRow | None, now: datetime) -> float | None:
    return None if row is None else _since(row.last_tick, now)


def _since(at: datetime | None, now: datetime) -> float | None:
    return None if at is None else max(0.0, (now - at).total_seconds())


_OF_A_LOG: tuple[tuple[str, str, Value], ...] = (
    ("log_size", "Size of the newest signed head", lambda _log, row, _now: row.head_size if row else None),
    ("log_proven_size", "Size up to which all is read and proven", lambda log, _row, _now: log.timeline.proven_to),
    ("log_lag_entries", "Entries below the newest head that are not proven", lambda log, row, _now: _lag(log, row)),
    ("log_lag_seconds", "Time since everything was proven up to the head", _behind),
    ("log_head_age_seconds", "Age of the newest head", _head_age),
    ("log_last_look_seconds", "Time since the log was last looked at", _last_look),
    ("log_failures", "Passes with trouble in a row", lambda _log, row, _now: row.failures if row else None),
)


def _named(values: Mapping[str, float]) -> list[tuple[tuple[str, ...], float]]:
    return [((name,), value) for name, value in sorted(values.items())]


def _gauge(name: str, says: str, labels: list[str], rows: Iterable[tuple[tuple[str, ...], float]]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(f"sigwarden_{name}", says, labels=labels)
    for values, number in rows:
        family.add_metric([visible(value) for value in values], float(number))
    return family


def _counter(
    name: str, says: str, labels: list[str], rows: Iterable[tuple[tuple[str, ...], float]]
) -> CounterMetricFamily:
    family = CounterMetricFamily(f"sigwarden_{name}", says, labels=labels)
    for values, number in rows:
        family.add_metric([visible(value) for value in values], float(number))
    return family
