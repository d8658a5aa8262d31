"""How are many requests made at once by synchronous code?"""

import threading
from collections.abc import Callable, Sequence
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
