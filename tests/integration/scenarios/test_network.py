"""Rows 31, 32 and 55 to 64: the way to a log is bad. Blind is told as blind, and later nothing is lost."""

from collections.abc import Callable
from typing import Any

import pytest

from cli import watchtower
from cli.parts import open_store
from cli.passing import make_duties
from monitor.follow import tick_service
from monitor.logs import rekor_v1
from monitor.machinery import Limits
from sandbox.entries import hashedrekord_v1
from sandbox.keys import SigningKey
from sandbox.rekor_v2 import SandboxV2
from sandbox.wire import Reply, Request, Server
from tests.integration.scenarios.harness import IMPATIENT, World, expect, said

pytestmark = pytest.mark.integration

READS = "*retrieve"
Fault = Callable[[World], None]

OUTAGES: dict[str, Fault] = {
    "31 a gigabyte": lambda world: world.log.oversize(),
    "32 a bomb": lambda world: world.log.gzip_bomb(),
    "55 429 and no word": lambda world: world.log.status(429),
    "55 429 and an hour": lambda world: world.log.status(429, retry_after="3600"),
    "56 500": lambda world: world.log.status(500),
    "56 503": lambda world: world.log.status(503),
    "56 a page with 200": lambda world: world.log.html_200(),
    "57 silence": lambda world: world.log.silence(),
    "57 one byte a second": lambda world: world.log.slow_drip(),
    "58 cut off": lambda world: world.log.truncate(),
    "58 hung up": lambda world: world.log.hang_up(),
    "58 cut off with a fitting length": lambda world: world.log.truncate(honest_length=False),
    "59 nobody listens": lambda world: world.log.server.stop(),
}


@pytest.mark.parametrize("fault", OUTAGES.values(), ids=OUTAGES.keys())
def test_rows_31_32_55_to_59_an_outage(world: World, policy: dict[str, Any], fault: Fault) -> None:
    world.hit()
    world.grow(50)
    policy.update(IMPATIENT)
    fault(world)
    expect(world.once(), "OPERATIONAL", exit_code=3)
    expect(world.once(after=6), "DEGRADED", "unreachable", exit_code=3)
    assert [row.state for row in world.owed("unreachable")] == ["sent"]
    expect(world.once(), "DEGRADED", exit_code=3)  # told once
    assert world.proven == 300
    policy.clear()
    world.log.honest()
    world.log.server.stop()
    world.log.server.start()
    expect(world.once(), "OK", "unexpected-identity", exit_code=1)
    assert (world.proven, world.conditions()) == (351, ())


@pytest.mark.parametrize("name", [name for name in OUTAGES if name != "59 nobody listens"])
def test_rows_31_32_55_to_59_only_entries(world: World, policy: dict[str, Any], name: str) -> None:
    """Heads come, entries do not: the same, and never a head that is called proven."""
    world.hit()
    world.grow(50)
    policy.update(IMPATIENT)
    OUTAGES[name](world)
    world.log.lies.faults[-1].only = READS if world.is_v1 else "*entries*"
    done = world.once()
    assert done.exit_code == 3, said(done)
    assert done.verdict in ("OPERATIONAL", "SUSPECT"), said(done)
    assert world.proven == 300
    policy.clear()
    world.log.honest()
    done = world.once()
    assert (done.verdict, world.proven, world.finding("unexpected-identity").proven) == ("OK", 351, True)


@pytest.mark.parametrize("code", [429, 500, 502, 503, 504])
@pytest.mark.parametrize("asked", [None, "0"])
def test_row_55_56_a_storm_that_passes(world: World, code: int, asked: str | None) -> None:
    world.hit()
    world.grow(50)
    world.log.status(code, times=1, retry_after=asked)
    expect(world.once(), "OK", "unexpected-identity", exit_code=1)


def test_row_55_a_storm_does_not_raise_the_load(v1: World) -> None:
    v1.grow(500)
    before = len(v1.log.requests)
    v1.once()
    calm = len(v1.log.requests) - before
    v1.grow(500)
    v1.log.status(429, only=READS)
    before = len(v1.log.requests)
    v1.once()
    assert len(v1.log.requests) - before < calm


def test_row_59_no_tls_is_spoken(world: World, policy: dict[str, Any]) -> None:
    """An address that speaks no TLS where TLS is asked for: named, and never tried without."""
    world.grow(50)
    policy.update(IMPATIENT)
    world.url = world.log.url.replace("http://", "https://")
    world.write()
    before = len(world.log.requests)
    expect(world.once(), "OPERATIONAL", exit_code=3)
    done = world.once(after=6)
    expect(done, "DEGRADED", "unreachable", exit_code=3)
    assert "TLS" in done.findings[0].message
    assert len(world.log.requests) == before


def test_row_59_a_name_that_does_not_resolve(world: World) -> None:
    world.url = "http://log.invalid"
    world.write()
    world.once()
    done = world.once(after=6)
    expect(done, "DEGRADED", "unreachable", exit_code=3)
    assert "log.invalid" in done.findings[0].message


