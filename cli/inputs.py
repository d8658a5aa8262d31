"""Where do the bytes come from that a command is to judge: a file, standard input, an URL, a variable?

Everything is capped, and nothing is opened when a command promised to stay off the network.
"""

import io
import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from cli.version import VERSION
from verifier.artifact import Artifact, Hasher
from verifier.errors import Malformed, Refused

STDIN = "-"
# What is read whole: keys, bundles, certificates. Artifacts are streamed and have no limit.
MAX_WHOLE = 192 << 20
_CHUNK = 1 << 20
_URLS = ("http://", "https://")
Source = io.BufferedReader
_DIGESTS = ("sha256:", "sha384:", "sha512:")


def read_input(reference: str, *, offline: bool = False, limit: int = MAX_WHOLE) -> bytes:
    """All bytes behind a path, ``-``, ``env://VARIABLE`` or an http(s) URL, at most `limit`."""
    if reference.startswith("env://"):
        name = reference.removeprefix("env://")
        value = os.environ.get(name)
        if value is None:
            raise Refused(f"loading {reference}: the environment variable {name} is not set", code="input-missing")
        return value.encode()
    if reference.startswith(_URLS):
        return _download(reference, offline=offline, limit=limit)
    with _open(reference) as file:
        try:
            data = file.read(limit + 1)
        except OSError as error:
            raise _unreadable(reference, error) from error
    if len(data) > limit:
        raise Refused(f"{reference} is larger than {limit} bytes", code="input-too-large")
    return data


def read_artifact(reference: str, needs: tuple[Iterable[str], bool], *, offline: bool = False) -> Artifact:
    """The artifact behind a path, ``-``, an URL or ``sha256:<hex>``; streamed, unless `needs` says to keep it.

    A digest is meant only where no file of that name exists, as in the conformance protocol.
    """
    algorithms, keep = needs
    if reference.startswith(_DIGESTS) and not Path(reference).exists():
        return Artifact.from_digest(reference)
    hasher = Hasher(algorithms, keep=keep)
    if reference.startswith(_URLS):
        hasher.update(_download(reference, offline=offline, limit=MAX_WHOLE))
        return hasher.artifact()
    with _open(reference) as file:
        try:
            for chunk in _chunks(file):
                hasher.update(chunk)
        except OSError as error:
            raise _unreadable(reference, error) from error
    return hasher.artifact()


def _chunks(file: Source) -> Iterator[memoryview]:
    """The bytes of a file in one reused buffer: memory stays flat whatever its size."""
    view = memoryview(bytearray(_CHUNK))
    while count := file.readinto(view):
        yield view[:count]


def _open(reference: str) -> Source:
    if reference == STDIN:
        if sys.stdin is None:  # the caller closed it
            raise Refused("standard input is closed: nothing can be read from -", code="input-missing")
        return io.BufferedReader(io.FileIO(sys.stdin.fileno(), closefd=False))
    try:
        return Path(reference).open("rb")
    except OSError as error:
        raise Refused(f"open {reference}: {_reason(error)}", code="input-missing") from error
    except ValueError as error:
        raise Refused("open: the name holds a null character", code="input-missing") from error


def _unreadable(reference: str, error: OSError) -> Refused:
    """A file that opened but broke off: a device, a stale mount, a folder given as standard input."""
    return Refused(f"read {reference}: {_reason(error)}", code="input-unreadable")


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()


def _download(url: str, *, offline: bool, limit: int) -> bytes:
    if offline:
        raise Refused(f"{url} cannot be read with --offline", code="offline", hint="give a file instead")
    from verifier.fetch.http import Http, HttpPolicy, expect

    with Http(HttpPolicy(user_agent=f"sigwarden/{VERSION}")) as http:
        reply = http.get(url, max_bytes=limit)
    expect(reply, 200)
    return reply.body


def text_of(data: bytes, what: str) -> str:
    """UTF-8 text; Malformed otherwise."""
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise Malformed(f"{what} is not UTF-8 text", code="input-text") from error
