"""What does a run of leaves hold: its hashes, what concerns a watch, what nobody can read?

Pure and picklable: it runs in this process, in workers, anywhere. Every leaf is hashed; only leaves that the sieve
cannot clear are read in full.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from monitor.facts import read_facts
from monitor.logs.log import Leaves, LogKind
from monitor.match import Match, Matcher
from verifier.compact import CompactRange, hash_node
from verifier.errors import Refused
from verifier.tiles import TILE_WIDTH

REKOR: frozenset[LogKind] = frozenset({"rekor-v1", "rekor-v2"})


@dataclass(frozen=True, slots=True)
class RawHit:
    """A leaf that concerns a watch: where, its hash and bytes, what came beside it, and the matches.

    `path` is its inclusion proof in its aligned range of 256 leaves, empty where that was not scanned as a whole.
    """

    index: int
    leaf_hash: bytes
    data: bytes
    extra: bytes
    matches: tuple[Match, ...]
    path: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A leaf that no reader understands and that concerns no watch; `code` says why."""

    index: int
    leaf_hash: bytes
    code: str
    data: bytes


@dataclass(frozen=True, slots=True)
class ScanResult:
    """What one range held. `bytes` counts leaves only."""

    range: CompactRange
    hits: tuple[RawHit, ...]
    unreadable: tuple[Unreadable, ...]
    count: int
    bytes: int


def scan_leaves(leaves: Leaves, matcher: Matcher, kind: LogKind) -> ScanResult:
    """Hash, sieve, match. `matcher` is compiled once for a process."""
    if kind not in REKOR:
        raise Refused(f"no reader for leaves of {kind} logs", code="log-kind")
    hashes = [sha256(b"\x00" + data).digest() for data in leaves.data]
    hits: list[RawHit] = []
    unreadable: list[Unreadable] = []
    for at in matcher.sieve.suspects(leaves.data):
        data = leaves.data[at]
        facts = read_facts(data)
        matches = matcher.match(facts)
        if matches:
            extra = leaves.extra[at] if leaves.extra else b""
            path = _path(hashes, at) if leaves.start % TILE_WIDTH == 0 else ()
            hits.append(RawHit(leaves.start + at, hashes[at], data, extra, matches, path))
        elif facts.problem:
            unreadable.append(Unreadable(leaves.start + at, hashes[at], facts.problem.code, data))
    size = sum(map(len, leaves.data))
    tree = CompactRange.of_leaves(leaves.start, hashes)
    return ScanResult(tree, tuple(hits), tuple(unreadable), len(leaves.data), size)


def _path(hashes: Sequence[bytes], at: int) -> tuple[bytes, ...]:
    """The hashes beside leaf `at` in a whole tile, lowest first: only tiles above are left to ask the log for."""
    if len(hashes) != TILE_WIDTH:
        return ()
    path: list[bytes] = []
    while len(hashes) > 1:
        path.append(hashes[at ^ 1])
        pairs = iter(hashes)
        hashes = [hash_node(left, right) for left, right in zip(pairs, pairs, strict=True)]
        at >>= 1
    return tuple(path)


def watch_test(matcher: Matcher, leaves: Sequence[bytes], start: int = 0) -> tuple[tuple[int, Match], ...]:
    """What watches would have matched in leaves already read, as (index, match)."""
    found: list[tuple[int, Match]] = []
    for at in matcher.sieve.suspects(leaves):
        found += [(start + at, match) for match in matcher.match(read_facts(leaves[at]))]
    return tuple(found)
