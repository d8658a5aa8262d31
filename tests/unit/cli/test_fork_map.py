"""Sharing out work: order, few items, results of any size, and a worker that dies."""

import os

import pytest

from cli.fork_map import fork_map


@pytest.mark.parametrize("workers", [0, 1, 2, 3, 7])
@pytest.mark.parametrize("count", [0, 1, 2, 20])
def test_results_come_in_order(workers: int, count: int) -> None:
    assert fork_map(lambda item: item * item, range(count), workers) == [item * item for item in range(count)]


def test_the_work_is_done_in_several_processes() -> None:
    assert len(set(fork_map(lambda _: os.getpid(), range(8), 3))) == 3


def test_results_larger_than_a_pipe() -> None:
    assert sum(map(len, fork_map(lambda _: b"x" * 1_000_000, range(6), 3))) == 6_000_000


def test_a_worker_that_dies_is_not_mistaken_for_one_that_found_nothing() -> None:
    parent = os.getpid()

    def die(_: int) -> int:
        if os.getpid() != parent:
            os._exit(3)
        return 1

    with pytest.raises(RuntimeError):
        fork_map(die, range(4), 2)
