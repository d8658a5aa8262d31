"""The first schema."""

import sqlalchemy as sa
from alembic import op

from verifier.errors import Refused

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

SERIAL = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """From nothing."""
    op.create_table(
        "checkpoints",
        sa.Column("seq", SERIAL, autoincrement=False, nullable=False),
        sa.Column("origin", sa.String(length=500), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("root", sa.LargeBinary(), nullable=False),
        sa.Column("note", sa.LargeBinary(), nullable=False),
        sa.Column("signers", sa.Text(), nullable=False),
        sa.Column("place", sa.String(length=20), nullable=False),
        sa.Column("seen_at", sa.String(32), nullable=False),
        sa.Column("chain", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_index("checkpoints_by_origin", "checkpoints", ["origin", "size"], unique=False)
    op.create_table(
        "conditions",
        sa.Column("origin", sa.String(length=500), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("since", sa.String(32), nullable=False),
        sa.Column("last_at", sa.String(32), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("origin", "kind"),
    )
    op.create_table(
        "counters",
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("watch", sa.String(length=500), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("day", "watch", "kind"),
    )
    op.create_table(
        "findings",
        sa.Column("seq", SERIAL, nullable=False),
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("severity", sa.String(length=10), nullable=False),
        sa.Column("log", sa.String(length=500), nullable=False),
        sa.Column("leaf_index", sa.BigInteger(), nullable=True),
        sa.Column("watch", sa.Text(), nullable=False),
        sa.Column("identity", sa.Text(), nullable=False),
        sa.Column("incident", sa.String(length=220), nullable=False),
        sa.Column("proven", sa.Boolean(), nullable=False),
        sa.Column("proof", sa.String(length=10), nullable=False),
        sa.Column("seen_at", sa.String(32), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("acked_at", sa.String(32), nullable=True),
        sa.Column("acked_by", sa.Text(), nullable=True),
        sa.Column("ack_note", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("seq"),
        sa.UniqueConstraint("id"),
    )
    op.create_index("findings_by_incident", "findings", ["incident"], unique=False)
    op.create_index("findings_by_place", "findings", ["log", "leaf_index"], unique=False)
    op.create_index("findings_by_proof", "findings", ["proof", "log"], unique=False)
    op.create_index("findings_by_time", "findings", ["seen_at"], unique=False)
    op.create_table(
        "gaps",
        sa.Column("seq", SERIAL, nullable=False),
        sa.Column("origin", sa.String(length=500), nullable=False),
        sa.Column("start", sa.BigInteger(), nullable=False),
        sa.Column("end", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.String(32), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_table(
        "health",
        sa.Column("origin", sa.String(length=500), nullable=False),
        sa.Column("verdict", sa.String(length=20), nullable=False),
        sa.Column("last_tick", sa.String(32), nullable=False),
        sa.Column("last_ok", sa.String(32), nullable=True),
        sa.Column("last_growth", sa.String(32), nullable=True),
        sa.Column("head_time", sa.String(32), nullable=True),
        sa.Column("head_size", sa.BigInteger(), nullable=False),
        sa.Column("proven_to", sa.BigInteger(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("last_error", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("origin"),
    )
    op.create_table(
        "incidents",
        sa.Column("key", sa.String(length=220), nullable=False),
        sa.Column("watch", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("severity", sa.String(length=10), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("first_at", sa.String(32), nullable=False),
        sa.Column("last_at", sa.String(32), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("threads", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_table(
        "lease",
        sa.Column("name", sa.String(length=50), nullable=False),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("token", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "logs",
        sa.Column("origin", sa.String(length=500), nullable=False),
        sa.Column("service", sa.String(length=200), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("read_url", sa.Text(), nullable=False),
        sa.Column("tree_id", sa.String(length=20), nullable=True),
        sa.Column("base", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("verified_size", sa.BigInteger(), nullable=True),
        sa.Column("verified_root", sa.LargeBinary(), nullable=True),
        sa.Column("verified_frontier", sa.LargeBinary(), nullable=True),
        sa.Column("target_size", sa.BigInteger(), nullable=True),
        sa.Column("target_root", sa.LargeBinary(), nullable=True),
        sa.Column("newest_size", sa.BigInteger(), nullable=True),
        sa.Column("newest_root", sa.LargeBinary(), nullable=True),
        sa.Column("added_at", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("origin"),
    )
    op.create_table(
        "meta",
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "outbox",
        sa.Column("id", SERIAL, nullable=False),
        sa.Column("incident", sa.String(length=220), nullable=False),
        sa.Column("channel", sa.String(length=100), nullable=False),
        sa.Column("reason", sa.String(length=20), nullable=False),
        sa.Column("created_at", sa.String(32), nullable=False),
        sa.Column("due_at", sa.String(32), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("done_at", sa.String(32), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("outbox_due", "outbox", ["state", "due_at"], unique=False)
    op.create_table(
        "rules",
        sa.Column("seq", SERIAL, nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("at", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
        sa.UniqueConstraint("sha256", "at"),
    )
    op.create_table(
        "verdicts",
        sa.Column("seq", SERIAL, autoincrement=False, nullable=False),
        sa.Column("at", sa.String(32), nullable=False),
        sa.Column("previous_tick", sa.String(32), nullable=True),
        sa.Column("origin", sa.String(length=500), nullable=False),
        sa.Column("verdict", sa.String(length=20), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("proven_to", sa.BigInteger(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("chain", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_index("verdicts_by_origin", "verdicts", ["origin", "at"], unique=False)
    op.create_table(
        "evidence",
        sa.Column("finding", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["finding"],
            ["findings.id"],
        ),
        sa.PrimaryKeyConstraint("finding", "name"),
    )
    op.create_table(
        "locations",
        sa.Column("finding", sa.String(length=40), nullable=False),
        sa.Column("log", sa.String(length=500), nullable=False),
        sa.Column("leaf_index", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["finding"],
            ["findings.id"],
        ),
        sa.PrimaryKeyConstraint("finding", "log", "leaf_index"),
    )
    op.create_table(
        "spans",
        sa.Column("origin", sa.String(length=500), nullable=False),
        sa.Column("start", sa.BigInteger(), nullable=False),
        sa.Column("end", sa.BigInteger(), nullable=False),
        sa.Column("verdict", sa.String(length=10), nullable=False),
        sa.Column("is_read", sa.Boolean(), nullable=False),
        sa.Column("left", sa.LargeBinary(), nullable=True),
        sa.Column("right", sa.LargeBinary(), nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["origin"],
            ["logs.origin"],
        ),
        sa.PrimaryKeyConstraint("origin", "start"),
    )
    op.create_table(
        "subtrees",
        sa.Column("origin", sa.String(length=500), nullable=False),
        sa.Column("tile", sa.BigInteger(), nullable=False),
        sa.Column("hashes", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["origin"],
            ["logs.origin"],
        ),
        sa.PrimaryKeyConstraint("origin", "tile"),
    )
    op.create_table(
        "traits",
        sa.Column("finding", sa.String(length=40), nullable=False),
        sa.Column("field", sa.String(length=20), nullable=False),
        sa.Column("value", sa.String(length=400), nullable=False),
        sa.Column("watch", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["finding"],
            ["findings.id"],
        ),
        sa.PrimaryKeyConstraint("finding", "field", "value"),
    )
    op.create_index("traits_by_value", "traits", ["field", "value"], unique=False)


def downgrade() -> None:
    """There is nothing before the first schema: a database is restored from a backup, never taken apart."""
    raise Refused("there is no schema before the first one", code="store-schema", hint="restore a backup instead")
