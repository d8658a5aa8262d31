"""Where does a secret come from? ``env:NAME``, ``file:PATH`` or ``command:LINE``; never from the file itself."""

import os
import shlex
import subprocess
from pathlib import Path

from verifier.errors import Refused

_SOURCES = ("env:", "file:", "command:")
_LONGEST = 1 << 20
_COMMAND_SECONDS = 30


def is_source(text: str) -> bool:
    """Whether `text` names a place to read from instead of being the value."""
    return text.startswith(_SOURCES)


def read_source(text: str, what: str, folder: Path) -> str:
    """The value behind ``env:``, ``file:`` or ``command:``, without its final newline; paths are relative to `folder`.

    Raises Refused, naming the source and never the value.
    """
    scheme, _, rest = text.partition(":")
    if scheme == "env":
        return _from_environment(rest, what)
    if scheme == "file":
        return _from_file(folder / rest, what)
    return _from_command(rest, what, folder)


def _from_environment(name: str, what: str) -> str:
    value = os.environ.get(name)
    if not value:
        raise Refused(
            f"{what} is to come from the environment variable {name}, which is not set",
            code="secret-missing",
            hint=f"set {name}, or use file: or command: instead",
        )
    return value.removesuffix("\n")


def _from_file(path: Path, what: str) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(_LONGEST + 1)
        if len(data) > _LONGEST:
            raise Refused(f"{what}: the file {path} is larger than 1 MiB", code="secret-too-large")
        return data.decode("utf-8").removesuffix("\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise Refused(f"{what} cannot be read from the file {path}: {reason}", code="secret-missing") from None


def _from_command(line: str, what: str, folder: Path) -> str:
    try:
        words = shlex.split(line)
        done = subprocess.run(  # noqa: S603 - the operator's own command, no shell
            words, cwd=folder, capture_output=True, timeout=_COMMAND_SECONDS, check=True, stdin=subprocess.DEVNULL
        )
        return done.stdout[:_LONGEST].decode("utf-8").removesuffix("\n")
    except (OSError, ValueError, IndexError, subprocess.SubprocessError):
        raise Refused(
            f"{what}: the command that should print it failed (its output is not shown)",
            code="secret-missing",
            hint="run the command by hand and look at its exit status",
        ) from None
