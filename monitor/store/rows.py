"""What does the store give back, and what goes into one batch?"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from monitor.findings import Finding, Severity
from monitor.logs.log import LogKind, LogSpec
from monitor.timeline import Timeline
from verifier.merkle import Tree


@dataclass(frozen=True, slots=True)
class StoredFinding:
    """A finding with what happened to it since; `seq` grows by order of storing."""

    seq: int
    finding: Finding
    incident: str
    acked_at: datetime | None
    acked_by: str
    ack_note: str


@dataclass(frozen=True, slots=True)
class WantedProof:
    """A proven finding without an inclusion proof: its leaf and where that is."""

    finding: str
    index: int
    body: bytes


@dataclass(frozen=True, slots=True)
class IncidentRow:
    """Findings of one group, as a person sees them; `threads` maps a channel to its reference for follow-ups."""

    key: str
    watch: str
    kind: str
    severity: Severity
    count: int
    first_at: datetime
    last_at: datetime
    state: str
    threads: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """One message owed to one channel; it is rendered when sent, so later findings of the incident are in it.

    `reason` is new, more (further findings), repeat (unacknowledged) or what the sender chose; `state` is pending,
    sent or dead.
    """

    id: int
    incident: str
    channel: str
    reason: str
    created_at: datetime
    due_at: datetime
    attempts: int
    state: str
    done_at: datetime | None
    last_error: str


@dataclass(frozen=True, slots=True)
class LogRow:
    """One followed tree. `newest` is the newest head known to be consistent with what we verified."""

    origin: str
    service: str
    kind: LogKind
    read_url: str
    tree_id: int | None
    base: int
    state: str
    timeline: Timeline
    newest: Tree | None
    added_at: datetime


@dataclass(frozen=True, slots=True)
class CheckpointRow:
    """One signed note as it was seen. `place` is what it meant then (first, grew, same, older, fork, ...)."""

    seq: int
    origin: str
    size: int
    root: bytes
    note: bytes
    signers: tuple[str, ...]
    place: str
    seen_at: datetime


@dataclass(frozen=True, slots=True)
class VerdictRow:
    """One verdict of one tick. Kept when it differs from the last one, when we were away, and once an hour."""

    seq: int
    at: datetime
    previous_tick: datetime | None
    origin: str
    verdict: str
    size: int
    proven_to: int
    message: str


@dataclass(frozen=True, slots=True)
class GapRow:
    """A range that a person chose not to read, kept for ever."""

    origin: str
    start: int
    end: int
    at: datetime
    who: str
    note: str


@dataclass(frozen=True, slots=True)
class HealthRow:
    """How the last ticks of one log went. `last_ok` is the last tick without trouble; `failures` in a row since."""

    origin: str
    verdict: str
    last_tick: datetime
    last_ok: datetime | None
    last_growth: datetime | None
    head_time: datetime | None
    head_size: int
    proven_to: int
    failures: int
    last_error: str


@dataclass(frozen=True, slots=True)
class Condition:
    """Something that is not right now; `since` survives restarts, so that grace times do."""

    origin: str
    kind: str
    since: datetime
    last_at: datetime
    count: int
    detail: str


@dataclass(frozen=True, slots=True)
class RuleRow:
    """One version of the watch rules and when it came into force."""

    sha256: str
    text: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Tell:
    """One finding is to be told on one channel. Ignored when the finding is not new."""

    finding: str
    channel: str


@dataclass(frozen=True, slots=True)
class NewCheckpoint:
    """A verified note to append to the history."""

    size: int
    root: bytes
    note: bytes
    signers: tuple[str, ...]
    place: str


@dataclass(frozen=True, slots=True)
class Batch:
    """All that one transaction writes for one log. Empty fields change nothing.

    `subtrees` maps ``index // 256`` to the hash of that complete range of 256 leaves; `settled` turns the findings of
    ``[start, end)`` proven; `void` takes back that the leaves there were the ones read; `more_after` delays a message
    about further findings of an incident already told.
    """

    origin: str
    at: datetime
    timeline: Timeline | None = None
    newest: Tree | None = None
    state: str = ""
    subtrees: Mapping[int, bytes] = field(default_factory=dict)
    settled: tuple[int, int] | None = None
    void: tuple[int, int] | None = None
    findings: tuple[Finding, ...] = ()
    tells: tuple[Tell, ...] = ()
    checkpoints: tuple[NewCheckpoint, ...] = ()
    more_after: timedelta = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class FirstRows:
    """What `init` writes for one log: the log, the heads it begins with, and the gap below."""

    log: "NewLog"
    checkpoints: tuple[NewCheckpoint, ...]
    gap: GapRow | None


@dataclass(frozen=True, slots=True)
class NewLog:
    """A tree to start following, with the timeline that says what is not covered."""

    spec: LogSpec
    service: str
    timeline: Timeline
    newest: Tree | None
    state: str = "active"
