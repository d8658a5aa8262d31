"""How does an alert reach Slack? By incoming webhook, or by bot token with one thread for each incident."""

from dataclasses import replace
from typing import Any

from monitor.alerts.channel import Message, Receipt
from monitor.alerts.console import as_text
from monitor.alerts.settings import ChannelSettings
from monitor.alerts.slack_blocks import FALLBACK_LIMIT, blocks, escape, fallback, mrkdwn
from monitor.alerts.slack_client import ApiClient, HookClient
from monitor.secrets import Secret
from verifier.errors import Refused
from verifier.fetch.http import Http, HttpPolicy

API = "https://slack.com/api/"

_QUIET: dict[str, Any] = {"unfurl_links": False, "unfurl_media": False}
_NOT_TAKEN = frozenset(f"slack-{slug}" for slug in ("invalid_blocks", "invalid_blocks_format", "invalid_payload"))
_NOT_TAKEN |= frozenset({"slack-msg_too_long", "slack-msg_blocks_too_long", "slack-invalid_arguments"})
_GONE = frozenset({"slack-message_not_found", "slack-cant_update_message", "slack-edit_window_closed"})
_ALIVE = frozenset({"slack-no_text", "slack-invalid_payload", "slack-missing_text_or_fallback_or_attachments"})


class SlackHook:
    """An incoming webhook: messages cannot be changed later, so small changes are not sent."""

    follows = False

    def __init__(self, name: str, url: Secret, http: Http) -> None:
        self.name = name
        self._client = HookClient(http, url.reveal())

    def send(self, message: Message, thread: str = "") -> Receipt:
        """Post the message; if Slack does not take its blocks, its plain words."""
        try:
            self._client.post(_payload(message) | _QUIET)
        except Refused as error:
            if error.code not in _NOT_TAKEN:
                raise
            self._client.post(_words_only(message) | _QUIET)
        return Receipt()

    def probe(self) -> None:
        """An empty message: a live webhook complains about the missing text, a revoked one about itself."""
        try:
            self._client.post({"text": ""})
        except Refused as error:
            if error.code not in _ALIVE:
                raise

    def close(self) -> None:
        """Close its connections."""
        self._client.http.close()


class SlackBot:
    """A bot token: the first message of an incident is kept up to date, and its thread tells what changed."""

    follows = True

    def __init__(self, name: str, token: Secret, channel: str, http: Http, *, base_url: str = API) -> None:
        self.name = name
        self._channel = channel
        self._client = ApiClient(http, token.reveal(), base_url)

    def send(self, message: Message, thread: str = "") -> Receipt:
        """Post, or change the message that `thread` (``channel/ts``) names and answer below it."""
        channel, _, ts = thread.partition("/")
        if not ts or message.reason in ("new", "digest", "report", "test"):
            return self._post(message, {})
        if message.reason == "repeat":
            self._post(message, {"thread_ts": ts, "reply_broadcast": True})
            return Receipt(thread)
        return self._follow(message, channel, ts)

    def probe(self) -> None:
        """Whether the token still holds."""
        self._client.call("auth.test")

    def close(self) -> None:
        """Close its connections."""
        self._client.http.close()

    def _follow(self, message: Message, channel: str, ts: str) -> Receipt:
        try:
            self._client.call("chat.update", channel=channel, ts=ts, **_payload(message))
        except Refused as error:
            if error.code not in _GONE:
                raise
            return self._post(message, {})
        if message.reason == "more":
            note = mrkdwn(message.title)
            arguments = {"text": note, "thread_ts": ts} | _QUIET
            self._client.call("chat.postMessage", channel=channel, **arguments)
        return Receipt(f"{channel}/{ts}")

    def _post(self, message: Message, where: dict[str, Any]) -> Receipt:
        try:
            answer = self._client.call(
                "chat.postMessage", channel=self._channel, **_payload(message), **_QUIET, **where
            )
        except Refused as error:
            if error.code not in _NOT_TAKEN:
                raise
            words = _words_only(message)
            answer = self._client.call("chat.postMessage", channel=self._channel, **words, **_QUIET, **where)
        return Receipt(f"{answer.get('channel', self._channel)}/{answer.get('ts', '')}")


def open_slack(settings: ChannelSettings, policy: HttpPolicy) -> SlackHook | SlackBot:
    """By token where there is one, else by incoming webhook."""
    # Slack takes about one message a second for each channel; bursts end in 429.
    http = settings.client(replace(policy, ceiling=1, requests_per_second=policy.requests_per_second or 1.0))
    if settings.token is None:
        return SlackHook(settings.name, settings.address(), http)
    if not settings.channel:
        raise settings.incomplete("slack_token needs channel, the id of the channel to post to")
    return SlackBot(settings.name, settings.token, settings.channel, http, base_url=settings.api_url or API)


def _payload(message: Message) -> dict[str, Any]:
    return {"text": fallback(message), "blocks": blocks(message)}


def _words_only(message: Message) -> dict[str, Any]:
    """The whole message as escaped text without markup: better than an alert that Slack refuses."""
    return {"text": _escape_lines(as_text(message)), "mrkdwn": False}


def _escape_lines(text: str) -> str:
    """Lines escaped one by one, because line breaks would be spelled out."""
    lines: list[str] = []
    room = FALLBACK_LIMIT
    for line in text.splitlines():
        shown = escape(line, max(room, 1))
        room -= len(shown) + 1
        if room < 0:
            break
        lines.append(shown)
    return "\n".join(lines)
