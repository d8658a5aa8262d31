"""What did TUF say last time, on this disk?

Reading alone, without `tuf` and without a network: fast enough for every command. The folder is the user's own; its
files are checked against the hashes in the metadata that was verified when they were written, so a damaged file is
noticed.
"""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

from verifier.errors import Malformed, Refused

TRUSTED_ROOT = "trusted_root.json"
SIGNING_CONFIG = "signing_config.v0.2.json"
SIGNING_CONFIG_V2 = "signing_config_rekor_v2.v0.2.json"
MIRRORS = {
    "production": "https://tuf-repo-cdn.sigstore.dev",
    "staging": "https://tuf-repo-cdn.sigstage.dev",
}
_EXPIRING = ("timestamp", "snapshot", "targets")
_LARGEST = 5_000_000


def shipped(instance: str, name: str) -> bytes:
    """A file shipped for "production" or "staging": ``root.json``, or a target as it was at this version's release."""
    path = files("verifier.fetch").joinpath("roots", instance, name)
    if not path.is_file():
        raise Refused(f"no {name} of the {instance} instance came with this version", code="tuf-target")
    return path.read_bytes()


@dataclass(frozen=True, slots=True)
class Cache:
    """One repository's folder: ``metadata/`` and ``targets/``, as `tuf.Repository` writes them."""

    folder: Path

    def target(self, name: str) -> bytes | None:
        """A target as it was last verified; None if there is none, Malformed if the file was damaged since."""
        metadata, path = self._metadata("targets"), self.folder / "targets" / name
        if metadata is None or not path.is_file() or path.stat().st_size > _LARGEST:
            return None
        expected = _at(metadata, "signed", "targets", name, "hashes", "sha256")
        data = path.read_bytes()
        if hashlib.sha256(data).hexdigest() != expected:
            raise Malformed(
                f"the cached {path} is not what TUF delivered", code="tuf-cache", hint="run 'initialize' again"
            )
        return data

    def expiry(self) -> datetime | None:
        """When the first part of the cached metadata expires (aware); None where there is none."""
        found = [_at(data, "signed", "expires") for kind in _EXPIRING if (data := self._metadata(kind)) is not None]
        try:
            return min((datetime.fromisoformat(str(text)) for text in found), default=None)
        except ValueError as error:
            raise Malformed(f"the TUF metadata in {self.folder} has no expiry", code="tuf-cache") from error

    def checked(self) -> float:
        """When the repository was last asked and answered (Unix seconds, by the file's own time); 0 if never."""
        path = self.folder / "checked"
        return path.stat().st_mtime if path.is_file() else 0.0

    def mark_checked(self) -> None:
        """Remember that the repository was asked now."""
        (self.folder / "checked").touch()

    def _metadata(self, kind: str) -> Any:
        path = self.folder / "metadata" / f"{kind}.json"
        if not path.is_file():
            return None
        try:
            return json.loads(path.read_bytes())
        except (ValueError, RecursionError) as error:
            raise Malformed(f"the cached {path} is damaged", code="tuf-cache", hint="run 'initialize' again") from error


def _at(value: Any, *path: str) -> Any:
    """The member at this path, None where it ends early."""
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value
