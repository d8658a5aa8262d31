"""One tick at a time: what the log does, what we make of it. Row numbers are those of the scenarios."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from monitor import executors
from monitor.evidence import export_evidence, verify_evidence
from monitor.machinery import Limits
from monitor.store import Batch, NewCheckpoint
from tests.unit.monitor.fakes import (
    ORIGIN,
    FakeLog,
    FakeTree,
    World,
    fake_log,
    fake_scan,
    new_world,
    note_key,
    sign_note,
)
from verifier.errors import Malformed, Unreachable
from verifier.merkle import hash_leaf


@pytest.fixture(autouse=True)
def _simple_scan(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(executors, "scan_leaves", fake_scan)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A log of 300 leaves, followed from the start and read once."""
    made = new_world(tmp_path, 300)
    assert made.tick().verdict == "OK"
    yield made
    made.store.close()


def fork(world: World, at: int, size: int | None = None, grow: int = 0) -> FakeLog:
    """Another history of the same log."""
    leaves = list(world.log.tree.leaves[: size if size is not None else len(world.log.tree.leaves)])
    leaves[at] = b"forked"
    return FakeLog(world.log.spec, FakeTree(leaves).grow(grow, "other"), world.log.signer)


def test_a_log_is_read_from_its_first_leaf_and_proven(world: World) -> None:
    row = world.store.log(ORIGIN)
    assert row is not None
    assert row.timeline.verified == world.log.tree.tree()
    assert [(s.start, s.end, s.verdict) for s in row.timeline.spans] == [(0, 300, "proven")]


@pytest.mark.parametrize("sizes", [[1, 2, 3, 4, 255, 256, 257, 511, 512, 513], [8, 100, 300, 4096, 4097, 5000]])
def test_growth_over_every_border(tmp_path: Path, sizes: list[int]) -> None:
    made = new_world(tmp_path)
    for size in sizes:
        made.log.tree.grow(size - len(made.log.tree.leaves))
        result = made.tick()
        assert (result.verdict, result.proven_to, result.lag) == ("OK", size, 0), result
    assert made.kinds() == []


def test_hits_are_stored_told_and_turn_proven(world: World) -> None:
    world.log.tree.leaves.append(b"watched 1")
    result = world.tick()
    assert [(f.kind, f.index) for f in result.findings] == [("unexpected-identity", 300)]
    stored = world.store.finding(result.findings[0].id).finding
    assert stored.proven
    assert {"body", "inclusion-proof", "checkpoint", "keys"} <= set(stored.evidence)
    assert [m.channel for m in world.store.outbox_due(world.now)] == ["slack"]


def test_nothing_new_is_one_request_and_no_finding(world: World) -> None:
    world.log.calls.clear()
    result = world.tick()
    assert (result.verdict, result.requests, result.findings) == ("OK", 1, ())
    assert world.log.calls == []


def test_row_1_stale_head_that_is_an_ancestor(world: World) -> None:
    result = world.tick(world.log.note(200))
    assert (result.verdict, result.findings, result.proven_to) == ("OPERATIONAL", (), 300)
    assert world.tick(world.log.note(200), after=5).findings == ()
    result = world.tick(world.log.note(200), after=6)
    assert (result.verdict, [f.kind for f in result.findings]) == ("SUSPECT", ["stale-head"])
    assert world.tick(world.log.note(200), after=6).findings == ()  # once for an episode
    assert world.tick().verdict == "OK"
    assert world.store.conditions(ORIGIN) == ()


@pytest.mark.parametrize("size", [1, 2, 3, 64, 128, 200, 255, 256, 257, 299])
def test_row_1_stale_heads_of_every_shape_are_ancestors(world: World, size: int) -> None:
    assert world.tick(world.log.note(size)).verdict == "OPERATIONAL"
    assert world.tick().verdict == "OK"


@pytest.mark.parametrize("size", [2, 3, 64, 128, 200, 256, 257, 299])
def test_row_2_smaller_and_not_an_ancestor(world: World, size: int) -> None:
    other = fork(world, at=1, size=size)
    result = world.tick(other.note())  # the log still shows its true past
    assert (result.verdict, [f.kind for f in result.findings]) == ("TAMPER", ["rollback"])
    assert result.proven_to == 300


