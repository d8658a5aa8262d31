"""How do store, logs, watches and channels become one thing that watches?"""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from cli.config_file import LoadedConfig
from cli.logs import Followed, Trust, load_trust, services
from cli.parts import channels, http_policy, routes, secret
from cli.watches import load_watches, rules_sha256
from monitor.alerts.channel import Channel
from monitor.alerts.deliver import Deliverer
from monitor.alerts.routes import Routes
from monitor.assess import assess_all, unreadable_finding
from monitor.between import with_heads
from monitor.executors import InProcess, Processes
from monitor.findings import Finding
from monitor.judge import Rules
from monitor.logs.log import Head, Log, LogSpec
from monitor.logs.open import open_log
from monitor.machinery import Grace, Limits, Machinery
from monitor.scan import RawHit, Unreadable
from monitor.secrets import Redactor, Secret
from monitor.store import Remembered, Store
from monitor.watch import Watch
from verifier.errors import SigwardenError
from verifier.fetch.http import Call, Http, HttpPolicy, Reply
from verifier.note import NoteKey

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """The wall clock."""
    return datetime.now(UTC)


class _Anew(Http):
    """Second tries: each request on a connection of its own, which another replica may answer."""

    def send(self, call: Call) -> Reply:
        """See Http."""
        return super().send(replace(call, fresh=True))


_HEADS = 500
"""Heads to look an entry's time up in; an older entry is only said to be older than all of them."""


@dataclass(slots=True)
class Watchtower:
    """Everything that one pass works with. `close` frees it."""

    config: LoadedConfig
    store: Store
    http: Http
    again: Http
    trust: Trust
    watches: tuple[Watch, ...]
    followed: Sequence[Followed]
    executor: InProcess | Processes
    routes: Routes
    channels: Mapping[str, Channel]
    deliverer: Deliverer
    redact: Redactor
    rules: Rules
    clock: Clock = utc_now

    def machinery(self, limits: Limits, stop: threading.Event | None = None) -> Machinery:
        """What a tick needs, within `limits`."""
        daemon = self.config.file.daemon
        return Machinery(
            store=self.store,
            executor=self.executor,
            open_log=self._open_log,
            judge=self._judge,
            route=self.routes.of,
            refresh_keys=self._fresh_keys,
            now=self.clock,
            limits=limits,
            grace=Grace(stale=daemon.stale_after, withheld=daemon.withheld_after),
            stop=stop.is_set if stop else lambda: False,
        )

    @property
    def secret_policy(self) -> HttpPolicy:
        """For calls to addresses that are secrets: they stay out of every message."""
        return replace(http_policy(self.config), secret_urls=True)

    def close(self) -> None:
        """End workers, channels and connections."""
        self.executor.close()
        self.deliverer.close()
        self.http.close()
        self.again.close()

    def _open_log(self, spec: LogSpec, fresh: bool) -> Log:
        return open_log(spec, self.again if fresh else self.http)

    def _judge(
        self, hits: Sequence[RawHit], unreadable: Sequence[Unreadable], spec: LogSpec, now: datetime
    ) -> list[Finding]:
        found = assess_all(hits, spec, self.rules, now)
        if found:
            heads = self.store.checkpoints(spec.origin, newest_first=True, limit=_HEADS)
            found = with_heads(found, heads[::-1], now)
        return found + [unreadable_finding(entry, spec, now) for entry in unreadable]

    def _fresh_keys(self, head: Head) -> tuple[NoteKey, ...]:
        """The keys of the same log after reading the trust roots again; empty when they cannot be read."""
        try:
            again = services(self.config, load_trust(self.config), self.http)
        except SigwardenError:
            return ()
        for one in again:
            if any(one.service.name == followed.service.name for followed in self.followed):
                for known in one.service.heads():
                    if known.spec.origin == head.spec.origin:
                        return known.keys
        return ()


def build(config: LoadedConfig, store: Store, *, deliver: bool = True, clock: Clock = utc_now) -> Watchtower:
    """Wire a configuration. Raises Refused for any fault in it, before anything is polled."""
    watches = load_watches(config)
    policy = http_policy(config)
    http = Http(policy)
    trust = load_trust(config)
    followed = services(config, trust, http)
    opened = channels(config) if deliver else {}
    routing = routes(config, {watch.name: watch.channels for watch in watches if watch.channels})
    redact = Redactor(_secrets(config))
    workers = config.file.daemon.workers
    executor: InProcess | Processes = (
        Processes(workers, policy, watches, open_log) if workers else InProcess(http, watches, open_log)
    )
    return Watchtower(
        config=config,
        store=store,
        http=http,
        again=_Anew(policy),
        trust=trust,
        watches=watches,
        followed=followed,
        executor=executor,
        routes=routing,
        channels=opened,
        deliverer=Deliverer(store, opened, routing, redact=redact),
        redact=redact,
        rules=Rules(watches, trust.merged, Remembered(store), rules_sha256(config)),
        clock=clock,
    )


def _secrets(config: LoadedConfig) -> list[Secret]:
    """Every secret value of the configuration, so that it can be kept out of what leaves."""
    found: list[Secret] = []
    for name, section in config.file.channels.items():
        for setting in ("webhook", "slack_token", "secret"):
            value = secret(config, getattr(section, setting), f"channels.{name}.{setting}")
            found += [value] if value else []
    beat = secret(config, config.file.heartbeat_url, "heartbeat_url")
    return found + ([beat] if beat else [])
