"""Rows 14 to 17, 22 to 27 and 30: who signs the heads, of which log, how do shards and keys come and go?"""

import pytest

from cli.parts import open_store
from sandbox.lies import MALFORMED_NOTES
from sandbox.rekor_v1 import SandboxV1
from sandbox.rekor_v2 import SandboxV2
from sandbox.wire import Reply, Request
from tests.integration.scenarios.harness import World, convicts, expect, said, suspects

pytestmark = pytest.mark.integration


def two(world: World) -> tuple[SandboxV1 | SandboxV2, str]:
    """A second shard in the place where this protocol has one, empty and signed; and the origin of the first."""
    old = world.log.origin
    if isinstance(world.log, SandboxV1):
        world.log.new_shard()
        world.log.publish()
        return world.log, old
    successor = world.log.new_shard()
    successor.publish()
    world.more_logs.append(successor)
    world.write()
    return successor, old


def trusted(world: World) -> list[str]:
    """On v2 a new shard comes with a new trust root."""
    return [] if world.is_v1 else ["trust-changed"]


def test_row_14_signed_by_a_stranger(world: World) -> None:
    world.grow(50)
    world.log.unknown_key()
    expect(world.once(), "SUSPECT", "bad-head", exit_code=3)
    assert suspects(world, "bad-head").evidence["checkpoint"]
    assert world.proven == 300
    expect(world.once(), "SUSPECT", exit_code=3)
    world.log.honest()
    expect(world.once(), "OK", exit_code=0)
    assert world.proven == 350


def test_row_14_a_signature_that_does_not_fit(world: World) -> None:
    world.grow(50)
    world.log.bad_signature()
    expect(world.once(), "SUSPECT", "bad-head", exit_code=3)
    assert world.proven == 300


def test_row_14_the_trust_root_is_read_again_once(world: World) -> None:
    """The key changes while we run: the head makes us look, and then it is known."""
    world.grow(50)

    def rotate() -> None:
        world.log.rotate_key()
        (world.folder / "trust.json").write_bytes(world.log.trusted_root)

    expect(world.once(between=rotate), "OK", "key-rotated", exit_code=0)
    assert world.proven == 350


@pytest.mark.parametrize("first", [False, True])
def test_row_15_witness_lines(world: World, first: bool) -> None:
    world.grow(50)
    world.log.witness_lines(3, first=first)
    expect(world.once(), "OK", exit_code=0)
    assert world.proven == 350
    assert world.kinds() == []


def test_row_16_head_of_another_log(world: World) -> None:
    world.grow(50)
    world.log.wrong_origin()
    expect(world.once(), "SUSPECT", "bad-head", exit_code=3)
    suspects(world, "bad-head")
    assert world.proven == 300


def test_row_17_malformed_heads(world: World) -> None:
    world.grow(50)
    for form in MALFORMED_NOTES:
        world.log.honest()
        world.log.malformed_note(form)
        done = world.once(after=0.01)
        assert (done.verdict in ("OPERATIONAL", "SUSPECT"), done.exit_code) == (True, 3), f"{form}: {said(done)}"
        assert world.proven == 300, form
    expect(world.once(after=10), "DEGRADED", "unreachable", exit_code=3)
    world.log.honest()
    expect(world.once(), "OK", exit_code=0)


def test_row_22_a_final_log_grows(world: World) -> None:
    if isinstance(world.log, SandboxV1):
        old = world.log.origin
        world.log.new_shard()
        world.log.publish()
        expect(world.once(), "OK", "shard-added", exit_code=0)
        world.log.grow_frozen(0)
    else:
        old = world.log.origin
        world.log.freeze()
        expect(world.once(), "OK", exit_code=0)
        world.log.grow_frozen()
    assert world.row(old).state in ("frozen", "retired")
    done = world.once()
    assert (done.verdict, done.exit_code) == ("TAMPER", 4), said(done)
    assert "frozen-log-grew" in [one.kind for one in done.findings]
    convicts(world, "frozen-log-grew")


def test_row_23_a_shard_ends_and_another_begins(world: World) -> None:
    world.hit()
    world.grow(50)
    new, old = two(world)
    new.sign_blob("release@watched.example", "https://other.example")
    new.fill(30)
    new.publish()
    expect(
        world.once(), "OK", "shard-added", "unexpected-identity", "unexpected-identity", *trusted(world), exit_code=1
    )
    assert (world.row(old).timeline.proven_to, world.row(new.origin).timeline.proven_to) == (351, 31)
    assert world.row(new.origin).timeline.spans[0].start == 0


def test_row_23_in_the_middle_of_a_pass(v1: World) -> None:
    v1.grow(700)
    log = v1.log
    assert isinstance(log, SandboxV1)
    old = log.origin

    def rotate(_request: Request, reply: Reply) -> Reply:
        log.new_shard()
        log.fill(5)
        log.publish()
        return reply

    log.fault(rotate, "*/retrieve", times=1)
    expect(v1.once(), "OK", exit_code=0)
    assert v1.row(old).timeline.proven_to == 1000
    expect(v1.once(), "OK", "shard-added", exit_code=0)
    assert (v1.row(old).state, v1.row(log.origin).timeline.proven_to) == ("retired", 5)