def test_row_2_by_memory_where_the_log_shows_only_the_fork(world: World) -> None:
    other = fork(world, at=10, size=290)
    world.log.tree = other.tree
    result = world.tick()
    assert (result.verdict, [f.kind for f in result.findings]) == ("TAMPER", ["rollback"])
    assert result.findings[0].facts["claim"] == "memory"


@pytest.mark.parametrize("size", [100, 256, 257, 280, 288, 299])
def test_row_1_a_server_that_is_behind_as_a_whole(world: World, size: int) -> None:
    whole = world.log.tree
    world.log.tree = FakeTree(whole.leaves[:size])
    for after in (1, 2, 3):
        result = world.tick(after=after)
        expected = "OPERATIONAL" if size >= 256 or after == 1 else "SUSPECT"
        assert (result.verdict, result.proven_to) == (expected, 300)
    world.log.tree = whole
    assert world.tick().verdict == "OK"


@pytest.mark.parametrize("size", [256, 288, 296])
def test_row_2_by_memory_at_a_border_that_we_know(world: World, size: int) -> None:
    world.log.tree = fork(world, at=10, size=size).tree
    result = world.tick()
    assert (result.verdict, [f.kind for f in result.findings]) == ("TAMPER", ["rollback"])
    assert any(one.name == "contradiction" for one in verify_evidence(export_evidence(result.findings[0])))


def test_row_3_same_size_other_root(world: World) -> None:
    ours = world.log.note()
    other = fork(world, at=5)
    result = world.tick(other.note())
    assert (result.verdict, [f.kind for f in result.findings]) == ("TAMPER", ["fork"])
    evidence = world.store.finding(result.findings[0].id).finding.evidence
    assert (evidence["older-checkpoint"], evidence["checkpoint"]) == (ours, other.note())
    assert world.tick(other.note()).findings == ()
    assert world.tick().verdict == "OK"


def test_row_4_larger_and_inconsistent(world: World) -> None:
    world.log = fork(world, at=5, grow=50)
    result = world.tick()
    assert (result.verdict, [f.kind for f in result.findings]) == ("TAMPER", ["fork"])
    assert result.findings[0].facts["claim"] == "past"
    assert result.proven_to == 300


def test_row_4_inconsistent_and_no_proof_that_shows_it(world: World) -> None:
    world.log = fork(world, at=5, grow=50)
    world.log.proof_of = lambda _old, _new: (bytes(32),) * 3
    result = world.tick()
    assert result.verdict == "TAMPER"
    assert [f.kind for f in result.findings] == ["fork"]
    assert world.store.log(ORIGIN).timeline.proven_to == 300  # type: ignore[union-attr]


def test_row_5_bad_proof_of_an_honest_log(world: World) -> None:
    for turn in range(2):
        world.log.tree.grow(50)
        world.log.proof_of = lambda _old, _new: (bytes(32),) * 3
        result = world.tick()
        assert result.verdict == ("OPERATIONAL", "SUSPECT")[turn]
        assert result.proven_to == 350 + 50 * turn  # what was read decided
    assert world.kinds() == ["bad-proof"]
    world.log.proof_of = None
    world.log.tree.grow(1)
    assert world.tick().verdict == "OK"


def test_row_5_a_bad_proof_once_is_nothing(world: World) -> None:
    world.log.tree.grow(50)
    world.fresh = FakeLog(world.log.spec, world.log.tree, world.log.signer)
    world.log.proof_of = lambda _old, _new: (bytes(32),)
    result = world.tick()
    assert (result.verdict, result.proven_to) == ("OK", 350)


@pytest.mark.parametrize("index", [300, 301, 511, 512, 777, 1299])
def test_row_6_an_altered_leaf_is_found(world: World, index: int) -> None:
    world.log.tree.grow(1000)
    world.log.served[index] = b"watched lie"
    result = world.tick()
    assert result.verdict == "TAMPER"
    found = {f.kind: f for f in result.findings}
    assert set(found) == {"root-mismatch", "unexpected-identity"}
    mismatch = found["root-mismatch"]
    assert (mismatch.facts["start"], mismatch.facts["end"]) == (index, index + 1)
    assert mismatch.evidence["body"] == b"watched lie"
    assert mismatch.evidence["leaf-hash"] == hash_leaf(world.log.tree.leaves[index])
    assert not world.store.finding(found["unexpected-identity"].id).finding.proven
    assert result.proven_to == index
    world.log.served.clear()
    result = world.tick()
    assert (result.verdict, result.proven_to, result.findings) == ("OK", 1300, ())


