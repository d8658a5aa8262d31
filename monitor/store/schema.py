"""Which tables hold our state?

Nothing here is SQLite's only. Text that comes from a log is either JSON with ASCII escapes or `safe_text`: PostgreSQL
takes no NUL in text, and neither database takes a lone surrogate.
"""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
)

REVISION = "0001"
"""The newest migration this program knows; a database with another one is older or newer than we are."""


class Time(TypeDecorator[datetime]):
    """An aware time as ISO 8601 text in UTC with microseconds, so that text order is time order on every database."""

    impl = String(32)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> str | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a naive time has no meaning here")
        return value.astimezone(UTC).isoformat(timespec="microseconds")

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:
        return None if value is None else datetime.fromisoformat(value)


METADATA = MetaData()

# SQLite numbers rows by itself only in a column of type INTEGER.
SERIAL = BigInteger().with_variant(Integer, "sqlite")

meta = Table(
    "meta",
    METADATA,
    Column("name", String(100), primary_key=True),
    Column("value", Text, nullable=False),
)

logs = Table(
    "logs",
    METADATA,
    Column("origin", String(500), primary_key=True),
    Column("service", String(200), nullable=False),
    Column("kind", String(20), nullable=False),
    Column("read_url", Text, nullable=False),
    Column("tree_id", String(20)),
    Column("base", BigInteger, nullable=False),
    Column("state", String(20), nullable=False),  # active, frozen, retired, archived
    Column("verified_size", BigInteger),
    Column("verified_root", LargeBinary),
    Column("verified_frontier", LargeBinary),
    Column("target_size", BigInteger),
    Column("target_root", LargeBinary),
    Column("newest_size", BigInteger),
    Column("newest_root", LargeBinary),
    Column("added_at", Time, nullable=False),
)

spans = Table(
    "spans",
    METADATA,
    Column("origin", String(500), ForeignKey("logs.origin"), primary_key=True),
    Column("start", BigInteger, primary_key=True),
    Column("end", BigInteger, nullable=False),
    Column("verdict", String(10), nullable=False),  # proven, pending, gap
    Column("is_read", Boolean, nullable=False),
    Column("left", LargeBinary),
    Column("right", LargeBinary),
    Column("note", Text, nullable=False),
)

# Our own view of the tree, one hash for each 256 leaves; 256 of them in a row, as in a tile of level 1.
subtrees = Table(
    "subtrees",
    METADATA,
    Column("origin", String(500), ForeignKey("logs.origin"), primary_key=True),
    Column("tile", BigInteger, primary_key=True),
    Column("hashes", LargeBinary, nullable=False),
)

# Gaps that a person accepted: kept when the span they made is merged or read after all.
gaps = Table(
    "gaps",
    METADATA,
    Column("seq", SERIAL, primary_key=True),
    Column("origin", String(500), nullable=False),
    Column("start", BigInteger, nullable=False),
    Column("end", BigInteger, nullable=False),
    Column("at", Time, nullable=False),
    Column("who", Text, nullable=False),
    Column("note", Text, nullable=False),
)

