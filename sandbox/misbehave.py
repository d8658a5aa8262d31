"""How does a log misbehave? One method for each way; `honest()` takes them all back."""

from collections.abc import Callable, Sequence

from sandbox.entries import opaque
from sandbox.keys import C2spNoteSigner, NoteSigner, SigningKey, Witness
from sandbox.lies import (
    MALFORMED_NOTES,
    also_signed_by,
    broken_signature,
    other_origin,
    signed_by,
)
from sandbox.shard import Shard, View
from sandbox.wayward import Wayward


class Misbehaving(Wayward):
    """What Rekor v1 and v2 have in common: shards, lies, and the record of what was asked.

    Indexes are in-tree. `times` tells a lie only so often, then the truth; `only` is a glob over request paths.
    """

    shards: list[Shard]
    now: Callable[[], float]

    @property
    def shard(self) -> Shard:
        """The tree that is written to."""
        return self.shards[-1]

    @property
    def _target(self) -> Shard:
        """The tree that lies are about."""
        return self.shards[self.lies.aim]

    # -- another tree than the one that was signed before -------------------------------------------------------------

    def fork(self, at: int = 0, size: int | None = None, body: bytes | None = None, grow: int = 0) -> View:
        """Sign another history: leaf `at` was something else; `size` leaves of it (None: as many), and `grow` more."""
        other = body if body is not None else self.stand_in(forked=at)
        extra = [self.stand_in(forked=at, more=number) for number in range(grow)]
        self.lies.view = self._target.view.forked(at, other, size, extra)
        return self.lies.view

    def stand_in(self, **what: int) -> bytes:
        """A leaf that was never logged, for another history."""
        return opaque("sandbox", "0.0.1", what)

    def rollback(self, size: int) -> None:
        """Be a log of only `size` entries, an honest ancestor."""
        self.lies.view = self._target.view.at(size)

    def stale(self, size: int, times: int | None = None) -> None:
        """Serve an older head; everything else is up to date."""
        self.lies.head = self._target.view.at(size)
        self._limit("head", times)

    def cached(self, size: int) -> None:
        """A proxy serves an older head with its Age, unless the request says no-cache."""
        self.lies.cached = True
        self._limit("head", None)
        self.lies.head = self._target.view.at(size)

    def lagging_replica(self, size: int, replicas: int = 3) -> None:
        """One in `replicas` connections reaches a replica that has only `size` entries."""
        self.lies.lagging, self.lies.replicas = self._target.view.at(size), replicas

    # -- entries that are not the ones that were signed ----------------------------------------------------------------

    def swap_leaf(self, index: int, body: bytes, times: int | None = None, *, rename: bool = False) -> None:
        """Serve other bytes at `index`; tree and (v1) UUID stay, unless `rename` gives the UUID of the new bytes."""
        self.lies.swapped[index] = body
        self.lies.rename = rename
        self._limit("content", times)

    def reorder(self, one: int, other: int, times: int | None = None, *, relabel: bool = True) -> None:
        """Two entries change places; on v1 with their numbers as they should be, unless `relabel` is False."""
        self.lies.moved |= {one: other, other: one}
        self.lies.relabel = relabel
        self._limit("content", times)

    def swap_neighbours(self, index: int, times: int | None = None) -> None:
        """An entry and the next change places."""
        self.reorder(index, index + 1, times)

    def duplicate(self, index: int, times: int | None = None, *, relabel: bool = False) -> None:
        """The entry stands in the place of the next one too."""
        self.lies.moved[index + 1] = index
        self.lies.relabel = relabel
        self._limit("content", times)

    def drop(self, *indexes: int, times: int | None = None, singly: bool = True) -> None:
        """Leave entries out with status 200; `singly` False gives them when they are asked for alone (v1)."""
        self.lies.dropped |= set(indexes)
        self.lies.singly = singly
        self._limit("content", times)

    def short_bundle(self, number: int, by: int = 1, times: int | None = None) -> None:
        """Bundle `number` (v1: an answer of several with index `number`) lacks its last `by` entries."""
        self.lies.resized[number] = -by
        self._limit("content", times)

    def long_bundle(self, number: int, by: int = 1, times: int | None = None) -> None:
        """Bundle `number` (v1: an answer of several with index `number`) repeats its last entry `by` times."""
        self.lies.resized[number] = by
        self._limit("content", times)

    def withhold(self, start: int, end: int) -> None:
        """Answer 404 for whatever holds the entries [start, end)."""
        self.lies.withheld.append(range(start, end))

    def tile_disagrees(self, index: int) -> None:
        """The level-0 hash of leaf `index` is not the hash of the entry (v2)."""
        self.lies.flipped_tiles.add(index)

    # -- proofs and notes ----------------------------------------------------------------------------------------------

    def wrong_proof(self, form: str = "flipped", times: int | None = None, *, of: str = "consistency") -> None:
        """Proofs are `flipped`, `short`, `long`, `huge` or `malformed`: v2 all tiles, v1 those of `of`."""
        self.lies.proof, self.lies.proof_of = form, of
        self._limit("proof", times)

    def unknown_key(self) -> None:
        """The head is signed by a key that nobody knows, under the log's name."""
        self.lies.note = signed_by([self._stranger()])

    def bad_signature(self) -> None:
        """The log's own key id, and a signature that does not fit."""
        self.lies.note = broken_signature

    def wrong_origin(self, origin: str = "other.sandbox.test") -> None:
        """The head names another log, signed by this log's key."""
        self.lies.note = other_origin(origin)

    def witness_lines(self, count: int = 3, *, first: bool = False) -> Sequence[Witness]:
        """Honest cosignatures beside the log's signature; who signed."""
        made = [
            Witness(f"witness{n}.sandbox.test", SigningKey.make("ed25519", f"witness {n}"), self.now)
            for n in range(count)
        ]
        self.lies.note = also_signed_by(made, first=first)
        return made

    def malformed_note(self, form: str) -> None:
        """A head in one of the forms of MALFORMED_NOTES."""
        self.lies.note = MALFORMED_NOTES[form]

    # -- parts ---------------------------------------------------------------------------------------------------------

    def _limit(self, sort: str, times: int | None) -> None:
        self.lies.left.pop(sort, None)
        if times is not None:
            self.lies.left[sort] = times

    def _stranger(self) -> NoteSigner:
        return C2spNoteSigner(self._target.signers[0].name, SigningKey.make("ed25519", "stranger"))
