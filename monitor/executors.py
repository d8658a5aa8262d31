"""Where do scans run: in this process, or in several?

A worker fetches *and* scans its range: half a megabyte a bundle through a pipe would eat the gain.
"""

import multiprocessing
import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import pairwise
from threading import Lock

from monitor.logs.log import Leaves, Log, LogSpec
from monitor.match import Matcher
from monitor.scan import ScanResult, scan_leaves
from monitor.scan_jobs import Failure, ScanJob, ScanOutcome
from monitor.watch import Watch
from verifier.errors import SigwardenError, Unreachable
from verifier.fetch.http import Http, HttpPolicy

BLOCK = 256
"""Scans end at multiples of this: one stored subtree hash for each."""

OpenLog = Callable[[LogSpec, Http], Log]


def run_job(job: ScanJob, log: Log, matcher: Matcher) -> ScanOutcome:
    """Fetch and scan one job. What comes before a fault counts; the job of the outcome is then what failed."""
    scans: list[ScanResult] = []
    at = job.start
    try:
        for leaves in log.runs(job.start, job.end, job.size):
            scans += _scan(leaves, matcher, job.spec)
            at = leaves.end
    except SigwardenError as error:
        failed = replace(job, start=at, end=min((at // BLOCK + 1) * BLOCK, job.end))
        return ScanOutcome(failed, tuple(scans), Failure.of(error))
    return ScanOutcome(job, tuple(scans))


def _scan(leaves: Leaves, matcher: Matcher, spec: LogSpec) -> Iterator[ScanResult]:
    for start, end in pairwise(_borders(leaves.start, leaves.end)):
        low, high = start - leaves.start, end - leaves.start
        yield scan_leaves(Leaves(start, leaves.data[low:high], leaves.extra[low:high]), matcher, spec.kind)


def _borders(start: int, end: int) -> list[int]:
    return [start, *range((start // BLOCK + 1) * BLOCK, end, BLOCK), end]


class InProcess:
    """Scans in threads of this process: fetching overlaps with hashing."""

    def __init__(self, http: Http, watches: Sequence[Watch], open_log: OpenLog, *, threads: int = 2) -> None:
        self.depth = threads + 2
        self._http = http
        self._open = open_log
        self._matcher = Matcher(watches)
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="scan")

    def submit(self, job: ScanJob) -> Future[ScanOutcome]:
        """Run it in a thread."""
        return self._pool.submit(run_job, job, self._open(job.spec, self._http), self._matcher)

    def use(self, watches: Sequence[Watch]) -> None:
        """Other watches from the next job on."""
        self._matcher = Matcher(watches)

    def close(self) -> None:
        """End the threads."""
        self._pool.shutdown(wait=True, cancel_futures=True)


class Processes:
    """Scans in worker processes, each with its own connections. `policy.ceiling` is shared out among them."""

    def __init__(self, workers: int, policy: HttpPolicy, watches: Sequence[Watch], open_log: OpenLog) -> None:
        """`open_log` is a function of a module: workers import it by name."""
        self.depth = 4 * workers  # what waits is only hits: while one batch is judged and written, workers go on
        self._workers = workers
        share = max(1, policy.ceiling // workers)
        rate = policy.requests_per_second
        self._policy = replace(policy, ceiling=share, requests_per_second=None if rate is None else rate / workers)
        self._watches = tuple(watches)
        self._open = open_log
        self._lock = Lock()
        self._pool = self._start()

    def submit(self, job: ScanJob) -> Future[ScanOutcome]:
        """Run it in the next free worker; a pool that lost a worker is replaced first."""
        with self._lock:
            try:
                return self._pool.submit(_run_in_worker, job)
            except BrokenProcessPool:
                self._pool.shutdown(wait=False, cancel_futures=True)
                self._pool = self._start()
                return self._pool.submit(_run_in_worker, job)

    def warm(self) -> None:
        """Start every worker now, not with its first job."""
        for future in [self._pool.submit(_pause) for _ in range(self._workers)]:
            future.result()

    def use(self, watches: Sequence[Watch]) -> None:
        """Other watches: sent once to each worker, when it starts."""
        with self._lock:
            old, self._watches = self._pool, tuple(watches)
            self._pool = self._start()
        old.shutdown(wait=True)

    def close(self) -> None:
        """End the workers."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _start(self) -> ProcessPoolExecutor:
        # Forking a process with threads is not safe, and a spawned worker holds nothing that it does not need.
        context = multiprocessing.get_context("spawn")
        # The threads of a worker take turns: one heap serves them as well as one each, in ten megabytes less.
        os.environ.setdefault("MALLOC_ARENA_MAX", "1")
        arguments = (self._policy, self._watches, self._open)
        return ProcessPoolExecutor(self._workers, context, initializer=_start_worker, initargs=arguments)


@dataclass(slots=True)
class _Worker:
    """What a worker process keeps between jobs."""

    http: Http
    matcher: Matcher
    open_log: OpenLog
    logs: dict[LogSpec, Log]


_worker: list[_Worker] = []


def _start_worker(policy: HttpPolicy, watches: Sequence[Watch], open_log: OpenLog) -> None:
    _worker[:] = [_Worker(Http(policy), Matcher(watches), open_log, {})]


def _pause() -> None:
    """Long enough that the pool starts another worker for the next one."""
    time.sleep(0.2)


def _run_in_worker(job: ScanJob) -> ScanOutcome:
    worker = _worker[0]
    if job.spec not in worker.logs:
        worker.logs[job.spec] = worker.open_log(job.spec, worker.http)
    return run_job(job, worker.logs[job.spec], worker.matcher)


def outcome_of(future: Future[ScanOutcome], job: ScanJob) -> ScanOutcome:
    """What a future holds; a worker that died (memory, a signal) is a failure of its job."""
    with suppress(BrokenProcessPool):
        return future.result()
    error = Unreachable(
        "a worker process ended while it scanned",
        code="worker-died",
        cause="protocol",
        hint="look for the out-of-memory killer; fewer workers need less memory",
    )
    return ScanOutcome(job, (), Failure.of(error))
