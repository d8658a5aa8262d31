"""How do we get from where we stand to a signed head: fetched ahead, committed in order?"""

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field

from monitor.executors import BLOCK, outcome_of
from monitor.prefix import open_block
from monitor.scan import RawHit, ScanResult, Unreadable
from monitor.scan_jobs import PER_REQUEST, Failure, ScanJob, ScanOutcome, requests_for
from monitor.session import MOST_PATHS, Session
from monitor.timeline import Front
from monitor.trouble import Trouble, TroubleKind
from verifier.errors import Malformed, SigwardenError
from verifier.merkle import CompactRange, Frontier

_JOB_BLOCKS = {"rekor-v1": 5, "rekor-v2": 16}
"""Blocks of 256 leaves in one job: 1,280 leaves are 128 requests of ten on v1; 4,096 some 10 MB of bodies on v2."""


@dataclass(slots=True)
class _Batch:
    """What was read in order and is not committed yet."""

    frontier: Frontier
    block: CompactRange
    subtrees: dict[int, bytes] = field(default_factory=dict)
    hits: list[RawHit] = field(default_factory=list)
    unreadable: list[Unreadable] = field(default_factory=list)
    leaves: int = 0
    bytes: int = 0

    def add(self, scan: ScanResult) -> None:
        """Append one scan, which starts where we are and ends within the same 256 leaves."""
        self.frontier = self.frontier.extend(scan.range)
        self.block = self.block.extend(scan.range)
        self.leaves += scan.count
        self.hits += scan.hits
        self.unreadable += scan.unreadable
        self.bytes += sum(len(hit.data) for hit in scan.hits) + sum(len(one.data) for one in scan.unreadable)
        if self.block.size == BLOCK:
            self.subtrees[self.block.start // BLOCK] = self.block.nodes[0]
        if self.block.end % BLOCK == 0:
            self.block = CompactRange.empty(self.block.end)


def read_front(s: Session, front: Front) -> Front:
    """Read from `front.at` to `front.end` as far as limits and the log allow; the front as it is then."""
    if front.end is None or not front.left_to_read:
        return front
    waiting: deque[tuple[ScanJob, Future[ScanOutcome]]] = deque()
    jobs = _jobs(s, front)
    batch = _Batch(front.at, open_block(front.at))
    since = s.m.monotonic()
    failed: ScanOutcome | None = None
    try:
        _submit(s, jobs, waiting)
        while waiting:
            job, future = waiting.popleft()
            outcome = _checked(outcome_of(future, job), batch.frontier.size)
            _submit(s, jobs, waiting)
            for scan in outcome.scans:
                batch.add(scan)
            if outcome.failure is not None:
                failed = outcome
                break
            if not s.may_go_on():  # what is on its way comes again with the next tick
                break
            if _is_due(s, batch, since):
                front, batch, since = _commit(s, front, batch), _next(batch), s.m.monotonic()
    finally:
        for _, future in waiting:
            future.cancel()
    front = _commit(s, front, batch)
    if failed is not None:
        _note_failure(s, failed)
    return front


def _jobs(s: Session, front: Front) -> Iterator[ScanJob]:
    """The jobs from here to the target; they end at multiples of their size, and where limits do."""
    assert front.end is not None
    step = _JOB_BLOCKS.get(s.spec.kind, 1) * BLOCK
    start = front.at.size
    while start < front.end.size:
        end = min((start // step + 1) * step, front.end.size)
        cost = requests_for(s.spec, start, end)
        if not s.may_go_on(cost):
            end = _affordable(s, start, end)
            if end == start:
                return
            cost = requests_for(s.spec, start, end)
        s.requests += cost
        yield ScanJob(s.spec, start, end, front.end.size)
        start = end


def _affordable(s: Session, start: int, end: int) -> int:
    """The end of as much of a job as the request limit leaves; none once time is up."""
    limit = s.m.limits.max_requests
    if limit is None or not s.may_go_on():
        return start
    left = max(0, limit - s.requests)
    most = start + PER_REQUEST * left if s.spec.kind == "rekor-v1" else (start // BLOCK + left) * BLOCK
    return max(start, min(end, most))


def _submit(s: Session, jobs: Iterator[ScanJob], waiting: deque[tuple[ScanJob, Future[ScanOutcome]]]) -> None:
    while len(waiting) < s.m.executor.depth:
        job = next(jobs, None)
        if job is None:
            return
        waiting.append((job, s.m.executor.submit(job)))


def _checked(outcome: ScanOutcome, start: int) -> ScanOutcome:
    """The outcome, if its scans are the ranges that were asked for: a worker is checked like any other source."""
    at = start
    for scan in outcome.scans:
        if scan.range.start != at or scan.count != scan.range.size:
            break
        at = scan.range.end
    else:
        if outcome.failure is not None or at == outcome.job.end:
            return outcome
    error = Malformed(f"a worker scanned other leaves than [{outcome.job.start}, {outcome.job.end})", code="bad-scan")
    return ScanOutcome(outcome.job, (), Failure.of(error))


def _is_due(s: Session, batch: _Batch, since: float) -> bool:
    """Commit rarely while nothing is found (one fsync each), and soon when something is."""
    limits = s.m.limits
    wait = limits.batch_seconds / 4 if batch.hits else limits.batch_seconds
    if batch.leaves >= limits.batch_leaves or batch.bytes >= limits.batch_bytes:
        return True
    return batch.leaves > 0 and s.m.monotonic() - since >= wait


def _commit(s: Session, front: Front, batch: _Batch) -> Front:
    if not batch.leaves:
        return front
    # Judged here and not as they come: what is stored already and what is in the batch count each once ("per run").
    found = s.m.judge(batch.hits, batch.unreadable, s.spec, s.started) if batch.hits or batch.unreadable else ()
    s.commit(timeline=s.timeline.read_to(front, batch.frontier), subtrees=batch.subtrees, findings=tuple(found))
    s.read += batch.leaves
    s.paths |= {hit.index: hit.path for hit in batch.hits[: MOST_PATHS - len(s.paths)] if hit.path}
    return Front(front.start, batch.frontier, front.end, front.is_main)


def _next(batch: _Batch) -> _Batch:
    return _Batch(batch.frontier, batch.block)


def _note_failure(s: Session, outcome: ScanOutcome) -> None:
    """The leaves that did not come, exactly, and what that means."""
    assert outcome.failure is not None
    error, job = outcome.failure.error(), outcome.job
    kind = _trouble_kind(s, error)
    where = str(error.evidence.get("indexes", "")) or f"[{job.start}, {job.end})"
    message = f"{s.spec.origin}: leaves {where} of {job.size} could not be read: {error.message}"
    evidence = {n: v if isinstance(v, bytes) else v.encode() for n, v in error.evidence.items()}
    evidence["checkpoint"] = next((row.note for row in s.m.store.checkpoints(s.spec.origin, size=job.size)), b"")
    place = None if kind == "unreachable" else job.start
    facts = {"start": job.start, "end": job.end, "size": job.size, "code": error.code, "indexes": where}
    facts |= {} if kind == "unreachable" else {"claim": "missing"}
    s.commit(findings=s.note(Trouble(kind, message, place, evidence, facts)))


def _trouble_kind(s: Session, error: SigwardenError) -> TroubleKind:
    if error.code == "withheld-entries":
        # v1 answers 200 and leaves them out, and we have asked singly; v2 says 404, as an object store in trouble does.
        return "incomplete-answer" if s.spec.kind == "rekor-v1" else "withheld"
    if isinstance(error, Malformed):
        return "incomplete-answer"
    return "unreachable"
