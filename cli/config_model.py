"""What may stand in a configuration file?

pydantic checks names and types; what a setting means is decided by the part that uses it. Watches stay raw here: the
monitor's `build_watch` owns them.
"""

import re
from datetime import timedelta
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

_DURATION = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?\Z")
_SECRET_SOURCES = ("env:", "file:", "command:")

SeverityName = Literal["critical", "high", "medium", "low", "info"]


def parse_duration(value: object) -> timedelta:
    """``90s``, ``15m``, ``1h30m``, ``2d`` or a number of seconds, more than zero."""
    if isinstance(value, timedelta):
        return value
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return timedelta(seconds=value)
    match = _DURATION.match(value) if isinstance(value, str) else None
    if not match or not any(match.groups()):
        raise ValueError("a duration is written like 30s, 15m, 1h30m or 2d")
    days, hours, minutes, seconds = (int(group or 0) for group in match.groups())
    result = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
    if not result:
        raise ValueError("a duration must be longer than zero")
    return result


def _from_source(value: object) -> object:
    if isinstance(value, str) and not value.startswith(_SECRET_SOURCES):
        raise ValueError("a secret is not written here: use env:NAME, file:PATH or command:LINE")
    return value


def _no_secret_url(value: object) -> object:
    if isinstance(value, str) and "hooks.slack.com" in value:
        raise ValueError("a Slack webhook address is a secret: use env:NAME, file:PATH or command:LINE")
    return value


Duration = Annotated[timedelta, BeforeValidator(parse_duration)]
SecretSource = Annotated[str, BeforeValidator(_from_source)]
UrlSource = Annotated[str, BeforeValidator(_no_secret_url)]


class Section(BaseModel):
    """A table of the file: unknown keys are errors, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class HttpSection(Section):
    """``[http]``: how to reach the logs."""

    proxy: str | None = None
    ca_file: str | None = None
    connect_timeout: Duration = timedelta(seconds=10)
    total_timeout: Duration = timedelta(seconds=90)
    retries: Annotated[int, Field(ge=0, le=20)] = 3
    concurrency: Annotated[int, Field(ge=1, le=64)] = 8


class BudgetSection(Section):
    """``[budget]``: hard ceilings for each host."""

    requests_per_second: Annotated[float, Field(gt=0)] | None = None


def _log_url(text: str) -> str:
    """The URL of a log. The message does not repeat it: it may hold a password."""
    try:
        parts = urlsplit(text)
        whole = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        whole = False
    if not whole:
        raise ValueError("the URL of a log is written like https://rekor.acme.example")
    if parts.username or parts.password:
        raise ValueError("a URL with user and password would end up in messages: put a proxy before the log instead")
    return text


LogUrl = Annotated[str, AfterValidator(_log_url)]


class LogSection(Section):
    """One protocol of one ``[logs.NAME]``. Without a URL the trust root says where it is."""

    url: LogUrl | None = None
    read_url: LogUrl | None = None
    write_url: LogUrl | None = None
    origin: str | None = None
    key_file: str | None = None
    trusted_root: str | None = None
    read: Literal["full", "off"] = "full"
    start: int | str | None = Field(default=None, alias="from")
    every: Duration = timedelta(minutes=1)
    freshness: Duration = timedelta(minutes=15)

    @property
    def address(self) -> str | None:
        """Where it is read."""
        return self.read_url or self.url


class LogsSection(Section):
    """``[logs.NAME]``: the protocols that one instance offers."""

    v1: LogSection | None = None
    v2: LogSection | None = None
    trusted_root: str | None = None


class ChannelSection(Section):
    """``[channels.NAME]``: a Slack webhook, a Slack bot token with a channel, a signed webhook, or the console."""

    type: Literal["slack", "webhook", "console"] | None = None
    webhook: UrlSource | None = None
    slack_token: SecretSource | None = None
    channel: str | None = None
    secret: SecretSource | None = None
    allow_private: bool = False
    api_url: str | None = None

    @model_validator(mode="after")
    def _complete(self) -> "ChannelSection":
        if self.slack_token and not self.channel:
            raise ValueError("slack_token needs channel, the id of the channel to post to")
        if self.slack_token and self.webhook:
            raise ValueError("slack_token and webhook are two ways to post: keep one")
        if self.type != "console" and not (self.webhook or self.slack_token):
            raise ValueError("a channel needs webhook, or slack_token with channel, or type = 'console'")
        return self


class UnackedSection(Section):
    """``routes.unacked``: where an alert that nobody acknowledged is repeated."""

    severity: SeverityName = "critical"
    after: Duration = timedelta(minutes=15)
    to: list[str] = Field(min_length=1)


class RoutesSection(Section):
    """``[routes]``: which severities go to which channels; a severity that is not named goes to all."""

    critical: list[str] | None = None
    high: list[str] | None = None
    medium: list[str] | None = None
    low: list[str] | None = None
    info: list[str] | None = None
    unacked: UnackedSection | None = None


class ReportSection(Section):
    """``[reports.NAME]``: a report that the daemon writes by itself."""

    at: str
    formats: list[Literal["markdown", "html", "json"]] = ["html"]
    days: Annotated[int, Field(ge=1, le=366)] = 7
    folder: str = "reports-out"
    to: list[str] = []


class DaemonSection(Section):
    """``[daemon]``: what ``monitor run`` offers besides watching."""

    listen: str = "127.0.0.1:9464"
    log_format: Literal["text", "json"] = "text"
    workers: Annotated[int, Field(ge=0, le=64)] = 0
    grace: Duration = timedelta(seconds=20)
    stale_after: Duration = timedelta(minutes=30)
    withheld_after: Duration = timedelta(hours=1)


class ConfigFile(Section):
    """A whole configuration file."""

    contact: str | None = None
    instance: str | None = None
    database: str = "sigwarden.db"
    heartbeat_url: SecretSource | None = None
    trust: str = "production"
    http: HttpSection = HttpSection()
    budget: BudgetSection = BudgetSection()
    logs: dict[str, LogsSection] = {}
    channels: dict[str, ChannelSection] = {}
    routes: RoutesSection = RoutesSection()
    reports: dict[str, ReportSection] = {}
    daemon: DaemonSection = DaemonSection()
    watch: list[dict[str, Any]] = []

    @model_validator(mode="after")
    def _routes_exist(self) -> "ConfigFile":
        routes = self.routes
        named = [(name, getattr(routes, name) or []) for name in ("critical", "high", "medium", "low", "info")]
        named.append(("unacked", routes.unacked.to if routes.unacked else []))
        places = [(f"routes.{route}", channels) for route, channels in named]
        places += [(f"reports.{name}.to", section.to) for name, section in self.reports.items()]
        for place, channels in places:
            for channel in channels:
                if channel not in self.channels:
                    raise ValueError(f"{place} names the channel '{channel}', which is not in [channels]")
        return self
