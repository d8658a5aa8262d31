"""How are many requests made at once by synchronous code?"""

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


class Crew:
    """Threads that wait for answers; started when first needed."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._lock = threading.Lock()
        self._threads: ThreadPoolExecutor | None = None

    def gather(self, function: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
        """`function` of every item, in order; the first error cancels what has not started."""
        if len(items) <= 1:
            return [function(item) for item in items]
        futures: list[Future[Result]] = [self._pool().submit(function, item) for item in items]
        try:
            done = wait(futures, return_when=FIRST_EXCEPTION).done
        finally:
            for future in futures:
                future.cancel()
        # An error of a later item ends it too: a server in a storm must not be asked for all the rest.
        return [future.result() for future in futures if future in done]

    def stream(self, function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """The same, each result as soon as it and all before it are there; at most `size` are made ahead.

        After an error, of whichever item, nothing more is begun.
        """
        waiting: deque[Future[Result]] = deque()
        try:
            for item in items:
                while len(waiting) > self._size or any(one.done() and one.exception() for one in waiting):
                    yield waiting.popleft().result()
                waiting.append(self._pool().submit(function, item))
            while waiting:
                yield waiting.popleft().result()
        finally:
            for one in waiting:
                one.cancel()

    def close(self) -> None:
        """Waits for what is running."""
        with self._lock:
            threads, self._threads = self._threads, None
        if threads is not None:
            threads.shutdown(wait=True, cancel_futures=True)

    def _pool(self) -> ThreadPoolExecutor:
        with self._lock:
            if self._threads is None:
                self._threads = ThreadPoolExecutor(self._size, thread_name_prefix="fetch")
            return self._threads
