"""Is everything owed told? The durable outbox, channel by channel.

Each channel has its own thread: one that fails or hangs never holds up another. What is owed stays in the store until
the channel took it, so a crash repeats at most one message (its id stays the same) and loses none.
"""

import logging
import random
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

from monitor.alerts.channel import Channel, Message
from monitor.alerts.digest import FOLD_ABOVE, bare, digest, direct, undeliverable
from monitor.alerts.follow_up import owe_follow_ups
from monitor.alerts.message import Links, build_message
from monitor.alerts.outcome import GIVE_UP, ChannelState, DeliveryResult, wait
from monitor.alerts.owed import Owed, read_owed
from monitor.alerts.routes import Routes
from monitor.findings import Finding
from monitor.incidents import group
from monitor.secrets import Redactor
from monitor.store import Batch, Store, Tell
from verifier.errors import Refused, SigwardenError, Unreachable

log = logging.getLogger(__name__)

_FOLLOW_UPS_EVERY = timedelta(seconds=30)
_PASS_SECONDS = 15.0
_UNEXPECTED = "an error in the channel itself"


class Deliverer:
    """Sends what is owed. One per process: it remembers which channels are down. Safe to call from one thread."""

    def __init__(
        self,
        store: Store,
        channels: Mapping[str, Channel],
        routes: Routes,
        *,
        links: Links | None = None,
        redact: Redactor | None = None,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._store = store
        self._channels = dict(channels)
        self._routes = routes
        self._links = links or Links()
        self._redact = redact or Redactor()
        self._jitter = jitter
        self._states = {name: ChannelState() for name in channels}
        self._sent: dict[int, str] = {}
        self._refused: set[int] = set()
        self._followed: datetime | None = None
        self._told: set[str] = set()

    @property
    def states(self) -> Mapping[str, ChannelState]:
        """How each channel fares."""
        return self._states

    def deliver(self, clock: Callable[[], datetime]) -> DeliveryResult:
        """Send everything due. Raises only where our own store fails; a channel's failure is in the result."""
        now = clock()
        self._reroute_orphans(now)
        if self._followed is None or abs(now - self._followed) >= _FOLLOW_UPS_EVERY:
            owe_follow_ups(self._store, self._routes, self._channels, now)
            self._followed = now
        result = DeliveryResult()
        ready = [name for name, state in self._states.items() if state.ready(now)]
        with ThreadPoolExecutor(max(1, len(ready)), thread_name_prefix="deliver") as pool:
            for part in pool.map(lambda name: self._deliver_to(name, clock), ready):
                _add(result, part)
        for name, state in self._states.items():
            if state.error:
                result.failed.setdefault(name, state.error)
        result.pending = len(self._store.outbox(state="pending"))
        return result

    def tell_unsaved(self, findings: Sequence[Finding], now: datetime) -> None:
        """Tell findings that our own state did not take, without using it; each once in the life of the process."""
        fresh = [finding for finding in findings if finding.id not in self._told]
        self._told.update(finding.id for finding in fresh)
        for incident in group(fresh):
            message = direct(incident, now)
            for name in self._routes.channels_for(incident.watch, incident.severity):
                try:
                    self._channels[name].send(message)
                except (SigwardenError, KeyError) as failure:
                    log.warning("%s could not be told on %s: %s", incident.kind, name, self._redact(str(failure)))

    def probe(self, now: datetime) -> Mapping[str, str]:
        """Ask each channel whether it would take a message: channel to error, empty where all is well.

        A refusal is told at once, a network that does not answer the second time.
        """
        said: dict[str, str] = {}
        for name, channel in self._channels.items():
            state = self._states[name]
            is_second, is_final = bool(state.error), False
            try:
                channel.probe()
                said[name] = ""
            except SigwardenError as error:
                said[name], is_final = self._redact(str(error)), isinstance(error, Refused)
            except Exception:  # a bug in one channel must not hide how the others are
                log.exception("the channel %s could not be probed", name)
                said[name] = _UNEXPECTED
            state.probed(said[name])
            if said[name] and (is_final or is_second):
                self._complain(name, said[name], f"probe {now:%Y-%m-%d}", now)
        return said

    def close(self) -> None:
        """Close all channels."""
        for channel in self._channels.values():
            channel.close()

    def _deliver_to(self, name: str, clock: Callable[[], datetime]) -> DeliveryResult:
        result = DeliveryResult()
        owed, hopeless = read_owed(self._store, name, clock())
        # One message that the channel will never take must not hold up the others.
        owed.sort(key=lambda one: one.row.id in self._refused)
        for row, why in hopeless:
            self._store.outbox_skip(row, clock(), why)
            result.skipped += 1
        alone = [one for one in owed if one.incident.exempt or one.reason not in ("new", "more")]
        lesser = [one for one in owed if one not in alone]
        if len(lesser) <= FOLD_ABOVE:
            alone, lesser = owed, []
        end = time.monotonic() + _PASS_SECONDS
        for one in alone:
            if time.monotonic() > end:  # a slow channel goes on in the next pass: the others must not wait for it
                return result
            if not self._send(name, [one], self._message(one, clock()), clock, result):
                return result
        if lesser:
            message = digest([one.incident for one in lesser], self._id(lesser[0]))
            self._send(name, lesser, message, clock, result)
        return result

    def _send(
        self,
        name: str,
        owed: list[Owed],
        message: Message,
        clock: Callable[[], datetime],
        result: DeliveryResult,
    ) -> bool:
        """Send one message that covers `owed`; False when the channel is to be left alone for a while."""
        state = self._states[name]
        try:
            if not self._was_sent(owed):
                receipt = self._channels[name].send(message, owed[0].thread)
                # Known before it is written down: if the store cannot take it, it is not sent a second time.
                self._sent.update({one.row.id: receipt.thread if len(owed) == 1 else "" for one in owed})
        except SigwardenError as error:
            self._failed(name, owed, error, clock(), result)
            return state.ready(clock())
        except Exception:  # a bug in one channel must not silence the others
            log.exception("the channel %s failed", name)
            self._failed(name, owed, Unreachable(_UNEXPECTED, code="channel-bug"), clock(), result)
            return False
        state.took()
        for one in owed:
            self._store.outbox_done(one.row.id, clock(), self._sent[one.row.id])
            del self._sent[one.row.id]
            self._refused.discard(one.row.id)
        result.sent += 1
        result.folded += len(owed) - 1
        return True

    def _failed(
        self, name: str, owed: list[Owed], error: SigwardenError, now: datetime, result: DeliveryResult
    ) -> None:
        said = self._redact(str(error))
        state = self._states[name]
        pause = wait(error, max(state.failures, owed[0].row.attempts) + 1, self._jitter)
        state.failed(error, now, said, pause)
        result.failed[name] = said
        log.warning("the channel %s did not take a message: %s", name, said)
        if isinstance(error, Refused):
            self._refused.update(one.row.id for one in owed)
        for one in owed:
            if now - one.row.created_at > GIVE_UP:
                self._store.outbox_dead(one.row.id, now, said)
                result.dead += 1
            else:
                self._store.outbox_failed(one.row.id, said, now + pause)
        if state.must_complain(error):
            self._complain(name, said, str(min(one.row.id for one in owed)), now)

    def _complain(self, name: str, error: str, outage: str, now: datetime) -> None:
        """Make it a finding, told on the other channels: those of its severity, or else all."""
        finding = undeliverable(name, outage, error, now)
        named = [other for other in self._routes.channels_for("", finding.severity) if other != name]
        others = named or [other for other in self._channels if other != name]
        tells = tuple(Tell(finding.id, other) for other in others)
        self._store.commit_batch(Batch("", now, findings=(finding,), tells=tells))

    def _reroute_orphans(self, now: datetime) -> None:
        """Messages owed to a channel that is no longer configured go to those that are."""
        for (name, state), count in self._store.outbox_depth().items():
            if state != "pending" or not count or name in self._channels:
                continue
            for row in self._store.outbox(state="pending"):
                if row.channel == name:
                    self._move(row.id, row.incident, row.reason, now)

    def _move(self, row: int, incident: str, reason: str, now: datetime) -> None:
        try:
            about = self._store.incident(incident)
        except Refused:
            return
        for other in self._routes.channels_for(about.watch, about.severity):
            self._store.outbox_add(incident, other, reason, now)
        self._store.outbox_skip(row, now, "its channel is no longer configured; told on the others")

    def _was_sent(self, owed: list[Owed]) -> bool:
        return all(one.row.id in self._sent for one in owed)

    def _message(self, one: Owed, now: datetime) -> Message:
        told = self._routes.channels_for(one.incident.watch, one.incident.severity)
        try:
            return build_message(
                one.incident, message_id=self._id(one), reason=one.reason, now=now, channels=told, links=self._links
            )
        except Exception:  # what cannot be worded is told without words
            log.exception("no message could be made of the incident %s", one.incident.key)
            return bare(one.incident, self._id(one), one.reason)

    def _id(self, one: Owed) -> str:
        return f"{self._store.instance or 'sigwarden'}-{one.row.id}"


def _add(total: DeliveryResult, part: DeliveryResult) -> None:
    total.sent += part.sent
    total.folded += part.folded
    total.dead += part.dead
    total.skipped += part.skipped
    total.failed.update(part.failed)