def test_row_6_altered_once(world: World) -> None:
    world.log.tree.grow(1000)
    world.fresh = FakeLog(world.log.spec, world.log.tree, world.log.signer)
    world.log.served[777] = b"lie"
    result = world.tick()
    assert result.verdict == "TAMPER"
    assert "other bytes" in result.findings[0].message
    assert (result.findings[0].facts["start"], result.findings[0].facts["end"]) == (768, 1024)


def test_row_14_unknown_key(world: World) -> None:
    stranger = fake_log()
    note = sign_note(world.log.tree.tree(), stranger.signer)
    result = world.tick(note)
    assert (result.verdict, [f.kind for f in result.findings]) == ("SUSPECT", ["bad-head"])
    assert note_key(stranger.signer).key_id.hex() in result.message


def test_row_14_and_27_a_new_key_that_the_trust_root_knows(world: World) -> None:
    stranger = fake_log()
    world.log.tree.grow(1)
    world.more_keys = (note_key(world.log.signer), note_key(stranger.signer))
    result = world.tick(sign_note(world.log.tree.tree(), stranger.signer))
    assert (result.verdict, [f.kind for f in result.findings]) == ("OK", ["key-rotated"])


def test_row_16_wrong_origin(world: World) -> None:
    note = sign_note(world.log.tree.tree(), world.log.signer, origin="other.test", name=ORIGIN)
    result = world.tick(note)
    assert (result.verdict, [f.kind for f in result.findings]) == ("SUSPECT", ["bad-head"])


def test_row_18_growth_from_nothing(tmp_path: Path) -> None:
    made = new_world(tmp_path)
    assert made.tick().verdict == "OK"
    made.log.tree.grow(5)
    assert made.tick().proven_to == 5


def test_row_20_withheld_entries_get_worse_names(world: World) -> None:
    world.log.tree.grow(1000)
    world.log.withheld = {600}
    result = world.tick()
    assert (result.verdict, [f.kind for f in result.findings]) == ("DEGRADED", ["gap"])
    assert (result.findings[0].facts["start"], result.findings[0].facts["end"]) == (512, 768)
    assert world.store.log(ORIGIN).timeline.position == 512  # type: ignore[union-attr]
    assert world.tick(after=10).verdict == "DEGRADED"
    result = world.tick(after=30)
    assert (result.verdict, [f.kind for f in result.findings]) == ("SUSPECT", ["withheld-entries"])
    result = world.tick(after=60 * 24)
    assert (result.verdict, [f.kind for f in result.findings]) == ("TAMPER", ["missing-entries"])
    world.log.withheld = set()
    result = world.tick()
    assert (result.verdict, result.proven_to) == ("OK", 1300)
    assert world.store.conditions(ORIGIN) == ()


def test_row_22_a_frozen_log_grows(world: World) -> None:
    frozen = world.log.note(extension="Log frozen — Thu Jan  1 00:00:00 UTC 2026\n")
    assert world.tick(frozen).verdict == "OK"
    assert world.store.log(ORIGIN).state == "frozen"  # type: ignore[union-attr]
    assert world.tick(frozen).verdict == "OK"
    world.log.tree.grow(1)
    result = world.tick()
    assert (result.verdict, [f.kind for f in result.findings]) == ("TAMPER", ["frozen-log-grew"])


def test_row_23_a_retired_shard_is_read_to_its_end(world: World) -> None:
    world.log.tree.grow(100)
    world.retired = True
    assert world.tick().proven_to == 400
    assert world.store.log(ORIGIN).state == "retired"  # type: ignore[union-attr]
    world.log.tree.grow(1)
    assert [f.kind for f in world.tick().findings] == ["frozen-log-grew"]


