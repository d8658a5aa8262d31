"""Where do we stand in one log: what is proven, what is pending, what was not read?

Position is a set of ranges, never one cursor. Spans follow each other without a hole from leaf 0; reading happens at
*fronts*: one at the end (the main front), and one in each range that was left for later. Pure.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from verifier.errors import Refused
from verifier.merkle import EMPTY_ROOT, Frontier, Tree

SpanVerdict = Literal["proven", "pending", "gap"]


@dataclass(frozen=True, slots=True)
class Span:
    """The leaves [start, end). `left` and `right` are the frontiers of the whole log at both ends, where known.

    proven: read, and hashes into a signed root. pending: read but not settled (`is_read`), or left for later.
    gap: not read, and a person knows.
    """

    start: int
    end: int
    verdict: SpanVerdict
    left: Frontier | None = None
    right: Frontier | None = None
    note: str = ""
    is_read: bool = True


@dataclass(frozen=True, slots=True)
class Front:
    """A place where reading goes on: `start` is verified, `at` is how far we read, `end` the signed tree to meet."""

    start: Frontier
    at: Frontier
    end: Tree | None
    is_main: bool

    @property
    def left_to_read(self) -> int:
        """How many leaves are missing before it can settle."""
        return 0 if self.end is None else self.end.size - self.at.size


@dataclass(frozen=True, slots=True)
class Timeline:
    """All that is known about our reading of one log.

    `verified` is the signed tree that the main front starts from, and `base` its frontier (None until it is known);
    `target` the signed tree that it reads towards.
    """

    spans: tuple[Span, ...] = ()
    verified: Tree | None = None
    target: Tree | None = None
    base: Frontier | None = None

    @classmethod
    def from_start(cls) -> "Timeline":
        """Reading begins at leaf 0."""
        return cls((), Tree(0, EMPTY_ROOT), None, Frontier.empty())

    @classmethod
    def starting_at(cls, tree: Tree, frontier: Frontier | None, note: str) -> "Timeline":
        """The first timeline of a log: nothing below `tree.size` is covered, and it says so."""
        if tree.size == 0:
            return cls.from_start()
        gap = Span(0, tree.size, "gap", Frontier.empty(), frontier, note, is_read=False)
        return cls((gap,), tree, None, frontier)

    @property
    def position(self) -> int:
        """How far the main front has read."""
        return self.spans[-1].end if self.spans else 0

    @property
    def proven_to(self) -> int:
        """Where the main front is settled."""
        return self.verified.size if self.verified else 0

    @property
    def lag(self) -> int:
        """Leaves below the target that are not settled at the main front."""
        return max(0, self.target.size - self.proven_to) if self.target else 0

    @property
    def main(self) -> Front | None:
        """The front at the end; None while the frontier there is not known yet."""
        if self.base is None:
            return None
        last = self.spans[-1] if self.spans else None
        read = last.right if last is not None and last.start == self.base.size else None
        return Front(self.base, read or self.base, self.target, is_main=True)

    def fronts(self) -> Iterator[Front]:
        """The main front, then those in ranges left for later, newest first."""
        if main := self.main:
            yield main
        for place in range(len(self.spans) - 1, -1, -1):
            if front := self._older_front(place):
                yield front

    def with_frontier(self, frontier: Frontier) -> "Timeline":
        """The frontier at our position has become known (out of the first growth proof)."""
        if not self.spans or self.base is not None or frontier.tree != self.verified:
            raise Refused(f"a frontier of {frontier.size} leaves is not of our position", code="timeline")
        return replace(self, spans=(*self.spans[:-1], replace(self.spans[-1], right=frontier)), base=frontier)

    def aimed(self, target: Tree | None) -> "Timeline":
        """Reading towards another signed tree."""
        if target is not None and target.size < self.position:
            raise Refused(f"a target of {target.size} leaves is behind our position {self.position}", code="timeline")
        return replace(self, target=target)

    def read_to(self, front: Front, frontier: Frontier) -> "Timeline":
        """The leaves from `front.at` to `frontier` were read: pending until the front settles."""
        if frontier.size == front.at.size:
            return self
        read = Span(front.start.size, frontier.size, "pending", front.start, frontier)
        if front.is_main:
            return replace(self, spans=(*self._before(front), read))
        after = self._after(front)
        rest = () if front.end is None or frontier.size == front.end.size else (self._unread(front, frontier),)
        return replace(self, spans=(*self._before(front), read, *rest, *after))

    def settled(self, front: Front) -> "Timeline":
        """All read at this front is proven: it hashes into the signed tree `front.end`."""
        if front.end is None or front.at.tree != front.end:
            raise Refused("a front settles only on the signed tree it reads towards", code="timeline")
        return self.proven_up_to(front, front.at)

    def proven_up_to(self, front: Front, frontier: Frontier) -> "Timeline":
        """[front.start, frontier) is proven; what was read beyond it is to be read again (rewind)."""
        proven: tuple[Span, ...] = ()
        if frontier.size > front.start.size:
            proven = (Span(front.start.size, frontier.size, "proven", front.start, frontier),)
        if front.is_main:
            met = self.target is not None and frontier.tree == self.target
            spans = _joined((*self._before(front), *proven))
            return Timeline(spans, frontier.tree, None if met else self.target, frontier)
        left = front.end is not None and frontier.size < front.end.size
        rest = (self._unread(front, frontier),) if left else ()
        return replace(self, spans=_joined((*self._before(front), *proven, *rest, *self._after(front))))

    def rewound(self, front: Front) -> "Timeline":
        """Forget what was read at this front since it last settled."""
        return self.proven_up_to(front, front.start)

    def restarted(self, frontier: Frontier, note: str) -> "Timeline":
        """Go on at a newer signed head; the range between is left for later, and stays pending until it closes."""
        main = self.main
        if main is None or frontier.size <= self.position:
            raise Refused("a restart goes to a signed head beyond our position", code="timeline")
        skipped = Span(self.position, frontier.size, "pending", main.at, frontier, note, is_read=False)
        return Timeline((*self.spans, skipped), frontier.tree, None, frontier)

    def with_gap(self, start: int, end: int, note: str) -> "Timeline":
        """A person accepts that [start, end), a whole unread span, is never read."""
        place = next((i for i, s in enumerate(self.spans) if (s.start, s.end, s.is_read) == (start, end, False)), None)
        if place is None:
            raise Refused(f"[{start}, {end}) is not an unread range of this log", code="timeline")
        gap = replace(self.spans[place], verdict="gap", note=note)
        return replace(self, spans=(*self.spans[:place], gap, *self.spans[place + 1 :]))

    def unread(self) -> tuple[Span, ...]:
        """The ranges that were not read: gaps and what was left for later."""
        return tuple(span for span in self.spans if not span.is_read)

    def check(self) -> "Timeline":
        """Itself, or Refused: no holes, frontiers of the right sizes, `verified` agrees with the spans."""
        at = 0
        for span in self.spans:
            ends = ((span.left, span.start), (span.right, span.end))
            if span.start != at or span.end <= at or any(f is not None and f.size != size for f, size in ends):
                raise Refused(f"the stored ranges do not fit at leaf {at}", code="timeline")
            at = span.end
        if self.base is not None and (self.base.tree != self.verified or self.base.size > at):
            raise Refused("the stored frontier is not of the verified tree", code="timeline")
        if self.spans and self.base is not None and self.base.size not in {at, self.spans[-1].start}:
            raise Refused("the stored frontier is not at a border of ranges", code="timeline")
        return self

    def _older_front(self, place: int) -> Front | None:
        """The front whose unread rest is span `place`, or whose wholly read range it is."""
        span = self.spans[place]
        after = self.spans[place + 1] if place + 1 < len(self.spans) else None
        if span.verdict != "pending" or span.left is None or span.right is None:
            return None
        if not span.is_read:
            before = self.spans[place - 1] if place else None
            begun = before if before and before.verdict == "pending" and before.is_read else span
            return Front(begun.left or span.left, span.left, span.right.tree, is_main=False)
        end = after.left if after else self.base
        if end is None or end.size != span.end or (after and after.verdict == "pending" and not after.is_read):
            return None
        return Front(span.left, span.right, end.tree, is_main=False)

    def _before(self, front: Front) -> tuple[Span, ...]:
        return tuple(span for span in self.spans if span.end <= front.start.size)

    def _after(self, front: Front) -> tuple[Span, ...]:
        end = front.end.size if front.end else self.position
        return tuple(span for span in self.spans if span.start >= end)

    def _unread(self, front: Front, at: Frontier) -> Span:
        """What is left of an older range once it is read up to `at`."""
        for span in self.spans:
            if span.start == front.at.size and not span.is_read:
                return replace(span, start=at.size, left=at)
        after = self._after(front)
        end = after[0].left if after else self.base
        assert end is not None
        return Span(at.size, end.size, "pending", at, end, "to be read again", is_read=False)


def _joined(spans: tuple[Span, ...]) -> tuple[Span, ...]:
    """Neighbouring proven spans as one."""
    done: list[Span] = []
    for span in spans:
        if done and done[-1].verdict == span.verdict == "proven":
            done[-1] = replace(done[-1], end=span.end, right=span.right)
        else:
            done.append(span)
    return tuple(done)
