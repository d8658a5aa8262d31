"""What is the password of this key? ``COSIGN_PASSWORD``, a question at the terminal, or standard input."""

import getpass
import os
import sys

_LONGEST = 1 << 16


def key_password() -> bytes:
    """The password; from a pipe without the one newline that ends it."""
    given = os.environ.get("COSIGN_PASSWORD")
    if given is not None:
        return given.encode()
    if sys.stdin is None:
        return b""
    if sys.stdin.isatty():
        return getpass.getpass("Enter password for private key: ", stream=sys.stderr).encode()
    return sys.stdin.buffer.read(_LONGEST).removesuffix(b"\n")
