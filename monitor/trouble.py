"""Something is not right with a log: what is it called now, and what when it stays so? Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from monitor.findings import KINDS, Finding, finding_id
from monitor.machinery import Grace, Verdict
from monitor.store.rows import Condition

TroubleKind = Literal["unreachable", "bad-head", "bad-proof", "stale-head", "withheld", "incomplete-answer"]


@dataclass(frozen=True, slots=True)
class Trouble:
    """One thing that is not right. `place` is the first leaf that it is about, where it is about leaves."""

    kind: TroubleKind
    message: str
    place: int | None = None
    evidence: Mapping[str, bytes] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """What makes it the same trouble in the next tick."""
        return self.kind if self.place is None else f"{self.kind}:{self.place}"


@dataclass(frozen=True, slots=True)
class Judged:
    """What a trouble comes to at this time."""

    verdict: Verdict
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class _Stage:
    """From `after` this long and at least `times` ticks: the verdict, and the finding that says so."""

    verdict: Verdict
    kind: str = ""
    after: timedelta = timedelta(0)
    times: int = 1


def _stages(kind: TroubleKind, grace: Grace) -> tuple[_Stage, ...]:
    """Mildest first; the last one that applies counts."""
    table: dict[TroubleKind, tuple[_Stage, ...]] = {
        # A network has hiccups; a monitor that cannot see is DEGRADED, not a log that lies.
        "unreachable": (_Stage("OPERATIONAL"), _Stage("DEGRADED", "unreachable", grace.unreachable)),
        # Nobody but the log's key can sign a head, and a stranger's head in its place is no hiccup.
        "bad-head": (_Stage("SUSPECT", "bad-head"),),
        "bad-proof": (_Stage("OPERATIONAL"), _Stage("SUSPECT", "bad-proof", times=2)),
        "stale-head": (_Stage("OPERATIONAL"), _Stage("SUSPECT", "stale-head", grace.stale)),
        # The server says that it has not got them, below a size that the log signed.
        "withheld": (
            _Stage("DEGRADED", "gap"),
            _Stage("SUSPECT", "withheld-entries", grace.withheld),
            _Stage("TAMPER", "missing-entries", grace.missing),
        ),
        # The server answers well, and leaves them out or gives others: after we asked again, singly.
        "incomplete-answer": (
            _Stage("SUSPECT", "withheld-entries"),
            _Stage("TAMPER", "missing-entries", grace.missing),
        ),
    }
    return table[kind]


def judge_trouble(trouble: Trouble, standing: Condition, grace: Grace) -> Judged:
    """The verdict now, and the findings of every stage reached: each has one id for the whole episode."""
    lasted = standing.last_at - standing.since
    reached = [s for s in _stages(trouble.kind, grace) if lasted >= s.after and standing.count >= s.times]
    about = (standing.since.isoformat(), "" if trouble.place is None else trouble.place)
    findings = tuple(
        log_finding(
            stage.kind,
            standing.origin,
            about,
            _aged(trouble.message, lasted),
            standing.last_at,
            evidence=trouble.evidence,
            facts={**trouble.facts, "since": standing.since.isoformat()},
        )
        for stage in reached
        if stage.kind
    )
    return Judged(reached[-1].verdict, findings)


def log_finding(  # noqa: PLR0913 - the parts of a finding about a log as a whole
    kind: str,
    origin: str,
    about: tuple[str | int | bytes, ...],
    message: str,
    at: datetime,
    *,
    evidence: Mapping[str, bytes] | None = None,
    facts: Mapping[str, Any] | None = None,
) -> Finding:
    """A finding about a log as a whole. Its id comes from kind, origin and `about`; its incident is kind and origin.

    What is SUSPECT is by definition not proven.
    """
    row = KINDS[kind]
    return Finding(
        id=finding_id(kind, origin, *about),
        kind=kind,
        severity=row.severity,
        log=origin,
        index=None,
        watch="",
        identity="",
        message=message,
        proven=row.cls != "SUSPECT",
        seen_at=at,
        group=origin,
        facts=dict(facts or {}),
        evidence=dict(evidence or {}),
    )


def _aged(message: str, lasted: timedelta) -> str:
    minutes = int(lasted.total_seconds()) // 60
    return f"{message} (for {minutes} minutes)" if minutes else message
