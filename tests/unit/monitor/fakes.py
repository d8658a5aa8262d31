"""A log without a network, a service over it, and a machine that ticks it: everything is in this process."""

import base64
import hashlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from monitor.executors import run_job
from monitor.findings import Finding, Location, finding_id
from monitor.follow import tick
from monitor.logs.log import Head, Leaves, LogSpec
from monitor.machinery import Grace, Limits, Machinery, TickResult
from monitor.scan import RawHit, Unreadable
from monitor.scan_jobs import ScanJob, ScanOutcome
from monitor.store import NewLog, Store
from monitor.timeline import Timeline
from verifier.errors import Untrue
from verifier.keys import PublicKey
from verifier.merkle import Frontier, Tree, consistency_path, hash_leaf, hash_node
from verifier.note import NoteKey

ORIGIN = "fake.test"
START = datetime(2026, 11, 21, 12, tzinfo=UTC)


class FakeTree:
    """Leaves, and whatever can be computed from them."""

    def __init__(self, leaves: Sequence[bytes] = ()) -> None:
        self.leaves = list(leaves)
        self._nodes: dict[tuple[int, int], bytes] = {}

    def grow(self, count: int, prefix: str = "leaf") -> "FakeTree":
        """Add filler."""
        start = len(self.leaves)
        self.leaves += [f"{prefix} {n}".encode() for n in range(start, start + count)]
        return self

    def node(self, level: int, index: int) -> bytes:
        """The hash of a perfect subtree."""
        if level == 0:
            return hash_leaf(self.leaves[index])
        key = (level, index)
        if key not in self._nodes:
            self._nodes[key] = hash_node(self.node(level - 1, 2 * index), self.node(level - 1, 2 * index + 1))
        return self._nodes[key]

    def tree(self, size: int | None = None) -> Tree:
        """Size and root."""
        return self.frontier(size).tree

    def frontier(self, size: int | None = None) -> Frontier:
        """The frontier at a size."""
        from verifier.compact import decompose

        end = len(self.leaves) if size is None else size
        return Frontier(end, tuple(self.node(*spot) for spot in decompose(0, end)))


