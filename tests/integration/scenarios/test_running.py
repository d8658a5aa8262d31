"""Rows 74 to 90: clocks, limits, interruptions and faults while we run."""

import threading
import tracemalloc
from typing import Any

import pytest

from cli import watchtower
from cli.parts import open_store
from monitor.logs.open import open_log
from monitor.machinery import Limits
from sandbox.rekor_v2 import SandboxV2
from sandbox.wire import Reply, Request
from tests.integration.scenarios.harness import World, expect, said
from verifier.errors import Refused

pytestmark = pytest.mark.integration

BIG = 1400


def test_row_74_the_clock_of_a_server_is_wrong(world: World) -> None:
    world.log.skewed_clock(3600)
    done = world.once()
    expect(done, "OK", "clock-skew", exit_code=3)
    world.log.honest()
    expect(world.once(), "OK", exit_code=0)


def test_row_74_our_clock_jumps(world: World) -> None:
    for minutes in (-300, 2, 100_000, -99_000):
        world.hit()
        world.grow(10)
        done = world.once(after=minutes)
        assert done.verdict == "OK", said(done)
        assert "unexpected-identity" in {one.kind for one in done.findings}
    assert world.proven == 344


def test_row_75_asleep_for_twelve_hours(world: World) -> None:
    world.hit()
    world.grow(700)
    before = len(world.log.requests)
    expect(world.once(after=12 * 60), "OK", "unexpected-identity", exit_code=1)
    assert world.proven == 1001
    heads = [one for one in world.log.requests[before:] if one.path.endswith(("/log", "/checkpoint"))]
    assert len(heads) == 1


def test_row_76_asked_to_stop_in_the_middle(world: World) -> None:
    world.hit()
    world.grow(BIG * 4)
    stop = threading.Event()

    def asked(_request: Request, reply: Reply) -> Reply:
        stop.set()
        return reply

    world.log.fault(asked, "*retrieve" if world.is_v1 else "*entries*", times=1)
    done = world.once(stop=stop)
    assert any(tick.incomplete for tick in done.ticks)
    assert done.exit_code == 3
    done = world.once()
    assert done.verdict == "OK", said(done)
    assert (world.proven, world.kinds()) == (301 + BIG * 4, ["unexpected-identity"])


def test_row_77_a_typo_in_the_configuration(world: World) -> None:
    good = world.watch
    world.hit()
    world.grow(3)
    for bad in ("[[watch]]\nemial = 'x@y.z'\n", "[[watch]\n", "[[watch]]\nsan_regex = '('\n"):
        world.watch = bad
        world.write()
        with pytest.raises(Refused):
            world.once()
    world.watch = good
    world.write()
    expect(world.once(), "OK", "unexpected-identity", exit_code=1)
    with open_store(world.config) as store:
        held = {row.sha256: row.text for row in store.rules()}
    cited = world.finding("unexpected-identity").facts["rule_sha256"]
    assert "release@watched.example" in held[cited]


def test_row_84_a_bug_in_the_reader_of_one_log(v2: World, monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(v2.log, SandboxV2)
    successor = v2.log.new_shard()
    successor.publish()
    v2.more_logs.append(successor)
    v2.write()
    v2.once()

    def broken(spec: Any, http: Any) -> Any:
        if spec.origin == successor.origin:
            raise ZeroDivisionError("a bug")
        return open_log(spec, http)

    successor.fill(5)
    successor.publish()
    v2.hit()
    v2.grow(5)
    with monkeypatch.context() as patch:
        patch.setattr(watchtower, "open_log", broken)
        done = v2.once()
    assert {tick.origin: tick.verdict for tick in done.ticks} == {v2.log.origin: "OK", successor.origin: "DEGRADED"}
    assert done.exit_code == 3
    assert v2.finding("unexpected-identity").proven
    expect(v2.once(), "OK", exit_code=0)
    assert v2.row(successor.origin).timeline.proven_to == 5


def test_row_86_limits(world: World) -> None:
    world.hit()
    world.grow(BIG * 2)
    for _ in range(80):
        done = world.once(limits=Limits(max_requests=40 if world.is_v1 else 4))
        if not any(tick.incomplete for tick in done.ticks):
            break
        assert done.exit_code == 3
        assert all(tick.requests <= 40 for tick in done.ticks)
    assert (world.proven, done.verdict) == (301 + BIG * 2, "OK")
    assert world.kinds() == ["unexpected-identity"]


def test_row_90_acknowledged_and_then_more(world: World) -> None:
    first = world.hit()
    world.grow(3)
    world.once()
    found = world.finding("unexpected-identity")
    assert found.index == first
    with open_store(world.config) as store:
        store.ack(found.id, who="ann", note="our own test", now=world.clock())
    body = world.log.shard.bodies[first]
    world.log.add(body)
    world.hit()
    world.grow(3)
    expect(world.once(after=30), "OK", "unexpected-identity", exit_code=1)
    world.once(after=30)
    with open_store(world.config) as store:
        kept = store.finding(found.id)
        messages = [row.state for row in store.outbox()]
    assert (kept.ack_note, "inclusion-proof" in kept.finding.evidence) == ("our own test", True)
    assert messages == ["sent", "sent"]


def test_row_80_memory_does_not_grow_with_the_backlog(v2: World) -> None:
    """Peak of what Python allocates in a pass: the same for four times the entries."""
    peaks = []
    for size in (6_000, 24_000):
        v2.grow(size)
        tracemalloc.start()
        try:
            expect(v2.once(), "OK", exit_code=0)
            peaks.append(tracemalloc.get_traced_memory()[1])
        finally:
            tracemalloc.stop()
    assert peaks[1] < peaks[0] * 1.2
