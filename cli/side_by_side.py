"""How do several waits become one? Threads that are not waited for when somebody interrupts us."""

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Result = TypeVar("Result")


@dataclass(slots=True)
class Outcome(Generic[Result]):
    """What comes of one job; `get` waits for it, and raises what it raised."""

    job: Callable[[], Result]
    _done: threading.Event = field(default_factory=threading.Event)
    _value: list[Result] = field(default_factory=list)
    _error: BaseException | None = None

    def run(self) -> None:
        """Do the job."""
        try:
            self._value.append(self.job())
        except BaseException as error:
            self._error = error
        finally:
            self._done.set()

    def get(self) -> Result:
        """The result, once it is there."""
        self._done.wait()
        if self._error is not None:
            raise self._error
        return self._value[0]


def side_by_side(jobs: Sequence[Callable[[], Result]], workers: int) -> Iterator[Outcome[Result]]:
    """The outcomes of `jobs`, in order, with `workers` of them running at a time.

    The threads are daemons: whoever stops waiting can end the program at once.
    """
    outcomes = [Outcome(job) for job in jobs]
    waiting: queue.SimpleQueue[Outcome[Result]] = queue.SimpleQueue()
    for outcome in outcomes:
        waiting.put(outcome)

    def work() -> None:
        while True:
            try:
                outcome = waiting.get_nowait()
            except queue.Empty:
                return
            outcome.run()

    for number in range(min(workers, len(outcomes))):
        threading.Thread(target=work, daemon=True, name=f"sign-{number}").start()
    yield from outcomes
