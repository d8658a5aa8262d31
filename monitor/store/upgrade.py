"""How does a database get our newest schema? All of it in one transaction, or not at all."""

from collections.abc import Sequence
from typing import Any

from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.script.revision import ResolutionError
from alembic.util.exc import CommandError
from sqlalchemy import Engine

from monitor.store.open import writing
from verifier.errors import Refused


def upgrade(engine: Engine) -> None:
    """Run the migrations that are missing; Refused when the database is newer than this program."""
    config = Config()
    config.set_main_option("script_location", "monitor.store:migrations")
    config.set_main_option("path_separator", "os")
    script = ScriptDirectory.from_config(config)

    def steps(revision: Any, _context: MigrationContext) -> Sequence[Any]:
        return script._upgrade_revs("head", revision)

    try:
        # SQLite and PostgreSQL both roll back DDL; our transactions begin explicitly, so pysqlite does not end them.
        with writing(engine) as connection, EnvironmentContext(config, script, fn=steps) as environment:
            environment.configure(connection=connection, target_metadata=None, render_as_batch=True)
            environment.run_migrations()
    except (CommandError, ResolutionError) as error:
        raise Refused(
            f"the database has a schema that this program does not know: {error}",
            code="store-schema",
            hint="run the newer program; going back needs a backup",
        ) from None
