"""Rows 66 to 77, 83, 84, 86 and 90: our own side is broken, copied, edited, interrupted, or has the wrong time."""

import shutil
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event

from cli import watchtower
from cli.parts import open_store
from monitor.logs.open import open_log
from monitor.machinery import Limits
from monitor.store import Store
from sandbox.rekor_v2 import SandboxV2
from sandbox.wire import Reply, Request
from tests.integration.scenarios.harness import Clock, World, expect, followed, make_world, said
from verifier.errors import Malformed, Refused, SigwardenError, Untrue

pytestmark = pytest.mark.integration

BIG = 1400


def database(world: World) -> Path:
    """Where the state is."""
    return world.folder / "sigwarden.db"


@contextmanager
def full_disk() -> Iterator[None]:
    """No database grows by a page."""

    def no_more(connection: Any, _record: object) -> None:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages}")

    event.listen(Engine, "connect", no_more)
    try:
        yield
    finally:
        event.remove(Engine, "connect", no_more)


def test_row_66_a_torn_database_is_not_opened(world: World) -> None:
    world.grow(BIG)
    world.once()
    path = database(world)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(SigwardenError) as caught:
        world.once()
    assert caught.value.code in ("state-tampered", "store-fault", "store-broken"), caught.value.code
    path.write_bytes(whole)
    world.hit()
    world.grow(3)
    expect(world.once(), "OK", "unexpected-identity", exit_code=1)


def test_row_67_the_disk_is_full(world: World) -> None:
    """What does not fit is told all the same, nothing is skipped, and work goes on by itself."""
    for _ in range(40):
        world.hit()
    world.grow(BIG)
    with full_disk():
        done = world.once()
        assert (done.verdict, done.exit_code) == ("DEGRADED", 3), said(done)
        assert "store-fault" in {one.kind for one in done.findings}
    world.log.fork(at=5)
    with full_disk():
        done = world.once()  # heads are still looked at
        assert done.exit_code == 4, said(done)
    world.log.honest()
    done = world.once()
    assert done.verdict == "OK", said(done)
    assert world.proven == BIG + 340
    assert world.kinds().count("unexpected-identity") == 40


def test_row_69_the_database_is_gone(world: World) -> None:
    for path in world.folder.glob("sigwarden.db*"):
        path.unlink()
    with pytest.raises(Refused, match="blind") as caught:
        world.once()
    assert caught.value.code == "store-missing"
    assert not database(world).exists()
    database(world).touch()
    with pytest.raises(Refused) as caught:
        world.once()
    assert caught.value.code in ("store-missing", "not-bootstrapped")


def test_row_69_restored_from_a_backup(world: World) -> None:
    """It goes on from where the copy stands: read again, nothing lost, nothing twice, and away in between is shown."""
    backup = world.folder / "backup.db"
    with sqlite3.connect(database(world)) as here, sqlite3.connect(backup) as there:
        here.backup(there)
    here.close()
    there.close()
    world.hit()
    world.grow(50)
    expect(world.once(), "OK", "unexpected-identity", exit_code=1)
    for path in world.folder.glob("sigwarden.db*"):
        path.unlink()
    shutil.copy(backup, database(world))
    world.grow(50)
    expect(world.once(after=60), "OK", "unexpected-identity", exit_code=1)
    assert (world.proven, world.kinds()) == (401, ["unexpected-identity"])


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE checkpoints SET size = size + 1",
        "UPDATE checkpoints SET root = zeroblob(32)",
        "DELETE FROM checkpoints",
        "DELETE FROM verdicts",
    ],
)
def test_row_70_edited_by_hand(world: World, statement: str) -> None:
    world.grow(50)
    world.once()
    with sqlite3.connect(database(world)) as edit:
        edit.execute(statement)
    edit.close()
    with pytest.raises(Refused) as caught:
        world.once()
    assert caught.value.code == "state-tampered"


def test_row_70_a_position_moved_forward(world: World) -> None:
    """The cheapest way to hide an entry: let the monitor believe that it was read."""
    with sqlite3.connect(database(world)) as edit:
        columns = {row[1] for row in edit.execute("PRAGMA table_info(logs)")}
        assert "newest_size" in columns, columns
        edit.execute("UPDATE logs SET newest_size = newest_size + 50")
    edit.close()
    world.grow(50)
    try:
        done = world.once()
    except Refused as error:
        assert error.code == "state-tampered"
    else:
        assert done.exit_code >= 3, said(done)


def test_row_71_two_at_once(world: World) -> None:
    with open_store(world.config) as other:
        other.acquire_lease(world.clock() + timedelta(minutes=1), "elsewhere:1:1")
        with pytest.raises(Refused) as caught:
            world.once()
    assert caught.value.code == "lease-held"
    expect(world.once(after=5), "OK", exit_code=0)  # the other one is gone


def test_row_72_the_lease_is_lost_in_the_middle(world: World) -> None:
    world.hit()
    world.grow(50)

    def taken(_request: Request, reply: Reply) -> Reply:
        with open_store(world.config) as other:
            other.acquire_lease(world.clock() + timedelta(hours=1), "elsewhere:1:1")
        return reply

    world.log.fault(taken, "*retrieve" if world.is_v1 else "*entries*", times=1)
    with pytest.raises(Refused) as caught:
        world.once()
    assert caught.value.code == "lease-lost"
    assert world.kinds() == []
    expect(world.once(after=120), "OK", "unexpected-identity", exit_code=1)


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


def test_row_83_the_first_run_says_what_is_not_covered(tmp_path: Path, policy: dict[str, Any], capsys: Any) -> None:
    made = make_world(tmp_path, "v2", start="now")
    try:
        assert '"not_covered":[0,300]' in capsys.readouterr().out
        followed(made)
        spans = made.row().timeline.spans
        assert [(span.start, span.end, span.verdict) for span in spans] == [(0, 300, "gap")]
        with open_store(made.config) as store:
            assert [(gap.start, gap.end) for gap in store.gaps()] == [(0, 300)]
    finally:
        made.log.__exit__()


def test_row_83_a_head_that_was_pinned(tmp_path: Path, policy: dict[str, Any]) -> None:
    """A file with a signed head decides; a log that does not contain it is not begun with."""
    with SandboxV2(seed="pin") as log, SandboxV2(seed="pin") as fork:
        world = World(tmp_path, log, Clock())
        log.fill(100)
        (tmp_path / "pin.txt").write_bytes(log.publish())
        log.fill(50)
        log.publish()
        fork.add(b"{}")
        fork.fill(160)
        fork.publish()
        world.log = fork
        with pytest.raises((Untrue, Malformed, Refused)):
            world.begin(str(tmp_path / "pin.txt"))
        assert not database(world).exists() or Store(database(world), check=False).instance == ""
        world.log = log
        assert world.begin(str(tmp_path / "pin.txt")) == 0
        expect(world.once(), "OK", exit_code=0)
        assert world.proven == 150


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
