"""The daemon as a service manager sees it: jobs, signals, lease, reload, end."""

import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from monitor.daemon import Daemon, Ending, Plan
from monitor.jobs import Guard, Job, Ledger, trigger_at, was_missed
from monitor.secrets import Redactor, Secret
from monitor.systemd import Notifier
from tests.unit.monitor.told import NOW
from verifier.errors import Refused, Unreachable

SOON = timedelta(milliseconds=60)


class Lease:
    """A lease that can be lost."""

    def __init__(self) -> None:
        self.lost: Exception | None = None
        self.renewed = 0
        self.released = 0

    def renew_lease(self, now: datetime) -> None:
        self.renewed += 1
        if self.lost:
            raise self.lost

    def release_lease(self, now: datetime) -> None:
        self.released += 1


def until(condition: Callable[[], bool]) -> None:
    """Wait for something that another thread does."""
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.01)


class Running:
    """A daemon in a thread."""

    def __init__(self, plan: Plan, reload: Callable[[], Plan] | None = None) -> None:
        self.lease = Lease()
        self.daemon = Daemon(plan, reload or (lambda: plan), self.lease)
        self.ending: Ending | None = None
        self.error: Exception | None = None
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self) -> None:
        try:
            self.ending = self.daemon.run()
        except Exception as error:
            self.error = error

    def stop(self) -> Ending | None:
        """End it."""
        self.daemon.stop.set()
        self.thread.join(30)
        assert not self.thread.is_alive()
        return self.ending


@pytest.fixture
def started() -> Iterator[list[Running]]:
    made: list[Running] = []
    yield made
    for one in made:
        one.stop()


def test_84_one_job_that_fails_stops_no_other(started: list[Running]) -> None:
    runs = {"good": 0, "bad": 0, "worse": 0}

    def good() -> None:
        runs["good"] += 1

    def bad() -> None:
        runs["bad"] += 1
        raise Unreachable("the log is down")

    def worse() -> None:
        runs["worse"] += 1
        raise KeyError("a bug")

    jobs = (Job("good", good, SOON), Job("bad", bad, SOON), Job("worse", worse, SOON))
    running = Running(Plan(jobs))
    started.append(running)
    until(lambda: runs["good"] > 8 and runs["bad"] > 1)
    errors = running.daemon.ledger.errors
    assert errors["good"] == ""
    assert "the log is down" in errors["bad"]
    assert "KeyError" in errors["worse"]
    assert running.daemon.ledger.jobs().failures["worse"] == runs["worse"]
    assert runs["bad"] < runs["good"]


def test_84_a_job_that_fails_is_tried_later_and_later_and_recovers() -> None:
    now = [0.0]
    ran: list[float] = []
    broken = [True]

    def run() -> None:
        ran.append(now[0])
        if broken[0]:
            raise Unreachable("down")

    ledger = Ledger()
    guard = Guard(Job("poll", run, timedelta(seconds=10), longest_delay=timedelta(seconds=60)), ledger, lambda: now[0])
    for second in range(0, 600, 10):
        now[0] = float(second)
        guard()
    waits = [later - earlier for earlier, later in pairwise(ran)]
    assert waits[:3] == [10.0, 20.0, 40.0]
    assert max(waits) == 60.0
    broken[0] = False
    now[0] = 700.0
    guard()
    now[0] = 710.0
    guard()
    assert ran[-2:] == [700.0, 710.0]
    assert ledger.errors["poll"] == ""


def test_54_a_jobs_error_is_kept_without_secrets() -> None:
    def run() -> None:
        raise Unreachable("bad answer for hidden-value-1")

    ledger = Ledger(Redactor([Secret("hidden-value-1")]))
    Guard(Job("x", run, SOON), ledger)()
    assert "hidden-value-1" not in ledger.errors["x"]


def test_two_runs_of_one_job_never_overlap(started: list[Running]) -> None:
    most, now, runs = 0, 0, 0

    def slow() -> None:
        nonlocal most, now, runs
        now += 1
        most = max(most, now)
        time.sleep(0.15)
        now -= 1
        runs += 1

    started.append(Running(Plan((Job("slow", slow, SOON),))))
    until(lambda: runs >= 3)
    assert most == 1


def test_76_the_end_waits_for_what_runs_and_gives_the_lease_back(started: list[Running]) -> None:
    begun, finished, closed = threading.Event(), threading.Event(), threading.Event()

    def batch() -> None:
        begun.set()
        time.sleep(0.3)
        finished.set()

    running = Running(Plan((Job("poll", batch, timedelta(hours=1)),), close=closed.set))
    started.append(running)
    assert begun.wait(10)
    assert running.stop() == Ending()
    assert finished.is_set()
    assert closed.is_set()
    assert running.lease.released == 1


def test_76_what_does_not_end_within_the_grace_time_is_named(started: list[Running]) -> None:
    begun, let_go = threading.Event(), threading.Event()

    def stuck() -> None:
        begun.set()
        let_go.wait(30)

    running = Running(Plan((Job("stuck", stuck, timedelta(hours=1)),), grace=timedelta(milliseconds=100)))
    started.append(running)
    assert begun.wait(10)
    ending = running.stop()
    let_go.set()
    assert ending == Ending(("stuck",))
    assert running.lease.released == 0


