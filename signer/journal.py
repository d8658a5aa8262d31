"""What is in a log already, whatever happens to us next?

Signing for the public record cannot be taken back: when we are interrupted, the person must learn what is recorded.
"""

import threading
from dataclasses import dataclass, field

from verifier.entry import LogEntry


@dataclass(slots=True)
class Journal:
    """Uploads that were begun and entries that came back; safe to share between threads."""

    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _open: dict[tuple[str, str], str] = field(default_factory=dict)
    _logged: dict[tuple[str, str], int] = field(default_factory=dict)

    def begin(self, name: str, url: str, digest: bytes) -> None:
        """The signature over the artifact `name` is on its way to the log at `url`."""
        with self._lock:
            self._open[name, url] = digest.hex()

    def refused(self, name: str, url: str) -> None:
        """The log answered, and took nothing."""
        with self._lock:
            self._open.pop((name, url), None)

    def logged(self, name: str, url: str, entry: LogEntry) -> None:
        """The log answered with this entry."""
        index = entry.index if entry.global_index is None else entry.global_index
        with self._lock:
            self._open.pop((name, url), None)
            self._logged[name, url] = index

    def delivered(self, name: str) -> None:
        """The bundle of `name` was written: nothing of it needs to be told."""
        with self._lock:
            self._logged = {key: index for key, index in self._logged.items() if key[0] != name}

    def lines(self) -> list[str]:
        """What to tell when there is no bundle to show for it."""
        with self._lock:
            sure = [
                f"the signature of {name} is in the log {url} at index {index}"
                for (name, url), index in self._logged.items()
            ]
            unsure = [
                f"the signature of {name} (digest {digest}) may be in the log {url}: no answer came"
                for (name, url), digest in self._open.items()
            ]
            return [*sure, *unsure]
