"""May this file be written, and is it there as a whole or not at all?

Asked before anybody logs in; an existing file is replaced only when somebody said so. The data is complete on disk
before the name appears, so a kill, a full disk or a lost machine leaves no half file.
"""

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

from cli.prompt import confirm
from verifier.errors import Refused

_PRIVATE = 0o600


def check_new(path: str, *, yes: bool, stdin_taken: bool = False) -> bool:
    """Whether the file exists and may be replaced; Refused where it cannot be written or the person declines.

    `yes`: every question is answered with yes; `stdin_taken`: nobody can answer.
    """
    target = Path(path)
    if target.is_dir():
        raise Refused(f"{path} is a folder", code="output", hint="name a file")
    folder = target.parent
    if not folder.is_dir():
        raise Refused(f"open {path}: no such file or directory", code="output", hint=f"make the folder {folder} first")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise Refused(f"open {path}: permission denied", code="output")
    exists = os.path.lexists(path)
    if exists and not yes:
        confirm(f"File {path} already exists. Overwrite?", stdin_taken=stdin_taken)
    return exists


def write_new(path: str, data: bytes, *, mode: int = _PRIVATE, replace: bool = False) -> None:
    """Write a whole file; Refused if it cannot be, or if (`replace` False) the name was taken meanwhile."""
    try:
        with _nameless(Path(path), mode) as (descriptor, publish):
            view = memoryview(data)
            while view:
                view = view[os.write(descriptor, view) :]
            os.fsync(descriptor)
            publish(replace=replace)
    except FileExistsError:
        raise Refused(f"{path} appeared while we worked: it is left as it is", code="output") from None
    except OSError as error:
        raise Refused(f"{path} cannot be written: {error.strerror}", code="output") from error


class _Publish:
    """Gives a finished file its name."""

    def __init__(self, descriptor: int, name: Path | None, target: Path) -> None:
        self.descriptor, self.name, self.target = descriptor, name, target

    def __call__(self, *, replace: bool) -> None:
        if not replace:
            self._link(self.target)
        elif self.name is not None:
            self.name.replace(self.target)
        else:
            between = self.target.with_name(f".{self.target.name}.{secrets.token_hex(4)}")
            self._link(between)
            between.replace(self.target)

    def _link(self, target: Path) -> None:
        """Fails where the name is taken."""
        if self.name is not None:
            os.link(self.name, target)
            return
        # linkat(2) with AT_SYMLINK_FOLLOW, which Python asks for only together with a folder's descriptor
        folder = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.link(f"/proc/self/fd/{self.descriptor}", target, src_dir_fd=folder, follow_symlinks=True)
        finally:
            os.close(folder)


@contextlib.contextmanager
def _nameless(target: Path, mode: int) -> Iterator[tuple[int, _Publish]]:
    """An open file in the target's folder that has no name yet; where the system has none, one with a hidden name."""
    descriptor, name = -1, None
    if hasattr(os, "O_TMPFILE") and Path("/proc/self/fd").is_dir():
        with contextlib.suppress(OSError):  # some file systems have no nameless files
            descriptor = os.open(target.parent, os.O_TMPFILE | os.O_WRONLY, mode)
    if descriptor < 0:
        name = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
        descriptor = os.open(name, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode)
    try:
        os.fchmod(descriptor, mode)
        yield descriptor, _Publish(descriptor, name, target)
    finally:
        os.close(descriptor)
        if name is not None:
            name.unlink(missing_ok=True)
