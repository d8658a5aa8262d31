"""Where watching begins, what it says about the rest, and that half an init is none."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from monitor import executors
from monitor.bootstrap import Start, begin, parse_start
from monitor.logs.log import Head, Service
from monitor.store import Store
from tests.unit.monitor.fakes import ORIGIN, FakeLog, FakeTree, World, fake_log, fake_scan, note_key
from verifier.errors import Refused, Unreachable, Untrue

NOW = datetime(2026, 11, 21, tzinfo=UTC)


@dataclass
class OneLog:
    """A service of one fake log."""

    log: FakeLog
    name: str = "fake"
    problem: Unreachable | None = None

    def heads(self) -> Sequence[Head]:
        note = b"" if self.problem else self.log.note()
        return [Head(self.log.spec, note, (note_key(self.log.signer),), problem=self.problem)]


@pytest.fixture(autouse=True)
def _simple_scan(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(executors, "scan_leaves", fake_scan)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "state.db", create=True)


@pytest.fixture
def log() -> FakeLog:
    return fake_log(1000)


def spans(store: Store) -> list[tuple[int, int, str]]:
    row = store.log(ORIGIN)
    assert row is not None
    return [(s.start, s.end, s.verdict) for s in row.timeline.spans]


def start_and_follow(store: Store, log: FakeLog, start: Start) -> list[tuple[int, int, str]]:
    begun = begin([OneLog(log)], start, store, lambda _spec: log, now=NOW, who="ann")
    assert begun.instance == store.instance
    world = World(store, log)
    assert world.tick().verdict == "OK"
    log.tree.grow(100)
    result = world.tick()
    assert (result.verdict, result.proven_to) == ("OK", len(log.tree.leaves))
    return spans(store)


def test_from_now(store: Store, log: FakeLog) -> None:
    assert start_and_follow(store, log, Start("now")) == [(0, 1000, "gap"), (1000, 1100, "proven")]
    assert [(gap.start, gap.end, gap.who) for gap in store.gaps()] == [(0, 1000, "ann")]


def test_from_zero(store: Store, log: FakeLog) -> None:
    assert start_and_follow(store, log, Start("index", 0)) == [(0, 1100, "proven")]
    assert store.gaps() == ()


@pytest.mark.parametrize(("index", "first"), [(1, 0), (2, 2), (3, 3), (512, 512), (700, 700), (999, 999), (5000, 1000)])
def test_from_an_index(store: Store, log: FakeLog, index: int, first: int) -> None:
    expected = [(0, first, "gap"), (first, 1100, "proven")] if first else [(0, 1100, "proven")]
    assert start_and_follow(store, log, Start("index", index)) == expected


def test_from_an_index_that_no_proof_shows_begins_one_earlier(store: Store) -> None:
    log = fake_log(513)
    assert start_and_follow(store, log, Start("index", 512))[0] == (0, 511, "gap")


def test_from_a_global_index(store: Store) -> None:
    log = fake_log(100, "rekor-v1")
    object.__setattr__(log.spec, "base", 5000)
    assert start_and_follow(store, log, Start("index", 5040))[0] == (0, 40, "gap")


@pytest.mark.parametrize("size", [0, 1, 300, 512, 1000])
def test_from_a_pinned_head(store: Store, log: FakeLog, size: int) -> None:
    note = log.note(size)
    found = start_and_follow(store, log, Start("checkpoint", note=note))
    assert found == ([(0, size, "gap")] if size else []) + [(size, 1100, "proven")]
    assert store.checkpoints(ORIGIN)[0].note == note


def test_a_pinned_head_of_another_history_is_a_contradiction(store: Store, log: FakeLog) -> None:
    other = FakeLog(log.spec, FakeTree(log.tree.leaves[:300]), log.signer)
    other.tree.leaves[5] = b"other"
    with pytest.raises(Untrue):
        begin([OneLog(log)], Start("checkpoint", note=other.note()), store, lambda _spec: log, now=NOW)
    assert (store.logs(), store.instance) == ((), "")


def test_a_pinned_head_ahead_of_the_log_is_refused(store: Store, log: FakeLog) -> None:
    ahead = FakeLog(log.spec, FakeTree(log.tree.leaves).grow(1), log.signer)
    with pytest.raises(Refused) as caught:
        begin([OneLog(log)], Start("checkpoint", note=ahead.note()), store, lambda _spec: log, now=NOW)
    assert caught.value.code == "pin-ahead"


def test_a_pinned_head_of_no_log_is_refused(store: Store, log: FakeLog) -> None:
    from tests.unit.monitor.fakes import sign_note

    note = sign_note(log.tree.tree(), log.signer, origin="other.test")
    with pytest.raises(Refused) as caught:
        begin([OneLog(log)], Start("checkpoint", note=note), store, lambda _spec: log, now=NOW)
    assert caught.value.code == "pin-unused"


def test_one_log_that_cannot_begin_stops_all(store: Store, log: FakeLog) -> None:
    services: list[Service] = [OneLog(log), OneLog(log, "broken", Unreachable("down"))]
    with pytest.raises(Unreachable):
        begin(services, Start("now"), store, lambda _spec: log, now=NOW)
    assert (store.logs(), store.instance) == ((), "")


def test_a_log_that_is_followed_stays_as_it_is(store: Store, log: FakeLog) -> None:
    begin([OneLog(log)], Start("now"), store, lambda _spec: log, now=NOW)
    again = begin([OneLog(log)], Start("index", 0), store, lambda _spec: log, now=NOW)
    assert (again.plans, again.known) == ((), (ORIGIN,))
    assert spans(store) == [(0, 1000, "gap")]


def test_it_says_what_is_not_covered_and_what_it_costs(store: Store, log: FakeLog) -> None:
    plan = begin([OneLog(log)], Start("index", 300), store, lambda _spec: log, now=NOW).plans[0]
    assert (plan.cost.leaves, plan.cost.requests) == (700, 3)
    assert plan.cost.bytes == pytest.approx(700 * 8, rel=0.2)
    said = "\n".join(plan.said)
    assert "NOT covered: the 300 leaves [0, 300)" in said
    assert "700 leaves, about 3 requests" in said


@pytest.mark.parametrize(("text", "start"), [("now", Start("now")), ("0", Start("index")), ("77", Start("index", 77))])
def test_parse_start(text: str, start: Start) -> None:
    assert parse_start(text, lambda _name: b"") == start


def test_parse_start_of_a_file(log: FakeLog) -> None:
    note = log.note()
    assert parse_start("head.txt", lambda name: note if name == "head.txt" else b"") == Start("checkpoint", note=note)
    for text in ("-1", "30d", "x", "9" * 30):
        with pytest.raises(Refused):
            parse_start(text, lambda _name: b"no head")
