"""Does the pace double, halve, and never add load after errors?"""

import threading
from collections.abc import Iterable

import pytest

from verifier.errors import Unreachable
from verifier.fetch.gate import Gate, Pace


def run(pace: Pace, latencies: Iterable[float]) -> list[int]:
    """The limit after each answer of a client that always keeps the limit full."""
    seen = []
    for latency in latencies:
        pace.started(pace.limit)
        pace.answered(latency)
        seen.append(pace.limit)
    return seen


def test_slow_start_doubles_up_to_the_ceiling() -> None:
    assert run(Pace(48), [0.05] * 70)[-1] == 48
    assert sorted(set(run(Pace(48), [0.05] * 70))) == [2, 4, 8, 16, 32, 48]


def test_a_limit_that_nobody_fills_does_not_grow() -> None:
    pace = Pace(48)
    for _ in range(100):
        pace.started(1)
        pace.answered(0.01)
    assert pace.limit == 2


def test_an_overload_halves_and_then_it_grows_slowly() -> None:
    pace = Pace(48)
    run(pace, [0.05] * 70)
    pace.overloaded()
    assert pace.limit == 24
    limits = run(pace, [0.05] * 24)
    assert limits[-1] == 25
    assert max(run(pace, [0.05] * 25)) == 26


def test_row_55_from_one_it_needs_eight_good_answers_to_reach_two() -> None:
    pace = Pace(8)
    for _ in range(5):
        pace.overloaded()
    assert pace.limit == 1
    assert run(pace, [0.05] * 8) == [1] * 7 + [2]


def test_row_63_rising_latency_stops_the_growth() -> None:
    """A server that handles eight at once: beyond that each answer waits for the others."""
    pace = Pace(48)
    seen = []
    for _ in range(2000):
        pace.started(pace.limit)
        pace.answered(0.05 * max(1.0, pace.limit / 8))
        seen.append(pace.limit)
    assert max(seen[200:]) <= 26
    assert min(seen[200:]) >= 8


def test_a_server_that_is_slower_for_good_is_the_new_normal() -> None:
    pace = Pace(8)
    run(pace, [0.01] * 100)
    run(pace, [0.5] * 5000)
    assert pace.limit == 8


def test_row_55_a_storm_never_raises_the_load() -> None:
    pace = Pace(48)
    run(pace, [0.05] * 70)
    before = pace.limit
    for step in range(200):
        pace.started(pace.limit)
        if step % 3:
            pace.overloaded()
        else:
            pace.answered(0.05)
        assert pace.limit <= before
        before = min(before, pace.limit)
    assert pace.limit == 1


def test_many_failures_of_one_moment_cut_once() -> None:
    now = [0.0]
    gate = Gate(8, lambda: now[0])
    for _ in range(3):
        tickets = [gate.enter(99) for _ in range(gate.limit)]
        for ticket in tickets:
            gate.leave(ticket, "good", latency=0.01)
    assert gate.limit == 8
    tickets = [gate.enter(99) for _ in range(8)]
    for ticket in tickets:
        gate.leave(ticket, "full")
    assert gate.limit == 4


def test_a_pause_that_the_server_asked_for_holds_everybody() -> None:
    now = [0.0]
    gate = Gate(8, lambda: now[0])
    gate.leave(gate.enter(99), "full", pause=60)
    with pytest.raises(Unreachable) as caught:
        gate.enter(50)
    assert (caught.value.code, caught.value.retry_after) == ("paused", 60)
    now[0] = 61
    gate.leave(gate.enter(99), "good", latency=0.01)


def test_a_fault_that_is_not_of_load_changes_nothing() -> None:
    gate = Gate(8, lambda: 0.0)
    for _ in range(20):
        gate.leave(gate.enter(99), "other")
    assert gate.limit == 1
    gate.leave(gate.enter(99), "good", latency=0.01)
    assert gate.limit == 2


def test_no_more_than_the_limit_are_inside() -> None:
    gate = Gate(4, lambda: 0.0)
    inside = peak = 0
    lock = threading.Lock()

    def visit() -> None:
        nonlocal inside, peak
        for _ in range(50):
            ticket = gate.enter(1)
            with lock:
                inside += 1
                peak = max(peak, inside)
            with lock:
                inside -= 1
            gate.leave(ticket, "good", latency=0.01)

    threads = [threading.Thread(target=visit) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 1 <= peak <= 4


def test_a_closed_gate_lets_nobody_in() -> None:
    gate = Gate(4, lambda: 0.0)
    gate.close()
    with pytest.raises(Unreachable) as caught:
        gate.enter(1)
    assert caught.value.code == "closing"
