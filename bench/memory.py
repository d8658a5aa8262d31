"""How much memory do a process and its children take, counted fairly (sum of PSS), at its peak?"""

import threading
from pathlib import Path


def tree(process: int) -> list[int]:
    """A process and everything below it."""
    found = [process]
    for task in Path(f"/proc/{process}/task").glob("*/children"):
        for child in task.read_text().split():
            found += tree(int(child))
    return found


def pss(process: int) -> int:
    """Bytes of proportional set size of a process tree; processes that end meanwhile count as nothing."""
    total = 0
    for one in tree(process):
        try:
            lines = Path(f"/proc/{one}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        total += sum(int(line.split()[1]) << 10 for line in lines if line.startswith("Pss:"))
    return total


class Peak:
    """``with Peak(pid) as peak: ...; peak.bytes`` samples every 50 ms."""

    def __init__(self, process: int) -> None:
        self.bytes = 0
        self._process = process
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)

    def _sample(self) -> None:
        while not self._stop.wait(0.05):
            try:
                self.bytes = max(self.bytes, pss(self._process))
            except OSError:
                return

    def __enter__(self) -> "Peak":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
