"""Rows 66 to 72 and 83: our own state is missing, full, copied, edited, or somebody else writes it."""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event

from cli.parts import open_store
from monitor.store import Store
from sandbox.rekor_v2 import SandboxV2
from sandbox.wire import Reply, Request
from tests.integration.scenarios.harness import Clock, World, expect, followed, make_world, said
from verifier.errors import Refused, SigwardenError

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
        assert world.begin(str(tmp_path / "pin.txt")) == 4
        assert not database(world).exists() or Store(database(world), check=False).instance == ""
        world.log = log
        assert world.begin(str(tmp_path / "pin.txt")) == 0
        expect(world.once(), "OK", exit_code=0)
        assert world.proven == 150
