"""How does a configuration become the parts that work: policy, store, channels, routes?"""

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from cli.config_file import LoadedConfig
from cli.config_model import ChannelSection
from cli.secret_sources import is_source, read_source
from cli.version import VERSION
from monitor.secrets import Secret
from verifier.errors import Refused

if TYPE_CHECKING:
    from monitor.alerts.channel import Channel
    from monitor.alerts.routes import Routes
    from monitor.findings import Severity
    from monitor.health import Freshness
    from monitor.store import Store
    from verifier.fetch.http import HttpPolicy
    from verifier.trust import TrustedRoot

_NAMES: tuple["Severity", ...] = ("critical", "high", "medium", "low", "info")


def secret(config: LoadedConfig, text: str | None, what: str) -> Secret | None:
    """The secret behind a source, or the plain text where the setting allows one."""
    if text is None:
        return None
    return Secret(read_source(text, what, config.folder) if is_source(text) else text)


def http_policy(config: LoadedConfig) -> "HttpPolicy":
    """How we behave on the network."""
    from verifier.fetch.http import HttpPolicy

    http = config.file.http
    contact = f" (contact: {config.file.contact})" if config.file.contact else ""
    return HttpPolicy(
        user_agent=f"sigwarden/{VERSION}{contact}",
        proxy=http.proxy,
        ca_file=str(config.folder / http.ca_file) if http.ca_file else None,
        connect_timeout=http.connect_timeout.total_seconds(),
        total_timeout=http.total_timeout.total_seconds(),
        retries=http.retries,
        ceiling=http.concurrency,
        requests_per_second=config.file.budget.requests_per_second,
    )


def database(config: LoadedConfig) -> Path | str:
    """Where our state is: a path beside the configuration, or an URL."""
    text = config.file.database
    if is_source(text):
        text = read_source(text, "database", config.folder)
    return text if "://" in text else config.folder / text


def open_store(config: LoadedConfig, *, create: bool = False) -> "Store":
    """Our state; a missing one is refused unless `create`."""
    from monitor.store import Store

    store = Store(database(config), create=create)
    if not create:
        store.require_bootstrap(config.file.instance or "")
    return store


def channels(config: LoadedConfig) -> dict[str, "Channel"]:
    """Every configured channel, opened; secrets are read now."""
    from monitor.alerts import open_channel
    from monitor.alerts.settings import ChannelSettings

    def settings(name: str, section: ChannelSection) -> ChannelSettings:
        return ChannelSettings(
            name=name,
            kind=section.type or "",
            webhook=secret(config, section.webhook, f"channels.{name}.webhook"),
            token=secret(config, section.slack_token, f"channels.{name}.slack_token"),
            channel=section.channel or "",
            secret=secret(config, section.secret, f"channels.{name}.secret"),
            allow_private=section.allow_private,
            api_url=section.api_url or "",
        )

    policy = http_policy(config)
    return {name: open_channel(settings(name, one), policy) for name, one in config.file.channels.items()}


def routes(config: LoadedConfig, watches: "dict[str, tuple[str, ...]]") -> "Routes":
    """Which severities go where; `watches` are the channels of watches that name their own."""
    from monitor.alerts.routes import Repeat, Routes

    section = config.file.routes
    for watch, names in watches.items():
        for name in names:
            if name not in config.file.channels:
                raise Refused(
                    f"{config.path}: the watch '{watch}' names the channel '{name}', which is not in [channels]",
                    code="config-invalid",
                )
    unacked = section.unacked
    return Routes(
        channels=tuple(config.file.channels),
        by_severity={name: tuple(getattr(section, name)) for name in _NAMES if getattr(section, name) is not None},
        watches=watches,
        repeat=Repeat(unacked.severity, unacked.after, tuple(unacked.to)) if unacked else None,
    )


def freshness(config: LoadedConfig) -> "Freshness":
    """The freshness targets of the configuration, by the name that services have in our state."""
    from monitor.health import Freshness

    targets: dict[str, timedelta] = {}
    for name, section in config.file.logs.items():
        for protocol in ("v1", "v2"):
            one = getattr(section, protocol)
            if one is not None:
                targets[f"{name} {protocol}"] = one.freshness
    return Freshness(by_name=targets)


def trust_root(config: LoadedConfig) -> "TrustedRoot":
    """Everything that any log of the configuration is trusted by, from files and caches: no network."""
    from cli.logs import load_trust

    return load_trust(config, offline=True).merged
