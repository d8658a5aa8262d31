"""How is a log read that is a folder of files (C2SP tlog-tiles): Rekor v2 now, static-CT with another row?

Everything is attacker-controlled: lengths are exact, a bad piece is asked for once more on a fresh connection, and
partial tiles are asked for only below a size that the caller has seen signed.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from monitor.logs.log import Head, Leaves, LogKind, LogSpec, joined
from verifier.checkpoint import read_checkpoint
from verifier.errors import Malformed, SigwardenError, Unreachable, Untrue
from verifier.fetch.http import Call, Http, Reply, expect
from verifier.note import NoteKey
from verifier.tiles import (
    MAX_BUNDLE,
    TILE_WIDTH,
    BundleSlice,
    TileReader,
    bundle_slices,
    entries_path,
    parse_entry_bundle,
    parse_hash_tile,
    tile_path,
)

MAX_NOTE = 1 << 20
_MAX_TILE = 1 << 16
"""A full hash tile has 8192 bytes; more than that is told from a good one by its length."""

_KEPT = 1 << 20
"""Bytes of a bundle that nobody can cut, kept as evidence: an honest one of 256 large entries is some hundred kB."""

_GONE = frozenset({403, 404, 410})
"""How file servers say that a file is not there; object stores say 403 to those who may not list the folder."""

Columns = tuple[list[bytes], list[bytes]]
PathOf = Callable[[int], str]
Read = TypeVar("Read")


@dataclass(frozen=True, slots=True)
class Flavour:
    """What differs between tiled logs: where a bundle lies, and how it is cut into leaves and extras."""

    path: Callable[[int, int], str]
    cut: Callable[[bytes, int], Columns]
    max_bytes: int


def _cut_entries(data: bytes, width: int) -> Columns:
    return parse_entry_bundle(data, width), []


FLAVOURS: Mapping[LogKind, Flavour] = {
    "rekor-v2": Flavour(entries_path, _cut_entries, MAX_BUNDLE),
}


class TiledLog:
    """One tree of tiles. It trusts nothing it reads, and returns nothing short."""

    batch = TILE_WIDTH

    def __init__(self, spec: LogSpec, http: Http) -> None:
        self.spec = spec
        self._http = http
        self._flavour = FLAVOURS[spec.kind]

    def checkpoint(self) -> bytes:
        """The newest raw signed note."""
        return fetch_note(self._http, self.spec.read_url)

    def consistency(self, old: int, new: int) -> tuple[bytes, ...]:
        """The proof between two sizes, 0 < old < new, built from the hash tiles of the tree of size `new`."""
        return tuple(self.tiles(new).consistency(old, new))

    def tiles(self, size: int) -> TileReader:
        """The hash tiles of the tree of `size`, a signed size."""
        return TileReader(size, self._load_tile)

    def leaves(self, start: int, end: int, size: int) -> Leaves:
        """The leaves [start, end); Malformed for a bundle of another length, Untrue (withheld-entries) for none."""
        return joined(start, self.runs(start, end, size))

    def runs(self, start: int, end: int, size: int) -> Iterator[Leaves]:
        """The same, bundle by bundle: memory holds those on their way and one more."""
        at = start
        for leaves, extras in self._http.stream(self._fetch_slice, bundle_slices(start, end, size)):
            yield Leaves(at, leaves, extras)
            at += len(leaves)

    def _fetch_slice(self, piece: BundleSlice) -> Columns:
        """The leaves of a part of one bundle, and what came beside them."""

        def path(width: int) -> str:
            return self._flavour.path(piece.index, width)

        def read(fresh: bool) -> Columns:
            data, width = self._fetch(path, piece.width, self._flavour.max_bytes, fresh)
            leaves, extras = self._cut(data, width, path(width))
            if piece.start == 0 and piece.end == width:
                return leaves, extras
            return leaves[piece.start : piece.end], extras[piece.start : piece.end]

        return _twice(read)

    def _cut(self, data: bytes, width: int, path: str) -> Columns:
        """A bundle cut into leaves; one that cannot be cut is kept, as far as its size allows."""
        try:
            return self._flavour.cut(data, width)
        except Malformed as error:
            evidence: dict[str, bytes | str] = {"url": f"{self.spec.read_url}/{path}", "answer": data[:_KEPT]}
            raise Malformed(f"{path}: {error.message}", code=error.code, evidence=evidence) from error

    def _load_tile(self, level: int, index: int, width: int) -> bytes:
        """The first `width` hashes of a tile."""

        def path(wide: int) -> str:
            return tile_path(level, index, wide)

        def read(fresh: bool) -> bytes:
            data, served = self._fetch(path, width, _MAX_TILE, fresh)
            parse_hash_tile(data, served)
            return data[: 32 * width]

        return _twice(read)

    def _fetch(self, path: PathOf, width: int, max_bytes: int, fresh: bool) -> tuple[bytes, int]:
        """A file and its width. A partial one may have been removed once the full one exists: then that."""
        reply, served = self._get(path(width), max_bytes, fresh), width
        if reply.status in _GONE and width < TILE_WIDTH:
            full = self._get(path(TILE_WIDTH), max_bytes, fresh)
            reply, served = (reply, width) if full.status in _GONE else (full, TILE_WIDTH)
        if reply.status in _GONE:
            raise Untrue(
                f"{self.spec.origin}: {path(width)} is below the signed size, and the server answers {reply.status}",
                code="withheld-entries",
                hint="if it stays so, the log withholds what it has signed",
                evidence={"url": reply.url, "status": str(reply.status), "answer": reply.body[:1024]},
            )
        return expect(reply, 200).body, served

    def _get(self, path: str, max_bytes: int, fresh: bool) -> Reply:
        return self._http.get(f"{self.spec.read_url}/{path}", max_bytes=max_bytes, fresh=fresh)


class TiledService:
    """One tiled log behind one URL, or behind the first of several that serves its origin."""

    def __init__(self, name: str, origin: str, read_urls: Sequence[str], keys: Sequence[NoteKey], http: Http) -> None:
        self.name = name
        self._specs = tuple(LogSpec("rekor-v2", origin, url.rstrip("/")) for url in read_urls)
        self._keys = tuple(keys)
        self._http = http
        self._settled: LogSpec | None = None

    def heads(self) -> Sequence[Head]:
        """Its one head. A note of another origin is handed on only where no URL serves the right one."""
        other: Head | None = None
        problem: SigwardenError | None = None
        for spec in self._candidates():
            try:
                head = Head(spec, fetch_note(self._http, spec.read_url), self._keys)
            except SigwardenError as error:
                problem = problem or error
                continue
            if _origin(head.note) == spec.origin:
                self._settled = spec
                return [head]
            other = other or head
        return [other or Head(self._settled or self._specs[0], b"", self._keys, problem=problem or _no_url(self.name))]

    def _candidates(self) -> Sequence[LogSpec]:
        """The URL that worked, else all: a tick with nothing new is one request."""
        return self._specs if self._settled is None else (self._settled,)


def fetch_note(http: Http, read_url: str) -> bytes:
    """The raw checkpoint, past every cache on the way."""
    call = Call("GET", f"{read_url}/checkpoint", MAX_NOTE, headers={"Cache-Control": "no-cache"})
    return expect(http.send(call), 200).body


def _twice(read: Callable[[bool], Read]) -> Read:
    """`read`, once more on a fresh connection where what came was wrong: one of several servers may be behind."""
    try:
        return read(False)
    except (Malformed, Untrue):
        return read(True)


def _origin(note: bytes) -> str | None:
    try:
        return read_checkpoint(note).origin
    except Malformed:
        return None


def _no_url(name: str) -> Unreachable:
    return Unreachable(f"{name}: no read URL is known", code="no-read-url", hint="set read_url in the configuration")
