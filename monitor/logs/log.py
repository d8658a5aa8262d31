"""What is a log to the monitor: a signed head, a proof of growth, and leaves by range?"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from verifier.errors import SigwardenError
from verifier.note import NoteKey

LogKind = Literal["rekor-v1", "rekor-v2", "ct-static", "ct-rfc6962"]


@dataclass(frozen=True, slots=True)
class LogSpec:
    """All that a worker needs to open one tree; picklable.

    `origin` names the tree (first checkpoint line; on v1 ``host - treeID``). `read_url` has no trailing slash.
    `tree_id` and `base` (sum of the older shards' sizes: global index minus in-tree index) are Rekor v1's only.
    """

    kind: LogKind
    origin: str
    read_url: str
    tree_id: int | None = None
    base: int = 0


@dataclass(frozen=True, slots=True)
class Leaves:
    """A run of leaves in order, as columns: `data[i]` is the leaf at ``start + i``.

    `extra[i]` is what came beside the leaf and is not in the tree (v1: the JSON of the entry, CT: extra_data).
    """

    start: int
    data: Sequence[bytes]
    extra: Sequence[bytes] = ()

    @property
    def end(self) -> int:
        """One past the last index."""
        return self.start + len(self.data)


def joined(start: int, runs: Iterable[Leaves]) -> Leaves:
    """Runs that follow each other as one."""
    parts = list(runs)
    if len(parts) == 1:
        return parts[0]
    return Leaves(start, [one for run in parts for one in run.data], [one for run in parts for one in run.extra])


@dataclass(frozen=True, slots=True)
class Head:
    """One tree's newest signed note as a service gave it, not yet verified.

    `retired` is the service's claim that the tree is final (v1 inactive shard). `problem` is set, and `note` empty,
    where the service should have given a head and did not.
    """

    spec: LogSpec
    note: bytes
    keys: tuple[NoteKey, ...]
    retired: bool = False
    problem: SigwardenError | None = None


class Log(Protocol):
    """One tree. Every method may raise Unreachable, Malformed or Untrue; none trusts what it returns."""

    spec: LogSpec
    batch: int
    """How many leaves one range read should hold (256 for tiles; a multiple of ten for v1)."""

    def checkpoint(self) -> bytes:
        """The newest raw signed note."""

    def consistency(self, old: int, new: int) -> tuple[bytes, ...]:
        """The consistency proof between two sizes, 0 < old < new."""

    def leaves(self, start: int, end: int, size: int) -> Leaves:
        """Exactly the leaves [start, end) of the tree of `size`, or an error that names what is missing."""

    def runs(self, start: int, end: int, size: int) -> Iterator[Leaves]:
        """The same leaves in order, a few hundred at a time, while the next ones are on their way."""


class Service(Protocol):
    """What one URL serves: one v2 shard, or all trees of a v1 instance in one answer."""

    name: str

    def heads(self) -> Sequence[Head]:
        """The heads of every tree it serves, oldest shard first; one request where the protocol allows it."""
