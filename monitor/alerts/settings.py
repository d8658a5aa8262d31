"""What does a channel need to know, and with which limits does it speak?"""

from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from monitor.secrets import Secret
from verifier.errors import Refused
from verifier.fetch.http import Http, HttpPolicy

_SLACK_HOSTS = ("hooks.slack.com", "hooks.slack-gov.com")
_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class ChannelSettings:
    """One ``[channels.NAME]`` with its secrets resolved. `kind` is a row of `CHANNELS`, or empty: told by the rest.

    `allow_private` lets the address be private, loopback or plain http; `api_url` is another Web API than Slack's own.
    """

    name: str
    kind: str = ""
    webhook: Secret | None = None
    token: Secret | None = None
    channel: str = ""
    secret: Secret | None = None
    allow_private: bool = False
    api_url: str = ""

    def guess(self) -> str:
        """The kind where the configuration leaves it out."""
        if self.token:
            return "slack"
        if self.webhook and (self.name == "slack" or _host(self.webhook) in _SLACK_HOSTS):
            return "slack"
        return "webhook" if self.webhook else "console"

    def address(self) -> Secret:
        """The address to post to. Refused where it is none, or would show alerts to anyone on the way."""
        if self.webhook is None:
            raise self.incomplete("webhook is missing, the address to post to")
        try:
            parts = urlsplit(self.webhook.reveal())
        except ValueError:
            raise self.incomplete("webhook is not an address") from None
        if parts.scheme not in ("https", "http") or not parts.hostname:
            raise self.incomplete("webhook is not an address that starts with https://")
        if parts.scheme == "http" and not self.allow_private:
            raise self.incomplete("webhook is http, not https: anyone on the way could read and change alerts")
        return self.webhook

    def client(self, policy: HttpPolicy) -> Http:
        """A client that sends once: repetition is the outbox's. Secret addresses stay out of its messages."""
        limits = replace(policy, retries=0, total_timeout=min(_SECONDS, policy.total_timeout))
        return Http(replace(limits, allow_private=self.allow_private, secret_urls=True))

    def incomplete(self, why: str) -> Refused:
        """An error that names the setting and no value."""
        return Refused(f"channels.{self.name}: {why}", code="channel-settings")


def _host(url: Secret) -> str:
    try:
        return urlsplit(url.reveal()).hostname or ""
    except ValueError:
        return ""
