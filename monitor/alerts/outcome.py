"""What came of sending, and when is the next attempt?"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from verifier.errors import Refused, SigwardenError, Unreachable

FIRST_RETRY = timedelta(seconds=5)
LONGEST_RETRY = timedelta(minutes=15)
"""Of our own choosing; a server may ask for more."""

LONGEST_WISH = timedelta(hours=1)
"""A server may not silence us for longer by a Retry-After."""

GIVE_UP = timedelta(days=3)
"""A message that was not taken for so long is a dead letter: kept, shown, sent again by a person only."""

COMPLAIN_AFTER = 3
"""Failures in a row before others are told; a refusal is told at once, since it does not pass by itself."""


REFUSALS = 3
"""A channel that refuses so many different messages in a row is at fault, not the messages."""


@dataclass(slots=True)
class ChannelState:
    """How a channel fares in this process. `paused_until` holds back every message, not only the one that failed."""

    failures: int = 0
    paused_until: datetime | None = None
    error: str = ""
    complained: bool = False

    def ready(self, now: datetime) -> bool:
        """Whether it is time to try; a clock that jumped back does not silence a channel for long."""
        until = self.paused_until
        return until is None or now >= until or until - now > LONGEST_WISH + LONGEST_RETRY

    def took(self) -> None:
        """A message arrived."""
        self.failures, self.paused_until, self.error, self.complained = 0, None, "", False

    def probed(self, error: str) -> None:
        """What a probe said; a message that was not taken since weighs more than a probe that went well."""
        if error or not self.failures:
            self.error = error

    def failed(self, error: SigwardenError, now: datetime, said: str, pause: timedelta) -> None:
        """A message did not arrive. A refusal may be about that one message, so the next one is tried too."""
        self.failures += 1
        self.error = said
        if not isinstance(error, Refused) or self.failures >= REFUSALS:
            self.paused_until = now + pause

    def must_complain(self, error: SigwardenError) -> bool:
        """Whether the other channels are to be told now: once for each outage."""
        if self.complained or not (isinstance(error, Refused) or self.failures >= COMPLAIN_AFTER):
            return False
        self.complained = True
        return True


def wait(error: SigwardenError, failures: int, jitter: Callable[[], float] = random.random) -> timedelta:
    """Exponential from five seconds with full jitter on its upper half, at least what the server asked for."""
    doubled = FIRST_RETRY * (1 << min(failures - 1, 16))
    own = min(LONGEST_RETRY, doubled) * (0.5 + jitter() / 2)
    asked = error.retry_after if isinstance(error, Unreachable) and error.retry_after else 0.0
    return max(own, min(LONGEST_WISH, timedelta(seconds=asked)))


@dataclass(slots=True)
class DeliveryResult:
    """What one pass did. `failed` maps a channel to why it did not take a message; `pending` waits for another pass."""

    sent: int = 0
    folded: int = 0
    dead: int = 0
    skipped: int = 0
    pending: int = 0
    failed: dict[str, str] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Nothing that was due is still owed."""
        return not self.failed and not self.dead
