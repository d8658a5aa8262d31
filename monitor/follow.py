"""One tick of one log: what does it sign now, and is what it serves that?

checkpoint -> place -> consistency -> leaves -> scan -> commit -> settle. A crash anywhere repeats at most one batch,
and silently, because findings have stable ids.
"""

import logging
from collections.abc import Sequence
from dataclasses import replace

from monitor.heads import open_head, read_head
from monitor.logs.log import Head, LogSpec, Service
from monitor.machinery import Grace, Limits, Machinery, TickResult, Verdict
from monitor.proofs import store_proofs
from monitor.reading import read_front
from monitor.session import Session, StoreFault
from monitor.settle import settle
from monitor.store import LogRow, NewLog
from monitor.timeline import Timeline
from monitor.trouble import Trouble, log_finding
from verifier.checkpoint import Checkpoint, open_checkpoint
from verifier.errors import Refused, SigwardenError, Unreachable
from verifier.merkle import Tree

__all__ = ["Grace", "Limits", "Machinery", "TickResult", "Verdict", "tick", "tick_service"]

_log = logging.getLogger(__name__)

_FATAL = frozenset({"lease-lost", "lease-held"})
"""Not a fault of one log: we may not write at all."""


def tick_service(service: Service, m: Machinery) -> tuple[TickResult, ...]:
    """One tick of every log behind a service; one log's fault leaves the others alone."""
    rows = tuple(row for row in m.store.logs() if row.service == service.name)
    known = tuple(row for row in rows if row.state != "archived")
    heads = _heads(service, known)
    served = {head.spec.origin for head in heads}
    if not any(head.problem for head in heads):
        heads = [_with_unlisted(head, rows, served) for head in heads]
        heads += [Head(_spec(row), b"", (), problem=_gone(row)) for row in known if row.origin not in served]
    archived = {row.origin for row in rows} - {row.origin for row in known}
    wanted = (head for head in heads if head.problem is None or head.spec.origin not in archived)
    return tuple(tick(head, m, service=service.name) for head in wanted)


def _with_unlisted(head: Head, rows: Sequence[LogRow], served: set[str]) -> Head:
    """On Rekor v1 a tree that is no longer listed still takes its place in the global indexes of those after it."""
    base = next((row.base for row in rows if row.origin == head.spec.origin), None)
    gone = [row for row in rows if row.origin not in served and row.newest and (base is None or row.base < base)]
    if head.spec.kind != "rekor-v1" or not gone:
        return head
    more = sum(row.newest.size for row in gone if row.newest)
    return replace(head, spec=replace(head.spec, base=head.spec.base + more))


def _heads(service: Service, known: Sequence[LogRow]) -> list[Head]:
    """What the service says, or the same problem for every log that we know there."""
    problem: SigwardenError
    try:
        heads = list(service.heads())
        if not known or any(head.problem is None or _is_of(head, known) for head in heads):
            return heads
        # A Rekor v1 that does not answer cannot say which trees it has: then it is about those that we know.
        problem = next(head.problem for head in heads if head.problem is not None)
    except SigwardenError as error:
        problem = error
    except Exception as error:  # a bug in one reader must not blind us to the other services
        _log.exception("heads of %s failed", ascii(service.name))
        problem = Unreachable(f"a fault of our own: {type(error).__name__}", code="own-fault", cause="protocol")
    return [Head(_spec(row), b"", (), problem=problem) for row in known]


def _is_of(head: Head, known: Sequence[LogRow]) -> bool:
    return any(row.origin == head.spec.origin for row in known)


def tick(head: Head, m: Machinery, *, service: str = "") -> TickResult:
    """One tick of one log. Never raises but for a lost lease: whatever goes wrong is in the result."""
    started = m.now()
    ends_at = None if m.limits.seconds is None else m.monotonic() + m.limits.seconds
    s = Session(m, head.spec, tuple(head.keys), started, ends_at)
    try:
        _tick(s, head, service or head.spec.origin)
    except StoreFault as fault:
        s.broken_store(fault.error)
    except SigwardenError as error:
        if error.code in _FATAL:
            raise
        _end_badly(s, error)
    except Exception as error:  # one log's bug must not blind us to the others
        _log.exception("tick of %s failed", ascii(head.spec.origin))
        s.worsen("DEGRADED", f"{s.spec.origin}: a fault of our own ended the tick: {type(error).__name__}")
    return s.end()


