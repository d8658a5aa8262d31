"""What does a TUF repository say is Sigstore's trust root today?

Updates run through `tuf`'s client, over our own HTTP (its caps, deadlines and error mapping). Metadata lives in a
folder that the caller names; `tuf_cache` reads it again with no network. Protocol.md section 8.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from tuf.api import exceptions
from tuf.ngclient.config import UpdaterConfig
from tuf.ngclient.fetcher import FetcherInterface
from tuf.ngclient.updater import Updater

from verifier.errors import Malformed, Refused, SigwardenError, Unreachable, Untrue
from verifier.fetch.http import Http
from verifier.fetch.tuf_cache import TRUSTED_ROOT

# The largest file of a Sigstore repository is a 2 MiB snapshot; targets are under 100 KiB.
_MAX_FILE = 5_000_000
_CONFIG = UpdaterConfig(max_root_rotations=256, max_delegations=32)


class _Fetcher(FetcherInterface):
    """tuf's view of our HTTP."""

    def __init__(self, http: Http) -> None:
        self._http = http
        self.failure: Unreachable | None = None

    def _fetch(self, url: str) -> Iterator[bytes]:
        try:
            reply = self._http.get(url, max_bytes=_MAX_FILE)
        except Unreachable as error:
            self.failure = error
            raise exceptions.DownloadError(error.message) from error
        if reply.status != 200:
            raise exceptions.DownloadHTTPError(f"{url} answered {reply.status}", reply.status)
        return iter((reply.body,))


class Repository:
    """One TUF repository: its mirror, a folder for its metadata and targets, and the root that trust starts from."""

    def __init__(self, mirror: str, folder: Path, first_root: bytes | None) -> None:
        self.mirror = mirror.rstrip("/")
        self.folder = folder
        self._first_root = first_root

    def refresh(self, http: Http, names: tuple[str, ...] = (TRUSTED_ROOT,)) -> dict[str, bytes]:
        """The newest targets, verified; those of `names` that the repository does not have are left out.

        Untrue with code ``tuf-expired``, ``tuf-rollback``, ``tuf-signature`` or ``tuf-hash``; Unreachable.
        """
        fetcher = _Fetcher(http)
        with self._mapped(fetcher):
            updater = self._updater(fetcher)
            updater.refresh()
            return {name: data for name in names if (data := _download(updater, name)) is not None}

    def _updater(self, fetcher: FetcherInterface) -> Updater:
        self._metadata.mkdir(parents=True, exist_ok=True)
        self._targets.mkdir(parents=True, exist_ok=True)
        return Updater(
            metadata_dir=str(self._metadata),
            metadata_base_url=self.mirror,
            target_dir=str(self._targets),
            target_base_url=f"{self.mirror}/targets",
            fetcher=fetcher,
            config=_CONFIG,
            # With our own copy of the first root a cache that somebody else wrote cannot become the start of trust.
            bootstrap=self._first_root,
        )

    @property
    def _metadata(self) -> Path:
        return self.folder / "metadata"

    @property
    def _targets(self) -> Path:
        return self.folder / "targets"

    @contextlib.contextmanager
    def _mapped(self, fetcher: _Fetcher) -> Iterator[None]:
        """tuf's errors as ours, with what to do about them."""
        try:
            yield
        except exceptions.DownloadError as error:
            raise (fetcher.failure or _unreachable(self.mirror, error)) from error
        except exceptions.RepositoryError as error:
            raise _repository_error(self.mirror, error) from error
        except (OSError, ValueError) as error:
            raise _local_error(self.folder, error) from error


def _download(updater: Updater, name: str) -> bytes | None:
    info = updater.get_targetinfo(name)
    if info is None:
        return None
    return Path(updater.find_cached_target(info) or updater.download_target(info)).read_bytes()


def _unreachable(mirror: str, error: Exception) -> Unreachable:
    status = error.status_code if isinstance(error, exceptions.DownloadHTTPError) else None
    return Unreachable(
        f"the TUF repository {mirror} gave no usable answer: {error}",
        code="tuf-unreachable",
        cause="status" if status else "protocol",
        status=status,
        hint="--trusted-root takes a trust root from a file, --offline the one in the cache",
    )


def _repository_error(mirror: str, error: exceptions.RepositoryError) -> SigwardenError:
    for kind, code, what, hint in _REPOSITORY_ERRORS:
        if isinstance(error, kind):
            return Untrue(f"the TUF repository {mirror} {what}: {error}", code=code, hint=hint)
    return Malformed(f"the TUF repository {mirror} cannot be read: {error}", code="tuf-format")


_REPOSITORY_ERRORS: tuple[tuple[type[exceptions.RepositoryError], str, str, str], ...] = (
    (
        exceptions.ExpiredMetadataError,
        "tuf-expired",
        "serves expired metadata: it is frozen, or the clock here is wrong",
        "check the clock; if it is right, the mirror withholds updates",
    ),
    (
        exceptions.BadVersionNumberError,
        "tuf-rollback",
        "serves older metadata than it did before",
        "a stale mirror, or an attack: compare with another network",
    ),
    (
        exceptions.UnsignedMetadataError,
        "tuf-signature",
        "serves metadata that its keys did not sign",
        "check that the root given to 'initialize' belongs to this mirror",
    ),
    (
        exceptions.LengthOrHashMismatchError,
        "tuf-hash",
        "serves a file that is not the one it signed",
        "a broken mirror, or an attack: compare with another network",
    ),
)


def _local_error(folder: Path, error: Exception) -> SigwardenError:
    if isinstance(error, OSError):
        reason = error.strerror or str(error)
        return Refused(
            f"the TUF cache {folder} cannot be used: {reason}",
            code="tuf-cache",
            hint="set TUF_ROOT to a folder that can be written",
        )
    return Malformed(f"the TUF metadata in {folder} cannot be read: {error}", code="tuf-format")