def test_row_24_a_new_log_that_cannot_be_reached(world: World) -> None:
    world.log = fake_log()
    object.__setattr__(world.log.spec, "origin", "new.test")
    problem = Unreachable("connect refused")
    assert world.tick(b"", problem=problem).verdict == "OPERATIONAL"
    result = world.tick(b"", problem=problem, after=10)
    assert (result.verdict, [f.kind for f in result.findings]) == ("DEGRADED", ["unreachable"])
    assert [row.origin for row in world.store.logs()] == [ORIGIN]


def test_row_26_older_shards_have_other_sizes(world: World) -> None:
    object.__setattr__(world.log.spec, "base", 7)
    result = world.tick()
    assert (result.verdict, [f.kind for f in result.findings]) == ("SUSPECT", ["bad-head"])


def test_row_29_duplicate_leaves_are_one_finding(world: World) -> None:
    world.log.tree.leaves += [b"watched 1", b"x", b"watched 1"]
    found = world.tick().findings
    assert len(found) == 1
    world.log.tree.leaves += [b"watched 1"]
    assert world.tick().findings == ()
    stored = world.store.finding(found[0].id).finding
    assert stored.index == 300
    assert [place.index for place in stored.locations] == [300, 302, 303]


def test_row_84_a_bug_in_one_log(world: World) -> None:
    world.log.tree.grow(1)
    world.log.fails = RuntimeError("bug")
    assert world.tick().verdict == "DEGRADED"
    world.log.fails = None
    assert world.tick().verdict == "OK"


def test_row_86_a_limit_stops_at_a_chunk(world: World) -> None:
    world.log.tree.grow(10_000)
    world.limits = Limits(max_requests=10)
    proven = []
    for _ in range(8):
        result = world.tick()
        proven.append((result.incomplete, result.proven_to))
        assert result.requests <= 10
        if not result.incomplete:
            break
    assert proven[0] == (True, 300)
    assert proven[-1] == (False, 10_300)


@pytest.mark.parametrize("limit", [2, 3, 7])
def test_row_86_even_a_small_limit_gets_on(tmp_path: Path, limit: int) -> None:
    """Ten leaves a request on v1: less than a block of 256."""
    made = new_world(tmp_path, 0)
    object.__setattr__(made.log.spec, "kind", "rekor-v1")
    made.log.tree.grow(100)
    made.limits = Limits(max_requests=limit)
    for _ in range(60):
        result = made.tick()
        if not result.incomplete:
            break
    assert (result.incomplete, result.proven_to) == (False, 100)


def test_row_76_asked_to_stop_between_batches(world: World) -> None:
    world.log.tree.grow(20_000)
    world.limits = Limits(batch_leaves=256)
    asked = iter([False] * 6)
    world.stop = lambda: next(asked, True)
    result = world.tick()
    assert result.incomplete
    row = world.store.log(ORIGIN)
    assert row is not None
    assert 300 < row.timeline.position < 20_300
    world.stop = lambda: False
    assert world.tick().proven_to == 20_300


