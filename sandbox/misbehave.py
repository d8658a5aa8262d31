"""How does a log misbehave? One method for each way; `honest()` takes them all back."""

import gzip
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from sandbox.entries import opaque
from sandbox.keys import C2spNoteSigner, NoteSigner, SigningKey, Witness
from sandbox.lies import (
    MALFORMED_NOTES,
    Fault,
    Lies,
    also_signed_by,
    broken_signature,
    other_origin,
    signed_by,
)
from sandbox.shard import Shard, View
from sandbox.wire import Reply, Request

_HTML = b"<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>\n"


class Misbehaving:
    """What Rekor v1 and v2 have in common: shards, lies, and the record of what was asked.

    Indexes are in-tree. `times` tells a lie only so often, then the truth; `only` is a glob over request paths.
    """

    shards: list[Shard]
    lies: Lies
    now: Callable[[], float]

    def honest(self) -> None:
        """Tell the truth again."""
        released = self.lies.released
        self.lies = Lies()
        released.set()

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
        other = body if body is not None else opaque("sandbox", "0.0.1", {"forked": at})
        extra = [opaque("sandbox", "0.0.1", {"forked": at, "more": number}) for number in range(grow)]
        self.lies.view = self._target.view.forked(at, other, size, extra)
        return self.lies.view

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

    # -- the way there -------------------------------------------------------------------------------------------------

    def fault(self, apply: Callable[[Request, Reply], Reply], only: str = "*", times: int | None = None) -> None:
        """Change replies in any way."""
        self.lies.faults.append(Fault(apply, only, times))

    def silence(self, only: str = "*", times: int | None = None) -> None:
        """Take the request and never answer (until honest() or the end)."""
        released = self.lies.released
        self.fault(lambda _request, reply: replace(reply, hold=released), only, times)

    def hang_up(self, only: str = "*", times: int | None = None) -> None:
        """Close the connection instead of answering."""
        self.fault(lambda _request, reply: replace(reply, hang_up=True), only, times)

    def status(
        self, code: int, times: int | None = None, retry_after: str | None = None, only: str = "*", body: bytes = b""
    ) -> None:
        """Answer with a status (429, 503, ...), with or without Retry-After."""
        headers = () if retry_after is None else (("Retry-After", retry_after),)
        self.fault(lambda _request, _reply: Reply(code, body, headers, "text/plain"), only, times)

    def html_200(self, only: str = "*", times: int | None = None) -> None:
        """A proxy's error page with status 200."""
        self.fault(lambda _request, _reply: Reply(200, _HTML, (), "text/html"), only, times)

    def delay(self, seconds: float, only: str = "*", times: int | None = None) -> None:
        """Think so long before each answer."""
        self.fault(lambda _request, reply: replace(reply, delay=seconds), only, times)

    def garble(self, change: Callable[[bytes], bytes], only: str = "*", times: int | None = None) -> None:
        """Send other bytes than the honest body: `change` makes them from it."""

        def garbled(_request: Request, reply: Reply) -> Reply:
            return replace(reply, body=change(reply.body)) if isinstance(reply.body, bytes) else reply

        self.fault(garbled, only, times)

    def slow_drip(self, rate: float = 1.0, only: str = "*") -> None:
        """Send bodies at `rate` bytes a second."""
        self.fault(lambda _request, reply: replace(reply, rate=rate), only)

    def truncate(self, at: int = 10, only: str = "*", times: int | None = None, *, honest_length: bool = True) -> None:
        """Cut bodies after `at` bytes; `honest_length` False also claims that they are only so long."""
        self.fault(lambda _request, reply: replace(reply, cut=at, length=None if honest_length else at), only, times)

    def oversize(self, size: int = 1 << 30, only: str = "*", times: int | None = None) -> None:
        """A body of `size` spaces, chunked, as fast as it is read."""
        self.fault(lambda _request, reply: replace(reply, body=_spaces(size)), only, times)

    def gzip_bomb(self, size: int = 256 << 20, only: str = "*", times: int | None = None) -> None:
        """A small body that unpacks to `size` bytes."""
        bomb = _bomb(size)
        headers = (("Content-Encoding", "gzip"),)
        self.fault(lambda _request, reply: replace(reply, body=bomb, headers=headers), only, times)

    def redirect(self, url: str, only: str = "*", times: int | None = None, code: int = 302) -> None:
        """Send the client elsewhere."""
        self.fault(lambda _request, _reply: Reply(code, b"", (("Location", url),), "text/plain"), only, times)

    def skewed_clock(self, seconds: float) -> None:
        """A Date header that is `seconds` ahead."""
        self.lies.date_skew = seconds

    # -- parts ---------------------------------------------------------------------------------------------------------

    def _limit(self, sort: str, times: int | None) -> None:
        self.lies.left.pop(sort, None)
        if times is not None:
            self.lies.left[sort] = times

    def _stranger(self) -> NoteSigner:
        return C2spNoteSigner(self._target.signers[0].name, SigningKey.make("ed25519", "stranger"))


def _spaces(size: int) -> Iterator[bytes]:
    piece = b" " * (1 << 16)
    for _ in range(size >> 16):
        yield piece


def _bomb(size: int) -> bytes:
    """A gzip of many equal members: made once, a member at a time."""
    member = gzip.compress(b"\0" * (16 << 20), mtime=0)
    return member * max(1, size >> 24)
