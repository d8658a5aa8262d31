"""What does the rest of Sigwarden ask about the past: heads, verdicts, health, rules?"""

from datetime import datetime

from sqlalchemy import Engine, insert, select

from monitor.store import history
from monitor.store.open import reading, writing
from monitor.store.rows import CheckpointRow, HealthRow, RuleRow, VerdictRow
from monitor.store.schema import rules


class RecordStore:
    """The part of `Store` that keeps records."""

    _engine: Engine

    def checkpoints(
        self, origin: str = "", *, size: int | None = None, newest_first: bool = False, limit: int = 0
    ) -> tuple[CheckpointRow, ...]:
        """Every signed note ever seen."""
        with reading(self._engine) as c:
            return history.read_checkpoints(c, origin, size=size, newest_first=newest_first, limit=limit)

    def verdicts(
        self, origin: str = "", since: datetime | None = None, until: datetime | None = None
    ) -> tuple[VerdictRow, ...]:
        """The verdicts kept."""
        with reading(self._engine) as c:
            return history.read_verdicts(c, origin, since, until)

    def health(self, origin: str) -> HealthRow | None:
        """How the last ticks of a log went."""
        with reading(self._engine) as c:
            return history.read_health(c, origin)

    def rules(self) -> tuple[RuleRow, ...]:
        """Every version of the watch rules, oldest first."""
        with reading(self._engine) as c:
            rows = c.execute(select(rules.c.sha256, rules.c.text, rules.c.at).order_by(rules.c.seq))
            return tuple(RuleRow(row.sha256, row.text, row.at) for row in rows)

    def add_rules(self, sha256: str, text: str, at: datetime) -> RuleRow | None:
        """Note the rules in force; the version before if this one is another, else None."""
        with writing(self._engine) as c:
            last = c.execute(select(rules).order_by(rules.c.seq.desc()).limit(1)).one_or_none()
            if last is not None and last.sha256 == sha256:
                return None
            c.execute(insert(rules).values(sha256=sha256, text=text, at=at))
            return None if last is None else RuleRow(last.sha256, last.text, last.at)
