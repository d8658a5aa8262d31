"""How is a file written so that nobody ever sees half of it?"""

import os
import tempfile
from pathlib import Path

from verifier.errors import Refused


def write_whole(path: Path, data: bytes, *, mode: int = 0o644) -> None:
    """Put `data` at `path` as a whole, replacing what was there. Refused when it cannot be written."""
    try:
        descriptor, partial = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise _refused(path, error) from None
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(partial).chmod(mode)
        Path(partial).replace(path)
    except OSError as error:
        Path(partial).unlink(missing_ok=True)
        raise _refused(path, error) from None


def _refused(path: Path, error: OSError) -> Refused:
    return Refused(f"{path} cannot be written: {error.strerror}", code="write-failed")