def _tick(s: Session, head: Head, service: str) -> None:
    row = s.m.store.log(s.spec.origin)
    if row is not None:
        s.timeline, s.newest, s.state = row.timeline, row.newest, row.state
        _check_memory(s, row)
    seen = open_head(s, head)
    if seen is None:
        return
    if row is None:
        _begin(s, head, service)
    elif row.base != head.spec.base:
        _note_moved(s, head, row)
    reading = read_head(s, head, seen)
    if reading.outcome == "refused":
        return
    if reading.outcome == "on-trial" or reading.target is not None:
        _aim(s, reading.target)
        _read(s)
    store_proofs(s)


def _aim(s: Session, target: Tree | None) -> None:
    """Towards the newest head; a target that we read towards already is met first, so that something gets proven."""
    held = s.timeline.target
    if target is None or (held is not None and held.size <= target.size):
        return
    if held is not None and s.timeline.main is not None and target.size < s.timeline.position:
        s.timeline = s.timeline.rewound(s.timeline.main)  # a head on trial led us beyond what is signed for good
    s.timeline = s.timeline.aimed(target if target.size > s.timeline.proven_to else None)


def _read(s: Session) -> None:
    """The main front to its target and then to the newest head; older ranges with what is left of the budget."""
    while (main := s.timeline.main) is not None and main.end is not None:
        main = read_front(s, main)
        if not settle(s, main):
            break
        if s.newest is None or s.newest.size <= s.timeline.proven_to:
            break
        s.timeline = s.timeline.aimed(s.newest)
    for front in [one for one in s.timeline.fronts() if not one.is_main]:
        if not s.may_go_on():
            return
        settle(s, read_front(s, front))


def _begin(s: Session, head: Head, service: str) -> None:
    """A tree that we did not know: read from its first leaf, and said."""
    if s.m.store.checkpoints(s.spec.origin, limit=1):
        raise Refused(f"the position in {s.spec.origin} is gone, its history is not", code="state-tampered")
    s.timeline = Timeline.from_start()
    s.m.store.add_log(NewLog(s.spec, service, s.timeline, None), s.started)
    message = f"{s.spec.origin}: a new log is followed, from its first leaf"
    evidence = {"checkpoint": head.note}
    s.commit(findings=(log_finding("shard-added", s.spec.origin, (), message, s.started, evidence=evidence),))


def _note_moved(s: Session, head: Head, row: LogRow) -> None:
    """Rekor v1 gives older shards other sizes than before: then its global indexes mean something else."""
    message = (
        f"{s.spec.origin}: its service says that {head.spec.base} leaves are in older trees, it was {row.base};"
        f" we go on with {row.base}"
    )
    s.spec = LogSpec(row.kind, row.origin, head.spec.read_url, row.tree_id, row.base)
    s.commit(findings=s.note(Trouble("bad-head", message, evidence={"checkpoint": head.note})))


def _check_memory(s: Session, row: LogRow) -> None:
    """Once for a process: the newest head that our database names was really signed."""
    if s.spec.origin in s.m.checked or row.newest is None or not s.keys:
        return
    note = s.note_of(row.newest)
    if not note:
        raise Refused(f"the newest head of {s.spec.origin} is not in its history", code="state-tampered")
    try:
        held: Checkpoint | None = open_checkpoint(note, s.keys, origin=s.spec.origin)
    except SigwardenError as error:
        if error.code != "checkpoint-unknown-key":  # a key may have left the trust root since
            raise Refused(f"the stored head of {s.spec.origin} is not signed", code="state-tampered") from error
        held = None
    if held is not None and held.tree != row.newest:
        raise Refused(f"the stored head of {s.spec.origin} is of another tree", code="state-tampered")
    s.m.checked.add(s.spec.origin)


def _end_badly(s: Session, error: SigwardenError) -> None:
    if error.code.startswith(("store-", "state-")):
        s.broken_store(error)
        return
    trouble = Trouble("unreachable", f"{s.spec.origin}: {error}", facts={"code": error.code})
    try:
        s.commit(findings=s.note(trouble))
    except (StoreFault, SigwardenError) as fault:
        s.broken_store(fault.error if isinstance(fault, StoreFault) else fault)


def _spec(row: LogRow) -> LogSpec:
    return LogSpec(row.kind, row.origin, row.read_url, row.tree_id, row.base)


def _gone(row: LogRow) -> Unreachable:
    return Unreachable(
        "its service no longer lists it",
        code="tree-gone",
        cause="protocol",
        hint="if it is gone for good: sigwarden monitor archive ORIGIN (its last verified head is kept)",
    )
