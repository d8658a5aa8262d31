"""Rows 1 to 6: does the log show one history, and do its heads, proofs and entries agree?"""

import pytest

from tests.integration.scenarios.harness import World, convicts, expect

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
