"""Which of a bundle's log entries are proven, by which logs, and at what time?

Protocol.md 5.6 B: an entry of an unknown log does not count; an entry of a trusted log must hold in every part it has.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from verifier.bundle import Bundle
from verifier.checkpoint import Checkpoint
from verifier.entry import LogEntry, check_entry, check_set
from verifier.errors import SigwardenError, Untrue
from verifier.moment import Moment
from verifier.policy import Policy
from verifier.trust import TrustedLog, TrustedRoot

# Checkpoint origins of Rekor v1: "<host> - <tree id>" (sigstore-go pkg/tlog tells v1 from v2 by this).
_V1_ORIGIN = re.compile(r".* - [0-9]+", re.DOTALL)


@dataclass(frozen=True, slots=True)
class ProvenEntry:
    """A log entry, the trusted log that signed for it, and how: a checkpoint it is included under, a promised time."""

    entry: LogEntry
    log: TrustedLog
    checkpoint: Checkpoint | None
    moment: Moment | None


def check_entries(bundle: Bundle, trust: TrustedRoot, policy: Policy, warnings: list[str]) -> tuple[ProvenEntry, ...]:
    """The proven entries, from at least `policy.logs` distinct logs; Untrue otherwise.

    With the logs ignored, an entry that does not verify is left out with a warning instead.
    """
    proven: list[ProvenEntry] = []
    for entry in bundle.entries:
        logs = _logs_of(entry, trust)
        if not logs:
            warnings.append(f"an entry of an unknown log ({entry.log_id.hex()[:16]}…) does not count")
            continue
        try:
            proven.append(_check_one(entry, logs))
        except SigwardenError as error:
            if not policy.insecure_ignore_logs:
                raise
            warnings.append(f"a log entry is ignored: {error.message}")
    distinct = {one.log.log_id for one in proven}
    if len(distinct) < policy.logs and not policy.insecure_ignore_logs:
        raise Untrue(
            f"not enough verified log entries from transparency log: {len(distinct)} < {policy.logs}",
            code="log-threshold",
            hint=_threshold_hint(bundle),
        )
    return tuple(proven)


def _threshold_hint(bundle: Bundle) -> str:
    if not bundle.entries:
        return "the bundle has no log entry: it was signed without a log; --insecure-ignore-tlog accepts that"
    return "entries of logs that the trust root does not know do not count, nor does a second entry of the same log"


def _logs_of(entry: LogEntry, trust: TrustedRoot) -> list[TrustedLog]:
    return [log for log in trust.tlogs if log.log_id == entry.log_id]


def _check_one(entry: LogEntry, logs: Sequence[TrustedLog]) -> ProvenEntry:
    """The entry against each listing of its log: one log may be listed several times, with other periods."""
    failure: SigwardenError | None = None
    for log in logs:
        try:
            return _check_with(entry, log)
        except SigwardenError as error:
            failure = failure or error
    assert failure is not None
    raise failure


def _check_with(entry: LogEntry, log: TrustedLog) -> ProvenEntry:
    if entry.is_v2 and (entry.set is not None or entry.integrated_time):
        raise Untrue("a Rekor v2 entry has no promise and no integrated time", code="entry-kind")
    moment = check_set(entry, log) if entry.set is not None else None
    checkpoint = None
    if entry.proof is not None and entry.proof.checkpoint:
        checkpoint = check_entry(entry, log)
        if entry.is_v2 == bool(_V1_ORIGIN.fullmatch(checkpoint.origin)):
            raise Untrue(
                f"an entry of kind {entry.kind} {entry.version} cannot be in the log '{checkpoint.origin[:100]}'",
                code="entry-kind",
            )
    if checkpoint is None and moment is None:
        raise Untrue("the log entry has neither a promise nor a proof with a checkpoint", code="entry-unproven")
    return ProvenEntry(entry, log, checkpoint, moment)
