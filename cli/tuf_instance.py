"""Which Sigstore instance do we trust, and what does its TUF repository say?

``initialize`` chooses the instance for later commands; without it the public one is meant. ``TUF_ROOT`` moves our
folder, ``TUF_MIRROR`` and ``TUF_ROOT_JSON`` replace the mirror and the first root, as for cosign.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from cli.cosign_flags import warn
from cli.version import VERSION
from verifier.errors import Refused, Unreachable
from verifier.fetch.tuf_cache import MIRRORS, SIGNING_CONFIG, SIGNING_CONFIG_V2, TRUSTED_ROOT, Cache, shipped

# How long an answer of TUF is good enough for a command that only verifies.
_FRESH_SECONDS = 24 * 3600


@dataclass(frozen=True, slots=True)
class Instance:
    """A mirror, the folder of its cache, and the root that trust in it starts from (None: already in the cache)."""

    name: str
    mirror: str
    folder: Path
    first_root: bytes | None

    @property
    def cache(self) -> Cache:
        """What is on disk."""
        return Cache(self.folder)


def trusted_root_bytes(*, staging: bool, offline: bool) -> bytes:
    """The trust root of the chosen instance: from the cache while it is fresh or we are offline, else from TUF."""
    return _target(_chosen(staging=staging), TRUSTED_ROOT, offline=offline)


def signing_config_bytes(*, staging: bool, offline: bool, rekor_v2: bool = False) -> bytes:
    """The signing config of the chosen instance, in the same way; `rekor_v2` for the one that logs to Rekor v2."""
    return _target(_chosen(staging=staging), SIGNING_CONFIG_V2 if rekor_v2 else SIGNING_CONFIG, offline=offline)


def initialize(mirror: str, first_root: bytes | None, *, staging: bool) -> Instance:
    """Forget what the cache holds for this mirror, fetch its metadata anew, and use it from now on."""
    if not mirror:
        mirror = MIRRORS["staging" if staging else "production"]
    known = _known(mirror)
    if first_root is None and known is None:
        raise Refused(
            f"the mirror {mirror} is not one whose first root we ship",
            code="tuf-root",
            hint="give its root.json with --root, and its SHA-256 with --root-checksum",
        )
    root = first_root if first_root is not None else shipped(known or "", "root.json")
    instance = Instance(known or mirror, mirror, _folder(mirror), root)
    with _locked():
        if instance.folder.exists():
            shutil.rmtree(instance.folder)
        _refresh(instance, (TRUSTED_ROOT, SIGNING_CONFIG, SIGNING_CONFIG_V2))
        (instance.folder / "first_root.json").write_bytes(root)
        _write(_base() / "remote.json", json.dumps({"mirror": mirror}).encode())
    return instance


def _target(instance: Instance, name: str, *, offline: bool) -> bytes:
    cached = instance.cache.target(name)
    if offline:
        return _offline(instance, name, cached)
    if cached is not None and 0 <= time.time() - instance.cache.checked() < _FRESH_SECONDS and not _expired(instance):
        return cached
    try:
        with _writable(instance) as usable, _locked():
            found = _refresh(usable, (name,))
    except Unreachable as error:
        if cached is None or _expired(instance):
            raise
        warn(f"TUF could not be asked ({error.message}); the trust root in the cache is used")
        return cached
    if name not in found:
        raise Refused(f"the TUF repository {instance.mirror} has no {name}", code="tuf-target")
    return found[name]


def _offline(instance: Instance, name: str, cached: bytes | None) -> bytes:
    if cached is not None:
        if _expired(instance):
            warn("the cached TUF metadata has expired: the trust root may be out of date")
        return cached
    if instance.name in MIRRORS:
        warn(f"nothing is cached: the {name} that came with version {VERSION} is used")
        return shipped(instance.name, name)
    raise Refused(
        f"there is no cached {name} of {instance.mirror}, and --offline forbids to fetch it",
        code="offline",
        hint="run 'initialize' while online, or give --trusted-root",
    )


def _refresh(instance: Instance, names: tuple[str, ...]) -> dict[str, bytes]:
    from verifier.fetch.http import Http, HttpPolicy
    from verifier.fetch.tuf import Repository

    repository = Repository(instance.mirror, instance.folder, instance.first_root)
    with Http(HttpPolicy(user_agent=f"sigwarden/{VERSION}")) as http:
        found = repository.refresh(http, names)
    instance.cache.mark_checked()
    return found


def _expired(instance: Instance) -> bool:
    expiry = instance.cache.expiry()
    return expiry is not None and expiry < datetime.now(UTC)


def _chosen(*, staging: bool) -> Instance:
    """The instance that flags, variables or an earlier 'initialize' name."""
    mirror = MIRRORS["staging"] if staging else os.environ.get("TUF_MIRROR", "") or _remembered()
    known = _known(mirror)
    folder = _folder(mirror)
    given = os.environ.get("TUF_ROOT_JSON")
    saved = folder / "first_root.json"
    if given:
        root: bytes | None = Path(given).read_bytes()
    elif saved.is_file():
        root = saved.read_bytes()
    else:
        root = shipped(known, "root.json") if known else None
    if root is None and not saved.is_file():
        raise Refused(
            f"the TUF mirror {mirror} was never initialised",
            code="tuf-root",
            hint="run 'initialize --mirror URL --root root.json' first",
        )
    return Instance(known or mirror, mirror, folder, root)


def _remembered() -> str:
    path = _base() / "remote.json"
    try:
        mirror = json.loads(path.read_bytes())["mirror"] if path.is_file() else ""
    except (OSError, ValueError, KeyError, TypeError):
        mirror = ""
    return str(mirror) or MIRRORS["production"]


def _known(mirror: str) -> str | None:
    return next((name for name, url in MIRRORS.items() if url == mirror.rstrip("/")), None)


def _base() -> Path:
    """Our own folder: cosign's layout differs, so its cache is never shared."""
    moved = os.environ.get("TUF_ROOT")
    if moved:
        return Path(moved) / "sigwarden"
    from platformdirs import user_data_path

    return user_data_path("sigwarden", appauthor=False) / "tuf"


def _folder(mirror: str) -> Path:
    host = "".join(c if c.isalnum() or c in ".-" else "_" for c in urlsplit(mirror).hostname or "mirror")
    return _base() / f"{host}-{hashlib.sha256(mirror.rstrip('/').encode()).hexdigest()[:12]}"


@contextlib.contextmanager
def _writable(instance: Instance) -> Iterator[Instance]:
    """The instance, or one in a temporary folder where ours cannot be written (a read-only home)."""
    try:
        instance.folder.mkdir(parents=True, exist_ok=True)
        writable = os.access(instance.folder, os.W_OK)
    except OSError:
        writable = False
    if writable:
        yield instance
        return
    warn(f"{instance.folder} cannot be written: the trust root is fetched for this command only")
    with tempfile.TemporaryDirectory(prefix="sigwarden-tuf-") as folder:
        yield Instance(instance.name, instance.mirror, Path(folder), instance.first_root)


@contextlib.contextmanager
def _locked() -> Iterator[None]:
    """One writer at a time: two commands must not mix their metadata."""
    base = _base()
    try:
        base.mkdir(parents=True, exist_ok=True)
        lock = (base / ".lock").open("ab")
    except OSError:
        yield
        return
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _write(path: Path, data: bytes) -> None:
    """Replace a file as a whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    partial.write_bytes(data)
    partial.replace(path)