checkpoints = Table(
    "checkpoints",
    METADATA,
    Column("seq", SERIAL, primary_key=True, autoincrement=False),
    Column("origin", String(500), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("root", LargeBinary, nullable=False),
    Column("note", LargeBinary, nullable=False),
    Column("signers", Text, nullable=False),
    Column("place", String(20), nullable=False),
    Column("seen_at", Time, nullable=False),
    Column("chain", LargeBinary, nullable=False),
    Index("checkpoints_by_origin", "origin", "size"),
)

verdicts = Table(
    "verdicts",
    METADATA,
    Column("seq", SERIAL, primary_key=True, autoincrement=False),
    Column("at", Time, nullable=False),
    Column("previous_tick", Time),
    Column("origin", String(500), nullable=False),
    Column("verdict", String(20), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("proven_to", BigInteger, nullable=False),
    Column("message", Text, nullable=False),
    Column("chain", LargeBinary, nullable=False),
    Index("verdicts_by_origin", "origin", "at"),
)

findings = Table(
    "findings",
    METADATA,
    Column("seq", SERIAL, primary_key=True),
    Column("id", String(40), nullable=False, unique=True),
    Column("kind", String(40), nullable=False),
    Column("severity", String(10), nullable=False),
    Column("log", String(500), nullable=False),
    Column("leaf_index", BigInteger),
    Column("watch", Text, nullable=False),
    Column("identity", Text, nullable=False),
    Column("incident", String(220), nullable=False),
    Column("proven", Boolean, nullable=False),
    Column("proof", String(10), nullable=False),  # none, wanted, stored, void
    Column("seen_at", Time, nullable=False),
    Column("document", Text, nullable=False),
    Column("acked_at", Time),
    Column("acked_by", Text),
    Column("ack_note", Text),
    Index("findings_by_incident", "incident"),
    Index("findings_by_place", "log", "leaf_index"),
    Index("findings_by_time", "seen_at"),
    Index("findings_by_proof", "proof", "log"),
)

locations = Table(
    "locations",
    METADATA,
    Column("finding", String(40), ForeignKey("findings.id"), primary_key=True),
    Column("log", String(500), primary_key=True),
    Column("leaf_index", BigInteger, primary_key=True),
)

# What tells signatures of a watch apart (run, ref, workflow, issuer): for "seen before?" and caps per run.
traits = Table(
    "traits",
    METADATA,
    Column("finding", String(40), ForeignKey("findings.id"), primary_key=True),
    Column("field", String(20), primary_key=True),
    Column("value", String(400), primary_key=True),
    Column("watch", Text, nullable=False),
    Index("traits_by_value", "field", "value"),
)

evidence = Table(
    "evidence",
    METADATA,
    Column("finding", String(40), ForeignKey("findings.id"), primary_key=True),
    Column("name", String(100), primary_key=True),
    Column("data", LargeBinary, nullable=False),
)

incidents = Table(
    "incidents",
    METADATA,
    Column("key", String(220), primary_key=True),
    Column("watch", Text, nullable=False),
    Column("kind", String(40), nullable=False),
    Column("severity", String(10), nullable=False),
    Column("count", BigInteger, nullable=False),
    Column("first_at", Time, nullable=False),
    Column("last_at", Time, nullable=False),
    Column("state", String(10), nullable=False),  # open, acked
    Column("threads", Text, nullable=False),
)

outbox = Table(
    "outbox",
    METADATA,
    Column("id", SERIAL, primary_key=True),
    Column("incident", String(220), nullable=False),
    Column("channel", String(100), nullable=False),
    Column("reason", String(20), nullable=False),  # new, more, repeat, ...
    Column("created_at", Time, nullable=False),
    Column("due_at", Time, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("state", String(10), nullable=False),  # pending, sent, dead, skipped
    Column("done_at", Time),
    Column("last_error", Text, nullable=False),
    Index("outbox_due", "state", "due_at"),
)

conditions = Table(
    "conditions",
    METADATA,
    Column("origin", String(500), primary_key=True),
    Column("kind", String(40), primary_key=True),
    Column("since", Time, nullable=False),
    Column("last_at", Time, nullable=False),
    Column("count", BigInteger, nullable=False),
    Column("detail", Text, nullable=False),
)

health = Table(
    "health",
    METADATA,
    Column("origin", String(500), primary_key=True),
    Column("verdict", String(20), nullable=False),
    Column("last_tick", Time, nullable=False),
    Column("last_ok", Time),
    Column("last_growth", Time),
    Column("head_time", Time),
    Column("head_size", BigInteger, nullable=False),
    Column("proven_to", BigInteger, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("last_error", Text, nullable=False),
)

counters = Table(
    "counters",
    METADATA,
    Column("day", String(10), primary_key=True),
    Column("watch", String(500), primary_key=True),
    Column("kind", String(40), primary_key=True),
    Column("count", BigInteger, nullable=False),
)

rules = Table(
    "rules",
    METADATA,
    Column("seq", SERIAL, primary_key=True),
    Column("sha256", String(64), nullable=False),
    Column("text", Text, nullable=False),
    Column("at", Time, nullable=False),
    UniqueConstraint("sha256", "at"),
)

lease = Table(
    "lease",
    METADATA,
    Column("name", String(50), primary_key=True),
    Column("holder", Text, nullable=False),
    Column("token", BigInteger, nullable=False),
    Column("expires_at", Time, nullable=False),
)


def safe_text(text: str, limit: int = 2000) -> str:
    """Text that every database takes and every terminal survives: what is not printable is written as an escape."""
    if not text.isprintable():
        text = "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)
    return text if len(text) <= limit else text[: limit - 1] + "…"