def test_row_60_a_redirect_is_not_followed(world: World) -> None:
    asked: list[Request] = []

    def elsewhere(request: Request) -> Reply:
        asked.append(request)
        return Reply(200, world.log.checkpoint)

    other = Server(elsewhere).start()
    try:
        world.grow(50)
        world.log.redirect(other.url + "/checkpoint")
        expect(world.once(), "OPERATIONAL", exit_code=3)
        assert "redirect" in world.conditions()[0].detail
    finally:
        other.stop()
    assert asked == []


def test_row_61_one_of_three_replicas_lags(world: World) -> None:
    world.hit()
    world.grow(400)
    world.log.lagging_replica(450)
    done = [world.once() for _ in range(6)]
    assert {one.verdict for one in done} <= {"OK", "OPERATIONAL"}, [said(one) for one in done]
    assert {finding.kind for one in done for finding in one.findings} == {"unexpected-identity"}
    assert world.proven == 701
    world.log.honest()
    expect(world.once(), "OK", exit_code=0)


def test_row_62_a_proxy_with_an_old_head(world: World) -> None:
    world.hit()
    world.grow(50)
    world.log.cached(300)
    expect(world.once(), "OK", "unexpected-identity", exit_code=1)
    assert world.proven == 351


def test_row_63_a_slow_log_is_read_in_pieces(v1: World) -> None:
    """Every pass stops at its time and saves; they get there, and no pass that did not is called clean."""
    v1.hit()
    v1.grow(6000)
    v1.log.delay(0.01, READS)
    proven = []
    for _ in range(30):
        done = v1.once(limits=Limits(seconds=0.2))
        proven.append(v1.row().timeline.position)
        if not any(tick.incomplete for tick in done.ticks):
            break
        assert done.exit_code == 3
    assert len(proven) > 1
    assert proven == sorted(proven)
    assert (v1.proven, v1.finding("unexpected-identity").proven) == (6301, True)
    assert max(request.connection for request in v1.log.requests) > 2  # more at once, since the log bears it


def test_row_64_the_log_outgrows_us(v2: World) -> None:
    """Each tick reads less than what comes: told long before it is hopeless, and what is read still gives alerts."""
    v2.hit()
    with open_store(v2.config) as store:
        tower = watchtower.build(v2.config, store, clock=v2.clock)
        try:
            duties = make_duties(tower)
            for _ in range(5):
                v2.grow(1500)
                v2.clock.on(10)
                tick_service(tower.followed[0].service, tower.machinery(Limits(max_requests=4)))
                duties.check()
        finally:
            tower.close()
    assert v2.kinds() == ["backlog", "unexpected-identity"]
    assert v2.finding("backlog").severity == "medium"


def test_row_31_large_entries_are_read_one_by_one(v1: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten of them are more than an answer may be, each alone is not."""
    monkeypatch.setattr(rekor_v1, "MAX_ANSWER", 1 << 20)
    key = SigningKey.make("ecdsa-p256", "large")
    for number in range(12):
        body = hashedrekord_v1(key, b"large %d" % number)
        v1.log.add(body[:-1] + b',"x":"' + b" " * 200_000 + b'"}')
    v1.hit()
    v1.grow(5)
    done = v1.once()
    assert (done.verdict, v1.proven) == ("OK", 318), said(done)
    assert v1.finding("unexpected-identity").proven


def test_row_31_an_entry_that_is_too_large_alone(v1: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing proves what we do not read: it is named, and the position stays before it."""
    v1.grow(400)
    honest = rekor_v1.MAX_ANSWER
    monkeypatch.setattr(rekor_v1, "MAX_ANSWER", 1 << 20)
    index = v1.log.add(hashedrekord_v1(SigningKey.make("ecdsa-p256", "huge"), b"huge")[:-1] + b" " * (1 << 20) + b"}")
    v1.hit()
    v1.grow(5)
    v1.once()
    done = v1.once(after=6)
    expect(done, "DEGRADED", "unreachable", exit_code=3)
    assert f"leaf {index} alone" in done.findings[0].message
    assert index // 256 * 256 <= v1.row().timeline.position <= index
    monkeypatch.setattr(rekor_v1, "MAX_ANSWER", honest)
    done = v1.once()
    assert (done.verdict, v1.proven) == ("OK", 707), said(done)


def test_row_31_the_largest_entry_of_v2(v2: World) -> None:
    from sandbox.hostile import bodies

    assert isinstance(v2.log, SandboxV2)
    made = bodies(
        v2.log.ca.certificate("release@watched.example", "https://evil.example"), v2.log.ca.certificate("x@y.z")
    )
    index = v2.log.add(made["full size"])
    v2.grow(5)
    done = v2.once()
    assert done.verdict == "OK", said(done)
    assert [one.index for one in done.findings] == [index]
    assert v2.proven == 306
