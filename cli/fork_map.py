"""How is one function run over many items on several processors, with nothing to set up?

The process forks, every child takes each n-th item and sends its results back through a pipe. Items need not travel,
results are plain values; a pool's own start would cost more than a few hundred verifications.
"""

import gc
import os
import pickle
import sys
from collections.abc import Callable, Sequence
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def fork_map(function: Callable[[Item], Result], items: Sequence[Item], workers: int) -> list[Result]:
    """`function` of every item, in order. Errors are the function's own matter: one that escapes ends the program."""
    if workers < 2 or not hasattr(os, "fork"):
        return [function(item) for item in items]
    sys.stdout.flush()
    sys.stderr.flush()
    gc.freeze()  # what exists now is not looked at again: its pages stay shared
    children = [_start(function, items[number::workers]) for number in range(1, workers)]
    parts = [[function(item) for item in items[::workers]], *(_collect(child, pipe) for child, pipe in children)]
    return [parts[place % workers][place // workers] for place in range(len(items))]


def _start(function: Callable[[Item], Result], items: Sequence[Item]) -> tuple[int, int]:
    """A child at work on these items: its process id and the pipe that its results come through."""
    reading, writing = os.pipe()
    child = os.fork()
    if child:
        os.close(writing)
        return child, reading
    code = 1
    try:
        os.close(reading)
        with os.fdopen(writing, "wb") as pipe:
            pickle.dump([function(item) for item in items], pipe)
        code = 0
    finally:
        os._exit(code)  # nothing of the parent's may run twice: no handlers, no buffers


def _collect(child: int, pipe: int) -> list[Result]:
    with os.fdopen(pipe, "rb") as file:
        data = file.read()
    _, status = os.waitpid(child, 0)
    if status:
        raise RuntimeError(f"a worker process ended with status {status}")
    results: list[Result] = pickle.loads(data)  # noqa: S301 - written by our own child
    return results
