"""What does a Rekor v2 shard hold at an index, or in a range? Tiles have no search: a range is read and proven."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cli.lookup.trust import Proven, Trusted, prove
from monitor.logs.log import LogSpec
from monitor.logs.tiled import TiledLog, TiledService
from monitor.match import Matcher
from monitor.prefix import can_be_shown, older_frontier
from monitor.scan import scan_leaves
from monitor.watch import Watch
from verifier.bodies import kind_of
from verifier.checkpoint import Checkpoint, open_checkpoint
from verifier.entry_json import InclusionProof, LogEntry
from verifier.errors import Refused, SigwardenError, Untrue
from verifier.fetch.http import Http
from verifier.merkle import Frontier
from verifier.note import NoteKey
from verifier.trust import TrustedLog

_STEP = 4096
"""Leaves read at once in a scan: sixteen bundles, about 10 MB."""


@dataclass(frozen=True, slots=True)
class Shard:
    """One shard at one signed head."""

    log: TiledLog
    head: Checkpoint
    trusted: TrustedLog
    keys: tuple[NoteKey, ...]

    def entry(self, index: int) -> LogEntry:
        """The entry at an index with its inclusion proof, built from tiles; not checked yet."""
        if not 0 <= index < self.head.size:
            raise Untrue(
                f"{self.head.origin} has {self.head.size} entries, the last one at index {self.head.size - 1}",
                code="no-entry",
            )
        body = self.log.leaves(index, index + 1, self.head.size).data[0]
        path = tuple(self.log.tiles(self.head.size).inclusion(index))
        proof = InclusionProof(index, self.head.size, self.head.root, path, self.head.raw)
        kind, version = _kind(body)
        return LogEntry(self.trusted.log_id, kind, version, None, index, None, body, None, proof, None, None)

    def prove(self, index: int) -> Proven:
        """The entry at an index, proven."""
        return prove(self.entry(index), Trusted((self.trusted,)))

    def search(self, start: int, watches: Sequence[Watch]) -> Iterator[tuple[int, int, frozenset[str]]]:
        """Read every leaf from `start`, and compare the root at the end: (read to, index or -1, watches that match).

        Untrue when what was served does not hash into the signed root: then none of it counts.
        """
        frontier = self._frontier(start)
        matcher = Matcher(watches)
        while frontier.size < self.head.size:
            end = min(self.head.size, (frontier.size // _STEP + 1) * _STEP)
            scan = scan_leaves(self.log.leaves(frontier.size, end, self.head.size), matcher, "rekor-v2")
            frontier = frontier.extend(scan.range)
            yield end, -1, frozenset()
            for hit in scan.hits:
                yield end, hit.index, frozenset(match.watch for match in hit.matches if match.exact)
        if frontier.root != self.head.root:
            raise Untrue(
                f"what {self.head.origin} served does not hash into the root that it signed",
                code="root-mismatch",
                hint="nothing of this search counts; try again, then look closer with 'sigwarden monitor'",
            )

    def _frontier(self, start: int) -> Frontier:
        while start > 0 and not can_be_shown(start, self.head.tree):
            start -= 1
        return older_frontier(self.log, start, self.head.tree)[0]


def open_shard(origin: str, read_url: str | None, trusted: Trusted, http: Http) -> Shard:
    """The shard of this origin at its newest head. Refused for an origin that is not trusted; Untrue, Unreachable."""
    known = [log for log in trusted.logs if (log.origin or origin) == origin]
    if not known:
        raise Refused(f"no trusted log has the origin {origin}", code="unknown-log", hint="see --trusted-root")
    failure: SigwardenError | None = None
    for log in known:
        keys = (NoteKey.c2sp(origin, log.key),)
        base = (read_url or log.base_url).rstrip("/")
        urls = (base, f"{base}/api/v2") if read_url else (f"{base}/api/v2", base)
        head = TiledService(origin, origin, urls, keys, http).heads()[0]
        if head.problem is not None:
            failure = failure or head.problem
            continue
        try:
            opened = open_checkpoint(head.note, keys, origin=origin)
        except SigwardenError as error:
            failure = failure or error
            continue
        return Shard(TiledLog(LogSpec("rekor-v2", origin, head.spec.read_url), http), opened, log, keys)
    assert failure is not None
    raise failure


def _kind(body: bytes) -> tuple[str, str]:
    try:
        return kind_of(body)
    except SigwardenError:
        return "unknown", ""
