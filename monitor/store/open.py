"""How is our database opened, so that it neither loses an update nor opens what it does not understand?"""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, Table, create_engine, event, inspect, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from monitor.store.schema import METADATA, REVISION
from monitor.store.standing import watch_file
from verifier.errors import Refused, SigwardenError, Unreachable

BUSY_SECONDS = 30
"""How long a writer waits for another one: longer than any batch of ours takes."""

WRITER_LOCK = 0x51677764  # an arbitrary constant: "Sgwd"

_READ_ONLY = "sigwarden_read_only"


def store_url(where: str | Path) -> URL:
    """A database URL; a plain path is an SQLite file."""
    if isinstance(where, Path) or "://" not in where:
        return URL.create("sqlite", database=str(where))
    url = make_url(where)
    if url.drivername in ("postgres", "postgresql"):
        return url.set(drivername="postgresql+psycopg")
    return url


def open_engine(where: str | Path) -> Engine:
    """An engine whose every write transaction excludes every other from its first statement on.

    pysqlite by itself takes the write lock at the first write: two transactions that read and then write lose an
    update without an error. So transactions begin here, as ``BEGIN IMMEDIATE``.
    """
    url = store_url(where)
    try:
        if url.get_backend_name() == "sqlite":
            engine = create_engine(url, connect_args={"timeout": BUSY_SECONDS})
            event.listen(engine, "connect", _prepare_sqlite)
            event.listen(engine, "begin", _begin_sqlite)
            watch_file(engine)
        else:
            engine = create_engine(url, pool_pre_ping=True)
            event.listen(engine, "begin", _begin_postgresql)
    except (SQLAlchemyError, ImportError) as error:
        raise Refused(
            f"the database {url.render_as_string()} cannot be opened: {error}",
            code="store-url",
            hint="use a file path, or postgresql://… with the postgres extra installed",
        ) from None
    return engine


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # we begin transactions ourselves
    cursor = connection.cursor()
    # WAL: readers do not block the writer. FULL, not NORMAL: with NORMAL a power cut takes back the last commits, and
    # an alert already sent would belong to a finding that we no longer know. It costs one fsync per batch.
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", f"busy_timeout={BUSY_SECONDS * 1000}"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    reads = connection.get_execution_options().get(_READ_ONLY)
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")


def _begin_postgresql(connection: Connection) -> None:
    if connection.get_execution_options().get(_READ_ONLY):
        connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
    else:
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({WRITER_LOCK})")


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """One snapshot; never waits for the writer."""
    with _mapped(), engine.connect().execution_options(**{_READ_ONLY: True}) as connection, connection.begin():
        yield connection


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """One transaction, alone from its start; all of it or nothing."""
    with _mapped(), engine.begin() as connection:
        yield connection


def check_integrity(engine: Engine) -> None:
    """Refused when the file is damaged (row 66): half a page must not pass for a clean state."""
    if engine.dialect.name != "sqlite":
        return
    with reading(engine) as connection:
        said = str(connection.execute(text("PRAGMA quick_check(1)")).scalar_one())
    if said != "ok":
        raise Refused(
            f"the database file is damaged: {said.splitlines()[-1]}",
            code="state-tampered",
            hint="restore a backup, then look at the disk",
        )


def check_schema(engine: Engine) -> bool:
    """True if the schema is ours, False if the database is empty; Refused for any other."""
    with reading(engine) as connection:
        names = set(inspect(connection).get_table_names())
        if not names:
            return False
        if "alembic_version" not in names:
            raise Refused(
                "the database holds tables but no schema version: not ours, or half made",
                code="store-schema",
                hint="point `database` at an empty database, or restore a backup",
            )
        found = connection.execute(text("SELECT version_num FROM alembic_version")).scalars().all()
    if found == [REVISION]:
        missing = set(METADATA.tables) - names
        if missing:
            raise Refused(f"tables are missing: {', '.join(sorted(missing))}", code="state-tampered")
        return True
    raise Refused(
        f"the database has schema {', '.join(found) or 'none'}, this program knows {REVISION}",
        code="store-schema",
        hint="run the newer program; if this one is newer, `sigwarden db upgrade` (going back needs a backup)",
    )


def insert_once(connection: Connection, table: Table, rows: list[dict[str, Any]]) -> int:
    """Insert rows that do not exist yet; for one row, whether it did not. The one place that knows dialects."""
    if not rows:
        return 0
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    statement = insert(table).on_conflict_do_nothing()
    if len(rows) > 1:
        return max(0, connection.execute(statement, rows).rowcount)
    done = connection.execute(statement.values(rows[0]), execution_options={"preserve_rowcount": True})
    return max(0, done.rowcount)


@contextmanager
def _mapped() -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        raise store_fault(error) from None


def store_fault(error: Exception) -> SigwardenError:
    """A database error as ours: full, read-only, busy or broken. The message holds no bound values."""
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    said = str(cause).splitlines()[0] if str(cause) else type(cause).__name__
    low = said.lower()
    for words, code, hint in _FAULTS:
        if any(word in low for word in words) or getattr(cause, "errno", None) in (errno.ENOSPC, errno.EROFS):
            return Unreachable(f"the database did not take it: {said}", code=code, cause="protocol", hint=hint)
    return Unreachable(f"the database failed: {said}", code="store-fault", cause="protocol", hint="see the runbook")


_FAULTS = (
    (("disk is full", "no space", "quota", "disk i/o"), "store-full", "free some space; we go on by ourselves"),
    (
        ("readonly", "read-only", "unable to open"),
        "store-readonly",
        "make the database writable; we go on by ourselves",
    ),
    (("locked", "deadlock", "timeout", "serialize"), "store-busy", "another process holds the database"),
    (("malformed", "not a database", "corrupt"), "state-tampered", "restore a backup, then look at the disk"),
)
