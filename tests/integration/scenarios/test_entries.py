"""Rows 7 to 12, 18, 20 and 29: are the entries served those that were signed, all of them, each in its place?"""

import base64

import pytest

from sandbox.rekor_v1 import SandboxV1
from sandbox.rekor_v2 import SandboxV2
from tests.integration.scenarios.harness import WATCHED, World, convicts, expect, suspects

pytestmark = pytest.mark.integration

DAY = 24 * 60


def test_row_07_omitted_from_answers_of_several(v1: World) -> None:
    hidden = v1.hit()
    v1.grow(50)
    v1.log.drop(hidden, hidden + 3, singly=False)
    expect(v1.once(), "OK", "unexpected-identity", exit_code=1)
    assert v1.proven == 351


def test_row_07_omitted_for_good(v1: World) -> None:
    hidden = v1.hit()
    v1.grow(700)
    v1.log.drop(hidden)
    expect(v1.once(), "SUSPECT", "withheld-entries", exit_code=3)
    assert str(suspects(v1, "withheld-entries").facts["indexes"]) == str(hidden)
    assert v1.row().timeline.position == hidden
    expect(v1.once(after=DAY), "TAMPER", "missing-entries", exit_code=4)
    convicts(v1, "missing-entries")
    v1.log.honest()
    expect(v1.once(), "OK", "unexpected-identity", exit_code=1)
    assert v1.finding("unexpected-identity").proven


def test_row_08_exchanged_with_right_labels(world: World) -> None:
    hidden = world.hit()
    world.grow(700)
    world.log.reorder(hidden, hidden + 40, relabel=True)
    expect(world.once(), "TAMPER", "root-mismatch", "unexpected-identity", exit_code=4)
    assert not world.finding("unexpected-identity").proven
    convicts(world, "root-mismatch")
    world.log.honest()
    expect(world.once(), "OK", exit_code=0)
    assert (world.finding("unexpected-identity").proven, world.proven) == (True, 1001)
    assert [place.index for place in world.finding("unexpected-identity").locations] == [hidden]


def test_row_08_under_the_wrong_index(v1: World) -> None:
    v1.hit()
    v1.grow(50)
    v1.log.reorder(300, 320, relabel=False)
    expect(v1.once(), "SUSPECT", "withheld-entries", exit_code=3)
    suspects(v1, "withheld-entries")
    assert v1.proven == 300
    v1.log.reorder(300, 320, times=4, relabel=False)  # one answer of several is wrong, singly they are right
    expect(v1.once(), "OK", "unexpected-identity", exit_code=1)


def test_row_08_twice(world: World) -> None:
    world.hit()
    world.grow(50)
    world.log.duplicate(299)  # in the place of the hit too
    done = world.once()
    assert done.exit_code == (3 if world.is_v1 else 4)
    assert [one.kind for one in done.findings] == ["withheld-entries" if world.is_v1 else "root-mismatch"]
    assert world.proven == 300
    world.log.honest()
    expect(world.once(), "OK", "unexpected-identity", exit_code=1)


def test_row_09_body_swapped_and_name_kept(world: World) -> None:
    hidden, false = world.hit(), world.other_body()
    world.grow(50)
    world.log.swap_leaf(hidden, false)
    done = world.once()
    (found,) = done.findings
    held = b"".join(world.finding(found.kind).evidence.values())
    assert false in held or base64.b64encode(false) in held
    assert world.proven == hidden
    if world.is_v1:
        expect(done, "SUSPECT", "withheld-entries", exit_code=3)
        suspects(world, "withheld-entries")
    else:
        expect(done, "TAMPER", "root-mismatch", exit_code=4)
        convicts(world, "root-mismatch")
    world.log.honest()
    expect(world.once(), "OK", "unexpected-identity", exit_code=1)
    assert world.proven == 351


def test_row_10_bundle_against_tile(v2: World) -> None:
    hidden, false = v2.hit(), v2.other_body()
    v2.grow(700)
    v2.log.swap_leaf(hidden, false)
    expect(v2.once(), "TAMPER", "root-mismatch", exit_code=4)
    evidence = v2.finding("root-mismatch").evidence
    assert evidence["body"] == false
    assert evidence["leaf-hash"] == v2.log.shard.tree.node(0, hidden)
    convicts(v2, "root-mismatch")


def test_row_10_tile_against_bundle(v2: World) -> None:
    """The entries hash into the signed root, the tile does not fit to either: a proof that does not hold."""
    for turn in range(2):
        v2.log.tile_disagrees(v2.log.size - 1)
        v2.grow(50)
        done = v2.once()
        assert (done.verdict, done.exit_code) == (("OPERATIONAL", 3), ("SUSPECT", 3))[turn]
        assert v2.proven == 350 + 50 * turn
    suspects(v2, "bad-proof")


def test_row_10_tile_of_a_hit(v2: World) -> None:
    """The path of a hit does not hold: the hit stays proven by the recomputed root, the log is not called clean."""
    hidden = v2.hit()
    v2.grow(50)
    v2.log.tile_disagrees(hidden + 1)  # its neighbour, which stands in its path
    done = v2.once()
    assert (done.verdict, done.exit_code) == ("OPERATIONAL", 3)
    assert v2.finding("unexpected-identity").proven
    expect(v2.once(), "SUSPECT", "bad-proof", exit_code=3)
    v2.log.honest()
    expect(v2.once(), "OK", exit_code=0)
    assert "inclusion-proof" in v2.finding("unexpected-identity").evidence


