"""Is it worth asking again, and when?"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from verifier.errors import Unreachable

RETRIED_CAUSES = frozenset({"dns", "connect", "timeout", "protocol"})
"""A failed certificate, a redirect or an over-long answer is not going to be better in a second."""

_MANY = 1 << 30
_TIMES: Mapping[int, int] = {408: _MANY, 425: _MANY, 429: _MANY, 500: 1, 502: _MANY, 503: _MANY, 504: _MANY, 499: _MANY}
"""How often a status is worth a repetition; 500 is often an answer that stays (one unreadable Rekor v1 entry)."""

_FIRST = 0.25
_LONGEST = 10.0
_NOT_SENT = frozenset({"closing", "paused"})


class Retries:
    """Counts the attempts of one request. Delays double from a quarter second, with jitter, inside a budget."""

    def __init__(self, most: int, until: float, jitter: Callable[[], float]) -> None:
        self._most = most
        self._until = until
        self._jitter = jitter
        self._made = 0

    def after_failure(self, error: Unreachable, now: float) -> float | None:
        """Seconds to wait before the next attempt, None to give up."""
        return None if error.code in _NOT_SENT else self._next(self._most, error.retry_after, now)

    def after_reply(self, times: int, asked: float | None, now: float) -> float | None:
        """The same after an answer whose status may be repeated `times`; `asked` is the server's Retry-After."""
        return self._next(min(times, self._most), asked, now)

    def _next(self, most: int, asked: float | None, now: float) -> float | None:
        if self._made >= most:
            return None
        own = min(_LONGEST, _FIRST * 2.0**self._made) * (0.5 + self._jitter())
        delay = max(own, asked or 0.0)
        if now + delay > self._until:
            return None
        self._made += 1
        return delay


def times_retried(status: int) -> int:
    """How often an answer with this status is worth a repetition."""
    return _TIMES.get(status, 0)


def retry_after(headers: Mapping[str, str], now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> float | None:
    """Seconds that the server wants us to wait (RFC 9110 section 10.2.3), None where it does not say."""
    text = headers.get("Retry-After", "").strip()
    if not text:
        return None
    if text.isascii() and text.isdigit():
        return float(text[:9])
    moment = http_date(text)
    return None if moment is None else max(0.0, (moment - now()).total_seconds())


def http_date(text: str) -> datetime | None:
    """A date of an HTTP header, None where it is none."""
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, IndexError, TypeError, OverflowError):
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