def test_row_67_a_full_disk_stops_reading_and_not_watching(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise Unreachable("the database did not take it: disk is full", code="store-full", cause="protocol")

    world.log.tree.grow(10)
    with monkeypatch.context() as patch:
        patch.setattr(world.store, "commit_batch", full)
        patch.setattr(world.store, "end_tick", full)
        result = world.tick()
        assert (result.verdict, result.proven_to) == ("DEGRADED", 300)
        assert [f.kind for f in result.unsaved] == ["store-fault"]
        other = fork(world, at=5, size=300)
        result = world.tick(other.note())  # heads are still checked, and what they show is told
        assert result.verdict == "TAMPER"
        assert {f.kind for f in result.unsaved} == {"fork", "store-fault"}
    assert world.tick().proven_to == 310
    assert world.kinds() == []


def test_row_70_a_forged_head_in_our_database_is_noticed(world: World) -> None:
    world.checked.clear()
    world.keys = (note_key(world.log.signer, "another-name"),)
    assert world.tick().verdict != "TAMPER"  # a key that left the trust root proves nothing against our state
    other = fork(world, at=5)
    rows = world.store.checkpoints
    world.keys = ()
    world.checked.clear()
    forged = sign_note(other.tree.tree(), world.log.signer)
    broken = forged[:-8] + b"AAAAAA==\n"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(world.store, "checkpoints", lambda *a, **k: tuple(replace(r, note=broken) for r in rows(*a, **k)))
        result = world.tick()
    assert [f.kind for f in result.unsaved] == ["state-tampered"]


def test_an_unreachable_log_is_operational_then_degraded(world: World) -> None:
    problem = Unreachable("connect refused")
    assert world.tick(b"", problem=problem).verdict == "OPERATIONAL"
    assert world.tick(b"", problem=problem, after=4).findings == ()
    result = world.tick(b"", problem=problem, after=2)
    assert (result.verdict, [f.kind for f in result.findings]) == ("DEGRADED", ["unreachable"])
    assert world.tick().verdict == "OK"
    assert world.tick(b"", problem=problem).verdict == "OPERATIONAL"  # a new episode begins anew
    assert [f.kind for f in world.tick(b"", problem=problem, after=6).findings] == ["unreachable"]


def test_malformed_heads_are_no_heads(world: World) -> None:
    assert world.tick(b"<html>502</html>").verdict == "OPERATIONAL"
    assert world.tick(b"", problem=Malformed("no json", code="log-info")).verdict == "OPERATIONAL"


def test_a_clock_set_back_does_not_hide_a_trouble(world: World) -> None:
    world.tick(world.log.note(200))
    world.now -= timedelta(hours=5)
    world.tick(world.log.note(200))
    assert world.tick(world.log.note(200), after=11).verdict == "SUSPECT"


@pytest.mark.parametrize("size", [1, 2, 3, 100, 256, 300])
def test_following_from_now(tmp_path: Path, size: int) -> None:
    from monitor.store import Store

    store = Store(tmp_path / "now.db", create=True)
    made = World(store, fake_log(size))
    made.follow_from(made.log.tree.tree())
    assert made.tick().verdict == "OK"
    made.log.tree.grow(57)
    result = made.tick()
    assert (result.verdict, result.proven_to) == ("OK", size + 57)
    row = store.log(ORIGIN)
    assert row is not None
    assert [(s.start, s.end, s.verdict) for s in row.timeline.spans] == [
        (0, size, "gap"),
        (size, size + 57, "proven"),
    ]


def behind(world: World) -> None:
    """Reading goes on at a newer head; [300, 1300) is left for later."""
    world.log.tree.grow(1000)
    row = world.store.log(ORIGIN)
    assert row is not None
    timeline = row.timeline.restarted(world.log.tree.frontier(), "behind")
    world.store.commit_batch(Batch(ORIGIN, world.now, timeline=timeline, newest=world.log.tree.tree()))
    note = NewCheckpoint(1300, world.log.tree.tree().root, world.log.note(), (), "grew")
    world.store.commit_batch(Batch(ORIGIN, world.now, checkpoints=(note,)))


def spans(world: World) -> list[tuple[int, int, str]]:
    row = world.store.log(ORIGIN)
    assert row is not None
    return [(s.start, s.end, s.verdict) for s in row.timeline.spans]


def test_a_range_left_for_later_is_read_when_there_is_time(world: World) -> None:
    behind(world)
    world.log.tree.leaves += [b"watched 1"]
    world.limits = Limits(max_requests=4)
    result = world.tick()
    assert (result.proven_to, result.incomplete) == (1301, True)
    assert "older leaves pending" in result.message
    assert spans(world)[0] == (0, 300, "proven")
    assert spans(world)[-1] == (1300, 1301, "proven")
    world.limits = Limits()
    result = world.tick()
    assert (result.verdict, spans(world)) == ("OK", [(0, 1301, "proven")])


def test_a_lie_in_a_range_left_for_later(world: World) -> None:
    behind(world)
    world.log.served[700] = b"watched lie"
    result = world.tick()
    assert result.verdict == "TAMPER"
    assert {f.kind for f in result.findings} == {"root-mismatch", "unexpected-identity"}
    assert spans(world) == [(0, 700, "proven"), (700, 1300, "pending")]
    world.log.served.clear()
    assert world.tick().verdict == "OK"
    assert spans(world) == [(0, 1300, "proven")]