@pytest.mark.parametrize("by", [1, 20])
@pytest.mark.parametrize("way", ["short", "long"])
def test_row_11_bundle_of_another_length(v2: World, way: str, by: int) -> None:
    v2.hit()
    v2.grow(700)
    make = v2.log.short_bundle if way == "short" else v2.log.long_bundle
    make(2, by)
    expect(v2.once(), "SUSPECT", "unexpected-identity", "withheld-entries", exit_code=3)
    suspects(v2, "withheld-entries")
    assert (v2.row().timeline.position, v2.proven) == (512, 300)
    v2.log.honest()
    make(2, by, times=1)
    expect(v2.once(), "OK", exit_code=0)
    assert v2.proven == 1001


@pytest.mark.parametrize("way", ["short", "long"])
def test_row_11_answer_of_another_length(v1: World, way: str) -> None:
    v1.hit()
    v1.grow(50)
    (v1.log.short_bundle if way == "short" else v1.log.long_bundle)(305, 2)
    expect(v1.once(), "OK", "unexpected-identity", exit_code=1)  # each was given when asked for alone
    assert v1.proven == 351


def test_row_12_full_bundle_in_place_of_a_partial_one(v2: World) -> None:
    v2.grow(300)
    later = v2.hit()
    v2.grow(200)
    assert isinstance(v2.log, SandboxV2)
    v2.log.collect_garbage()
    v2.log.stale(600)
    expect(v2.once(), "OK", exit_code=0)  # the rest of the bundle is not signed for yet
    assert v2.proven == 600
    v2.log.honest()
    expect(v2.once(), "OK", "unexpected-identity", exit_code=1)
    assert (v2.finding("unexpected-identity").index, v2.proven) == (later, 801)


def test_row_18_growth_from_nothing(empty: World) -> None:
    expect(empty.once(), "OK", exit_code=0)
    empty.hit()
    empty.grow(4)
    expect(empty.once(), "OK", "unexpected-identity", exit_code=1)
    assert empty.proven == 5
    assert empty.finding("unexpected-identity").index == 0


def test_row_18_nothing_has_one_root(empty: World) -> None:
    from sandbox.shard import note_text, signed_note

    shard = empty.log.shard
    empty.log.lies.note = lambda _text, signers: signed_note(note_text(shard.origin, 0, b"\1" * 32), signers)
    done = empty.once()
    assert (done.verdict, done.exit_code) in {("TAMPER", 4), ("SUSPECT", 3), ("OPERATIONAL", 3)}
    empty.log.honest()
    empty.grow(3)
    expect(empty.once(), "OK", exit_code=0)


def test_row_20_withheld(world: World) -> None:
    hidden = world.hit()
    world.grow(1000)
    world.log.withhold(600, 610)
    done = world.once()
    if world.is_v1:
        expect(done, "SUSPECT", "unexpected-identity", "withheld-entries", exit_code=3)
        assert "600-609" in world.finding("withheld-entries").message
    else:
        expect(done, "DEGRADED", "unexpected-identity", "gap", exit_code=3)
        assert "[512, 768)" in world.finding("gap").message
        expect(world.once(after=61), "SUSPECT", "withheld-entries", exit_code=3)
    suspects(world, "withheld-entries")
    assert world.row().timeline.position >= 512
    assert not world.finding("unexpected-identity").proven
    expect(world.once(after=DAY), "TAMPER", "missing-entries", exit_code=4)
    convicts(world, "missing-entries")
    world.log.honest()
    expect(world.once(), "OK", exit_code=0)
    assert (world.finding("unexpected-identity").proven, world.proven) == (True, 1301)
    assert world.finding("unexpected-identity").index == hidden
    assert world.conditions() == ()


def test_row_29_duplicate_leaves(world: World) -> None:
    first = world.hit()
    body = world.log.shard.bodies[first]
    again = [world.log.add(body)]
    world.grow(20)
    expect(world.once(), "OK", "unexpected-identity", exit_code=1)
    again.append(world.log.add(body))
    world.grow(300)
    expect(world.once(), "OK", exit_code=0)
    found = world.finding("unexpected-identity")
    assert (found.index, [place.index for place in found.locations]) == (first, [first, *again])
    assert len(world.owed("unexpected-identity")) == 1


def test_row_29_the_same_leaf_in_two_shards(v1: World) -> None:
    first = v1.hit()
    v1.grow(5)
    body = v1.log.shard.bodies[first]
    old = v1.log.origin
    assert isinstance(v1.log, SandboxV1)
    v1.log.new_shard()
    v1.log.add(body)
    v1.grow(5)
    expect(v1.once(), "OK", "shard-added", "unexpected-identity", exit_code=1)
    found = v1.finding("unexpected-identity")
    assert [(place.log, place.index) for place in found.locations] == [(old, first), (v1.log.origin, 0)]
    assert WATCHED in found.identity
