"""How does the judge of hits look at our store?"""

from dataclasses import dataclass

from monitor.store.store import Store


@dataclass(frozen=True, slots=True)
class Remembered:
    """The `History` of `monitor.judge`, out of a store."""

    store: Store

    def count(self, watch: str) -> int:
        """Findings of a watch so far."""
        return self.store.count_watch(watch)

    def seen(self, watch: str, field: str, value: str) -> int:
        """Findings of a watch so far whose `field` had this value."""
        return self.store.count_trait(watch, field, value)

    def run_count(self, watch: str, run: str, excluding: frozenset[str]) -> int:
        """Findings of a watch in one run, without those of these ids."""
        return self.store.count_trait(watch, "run", run, excluding)
