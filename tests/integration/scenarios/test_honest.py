"""Controls: an honest log in every shape that has fooled a monitor. No alarm, and everything proven."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox.rekor_v1 import SandboxV1
from sandbox.rekor_v2 import SandboxV2
from sandbox.wire import Reply, Request
from tests.integration.scenarios.harness import World, expect, make_world, said

pytestmark = pytest.mark.integration

BORDERS = (1, 2, 3, 255, 256, 257, 511, 512, 513, 768, 1025)


@pytest.fixture(params=["now", "0", "257"])
def begun(request: pytest.FixtureRequest, tmp_path: Path, policy: dict[str, Any]) -> Iterator[World]:
    """Logs of 300 entries, followed from three places."""
    made = make_world(tmp_path, "v2", start=request.param)
    try:
        yield made
    finally:
        made.log.__exit__()


def test_growth_over_every_border(empty: World) -> None:
    """From each border to the next, a hit at the first leaf of each stretch: all found once and proven."""
    hits = 0
    for size in BORDERS:
        empty.hit()
        empty.grow(size - len(empty.log.shard.bodies))
        expect(empty.once(), "OK", "unexpected-identity", exit_code=1)
        hits += 1
        assert empty.proven == size
    assert empty.kinds() == ["unexpected-identity"] * hits


def test_partials_are_collected(empty: World) -> None:
    if isinstance(empty.log, SandboxV2):
        empty.log.collect_garbage()
    for size in BORDERS:
        empty.grow(size - len(empty.log.shard.bodies))
        expect(empty.once(), "OK", exit_code=0)
        assert empty.proven == size


def test_wherever_reading_begins(begun: World) -> None:
    for count in (1, 7, 300):
        begun.hit()
        begun.grow(count - 1)
        done = begun.once()
        assert done.verdict == "OK", said(done)
    assert begun.proven == 608
    assert begun.kinds() == ["unexpected-identity"] * 3


def test_a_stale_replica_recovers(world: World) -> None:
    world.grow(50)
    world.once()
    for _ in range(3):
        world.log.stale(320, times=1)
        done = world.once(after=9)
        assert done.verdict in ("OK", "OPERATIONAL"), said(done)
        expect(world.once(after=9), "OK", exit_code=0)
    assert world.kinds() == []
    assert world.conditions() == ()


def test_witnesses_come_and_go(world: World) -> None:
    for count in (0, 3, 1, 5):
        world.log.honest()
        if count:
            world.log.witness_lines(count, first=count == 1)
        world.grow(10)
        expect(world.once(), "OK", exit_code=0)
    assert world.kinds() == []


def test_the_key_is_replaced_twice(world: World) -> None:
    for _ in range(2):
        world.log.rotate_key()
        world.write()
        world.grow(10)
        expect(world.once(), "OK", "key-rotated", "trust-changed", exit_code=0)
        expect(world.once(), "OK", exit_code=0)
    assert world.proven == 320


def test_shard_after_shard_v1(v1: World) -> None:
    assert isinstance(v1.log, SandboxV1)
    for number in range(3):
        v1.grow(11)
        v1.log.new_shard(new_key=number == 1)
        v1.write()
        v1.grow(7)
        done = v1.once()
        assert (done.verdict, done.exit_code) == ("OK", 0), said(done)
        assert {one.kind for one in done.findings} <= {"shard-added", "trust-changed"}
        assert {tick.lag for tick in done.ticks} == {0}
    assert len(v1.log.shards) == 4


def test_shard_after_shard_v2(v2: World) -> None:
    assert isinstance(v2.log, SandboxV2)
    for _ in range(2):
        successor = v2.log.new_shard()
        successor.fill(20)
        successor.publish()
        v2.more_logs.append(successor)
        v2.write()
        expect(v2.once(), "OK", "shard-added", "trust-changed", exit_code=0)
    expect(v2.once(), "OK", exit_code=0)


def test_a_frozen_shard_and_its_last_line(v2: World) -> None:
    assert isinstance(v2.log, SandboxV2)
    v2.grow(10)
    v2.log.freeze()
    expect(v2.once(), "OK", exit_code=0)
    assert (v2.row().state, v2.proven) == ("frozen", 310)
    for _ in range(2):
        done = v2.once(after=60 * 24)
        expect(done, "OK", exit_code=0)
        assert done.health is not None
        assert done.health.ok


def test_the_log_grows_while_it_is_read(world: World) -> None:
    """Every answer finds the log larger than the one before."""
    world.hit()
    world.grow(300)

    def grow(_request: Request, reply: Reply) -> Reply:
        world.log.fill(3)
        world.log.publish()
        return reply

    world.log.fault(grow)
    done = world.once()
    expect(done, "OK", "unexpected-identity", exit_code=1)
    assert world.proven >= 601
    world.log.honest()
    expect(world.once(), "OK", exit_code=0)
    assert world.proven == world.log.size


def test_answers_in_any_order(v1: World) -> None:
    assert isinstance(v1.log, SandboxV1)
    v1.hit()
    v1.grow(55)
    v1.log.shuffle()
    expect(v1.once(), "OK", "unexpected-identity", exit_code=1)


def test_compressed_bundles(tmp_path: Path, policy: dict[str, Any]) -> None:
    made = make_world(tmp_path, "v2", gzipped=True)
    try:
        made.grow(300)
        expect(made.once(), "OK", exit_code=0)
        assert made.proven == 600
    finally:
        made.log.__exit__()


def test_nothing_new_costs_one_request(world: World) -> None:
    world.once()
    before = len(world.log.requests)
    expect(world.once(), "OK", exit_code=0)
    assert len(world.log.requests) - before == 1
