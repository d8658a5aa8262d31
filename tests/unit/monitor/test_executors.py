"""Where scans run: in threads and in processes, and what a failure looks like from here."""

import os
from collections.abc import Iterator

import pytest

from monitor import executors
from monitor.executors import InProcess, Processes, outcome_of, run_job
from monitor.logs.log import Leaves, Log, LogSpec
from monitor.scan_jobs import Failure, ScanJob, requests_for
from tests.unit.monitor.fakes import FakeLog, Marked, fake_log, fake_scan
from verifier.errors import Malformed, Refused, SigwardenError, Unreachable, Untrue
from verifier.fetch.http import Http, HttpPolicy

SPEC = LogSpec("rekor-v2", "fake.test", "http://fake.test")
BODY = b'{"apiVersion":"9","kind":"other","spec":{}}'


class Plain:
    """A log of one kind of body; some leaves fail, and one kills whoever reads it."""

    batch = 256
    spec = SPEC

    def checkpoint(self) -> bytes:
        return b""

    def consistency(self, old: int, new: int) -> tuple[bytes, ...]:
        return ()

    def leaves(self, start: int, end: int, size: int) -> Leaves:
        if start <= 5000 < end:
            raise Untrue("leaf 5000 is withheld", code="withheld-entries", evidence={"indexes": "5000", "answer": b"x"})
        if start <= 9000 < end:
            os._exit(9)
        return Leaves(start, [BODY] * (end - start))

    def runs(self, start: int, end: int, size: int) -> Iterator[Leaves]:
        yield self.leaves(start, end, size)


def open_plain(_spec: LogSpec, _http: Http) -> Log:
    """By name, for workers."""
    return Plain()


@pytest.fixture(scope="module")
def processes() -> Iterator[Processes]:
    made = Processes(1, HttpPolicy(), (), open_plain)
    yield made
    made.close()


def test_a_job_is_cut_at_multiples_of_256(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(executors, "scan_leaves", fake_scan)
    log = fake_log(1000)
    outcome = run_job(ScanJob(SPEC, 100, 700, 1000), log, Marked())  # type: ignore[arg-type]
    assert [(s.range.start, s.range.end) for s in outcome.scans] == [(100, 256), (256, 512), (512, 700)]
    assert outcome.failure is None


def test_what_comes_before_a_fault_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(executors, "scan_leaves", fake_scan)
    log: FakeLog = fake_log(1000)
    log.withheld = {600}
    outcome = run_job(ScanJob(SPEC, 100, 900, 1000), log, Marked())  # type: ignore[arg-type]
    assert [s.range.end for s in outcome.scans] == [256, 512]
    assert (outcome.job.start, outcome.job.end) == (512, 768)
    assert outcome.failure is not None


def test_in_threads() -> None:
    with Http(HttpPolicy()) as http:
        made = InProcess(http, (), open_plain)
        outcome = outcome_of(made.submit(ScanJob(SPEC, 0, 512, 9999)), ScanJob(SPEC, 0, 512, 9999))
        assert sum(scan.count for scan in outcome.scans) == 512
        made.close()


def test_in_processes(processes: Processes) -> None:
    job = ScanJob(SPEC, 0, 512, 9999)
    outcome = outcome_of(processes.submit(job), job)
    assert [scan.count for scan in outcome.scans] == [256, 256]
    assert outcome.failure is None


def test_a_failure_crosses_processes_with_its_evidence(processes: Processes) -> None:
    job = ScanJob(SPEC, 4864, 5120, 9999)
    outcome = outcome_of(processes.submit(job), job)
    assert outcome.failure is not None
    error = outcome.failure.error()
    assert isinstance(error, Untrue)
    assert (error.code, dict(error.evidence)) == ("withheld-entries", {"indexes": "5000", "answer": b"x"})


def test_a_worker_that_dies_is_a_failure_and_is_replaced(processes: Processes) -> None:
    job = ScanJob(SPEC, 8960, 9216, 9999)
    outcome = outcome_of(processes.submit(job), job)
    assert outcome.failure is not None
    assert outcome.failure.code == "worker-died"
    job = ScanJob(SPEC, 0, 256, 9999)
    assert outcome_of(processes.submit(job), job).failure is None


@pytest.mark.parametrize(
    "error",
    [
        Malformed("m", code="a", evidence={"x": b"1"}),
        Untrue("u", code="b", hint="h"),
        Refused("r", code="c"),
        Unreachable("n", cause="status", status=503, code="status-503"),
    ],
)
def test_every_error_survives(error: SigwardenError) -> None:
    back = Failure.of(error).error()
    assert type(back) is type(error)
    assert (back.message, back.code, back.hint, dict(back.evidence)) == (
        error.message,
        error.code,
        error.hint,
        dict(error.evidence),
    )
    if isinstance(error, Unreachable) and isinstance(back, Unreachable):
        assert (back.cause, back.status) == (error.cause, error.status)


def test_requests() -> None:
    v1 = LogSpec("rekor-v1", "x", "y", 1)
    assert [requests_for(SPEC, *r) for r in ((0, 0), (0, 1), (0, 256), (255, 257), (0, 4096))] == [0, 1, 1, 2, 16]
    assert [requests_for(v1, *r) for r in ((0, 0), (0, 1), (0, 10), (5, 16))] == [0, 1, 1, 2]
