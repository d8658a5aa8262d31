"""How does slack-sdk reach Slack through our own client?

slack-sdk builds requests and reads answers; the bytes go through `Http`: no redirect is followed (urllib would carry
the token along), private addresses are refused unless allowed, answers are capped, the proxy and CA are the
configuration's. Its retries are off: a message that waits is in the outbox, where a restart finds it.
"""

import logging
from collections.abc import Mapping
from typing import Any
from urllib.request import Request

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.webhook import WebhookClient, WebhookResponse

from verifier.errors import Refused, SigwardenError, Unreachable
from verifier.fetch.http import Http, Reply

_ANSWER_LIMIT = 1 << 20

# slack-sdk writes whole addresses, which are secrets, to any logger that lets it.
_SILENT = logging.getLogger("monitor.alerts.slack_sdk")
_SILENT.setLevel(logging.CRITICAL)
_SILENT.propagate = False

_LATER = frozenset(
    {"ratelimited", "rate_limited", "internal_error", "fatal_error", "service_unavailable", "request_timeout"}
    | {"team_added_to_org", "rollup_error"}
)
"""Errors of Slack that pass by themselves; every other one waits for a person."""

_UNKNOWN = "with something unknown"

_HINTS: Mapping[str, str] = {
    "invalid_auth": "the token is wrong or revoked: make a new one and update its source",
    "token_revoked": "make a new token and update its source",
    "token_expired": "make a new token and update its source",
    "account_inactive": "the bot was removed from the workspace: install it again",
    "not_authed": "the token is empty: look at its source",
    "invalid_token": "the webhook was revoked: make a new one and update its source",
    "no_service": "the webhook was removed: make a new one and update its source",
    "no_active_hooks": "the webhook was removed: make a new one and update its source",
    "channel_is_archived": "unarchive the channel or name another one",
    "is_archived": "unarchive the channel or name another one",
    "channel_not_found": "check the channel's id, and that the bot may see it",
    "not_in_channel": "invite the bot to the channel",
    "missing_scope": "give the bot the scope chat:write",
}


class ApiClient(WebClient):
    """The Web API with a bot token."""

    def __init__(self, http: Http, token: str, base_url: str) -> None:
        super().__init__(token=token, base_url=base_url, logger=_SILENT, retry_handlers=[])
        self.http = http

    def call(self, method: str, **arguments: Any) -> Mapping[str, Any]:
        """The answer of a method that said ``"ok": true``; anything else is an error, whatever the status."""
        try:
            answer = self.api_call(method, json=arguments)
        except SlackApiError as error:
            answer = error.response
        except SigwardenError:
            raise
        except Exception as error:  # slack-sdk raises what json and http.client raise
            raise Unreachable(f"Slack's answer to {method} is not understood", code="slack-answer") from error
        data = answer.data if isinstance(answer.data, dict) else {}
        if answer.status_code == 200 and data.get("ok") is True:
            return data
        raise failure(int(answer.status_code), str(data.get("error") or ""), answer.headers)

    def _perform_urllib_http_request_internal(self, url: str, req: Request) -> dict[str, Any]:
        reply = _send(self.http, url, req)
        return {"status": reply.status, "headers": dict(reply.headers), "body": _text(reply)}


class HookClient(WebhookClient):
    """An incoming webhook."""

    def __init__(self, http: Http, url: str) -> None:
        super().__init__(url, logger=_SILENT, retry_handlers=[])
        self.http = http

    def post(self, payload: dict[str, Any]) -> None:
        """Post, and take nothing but Slack's `ok` for success."""
        answer = self.send_dict(payload)
        if answer.status_code != 200 or answer.body.strip() != "ok":
            raise failure(answer.status_code, answer.body.strip(), answer.headers)

    def _perform_http_request_internal(self, url: str, req: Request) -> WebhookResponse:
        reply = _send(self.http, url, req)
        headers = dict(reply.headers)
        return WebhookResponse(url="", status_code=reply.status, body=_text(reply), headers=headers)


def failure(status: int, said: str, headers: Mapping[str, str]) -> SigwardenError:
    """What an answer that is no success means: later (Unreachable) or not without a person (Refused)."""
    slug = _slug(said)
    not_slacks = status == 200 and not slug  # a page of a proxy or of a hotel's network
    if status == 429 or status >= 500 or slug in _LATER or not_slacks:
        wait = next((value for name, value in headers.items() if name.lower() == "retry-after"), "")
        seconds = float(wait[:9]) if wait.isascii() and wait.isdigit() else None
        return Unreachable(
            f"Slack answered {status} {slug or _UNKNOWN}",
            cause="status",
            code="slack-later",
            status=status,
            retry_after=seconds,
        )
    if 300 <= status < 400:
        return Unreachable(
            f"Slack's address redirects ({status}), which we do not follow", cause="redirect", status=status
        )
    hint = _HINTS.get(slug, "see Slack's list of errors, and try again with: sigwarden alert test")
    code = f"slack-{slug or status}"
    return Refused(f"Slack refused the message: {slug or _UNKNOWN} (status {status})", code=code, hint=hint)


def _send(http: Http, url: str, req: Request) -> Reply:
    body = req.data if isinstance(req.data, bytes) else b""
    token = req.get_header("Authorization")
    headers = {"Authorization": token} if token else {}
    kind = req.get_header("Content-type") or "application/json"
    return http.post(url, body, content_type=kind, max_bytes=_ANSWER_LIMIT, headers=headers)


def _text(reply: Reply) -> str:
    return reply.body.decode("utf-8", "replace")


def _slug(said: str) -> str:
    """Slack's word for the error, or nothing, so that a page of HTML does not become a message of ours."""
    word = said[:60]
    return word if word.replace("_", "").isalnum() and word.isascii() and word != "null" else ""