class FakeLog:
    """A log in memory. `bytes_of` and `proof_of` are where it can be made to lie; `calls` is what was asked."""

    batch = 256

    def __init__(self, spec: LogSpec, tree: FakeTree, key: Ed25519PrivateKey) -> None:
        self.spec = spec
        self.tree = tree
        self.signer = key
        self.calls: list[tuple[Any, ...]] = []
        self.served: dict[int, bytes] = {}
        self.withheld: set[int] = set()
        self.proof_of: Callable[[int, int], tuple[bytes, ...]] | None = None
        self.fails: Exception | None = None

    def note(self, size: int | None = None, **other: Any) -> bytes:
        """A signed head."""
        return sign_note(self.tree.tree(size), self.signer, **other)

    def checkpoint(self) -> bytes:
        """The newest head."""
        return self.note()

    def consistency(self, old: int, new: int) -> tuple[bytes, ...]:
        """A proof."""
        self.calls.append(("consistency", old, new))
        if self.fails:
            raise self.fails
        if self.proof_of:
            return self.proof_of(old, new)
        if new > len(self.tree.leaves):
            raise Untrue("no such tile", code="withheld-entries")
        return tuple(consistency_path(old, new, self.tree.node))

    def leaves(self, start: int, end: int, size: int) -> Leaves:
        """Leaves as served."""
        self.calls.append(("leaves", start, end))
        if self.fails:
            raise self.fails
        if end > len(self.tree.leaves) or any(start <= one < end for one in self.withheld):
            raise Untrue(f"[{start}, {end}) answers 404", code="withheld-entries", evidence={"status": "404"})
        return Leaves(start, [self.served.get(n, self.tree.leaves[n]) for n in range(start, end)])

    def runs(self, start: int, end: int, size: int) -> Iterator[Leaves]:
        """Leaves as served, in pieces."""
        borders = [start, *range((start // 256 + 1) * 256, end, 256), end]
        for low, high in pairwise(borders):
            yield self.leaves(low, high, size)


def sign_note(tree: Tree, key: Ed25519PrivateKey, origin: str = ORIGIN, extension: str = "", name: str = "") -> bytes:
    """A checkpoint in C2SP form."""
    text = f"{origin}\n{tree.size}\n{base64.b64encode(tree.root).decode()}\n{extension}".encode()
    public = key.public_key().public_bytes_raw()
    name = name or origin
    key_id = hashlib.sha256(name.encode() + b"\n\x01" + public).digest()[:4]
    line = base64.b64encode(key_id + key.sign(text)).decode()
    return text + f"\n— {name} {line}\n".encode()


def note_key(key: Ed25519PrivateKey, name: str = ORIGIN) -> NoteKey:
    """What verifies it."""
    return NoteKey.c2sp(name, PublicKey.from_raw("ed25519", key.public_key().public_bytes_raw()))


class Marked:
    """A matcher without watches: whatever says "watched" is a hit."""


def fake_scan(leaves: Leaves, _matcher: object, _kind: str) -> Any:
    """Like `scan_leaves`."""
    from monitor.scan import ScanResult
    from verifier.merkle import CompactRange

    hashes = [hash_leaf(data) for data in leaves.data]
    hits = tuple(
        RawHit(leaves.start + n, hashes[n], data, b"", ()) for n, data in enumerate(leaves.data) if b"watched" in data
    )
    found = CompactRange.of_leaves(leaves.start, hashes)
    return ScanResult(found, hits, (), len(leaves.data), sum(map(len, leaves.data)))


def fake_judge(hits: Sequence[RawHit], unreadable: Sequence[Unreadable], spec: LogSpec, now: datetime) -> list[Finding]:
    """One finding for each hit."""
    return [
        Finding(
            id=finding_id("unexpected-identity", "w", hit.leaf_hash),
            kind="unexpected-identity",
            severity="high",
            log=spec.origin,
            index=hit.index,
            watch="w",
            identity="me@watched.test",
            message="ref differs",
            proven=False,
            seen_at=now,
            group="run/1",
            locations=(Location(spec.origin, hit.index),),
            facts={"run": "run/1", "ref": ["refs/heads/x"]},
            evidence={"body": hit.data},
        )
        for hit in hits
    ]


class Here:
    """Runs each job when it is submitted."""

    def __init__(self, log: FakeLog, depth: int = 2) -> None:
        self.log = log
        self.depth = depth

    def submit(self, job: ScanJob) -> Future[ScanOutcome]:
        """At once."""
        future: Future[ScanOutcome] = Future()
        try:
            future.set_result(run_job(job, self.log, Marked()))  # type: ignore[arg-type]
        except Exception as error:  # what a pool does
            future.set_exception(error)
        return future


@dataclass
class World:
    """One fake log, one store, a clock that we move, and ticks."""

    store: Store
    log: FakeLog
    now: datetime = START
    limits: Limits = field(default_factory=Limits)
    grace: Grace = field(default_factory=Grace)
    retired: bool = False
    fresh: FakeLog | None = None
    keys: tuple[NoteKey, ...] = ()
    more_keys: tuple[NoteKey, ...] = ()
    checked: set[str] = field(default_factory=set)
    stop: Callable[[], bool] = lambda: False

    def machinery(self) -> Machinery:
        """What a tick needs, for the log as it is now."""
        return Machinery(
            self.store,
            Here(self.log),
            lambda _spec, fresh: self.fresh if fresh and self.fresh else self.log,
            fake_judge,
            route=lambda one: ("slack",) if one.cls != "OK" else (),
            refresh_keys=lambda _head: self.more_keys,
            now=lambda: self.now,
            limits=self.limits,
            grace=self.grace,
            checked=self.checked,
            stop=self.stop,
        )

    def tick(self, note: bytes | None = None, *, after: float = 1, **head: Any) -> TickResult:
        """The clock goes on by `after` minutes, and the log is asked."""
        self.now += timedelta(minutes=after)
        keys = self.keys or (note_key(self.log.signer),)
        shown = self.log.note() if note is None else note
        return tick(Head(self.log.spec, shown, keys, self.retired, **head), self.machinery(), service="fake")

    def kinds(self) -> list[str]:
        """Kinds of all findings stored, in order."""
        return [one.finding.kind for one in self.store.findings()]

    def follow_from(self, tree: Tree, frontier: Frontier | None = None) -> None:
        """As `init` does: from a signed head on."""
        from monitor.store import Batch, NewCheckpoint

        timeline = Timeline.starting_at(tree, frontier, "before init")
        self.store.add_log(NewLog(self.log.spec, "fake", timeline, tree), self.now)
        note = NewCheckpoint(tree.size, tree.root, self.log.note(tree.size), ("k",), "first")
        self.store.commit_batch(Batch(ORIGIN, self.now, checkpoints=(note,)))

    def follow_from_start(self) -> None:
        """From leaf 0."""
        self.store.add_log(NewLog(self.log.spec, "fake", Timeline.from_start(), None), self.now)


def fake_log(size: int = 0, kind: Any = "rekor-v2") -> FakeLog:
    """A log with filler."""
    return FakeLog(LogSpec(kind, ORIGIN, "http://fake.test"), FakeTree().grow(size), Ed25519PrivateKey.generate())


def new_world(folder: Path, size: int = 0, **other: Any) -> World:
    """A store in `folder` and a log of `size` leaves, followed from the start."""
    store = Store(folder / "state.db", create=True)
    store.bootstrap(START)
    world = World(store, fake_log(size), **other)
    world.follow_from_start()
    return world