def test_row_24_an_announced_shard_that_is_not_there(v2: World) -> None:
    successor, old = two(v2)
    assert isinstance(successor, SandboxV2)
    successor.server.stop()
    v2.hit()
    v2.grow(50)
    done = v2.once()
    expect(done, "OPERATIONAL", "trust-changed", "unexpected-identity", exit_code=3)
    assert {tick.origin: tick.verdict for tick in done.ticks} == {old: "OK", successor.origin: "OPERATIONAL"}
    expect(v2.once(after=10), "DEGRADED", "unreachable", exit_code=3)
    assert v2.row(old).timeline.proven_to == 351
    successor.server.start()
    expect(v2.once(), "OK", "shard-added", exit_code=0)


def test_row_24_a_new_shard_that_nobody_vouches_for(v1: World) -> None:
    v1.hit()
    v1.grow(50)
    assert isinstance(v1.log, SandboxV1)
    old = v1.log.origin
    v1.log.new_shard(new_key=True)  # and our trust root does not know its key
    v1.grow(5)
    done = v1.once()
    expect(done, "SUSPECT", "bad-head", "unexpected-identity", exit_code=3)
    assert {tick.origin: tick.verdict for tick in done.ticks} == {old: "OK", v1.log.origin: "SUSPECT"}
    assert v1.row(old).timeline.proven_to == 351
    v1.write()
    expect(v1.once(), "OK", "shard-added", "trust-changed", exit_code=0)


def test_row_25_a_retired_shard_goes_away(v1: World) -> None:
    _, old = two(v1)
    v1.once()
    assert isinstance(v1.log, SandboxV1)
    v1.log.shard_gone(0)
    expect(v1.once(), "OPERATIONAL", exit_code=3)
    expect(v1.once(after=10), "DEGRADED", "unreachable", exit_code=3)
    with open_store(v1.config) as store:
        store.set_log_state(old, "archived", v1.clock())
    done = v1.once()
    expect(done, "OK", exit_code=0)
    assert done.health is not None
    assert done.health.ok
    row = v1.row(old)
    assert row.newest is not None
    assert (row.newest.size, row.timeline.proven_to) == (300, 300)


def test_row_25_a_frozen_log_goes_away(v2: World) -> None:
    successor, old = two(v2)
    assert isinstance(v2.log, SandboxV2)
    v2.log.freeze()
    v2.once()
    v2.log.server.stop()
    expect(v2.once(), "OPERATIONAL", exit_code=3)
    expect(v2.once(after=10), "DEGRADED", "unreachable", exit_code=3)
    with open_store(v2.config) as store:
        store.set_log_state(old, "archived", v2.clock())
    expect(v2.once(), "OK", exit_code=0)
    assert (v2.row(old).state, v2.row(old).timeline.proven_to) == ("archived", 300)
    successor.fill(3)
    successor.publish()
    expect(v2.once(), "OK", exit_code=0)


def test_row_26_a_retired_shard_has_another_size(v1: World) -> None:
    two(v1)
    v1.grow(20)
    v1.once()
    assert isinstance(v1.log, SandboxV1)
    v1.log.change_inactive(0, 200)
    v1.hit()
    v1.grow(20)
    done = v1.once()
    assert (done.verdict, done.exit_code) == ("SUSPECT", 3), said(done)
    assert sorted(one.kind for one in done.findings) == ["bad-head", "unexpected-identity"]
    found = v1.finding("unexpected-identity")
    assert (found.log, found.index) == (v1.log.origin, 20)  # read from where it always was
    v1.log.honest()
    expect(v1.once(), "OK", exit_code=0)


def test_row_26_an_unsigned_number_means_nothing(v1: World) -> None:
    two(v1)
    v1.grow(20)
    v1.once()
    assert isinstance(v1.log, SandboxV1)
    v1.log.change_inactive(0, 200, signed=False)
    v1.grow(20)
    expect(v1.once(), "OK", exit_code=0)


def test_row_27_a_key_is_replaced_through_the_trust_root(world: World) -> None:
    world.log.rotate_key()
    world.write()
    world.hit()
    world.grow(50)
    expect(world.once(), "OK", "key-rotated", "trust-changed", "unexpected-identity", exit_code=1)
    assert world.proven == 351
    found = world.finding("key-rotated")
    assert found.severity == "info"
    assert found.evidence["older-checkpoint"] != found.evidence["checkpoint"]
    expect(world.once(), "OK", exit_code=0)


@pytest.mark.parametrize(("minutes", "says"), [(24 * 60, "future"), (-60, "before")])
def test_row_30_impossible_times(v1: World, minutes: int, says: str) -> None:
    index = v1.log.sign_blob("release@watched.example")
    v1.log.shard.times[index] += minutes * 60
    v1.grow(20)
    done = v1.once()
    assert (done.verdict, done.exit_code) == ("OK", 0), said(done)  # low severity: kept and grouped
    (found,) = done.findings
    assert (found.kind, found.severity, found.index) == ("anomaly", "low", index)
    assert says in v1.finding("anomaly").message
    assert v1.proven == 321
