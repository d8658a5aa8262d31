"""What is one scan, and what comes back from where it ran?

Workers import this and no database: a worker that fetches, hashes and matches holds nothing else in memory.
"""

from concurrent.futures import Future
from dataclasses import dataclass
from typing import Protocol

from monitor.logs.log import LogSpec
from monitor.scan import ScanResult
from verifier.errors import Malformed, Refused, SigwardenError, Unreachable, Untrue


@dataclass(frozen=True, slots=True)
class ScanJob:
    """The leaves [start, end) of the tree of `size` are to be fetched and scanned, wherever the executor likes."""

    spec: LogSpec
    start: int
    end: int
    size: int


@dataclass(frozen=True, slots=True)
class Failure:
    """An error that crosses a process: our errors hold mappings and keyword arguments, which do not pickle."""

    kind: str
    message: str
    code: str
    hint: str
    evidence: dict[str, bytes | str]
    cause: str = ""
    status: int | None = None

    @classmethod
    def of(cls, error: SigwardenError) -> "Failure":
        """What is needed to raise it again elsewhere."""
        cause, status = (error.cause, error.status) if isinstance(error, Unreachable) else ("", None)
        name = next(kind for kind, known in _ERRORS.items() if isinstance(error, known))
        return cls(name, error.message, error.code, error.hint, dict(error.evidence), cause, status)

    def error(self) -> SigwardenError:
        """The error again."""
        if self.kind == "unreachable":
            return Unreachable(
                self.message,
                code=self.code,
                cause=self.cause,
                status=self.status,
                hint=self.hint,
                evidence=self.evidence,
            )
        return _ERRORS[self.kind](self.message, code=self.code, hint=self.hint, evidence=self.evidence)


_ERRORS: dict[str, type[SigwardenError]] = {
    "malformed": Malformed,
    "untrue": Untrue,
    "refused": Refused,
    "unreachable": Unreachable,
}


@dataclass(frozen=True, slots=True)
class ScanOutcome:
    """The scans of a job, in ranges that end at multiples of 256; `failure` is what stopped it after those."""

    job: ScanJob
    scans: tuple[ScanResult, ...]
    failure: Failure | None = None


class Executor(Protocol):
    """Where scans run. `depth` jobs may be on their way at once: it bounds memory."""

    depth: int

    def submit(self, job: ScanJob) -> Future[ScanOutcome]:
        """Fetch and scan; the future raises only for faults of our own."""


PER_REQUEST = 10
"""Leaves in one answer of Rekor v1."""


def requests_for(spec: LogSpec, start: int, end: int) -> int:
    """How many requests the leaves [start, end) cost: ten a request on Rekor v1, else 256 a bundle."""
    if spec.kind == "rekor-v1":
        return -(-(end - start) // PER_REQUEST)
    return -(-end // 256) - start // 256
