"""Who signed, what was told, what changed in a period?"""

import difflib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from monitor.findings import KINDS
from monitor.store import FindingFilter, OutboxRow, RuleRow, Store, StoredFinding

_PAGE = 2000
_SIGNED = ("expected-identity", "unexpected-identity")


@dataclass(frozen=True, slots=True)
class Signer:
    """One identity of one watch: how often it signed in the period, and whether it had ever before."""

    identity: str
    watch: str
    expected: int
    unexpected: int
    first_seen: datetime
    is_new: bool


@dataclass(frozen=True, slots=True)
class Expected:
    """Signatures that were as expected."""

    signatures: int
    runs: int
    watches: int


@dataclass(frozen=True, slots=True)
class RuleChange:
    """Another version of the watch rules came into force; `difference` is a unified difference of their text."""

    at: datetime
    sha256: str
    difference: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Told:
    """What one channel was owed in the period; `slowest` in seconds, from the finding to the channel's answer."""

    channel: str
    sent: int
    pending: int
    dead: int
    slowest: float | None
    last_error: str


@dataclass(frozen=True, slots=True)
class Event:
    """Something in the history of logs, trust or watches."""

    at: datetime
    kind: str
    about: str
    message: str


def each_finding(store: Store, which: FindingFilter) -> Iterator[StoredFinding]:
    """Findings page by page, so that a long history does not fill memory."""
    after = 0
    while True:
        page = store.findings(
            FindingFilter(kinds=which.kinds, since=which.since, until=which.until, after=after, limit=_PAGE)
        )
        yield from page
        if len(page) < _PAGE:
            return
        after = page[-1].seq


def read_signers(store: Store, since: datetime, until: datetime) -> tuple[tuple[Signer, ...], Expected]:
    """Every identity that signed, and the sum of what was expected."""
    counts: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    first: dict[tuple[str, str], datetime] = {}
    runs: set[str] = set()
    for row in each_finding(store, FindingFilter(kinds=_SIGNED, since=since, until=until)):
        one = row.finding
        who = (one.watch, one.identity)
        counts[who][one.kind] += 1
        first[who] = min(first.get(who, one.seen_at), one.seen_at)
        if one.kind == "expected-identity":
            runs.add(str(one.facts.get("run") or one.group))
    known = _known_before(store, since) if counts else set()
    signers = [
        Signer(who[1], who[0], count[_SIGNED[0]], count[_SIGNED[1]], first[who], who not in known)
        for who, count in counts.items()
    ]
    expected = Expected(
        sum(one.expected for one in signers), len(runs), len({one.watch for one in signers if one.expected})
    )
    order = sorted(signers, key=lambda one: (-one.unexpected, not one.is_new, one.watch, one.identity))
    return tuple(order), expected


def _known_before(store: Store, since: datetime) -> set[tuple[str, str]]:
    before = each_finding(store, FindingFilter(kinds=_SIGNED, until=since))
    return {(row.finding.watch, row.finding.identity) for row in before}


def read_rule_changes(rows: Sequence[RuleRow], since: datetime, until: datetime) -> tuple[RuleChange, ...]:
    """Every change in the period, with what changed; the first version ever is a start, not a change."""
    changes = []
    for before, after in pairwise(rows):
        if since <= after.at < until:
            lines = difflib.unified_diff(
                before.text.splitlines(), after.text.splitlines(), "before", "after", lineterm=""
            )
            changes.append(RuleChange(after.at, after.sha256, tuple(lines)))
    return tuple(changes)


def read_told(rows: Iterable[OutboxRow], until: datetime) -> tuple[Told, ...]:
    """By channel, what became of the messages owed in the period."""
    by_channel: dict[str, list[OutboxRow]] = defaultdict(list)
    for row in rows:
        if row.created_at < until:
            by_channel[row.channel].append(row)
    return tuple(_told(channel, owed) for channel, owed in sorted(by_channel.items()))


def _told(channel: str, owed: Sequence[OutboxRow]) -> Told:
    states = Counter(row.state for row in owed)
    # A repetition or growth is owed long before it is due; how quick we are shows in what was due at once.
    waits = [
        (row.done_at - row.due_at).total_seconds()
        for row in owed
        if row.state == "sent" and row.done_at is not None and row.attempts <= 1
    ]
    late = [(row.done_at - row.created_at).total_seconds() for row in owed if row.done_at and row.attempts > 1]
    error = next((row.last_error for row in reversed(owed) if row.last_error and row.state in ("pending", "dead")), "")
    slowest = max(waits + late, default=None)
    return Told(channel, states["sent"], states["pending"], states["dead"], slowest, error)


def read_events(store: Store, since: datetime, until: datetime) -> tuple[Event, ...]:
    """Everything of the class EVENT, in order."""
    kinds = tuple(slug for slug, kind in KINDS.items() if kind.cls == "EVENT")
    rows = each_finding(store, FindingFilter(kinds=kinds, since=since, until=until))
    found = (row.finding for row in rows)
    return tuple(Event(one.seen_at, one.kind, one.log or one.watch, one.message) for one in found)
