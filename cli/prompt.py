"""What does the person at the terminal say? Questions go to standard error, answers come from standard input."""

import getpass
import os
import sys

from cli.app import printable
from cli.key_password import key_password
from verifier.errors import Refused

_LONGEST = 1 << 16


def confirm(question: str, *, stdin_taken: bool = False) -> None:
    """Return if the answer is yes; Refused otherwise, also where nobody answers.

    `stdin_taken`: what comes from standard input is to be signed, so that no answer can be read from it.
    """
    if stdin_taken:
        raise _taken(question)
    sys.stderr.write(f"WARNING: {printable(question)}\nAre you sure you would like to continue? [y/N] ")
    sys.stderr.flush()
    answer = "" if sys.stdin is None else sys.stdin.readline(_LONGEST)
    if not answer.endswith("\n"):
        sys.stderr.write("\n")
    if answer.strip().lower() not in ("y", "yes"):
        raise Refused("user declined the prompt", code="declined", hint="-y answers yes to all questions")


def new_password() -> bytes:
    """The password for a new key: ``COSIGN_PASSWORD``, two equal answers at the terminal, or standard input."""
    given = os.environ.get("COSIGN_PASSWORD")
    if given is not None:
        return given.encode()
    if sys.stdin is None:
        return b""
    if not sys.stdin.isatty():
        return sys.stdin.buffer.read(_LONGEST).removesuffix(b"\n")
    first = getpass.getpass("Enter password for private key: ", stream=sys.stderr)
    again = getpass.getpass("Enter password for private key again: ", stream=sys.stderr)
    if first != again:
        raise Refused("the two passwords are not the same", code="key-password", hint="type the same password twice")
    return first.encode()


def _taken(question: str) -> Refused:
    return Refused(
        f"a question has no answer, because standard input is what is signed: {question}",
        code="declined",
        hint="-y answers yes to all questions; COSIGN_PASSWORD gives the password",
    )


def signing_password(*, stdin_taken: bool) -> bytes:
    """The password of the key that signs; never read from a pipe that holds what is signed."""
    piped = sys.stdin is not None and not sys.stdin.isatty()
    if stdin_taken and piped and "COSIGN_PASSWORD" not in os.environ:
        raise _taken("the password of the key")
    return key_password()


def old_password() -> bytes:
    """The password of a key of another tool, asked for only when it is encrypted.

    ``COSIGN_PASSWORD`` is for the new file; where it is set it is tried for the old one too.
    """
    given = os.environ.get("COSIGN_PASSWORD")
    if given is not None:
        return given.encode()
    if sys.stdin is not None and sys.stdin.isatty():
        return getpass.getpass("Enter password of the key to import: ", stream=sys.stderr).encode()
    raise Refused(
        "the key to import is encrypted, and nobody is here to give its password",
        code="key-password",
        hint="set COSIGN_PASSWORD",
    )
