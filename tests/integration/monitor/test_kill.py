"""Row 65: killed at any instant, nothing is lost, doubled or skipped. The processes here really die."""

import os
import random
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import event

from monitor import executors
from monitor.findings import finding_id
from monitor.logs.log import LogSpec
from monitor.machinery import Limits
from monitor.store import FindingFilter, Store
from tests.unit.monitor.fakes import ORIGIN, START, FakeLog, FakeTree, World, fake_scan
from verifier.merkle import hash_leaf

pytestmark = pytest.mark.integration

INSTANTS = int(os.environ.get("SIGWARDEN_KILLS", "200"))
SIZE, EVERY = 3000, 37
SIZES = (900, 901, 2048, SIZE)


def leaf(index: int) -> bytes:
    """Every 37th leaf is watched; every 370th is the same leaf again."""
    if index % 370 == 0:
        return b"watched again"
    return b"watched %d" % index if index % EVERY == 0 else b"leaf %d" % index


def expected(size: int) -> dict[str, int]:
    """The findings of the first `size` leaves and where each is first."""
    watched = reversed(range(0, size, EVERY))
    return {finding_id("unexpected-identity", "w", hash_leaf(leaf(index))): index for index in watched}


def make_log() -> FakeLog:
    """The same log in every process."""
    tree = FakeTree([leaf(index) for index in range(SIZE)])
    return FakeLog(
        LogSpec("rekor-v2", ORIGIN, "http://fake.test"), tree, Ed25519PrivateKey.from_private_bytes(bytes(32))
    )


@pytest.fixture(scope="module")
def log() -> Iterator[FakeLog]:
    """One log for all processes: they are forks of this one."""
    made = make_log()
    made.tree.tree()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(executors, "scan_leaves", fake_scan)
        yield made


@pytest.fixture
def folder() -> Iterator[Path]:
    """In memory where that is possible: a killed process needs no disk, and each commit waits for one."""
    memory = Path("/dev/shm")
    with TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else None) as made:
        yield Path(made)


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory, log: FakeLog) -> Path:
    """A database after `init`."""
    place = tmp_path_factory.mktemp("fresh") / "state.db"
    with Store(place, create=True) as store:
        store.bootstrap(START)
        World(store, log).follow_from_start()
    return place


def scan(place: Path, log: FakeLog, sizes: tuple[int, ...], arm: Callable[[Store], None] = lambda _store: None) -> None:
    """What a daemon does: take the lease, tick at growing heads, in small batches."""
    with Store(place) as store:
        store.acquire_lease(START)
        arm(store)
        world = World(store, log, limits=Limits(batch_leaves=256))
        for size in sizes:
            world.now = START  # or every run would have findings of another time
            result = world.tick(log.note(size), after=0)
            assert result.verdict in ("OK", "OPERATIONAL"), result.message


def in_child(work: Callable[[], None]) -> int:
    """Fork, work, and leave without any clean-up of the test process."""
    child = os.fork()
    if child:
        return child
    try:
        work()
    except BaseException:  # nothing of pytest may run in the child
        os._exit(1)
    os._exit(0)


def wait(child: int) -> int:
    """Its exit code, negative for a signal."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def check(place: Path, log: FakeLog, size: int) -> None:
    """All that was to be found was found once, all leaves are proven, all books agree."""
    with Store(place) as store:  # which checks the chained history
        found = store.findings(FindingFilter(kinds=("unexpected-identity",)))
        assert {one.finding.id: one.finding.index for one in found} == expected(size)
        assert len(found) == len(expected(size))
        assert all(one.finding.proven for one in found)
        again = next(one.finding for one in found if one.finding.index == 0)
        assert [place.index for place in again.locations] == list(range(0, size, 370))
        assert sum(count for _, watch, _, count in store.counters() if watch == "w") == len(found)
        assert [one.count for one in store.incidents() if one.watch == "w"] == [len(found)]
        assert [message.reason for message in store.outbox()] == ["new"]
        row = store.log(ORIGIN)
        assert row is not None
        assert [(s.start, s.end, s.verdict) for s in row.timeline.spans] == [(0, size, "proven")]
        assert row.timeline.verified == log.tree.tree(size)
        assert store.subtrees(ORIGIN, 0, size // 256) == {n: log.tree.node(8, n) for n in range(size // 256)}
        heads = [one.size for one in store.checkpoints(ORIGIN)]
        assert sorted(set(heads)) == heads
        assert heads[-1] == size
        assert all("inclusion-proof" in store.finding(one.finding.id).finding.evidence for one in found[:3])


def test_row_65_sigkill_at_random_instants(folder: Path, log: FakeLog, fresh: Path) -> None:
    begun = time.monotonic()
    first = folder / "first.db"
    shutil.copy(fresh, first)
    assert wait(in_child(lambda: scan(first, log, SIZES))) == 0
    usual = time.monotonic() - begun
    check(first, log, SIZE)
    chance = random.Random(65)
    killed = round_number = 0
    while killed < INSTANTS:
        place = folder / f"{round_number}.db"
        shutil.copy(fresh, place)
        round_number += 1
        for _ in range(4):  # killed again while it recovers
            child = in_child(lambda: scan(place, log, SIZES))  # noqa: B023
            time.sleep(chance.uniform(0.2, 1.0) * usual)
            os.kill(child, signal.SIGKILL)
            if wait(child) == -signal.SIGKILL:
                killed += 1
            else:  # it was done before: the first scan, by which we measure, had a busier machine
                usual *= 0.8
        assert wait(in_child(lambda: scan(place, log, SIZES))) == 0  # noqa: B023
        check(place, log, SIZE)
        if round_number % 5 == 1:  # the machine may have been busier at first: a long wait kills nothing
            usual = min(usual, _seconds_of_a_scan(folder / f"again-{round_number}.db", log, fresh))
    assert killed >= INSTANTS


def _seconds_of_a_scan(place: Path, log: FakeLog, fresh: Path) -> float:
    shutil.copy(fresh, place)
    begun = time.monotonic()
    assert wait(in_child(lambda: scan(place, log, SIZES))) == 0
    return time.monotonic() - begun


def test_row_65_sigkill_between_every_pair_of_statements(folder: Path, log: FakeLog, fresh: Path) -> None:
    """From the acceptance of a head over its batches to its settlement, proofs and verdict, at every statement."""
    base = folder / "base.db"
    shutil.copy(fresh, base)
    assert wait(in_child(lambda: scan(base, log, (900,)))) == 0
    at = 0
    while True:
        at += 1
        place = folder / f"{at}.db"  # never over an old one: its write-ahead log would be taken for ours
        shutil.copy(base, place)
        code = wait(in_child(lambda: scan(place, log, (901, 1200), lambda store: kill_at(store, at))))  # noqa: B023
        if code == 0:
            break
        assert code == -signal.SIGKILL
        assert wait(in_child(lambda: scan(place, log, (1200,)))) == 0  # noqa: B023
        check(place, log, 1200)
    assert at > 60  # it did meet the statements


def kill_at(store: Store, number: int) -> None:
    """Die before statement `number` (a commit counts as one)."""
    left = [number]

    def count(*_: object) -> None:
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    event.listen(store._engine, "before_cursor_execute", count)
    event.listen(store._engine, "commit", count)
