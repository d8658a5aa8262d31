"""Can we see? One verdict for each log, channel, for our store and our clock; the heartbeat only if all are well.

Health is read from the store, so that another process (`status`, `report`) sees the same as the daemon.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from monitor.store import HealthRow, LogRow, Store
from verifier.errors import Malformed, SigwardenError
from verifier.jsonstrict import loads

Subject = Literal["log", "channel", "store", "clock", "job"]

SKEW_LIMIT = timedelta(minutes=1)
"""More than this between our clock and the servers', and freshness cannot be judged (runbook: clock-skew)."""

ASLEEP_AFTER = 3
"""A log that was not looked at for so many freshness targets has no poller at all."""

_CHANNELS = "channels"
_NOT_FOLLOWED = frozenset({"archived"})
_FINAL = frozenset({"frozen", "retired"})


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that is well or not. `message` says why not, and since when; it holds no secrets."""

    subject: Subject
    name: str
    ok: bool
    message: str = ""


@dataclass(frozen=True, slots=True)
class Freshness:
    """How old what is proven may be: `default`, and by origin or service name where the configuration says so."""

    default: timedelta = timedelta(minutes=15)
    by_name: Mapping[str, timedelta] = field(default_factory=dict)

    def of(self, log: LogRow) -> timedelta:
        """The target of one log."""
        return self.by_name.get(log.origin) or self.by_name.get(log.service) or self.default


@dataclass(frozen=True, slots=True)
class Health:
    """All checks at one moment."""

    at: datetime
    checks: tuple[Check, ...]

    @property
    def ok(self) -> bool:
        """Everything is well, and there is something to be well: following no log at all is blindness."""
        return all(check.ok for check in self.checks) and any(check.subject == "log" for check in self.checks)

    @property
    def faults(self) -> tuple[Check, ...]:
        """What is not well."""
        return tuple(check for check in self.checks if not check.ok)


def read_health(
    store: Store, now: datetime, freshness: Freshness, *, skew: Mapping[str, float] | None = None, write: bool = False
) -> Health:
    """Health of everything the store knows about; `skew` is seconds by host, from Date headers.

    `write` sees whether the store can be written too. A store that cannot be read is the one check there is.
    """
    try:
        logs = tuple(check_log(log, store.health(log.origin), now, freshness.of(log)) for log in _followed(store))
        channels = _channel_checks(store)
        if write:
            store.set_meta("health:written", now.isoformat())
    except SigwardenError as error:
        return Health(now, (Check("store", "store", False, error.message),))
    return Health(now, (*logs, *channels, Check("store", "store", True), check_clock(skew or {})))


def check_log(log: LogRow, row: HealthRow | None, now: datetime, target: timedelta) -> Check:
    """Whether one log meets its freshness target: looked at lately, without trouble, and proven up to its head."""
    if row is None:
        return Check("log", log.origin, False, "never read")
    if now - row.last_tick > target * ASLEEP_AFTER:
        return Check("log", log.origin, False, f"not looked at since {_moment(row.last_tick)}")
    if row.verdict in ("SUSPECT", "TAMPER"):
        return Check("log", log.origin, False, f"{row.verdict}: {row.last_error or 'see its findings'}")
    if row.last_ok is None or now - row.last_ok > target:
        since = f"since {_moment(row.last_ok)}" if row.last_ok else "ever"
        return Check("log", log.origin, False, f"no pass without trouble {since}: {row.last_error or row.verdict}")
    if row.proven_to < row.head_size and (row.last_growth is None or now - row.last_growth > target):
        missing = row.head_size - row.proven_to
        return Check("log", log.origin, False, f"{missing} entries below the signed head are not proven yet")
    if log.state in _FINAL:
        return Check("log", log.origin, True)
    if row.head_time is not None and now - row.head_time > target:
        return Check(
            "log", log.origin, False, f"its newest head is of {_moment(row.head_time)}, {_age(now, row.head_time)}"
        )
    return Check("log", log.origin, True)


def check_clock(skew: Mapping[str, float]) -> Check:
    """Our clock against those of the servers: the median, since one server may be wrong."""
    if not skew:
        return Check("clock", "clock", True)
    middle = sorted(skew.values())[len(skew) // 2]
    if abs(middle) <= SKEW_LIMIT.total_seconds():
        return Check("clock", "clock", True)
    way = "behind" if middle > 0 else "ahead of"
    return Check("clock", "clock", False, f"our clock is {abs(middle):.0f} s {way} the servers'")


def note_channels(store: Store, errors: Mapping[str, str], now: datetime) -> None:
    """Write down how each channel fares (error, empty where all is well); one write, only when something changed."""
    before = read_channels(store)
    after = {
        name: {
            "error": error,
            "since": before.get(name, {}).get("since", "") if _same(before, name, error) else now.isoformat(),
        }
        for name, error in errors.items()
    }
    if before != after:
        store.set_meta(_CHANNELS, json.dumps(after, sort_keys=True))


def read_channels(store: Store) -> dict[str, dict[str, str]]:
    """Channel to ``error`` and ``since``, as last written down."""
    text = store.get_meta(_CHANNELS)
    if text is None:
        return {}
    try:
        value = loads(text.encode())
    except Malformed:
        return {}
    return value if isinstance(value, dict) else {}


def _same(before: Mapping[str, Mapping[str, str]], name: str, error: str) -> bool:
    return name in before and bool(before[name].get("error")) == bool(error)


def _channel_checks(store: Store) -> Sequence[Check]:
    """From what was written down, and from what the outbox could not get rid of."""
    dead = {name: count for (name, state), count in store.outbox_depth().items() if state == "dead"}
    known = read_channels(store)
    checks = []
    for name in sorted({*known, *dead}):
        error = known.get(name, {}).get("error", "")
        message = f"{error} (since {known[name].get('since', '')})" if error else ""
        if not message and dead.get(name):
            message = f"{dead[name]} messages were given up, see: sigwarden alert retry"
        checks.append(Check("channel", name, not message, message))
    return checks


def _followed(store: Store) -> Sequence[LogRow]:
    return [log for log in store.logs() if log.state not in _NOT_FOLLOWED]


def _moment(at: datetime) -> str:
    return at.strftime("%Y-%m-%d %H:%M:%SZ")


def _age(now: datetime, at: datetime) -> str:
    minutes = int((now - at).total_seconds() // 60)
    return f"{minutes} minutes old" if minutes < 120 else f"{minutes // 60} hours old"
