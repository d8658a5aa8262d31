"""How does the judge of hits look at our store?"""

from collections.abc import Callable
from dataclasses import dataclass, field

from monitor.store.store import Store

_MOST = 10_000
"""Answers kept: a flood of different names must not fill the memory."""


@dataclass(slots=True)
class Remembered:
    """The `History` of `monitor.judge`, out of a store.

    Answers are kept until the store takes new findings: the hits of one batch mostly ask the same.
    """

    store: Store
    _answers: dict[tuple[object, ...], int] = field(default_factory=dict)
    _generation: int = -1

    def count(self, watch: str) -> int:
        """Findings of a watch so far."""
        return self._kept(("count", watch), lambda: self.store.count_watch(watch))

    def seen(self, watch: str, field: str, value: str) -> int:
        """Findings of a watch so far whose `field` had this value."""
        return self._kept((watch, field, value), lambda: self.store.count_trait(watch, field, value))

    def run_count(self, watch: str, run: str, excluding: frozenset[str]) -> int:
        """Findings of a watch in one run, without those of these ids."""
        if not self.seen(watch, "run", run):
            return 0
        return self.store.count_trait(watch, "run", run, excluding)

    def _kept(self, key: tuple[object, ...], ask: Callable[[], int]) -> int:
        if self._generation != self.store.generation or len(self._answers) > _MOST:
            self._answers.clear()
            self._generation = self.store.generation
        if key not in self._answers:
            self._answers[key] = ask()
        return self._answers[key]
