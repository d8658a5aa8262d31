"""Rows 1 to 6: does the log show one history, and do its heads, proofs and entries agree?"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from monitor.evidence import export_evidence, verify_evidence
from monitor.machinery import Limits
from tests.integration.scenarios.harness import World, convicts, expect, followed, make_world, said, suspects

pytestmark = pytest.mark.integration


def test_row_01_stale_head(world: World) -> None:
    world.log.stale(200)
    expect(world.once(), "OPERATIONAL", exit_code=3)
    assert world.proven == 300
    expect(world.once(after=31), "SUSPECT", "stale-head", exit_code=3)
    assert [row.state for row in world.owed("stale-head")] == ["sent"]
    expect(world.once(), "SUSPECT", exit_code=3)  # once for an episode
    world.log.honest()
    expect(world.once(), "OK", exit_code=0)
    assert world.conditions() == ()


def test_row_02_smaller_and_not_an_ancestor(world: World) -> None:
    world.log.fork(at=10, size=290)
    expect(world.once(), "TAMPER", "rollback", exit_code=4)
    assert world.proven == 300
    convicts(world, "rollback")
    world.log.honest()
    expect(world.once(), "OK", exit_code=0)


def test_row_03_same_size_other_root(world: World) -> None:
    ours = world.log.checkpoint
    world.log.fork(at=5)
    expect(world.once(), "TAMPER", "fork", exit_code=4)
    assert world.proven == 300
    convicts(world, "fork")
    evidence = world.finding("fork").evidence
    assert evidence["older-checkpoint"].split(b"\n\n")[0] == ours.split(b"\n\n")[0]
    expect(world.once(), "TAMPER", exit_code=4)  # told once, and never clean
    world.log.honest()
    expect(world.once(), "OK", exit_code=0)


def test_row_04_larger_and_inconsistent(world: World) -> None:
    world.log.fork(at=5, grow=50)
    expect(world.once(), "TAMPER", "fork", exit_code=4)
    assert world.proven == 300
    convicts(world, "fork")


@pytest.mark.parametrize("form", ["flipped", "short", "long", "huge", "malformed"])
def test_row_05_bad_proof_of_an_honest_log(world: World, form: str) -> None:
    world.grow(50)
    world.log.wrong_proof(form)
    expect(world.once(), "OPERATIONAL", exit_code=3)
    assert world.proven == 350  # the recomputed root decides
    world.grow(50)
    expect(world.once(), "SUSPECT", "bad-proof", exit_code=3)
    world.log.honest()
    world.grow(1)
    expect(world.once(), "OK", exit_code=0)


@pytest.mark.parametrize("index", [300, 511, 512, 777])
def test_row_06_altered_entry_with_a_valid_proof(world: World, index: int) -> None:
    world.grow(600)
    world.log.swap_leaf(index, world.other_body(), rename=True)
    expect(world.once(), "TAMPER", "root-mismatch", exit_code=4)
    assert world.proven == index
    found = world.finding("root-mismatch")
    assert (found.facts["start"], found.facts["end"]) == (index, index + 1)
    convicts(world, "root-mismatch")
    world.log.honest()
    expect(world.once(), "OK", exit_code=0)
    assert world.proven == 900


@pytest.fixture(params=["v1", "v2"])
def from_now(request: pytest.FixtureRequest, tmp_path: Path, policy: dict[str, Any]) -> Iterator[World]:
    """A log of 300, followed from its newest head: no leaf was ever read, not even a frontier is known."""
    made = make_world(tmp_path, request.param, start="now")
    try:
        yield followed(made)
    finally:
        made.log.__exit__()


def behind(world: World) -> World:
    """Some of a signed head is read, the rest is still to come."""
    world.hit()
    world.grow(3000)
    done = world.once(limits=Limits(max_requests=60 if world.is_v1 else 5))
    assert done.ticks[0].incomplete
    assert world.row().timeline.target is not None
    return world


def test_row_04_inconsistent_before_anything_was_read(from_now: World) -> None:
    from_now.log.fork(at=5, grow=50)
    expect(from_now.once(), "TAMPER", "fork", exit_code=4)
    convicts(from_now, "fork")
    from_now.log.honest()
    from_now.hit()
    from_now.grow(9)
    expect(from_now.once(), "OK", "unexpected-identity", exit_code=1)
    assert from_now.proven == 310


def test_row_05_bad_proof_before_anything_was_read(from_now: World) -> None:
    """Without a proof there is no frontier to go on from: nothing is read, and it is said."""
    from_now.hit()
    from_now.grow(9)
    from_now.log.wrong_proof("flipped")
    expect(from_now.once(), "OPERATIONAL", exit_code=3)
    expect(from_now.once(), "SUSPECT", "bad-proof", exit_code=3)
    assert from_now.proven == 300
    from_now.log.honest()
    expect(from_now.once(), "OK", "unexpected-identity", exit_code=1)


def test_row_06_altered_entry_right_after_the_start(from_now: World) -> None:
    hidden = from_now.hit()
    from_now.grow(9)
    from_now.log.swap_leaf(hidden, from_now.other_body(), rename=True)
    expect(from_now.once(), "TAMPER", "root-mismatch", exit_code=4)
    convicts(from_now, "root-mismatch")
    from_now.log.honest()
    expect(from_now.once(), "OK", "unexpected-identity", exit_code=1)


def test_row_03_fork_while_we_are_behind(world: World) -> None:
    behind(world).log.fork(at=5)
    done = world.once()
    assert (done.verdict, done.exit_code) == ("TAMPER", 4), said(done)
    convicts(world, "fork")
    world.log.honest()
    assert world.once().verdict == "OK"
    assert (world.proven, world.finding("unexpected-identity").proven) == (3301, True)


def test_row_04_inconsistent_growth_while_we_are_behind(world: World) -> None:
    behind(world).log.fork(at=5, grow=50)
    done = world.once()
    assert (done.verdict, done.exit_code) == ("TAMPER", 4), said(done)
    convicts(world, "fork")


def test_row_06_altered_in_what_was_read_earlier(world: World) -> None:
    """The false entry came in one pass, the root is met in a later one: it is found there, and read again.

    Its bytes are gone by then: the file names the range and the signed head, the rest is our word.
    """
    world.log.swap_leaf(310, world.other_body(), rename=True)
    behind(world)
    world.log.honest()
    done = world.once()
    assert (done.verdict, done.exit_code) == ("TAMPER", 4), said(done)
    assert world.proven <= 310
    found = world.finding("root-mismatch")
    assert found.facts["start"] <= 310 < found.facts["end"]
    assert "other bytes" in found.message
    assert verify_evidence(export_evidence(found, world.keys()), world.keys())[-1].leans_on
    assert world.once().verdict == "OK"
    assert (world.proven, world.finding("unexpected-identity").proven) == (3301, True)


def test_rows_06_20_lies_told_to_worker_processes(v2: World) -> None:
    """Errors and their evidence come back from other processes as they are."""
    v2.settings = v2.settings.replace("[daemon]", "[daemon]\nworkers = 2")
    v2.write()
    hidden = v2.hit()
    v2.grow(600)
    v2.log.swap_leaf(hidden, v2.other_body())
    expect(v2.once(), "TAMPER", "root-mismatch", exit_code=4)
    convicts(v2, "root-mismatch")
    v2.log.honest()
    v2.log.short_bundle(2)
    expect(v2.once(), "SUSPECT", "unexpected-identity", "withheld-entries", exit_code=3)
    assert suspects(v2, "withheld-entries").evidence["answer"]
    v2.log.honest()
    expect(v2.once(), "OK", exit_code=0)
    assert v2.finding("unexpected-identity").proven
