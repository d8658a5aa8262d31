"""Position as a set of ranges: what reading, settling, rewinding and restarting do to it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.timeline import Timeline
from verifier.errors import Refused
from verifier.merkle import Frontier, Tree, hash_leaf

FRONTIERS = [Frontier.empty()]
for _number in range(200):
    FRONTIERS.append(FRONTIERS[-1].append(hash_leaf(b"%d" % _number)))

EMPTY = Timeline.from_start()


def shape(timeline: Timeline) -> list[tuple[int, int, str]]:
    return [(s.start, s.end, s.verdict if s.is_read or s.verdict == "gap" else "unread") for s in timeline.spans]


def read(timeline: Timeline, size: int, front: int = 0) -> Timeline:
    return timeline.read_to(list(timeline.fronts())[front], FRONTIERS[size])


def settle(timeline: Timeline, front: int = 0) -> Timeline:
    return timeline.settled(list(timeline.fronts())[front])


def test_read_and_settle() -> None:
    at = read(EMPTY.aimed(FRONTIERS[10].tree), 4)
    assert shape(at) == [(0, 4, "pending")]
    at = read(at, 10)
    assert shape(at) == [(0, 10, "pending")]
    at = settle(at)
    assert shape(at) == [(0, 10, "proven")]
    assert (at.verified, at.target, at.lag) == (FRONTIERS[10].tree, None, 0)
    at = settle(read(at.aimed(FRONTIERS[12].tree), 12))
    assert shape(at) == [(0, 12, "proven")]


def test_it_settles_only_on_the_signed_tree() -> None:
    at = read(EMPTY.aimed(FRONTIERS[10].tree), 4)
    with pytest.raises(Refused):
        settle(at)
    at = read(EMPTY.aimed(Tree(4, bytes(32))), 4)
    with pytest.raises(Refused):
        settle(at)


def test_rewind_keeps_what_was_settled() -> None:
    at = settle(read(EMPTY.aimed(FRONTIERS[10].tree), 10))
    at = read(at.aimed(FRONTIERS[20].tree), 20)
    main = at.main
    assert main is not None
    back = at.rewound(main)
    assert (shape(back), back.target) == ([(0, 10, "proven")], FRONTIERS[20].tree)
    some = at.proven_up_to(main, FRONTIERS[15])
    assert (shape(some), some.verified) == ([(0, 15, "proven")], FRONTIERS[15].tree)


def test_starting_in_mid_log_waits_for_its_frontier() -> None:
    at = Timeline.starting_at(FRONTIERS[7].tree, None, "before")
    assert at.main is None
    assert at.position == 7
    at = at.with_frontier(FRONTIERS[7]).aimed(FRONTIERS[9].tree)
    at = settle(read(at, 9))
    assert shape(at) == [(0, 7, "gap"), (7, 9, "proven")]


def test_restart_leaves_a_range_for_later_until_it_closes() -> None:
    at = settle(read(EMPTY.aimed(FRONTIERS[10].tree), 10))
    at = read(at.aimed(FRONTIERS[50].tree), 13).restarted(FRONTIERS[50], "behind")
    assert shape(at) == [(0, 10, "proven"), (10, 13, "pending"), (13, 50, "unread")]
    at = settle(read(at.aimed(FRONTIERS[60].tree), 60))
    assert shape(at)[-1] == (50, 60, "proven")
    older = list(at.fronts())[1]
    assert (older.start.size, older.at.size, older.end) == (10, 13, FRONTIERS[50].tree)
    at = read(at, 30, front=1)
    assert shape(at) == [(0, 10, "proven"), (10, 30, "pending"), (30, 50, "unread"), (50, 60, "proven")]
    at = read(at, 50, front=1)
    assert shape(at) == [(0, 10, "proven"), (10, 50, "pending"), (50, 60, "proven")]
    assert shape(settle(at, front=1)) == [(0, 60, "proven")]


def test_an_older_range_that_does_not_settle_is_unread_again() -> None:
    at = EMPTY.restarted(FRONTIERS[50], "behind")
    at = settle(read(at.aimed(FRONTIERS[60].tree), 60))
    at = read(at, 50, front=1)
    older = list(at.fronts())[1]
    back = at.rewound(older)
    assert shape(back) == [(0, 50, "unread"), (50, 60, "proven")]
    part = at.proven_up_to(older, FRONTIERS[20])
    assert shape(part) == [(0, 20, "proven"), (20, 50, "unread"), (50, 60, "proven")]
    assert settle(read(part, 50, front=1), front=1).check().unread() == ()


def test_an_accepted_gap_stays() -> None:
    at = EMPTY.restarted(FRONTIERS[50], "behind").with_gap(0, 50, "too old")
    at = settle(read(at.aimed(FRONTIERS[60].tree), 60))
    assert shape(at) == [(0, 50, "gap"), (50, 60, "proven")]
    with pytest.raises(Refused):
        at.with_gap(0, 50 - 1, "x")


def test_a_target_behind_us_is_refused() -> None:
    at = read(EMPTY.aimed(FRONTIERS[10].tree), 4)
    with pytest.raises(Refused):
        at.aimed(FRONTIERS[3].tree)


steps = st.lists(
    st.tuples(st.sampled_from(["grow", "read", "settle", "restart", "rewind", "older"]), st.integers(1, 30))
)


@settings(max_examples=200, deadline=None)
@given(steps)
def test_whatever_happens_spans_have_no_holes_and_proven_means_settled(todo: list[tuple[str, int]]) -> None:
    at, head = EMPTY, 0
    for step, amount in todo:
        main = at.main
        assert main is not None
        if step == "grow":
            head = min(199, max(head, at.position) + amount)
            if at.target is None and head > at.position:
                at = at.aimed(FRONTIERS[head].tree)
        elif step == "read" and main.end is not None:
            at = at.read_to(main, FRONTIERS[min(main.at.size + amount, main.end.size)])
        elif step == "settle" and main.end is not None and main.at.size == main.end.size:
            at = at.settled(main)
        elif step == "restart" and at.position + amount < 199:
            at = at.restarted(FRONTIERS[at.position + amount], "behind")
        elif step == "rewind":
            at = at.rewound(main)
        elif step == "older":
            for front in [one for one in at.fronts() if not one.is_main][:1]:
                assert front.end is not None
                at = at.read_to(front, FRONTIERS[min(front.at.size + amount, front.end.size)])
                again = next(one for one in at.fronts() if one.end == front.end)
                at = at.settled(again) if not again.left_to_read else at.proven_up_to(again, again.at)
        at.check()
    for span in at.spans:
        assert span.left == FRONTIERS[span.start]
        assert span.right == FRONTIERS[span.end]
