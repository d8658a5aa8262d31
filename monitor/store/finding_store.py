"""What does the rest of Sigwarden ask about findings and what is told of them?"""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Engine

from monitor.store import findings, outbox, past
from monitor.store.findings import FindingFilter
from monitor.store.open import reading, writing
from monitor.store.rows import IncidentRow, OutboxRow, StoredFinding, WantedProof

_EVERYTHING = FindingFilter()


class FindingStore:
    """The part of `Store` that keeps findings, incidents and the outbox."""

    _engine: Engine

    def findings(self, which: FindingFilter = _EVERYTHING) -> tuple[StoredFinding, ...]:
        """Findings without their evidence."""
        with reading(self._engine) as c:
            return findings.read_findings(c, which)

    def new_findings(self, after: int) -> tuple[StoredFinding, ...]:
        """Findings stored since `last_seq()` was `after`."""
        return self.findings(FindingFilter(after=after))

    def last_seq(self) -> int:
        """The number of the newest finding."""
        with reading(self._engine) as c:
            return findings.last_seq(c)

    def count(self, which: FindingFilter = _EVERYTHING) -> int:
        """How many findings the filter leaves."""
        with reading(self._engine) as c:
            return findings.count_findings(c, which)

    def finding(self, prefix: str) -> StoredFinding:
        """One finding with its evidence, by id or unique prefix."""
        with reading(self._engine) as c:
            return findings.read_finding(c, prefix)

    def proofs_wanted(self, origin: str, limit: int) -> tuple[WantedProof, ...]:
        """Proven findings whose inclusion proof is not stored yet."""
        with reading(self._engine) as c:
            return findings.proofs_wanted(c, origin, limit)

    def add_proofs(self, proofs: Mapping[str, Mapping[str, bytes]]) -> None:
        """Add inclusion proofs (by finding, then by name) to the evidence."""
        with writing(self._engine) as c:
            findings.add_proofs(c, proofs)

    def ack(self, prefix: str, *, who: str, note: str, now: datetime) -> StoredFinding:
        """A person has seen a finding, and with it everything in its incident so far."""
        with writing(self._engine) as c:
            found = findings.read_finding(c, prefix)
            rest = findings.read_findings(c, FindingFilter(incident=found.incident, acked=False))
            findings.ack_findings(c, [found.finding.id, *(one.finding.id for one in rest)], who, note, now)
            outbox.close_incident(c, found.incident)
            return findings.read_finding(c, found.finding.id)

    def count_watch(self, watch: str) -> int:
        """Findings of a watch by the watched name itself."""
        with reading(self._engine) as c:
            return past.count_watch(c, watch)

    def count_trait(self, watch: str, field: str, value: str, excluding: frozenset[str] = frozenset()) -> int:
        """Findings of a watch with this run, ref, workflow or issuer, without those of some ids."""
        with reading(self._engine) as c:
            return past.count_trait(c, watch, field, value, excluding)

    def counters(self, since: str = "", until: str = "") -> tuple[tuple[str, str, str, int], ...]:
        """(day, watch, kind, new findings) for the days from `since` to `until`, as YYYY-MM-DD."""
        with reading(self._engine) as c:
            return findings.read_counters(c, since, until)

    # --- telling ------------------------------------------------------------------------------------------------

    def incidents(self, *, state: str = "", since: datetime | None = None) -> tuple[IncidentRow, ...]:
        """Incidents: state open, acked, or quiet (nothing in it was worth telling)."""
        with reading(self._engine) as c:
            return outbox.read_incidents(c, state=state, since=since)

    def incident(self, key: str) -> IncidentRow:
        """One incident."""
        with reading(self._engine) as c:
            return outbox.read_incident(c, key)

    def incident_findings(self, key: str, limit: int = 0) -> tuple[StoredFinding, ...]:
        """The first findings of an incident."""
        return self.findings(FindingFilter(incident=key, limit=limit))

    def outbox_add(
        self, incident: str, channel: str, reason: str, now: datetime, due_at: datetime | None = None
    ) -> None:
        """Owe a message, unless one for this incident and channel is pending."""
        with writing(self._engine) as c:
            outbox.add_message(c, incident, channel, reason, now, due_at)

    def outbox_due(self, now: datetime, limit: int = 100, channel: str = "") -> tuple[OutboxRow, ...]:
        """Messages to send now, worst first; of one channel, so that a dead one does not fill the limit."""
        with reading(self._engine) as c:
            return outbox.due(c, now, limit, channel)

    def outbox_done(self, message: int, now: datetime, thread: str = "") -> None:
        """Taken by the channel."""
        with writing(self._engine) as c:
            outbox.finish(c, message, now, thread)

    def outbox_failed(self, message: int, error: str, next_at: datetime) -> None:
        """Not taken; try again at `next_at`."""
        with writing(self._engine) as c:
            outbox.postpone(c, message, error, next_at)

    def outbox_dead(self, message: int, now: datetime, error: str) -> None:
        """Will not be taken."""
        with writing(self._engine) as c:
            outbox.bury(c, message, now, error)

    def outbox_skip(self, message: int, now: datetime, why: str) -> None:
        """Not worth sending any more."""
        with writing(self._engine) as c:
            outbox.skip(c, message, now, why)

    def outbox_revive(self, now: datetime) -> int:
        """Owe the dead letters again; how many."""
        with writing(self._engine) as c:
            return outbox.revive(c, now)

    def outbox_depth(self) -> Mapping[tuple[str, str], int]:
        """(channel, state) -> messages."""
        with reading(self._engine) as c:
            return outbox.depth(c)

    def outbox(self, *, state: str = "", incident: str = "", since: datetime | None = None) -> tuple[OutboxRow, ...]:
        """Messages in the order they were owed."""
        with reading(self._engine) as c:
            return outbox.read_messages(c, state=state, incident=incident, since=since)