def test_72_a_lost_lease_ends_it(started: list[Running], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monitor.daemon.RENEW_EVERY", 0.1)
    running = Running(Plan(()))
    started.append(running)
    until(lambda: running.lease.renewed >= 1)
    running.lease.lost = Unreachable("disk full")
    before = running.lease.renewed
    until(lambda: running.lease.renewed > before + 1)
    assert running.thread.is_alive()
    running.lease.lost = Refused("another monitor has taken over", code="lease-lost")
    running.thread.join(20)
    assert isinstance(running.error, Refused)
    assert running.error.code == "lease-lost"
    assert running.lease.released == 0


def test_77_a_reload_with_an_error_keeps_the_old_plan(started: list[Running]) -> None:
    ran: list[str] = []
    closed: list[str] = []
    answers: list[Plan | Exception] = [Refused("watch.0.ref: a typo", code="config-invalid")]

    def plan(name: str) -> Plan:
        return Plan((Job(name, lambda: ran.append(name), SOON),), close=lambda: closed.append(name))

    def reload() -> Plan:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    running = Running(plan("old"), reload)
    started.append(running)
    until(lambda: "old" in ran)
    assert not running.daemon.reload()
    count = len(ran)
    until(lambda: len(ran) > count)
    assert "a typo" in running.daemon.ledger.errors["reload"]
    assert closed == []
    answers.append(plan("new"))
    assert running.daemon.reload()
    until(lambda: "new" in ran)
    until(lambda: closed == ["old"])
    assert "reload" not in running.daemon.ledger.errors
    count = len(ran)
    until(lambda: len(ran) > count + 3)
    assert set(ran[count:]) == {"new"}


def test_74_75_a_jump_of_the_clock_or_a_suspend_is_one_pass_now(
    started: list[Running], monkeypatch: pytest.MonkeyPatch
) -> None:
    runs: list[float] = []
    jobs = (Job("poll", lambda: runs.append(time.monotonic()), timedelta(hours=1)),)
    running = Running(Plan(jobs))
    started.append(running)
    until(lambda: len(runs) == 1)
    for hours in (12, -12):
        running.daemon._offset -= hours * 3600
        before = len(runs)
        until(lambda before=before: len(runs) == before + 1)  # type: ignore[misc]
    time.sleep(0.3)
    assert len(runs) == 3


@pytest.mark.parametrize(
    ("at", "last", "missed"),
    [
        ("Mon 07:00", datetime(2026, 11, 20, tzinfo=UTC), False),
        ("Mon 07:00 UTC", datetime(2026, 11, 13, tzinfo=UTC), True),
        ("01:00", datetime(2026, 11, 22, 23, tzinfo=UTC), True),
        ("03:00", datetime(2026, 11, 22, 23, tzinfo=UTC), False),
        ("03:00", None, False),
    ],
)
def test_a_report_that_was_missed_is_made_up_for(at: str, last: datetime | None, missed: bool) -> None:
    assert was_missed(Job("report", lambda: None, at=at, last=last), NOW) is missed


@pytest.mark.parametrize("at", ["", "7:00", "Mon", "Monday 07:00", "24:00", "Mon 07:60", "07:00 CET", "\n07:00"])
def test_a_time_that_is_none_is_refused(at: str) -> None:
    with pytest.raises(Refused):
        trigger_at(at)


@pytest.mark.parametrize("abstract", [False, True])
def test_systemd_hears_that_we_are_up_alive_and_ending(tmp_path: Path, abstract: bool) -> None:
    name = f"@sigwarden-test-{os.getpid()}" if abstract else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind("\0" + name[1:] if abstract else name)
        receiver.settimeout(10)
        notifier = Notifier(name, "400000")
        assert notifier.watchdog_seconds == 0.2
        daemon = Daemon(Plan(()), lambda: Plan(()), Lease(), notifier=notifier)
        thread = threading.Thread(target=daemon.run)
        thread.start()
        heard = receiver.recv(1000).decode()
        assert heard.startswith("READY=1\nSTATUS=watching")
        assert receiver.recv(1000) == b"WATCHDOG=1"
        daemon.stop.set()
        thread.join(20)
        rest = []
        receiver.setblocking(False)
        try:
            while True:
                rest.append(receiver.recv(1000).decode())
        except BlockingIOError:
            pass
        assert any(line.startswith("STOPPING=1") for line in rest)


def test_without_systemd_nothing_is_sent() -> None:
    for address in (None, "", "relative/path"):
        notifier = Notifier(address, None)
        notifier.ready("x")
        notifier.alive()
        assert notifier.watchdog_seconds == 0.0


def test_signals_reload_and_stop_and_are_put_back() -> None:
    reloads = threading.Event()
    ran = threading.Event()

    def reload() -> Plan:
        reloads.set()
        return Plan((Job("x", ran.set, timedelta(hours=1)),))

    daemon = Daemon(Plan(()), reload, Lease())
    before = signal.getsignal(signal.SIGTERM)

    def conduct() -> None:
        until(lambda: signal.getsignal(signal.SIGHUP) not in (signal.SIG_DFL, signal.SIG_IGN, None))
        os.kill(os.getpid(), signal.SIGHUP)
        reloads.wait(20)
        ran.wait(20)
        os.kill(os.getpid(), signal.SIGTERM)

    thread = threading.Thread(target=conduct)
    thread.start()
    assert daemon.run() == Ending()
    thread.join(20)
    assert reloads.is_set()
    assert ran.is_set()
    assert signal.getsignal(signal.SIGTERM) == before
