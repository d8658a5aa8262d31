"""What does one tick of one log know and have done so far?

The only place of a tick that writes: every transaction goes through `commit`, every trouble through `note`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from monitor.evidence import encode_keys
from monitor.findings import Finding
from monitor.logs.log import Log, LogSpec
from monitor.machinery import VERDICTS, Machinery, TickResult, Verdict
from monitor.store import Batch, Condition, HealthRow, NewCheckpoint, Tell
from monitor.timeline import Timeline
from monitor.trouble import Trouble, judge_trouble, log_finding
from verifier.errors import Malformed, SigwardenError, Unreachable
from verifier.merkle import Tree
from verifier.note import NoteKey

MOST_PATHS = 1024
"""Paths kept in memory for the proofs of this tick; without one, a proof costs one more request."""


class StoreFault(Exception):
    """Our database does not take a write: the tick goes no further, and says so without it."""

    def __init__(self, error: SigwardenError) -> None:
        super().__init__(error.message)
        self.error = error


@dataclass(slots=True)
class Session:
    """One tick. `timeline`, `newest` and `state` are as stored; they change only with a successful commit."""

    m: Machinery
    spec: LogSpec
    keys: tuple[NoteKey, ...]
    started: datetime
    ends_at: float | None
    timeline: Timeline = field(default_factory=Timeline)
    newest: Tree | None = None
    state: str = "active"
    verdict: Verdict = "OK"
    message: str = ""
    findings: list[Finding] = field(default_factory=list)
    unsaved: list[Finding] = field(default_factory=list)
    noted: dict[str, Condition] = field(default_factory=dict)
    cleared: set[str] = field(default_factory=set)
    head_size: int = 0
    head_time: datetime | None = None
    grew: bool = False
    read: int = 0
    requests: int = 0
    incomplete: bool = False
    paths: dict[int, tuple[bytes, ...]] = field(default_factory=dict)
    """By index: how the newest hits hash into their ranges of 256 leaves."""
    _log: Log | None = None

    # --- the log ------------------------------------------------------------------------------------------------

    def log(self, *, fresh: bool = False) -> Log:
        """The log; `fresh` for a second try on new connections."""
        if fresh or self._log is None:
            self._log = self.m.open_log(self.spec, fresh)
        return self._log

    def consistency(self, old: int, new: int, *, fresh: bool = False) -> tuple[bytes, ...]:
        """A consistency proof, counted. One that does not end is as malformed as any other (row 5)."""
        self.requests += 1
        try:
            return tuple(self.log(fresh=fresh).consistency(old, new))
        except Unreachable as error:
            if error.cause != "too-large":
                raise
            raise Malformed(f"no proof is so long: {error.message}", code="proof-format") from error

    def may_go_on(self, more_requests: int = 0) -> bool:
        """Whether limits allow more; if not, the tick is incomplete."""
        limits = self.m.limits
        late = self.ends_at is not None and self.m.monotonic() >= self.ends_at
        dear = limits.max_requests is not None and self.requests + more_requests > limits.max_requests
        if late or dear or self.m.stop():
            self.incomplete = True
            return False
        return True

    def note_of(self, tree: Tree | None) -> bytes:
        """The last signed note of a tree in our history; empty if it never had one (a size shown by a proof)."""
        if tree is None:
            return b""
        rows = self.m.store.checkpoints(self.spec.origin, size=tree.size)
        return next((row.note for row in reversed(rows) if row.root == tree.root), b"")

    # --- what we say --------------------------------------------------------------------------------------------

    def worsen(self, verdict: Verdict, message: str) -> None:
        """The worst verdict wins, and its first message."""
        if VERDICTS.index(verdict) > VERDICTS.index(self.verdict):
            self.verdict, self.message = verdict, message

    def note(self, trouble: Trouble) -> tuple[Finding, ...]:
        """Something is not right: it counts from when it began, and gets worse names with time."""
        before = self._standing(trouble.key)
        # A clock that was set back must not make a trouble begin in the future.
        since = min(before.since, self.started) if before else self.started
        standing = Condition(
            self.spec.origin, trouble.key, since, self.started, before.count + 1 if before else 1, trouble.message
        )
        self.noted[trouble.key] = standing
        judged = judge_trouble(trouble, standing, self.m.grace)
        self.worsen(judged.verdict, trouble.message)
        return judged.findings

    def clear(self, *slugs: str) -> None:
        """These troubles are over, as far as this tick could see."""
        self.cleared.update(slugs)

    def contradiction(
        self, kind: str, about: tuple[str | int | bytes, ...], message: str, evidence: Mapping[str, bytes], **facts: Any
    ) -> Finding:
        """A TAMPER finding; its id depends on `about` only."""
        self.worsen("TAMPER", message)
        return log_finding(kind, self.spec.origin, about, message, self.started, evidence=evidence, facts=facts)

    # --- what we write ------------------------------------------------------------------------------------------

    def commit(  # noqa: PLR0913 - the parts of one transaction
        self,
        *,
        timeline: Timeline | None = None,
        newest: Tree | None = None,
        state: str = "",
        subtrees: Mapping[int, bytes] | None = None,
        settled: tuple[int, int] | None = None,
        void: tuple[int, int] | None = None,
        findings: tuple[Finding, ...] = (),
        checkpoints: tuple[NewCheckpoint, ...] = (),
    ) -> None:
        """One transaction; what is new in it is ours to report. Raises StoreFault when the database is out of order."""
        findings = tuple(_with_keys(one, self.keys) for one in findings)
        tells = tuple(Tell(one.id, channel) for one in findings for channel in self.m.route(one))
        batch = Batch(
            self.spec.origin,
            self.m.now(),
            timeline=timeline,
            newest=newest,
            state=state,
            subtrees=subtrees or {},
            settled=settled,
            void=void,
            findings=findings,
            tells=tells,
            checkpoints=checkpoints,
        )
        try:
            self.findings += self.m.store.commit_batch(batch)
        except Unreachable as error:
            self.unsaved += findings
            raise StoreFault(error) from error
        if settled is not None:
            self.findings = [_proved(one, self.spec.origin, *settled) for one in self.findings]
        self.timeline = self.timeline if timeline is None else timeline
        self.newest = self.newest if newest is None else newest
        self.state = state or self.state

    def add_proofs(self, proofs: Mapping[str, Mapping[str, bytes]]) -> None:
        """Inclusion proofs and what belongs to them, by finding."""
        try:
            self.m.store.add_proofs(proofs)
        except Unreachable as error:
            raise StoreFault(error) from error

    def end(self) -> TickResult:
        """Write health, verdict and standing troubles; the result."""
        try:
            self._write_end()
        except Unreachable as error:
            self.broken_store(error)
        lag = max(0, (self.newest.size if self.newest else 0) - self.timeline.proven_to)
        return TickResult(
            self.spec.origin,
            self.verdict,
            self.head_size,
            self.timeline.proven_to,
            lag,
            tuple(self.findings),
            tuple(self.unsaved),
            self.read,
            self.requests,
            self.message or _summary(self.timeline, lag),
            self.incomplete,
        )

    def broken_store(self, error: SigwardenError) -> None:
        """Our own state is out of order: nobody can look it up, so it must be told from memory."""
        kind = "state-tampered" if error.code == "state-tampered" else "store-fault"
        message = f"{self.spec.origin}: {error}; nothing is read until it is right again, heads are still checked"
        self.worsen("DEGRADED", message)
        day = self.started.date().isoformat()
        finding = log_finding(kind, self.spec.origin, (error.code, day), message, self.started)
        if finding.id not in {one.id for one in self.unsaved}:
            self.unsaved.append(finding)

    def _write_end(self) -> None:
        store, origin = self.m.store, self.spec.origin
        before = store.health(origin)
        is_ok = self.verdict == "OK"
        # A signed head that we could not follow yet has grown too: how long we are behind counts from there.
        grew = self.grew or self.head_size > (before.head_size if before else 0)
        health = HealthRow(
            origin,
            self.verdict,
            self.started,
            self.started if is_ok else before.last_ok if before else None,
            self.started if grew else before.last_growth if before else None,
            self.head_time or (before.head_time if before else None),
            self.head_size or (before.head_size if before else 0),
            self.timeline.proven_to,
            0 if is_ok else (before.failures if before else 0) + 1,
            "" if is_ok else self.message,
        )
        standing = [c for c in store.conditions(origin) if c.kind not in self.noted and not self._is_over(c)]
        store.end_tick(health, self.message, (*standing, *self.noted.values()))

    def _is_over(self, condition: Condition) -> bool:
        slug, _, place = condition.kind.partition(":")
        return slug in self.cleared or (place.isdecimal() and int(place) < self.timeline.position)

    def _standing(self, key: str) -> Condition | None:
        try:
            return next((c for c in self.m.store.conditions(self.spec.origin) if c.kind == key), None)
        except SigwardenError:
            return self.noted.get(key)


def _with_keys(one: Finding, keys: tuple[NoteKey, ...]) -> Finding:
    """A signed head is evidence only with the key that checks it."""
    if "checkpoint" not in one.evidence or "keys" in one.evidence or not keys:
        return one
    return replace(one, evidence={**one.evidence, "keys": encode_keys(keys)})


def _proved(one: Finding, origin: str, start: int, end: int) -> Finding:
    is_here = one.log == origin and one.index is not None and start <= one.index < end
    return one.proved() if is_here and not one.proven else one


def _summary(timeline: Timeline, lag: int) -> str:
    unread = sum(span.end - span.start for span in timeline.unread() if span.verdict == "pending")
    parts = [f"proven to {timeline.proven_to}"]
    parts += [f"{lag} behind the newest head"] if lag else []
    parts += [f"{unread} older leaves pending"] if unread else []
    return ", ".join(parts)
