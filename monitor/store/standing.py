"""Is the database file still the one that we opened?

A file that was deleted, or replaced by a backup, stays open and takes every write: all would look well, and the next
start would know nothing of it (row 69). So its identity is looked at before every transaction.
"""

from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, event

from verifier.errors import Unreachable


class Standing:
    """The identity (device, inode) of one file, from the first time it is seen."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._first: tuple[int, int] | None = None

    def check(self) -> None:
        """Unreachable (code store-gone) when the file that was seen first is no longer at its place."""
        try:
            found = self.path.stat()
        except FileNotFoundError:
            if self._first is None:
                return  # it is about to be made
            raise self._gone("deleted") from None
        except OSError:
            return  # the database itself says what is wrong
        if self._first is None:
            self._first = (found.st_dev, found.st_ino)
        elif self._first != (found.st_dev, found.st_ino):
            raise self._gone("replaced")

    def _gone(self, what: str) -> Unreachable:
        return Unreachable(
            f"the database {self.path} was {what} while it was open",
            code="store-gone",
            cause="protocol",
            hint="put it back, then start again: until then nothing is read",
        )


def watch_file(engine: Engine) -> None:
    """Look at the file of an SQLite engine before each connection (which would make a new one) and transaction."""
    name = engine.url.database
    if not name or name == ":memory:":
        return
    standing = Standing(Path(name).absolute())

    def connecting(*_: Any) -> None:
        standing.check()

    def beginning(_: Connection) -> None:
        standing.check()

    event.listen(engine, "do_connect", connecting)
    event.listen(engine, "begin", beginning, insert=True)
