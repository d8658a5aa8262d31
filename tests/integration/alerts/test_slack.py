"""Slack over real HTTP: what is posted, what is taken for success, what never leaves."""

import json
from dataclasses import replace
from typing import Any

import pytest

from monitor.alerts import open_channel
from monitor.alerts.channel import Channel, Message, Quoted
from monitor.alerts.message import Links, build_message
from monitor.alerts.settings import ChannelSettings
from monitor.findings import Difference
from monitor.incidents import group
from monitor.secrets import Secret
from tests.integration.alerts.stand_in import HOOK_PATH, TOKEN, StandIn
from tests.unit.monitor.told import NOW, finding
from verifier.errors import Refused, SigwardenError, Unreachable
from verifier.fetch.http import HttpPolicy

POLICY = HttpPolicy(user_agent="sigwarden-test", requests_per_second=1000.0)


def hook(server: StandIn, **changes: Any) -> Channel:
    values: dict[str, Any] = {"name": "slack", "webhook": Secret(server.url + HOOK_PATH), "allow_private": True}
    return server.opened(open_channel(ChannelSettings(**values | changes), POLICY))


def bot(server: StandIn, token: str = TOKEN) -> Channel:
    settings = ChannelSettings(
        "sec", token=Secret(token), channel="C012", allow_private=True, api_url=f"{server.url}/api/"
    )
    return server.opened(open_channel(settings, POLICY))


def message(reason: Any = "new", count: int = 1, **changes: Any) -> Message:
    incident = group(finding(number=n, **changes) for n in range(1, count + 1))[0]
    return build_message(incident, message_id="m-1", reason=reason, now=NOW, links=Links("https://docs.test/runbook"))


def texts(payload: dict[str, Any]) -> str:
    return "\n".join(block["text"]["text"] for block in payload["blocks"] if block["type"] in ("header", "section"))


def test_the_alert_says_what_the_person_on_call_needs(server: StandIn) -> None:
    hook(server).send(message())
    (request,) = server.taken
    assert request.path == HOOK_PATH
    assert request.headers["content-type"].startswith("application/json")
    assert request.headers["user-agent"] == "sigwarden-test"
    shown = texts(request.json)
    assert shown.startswith("HIGH · widget signed from an unexpected branch · NOT YET PROVEN")
    assert "*Differs*  ref `refs/heads/fix-ci` (expected `refs/tags/v*`)" in shown
    assert "trigger `workflow_dispatch` (expected `push`)" in shown
    for label in ("Same", "What", "When", "New?", "Trust", "Where", "Decide"):
        assert f"*{label}*" in shown
    assert f'sigwarden findings ack {finding().id} --note "…"' in shown
    buttons = next(block for block in request.json["blocks"] if block["type"] == "actions")["elements"]
    assert [(one["text"]["text"], one["url"]) for one in buttons] == [
        ("Runbook", "https://docs.test/runbook#unexpected-identity")
    ]


def test_blocks_keep_the_limits_of_slack(server: StandIn) -> None:
    hostile = "𝔸&<>`" * 10_000
    differs = tuple(Difference(f"f{n}", hostile, (hostile, hostile)) for n in range(60))
    hook(server).send(message(identity=hostile, watch=hostile, differs=differs, log=hostile))
    payload = server.taken[0].json
    assert len(payload["blocks"]) <= 50
    assert len(payload["text"]) <= 3000
    for block in payload["blocks"]:
        limit = {"header": 150, "section": 3000}.get(block["type"])
        assert limit is None or 0 < len(block["text"]["text"].encode("utf-16-le")) // 2 <= limit


@pytest.mark.parametrize(
    "hostile",
    [
        "<!channel> <!here> <@U123> <#C123>",
        "<https://evil.test|trusted>",
        "`code` *bold* _it_ ~no~ ```fence```",
        "&lt;!channel&gt;",
        "a\n*Decide*  all is well\n> quote",
        "\x1b[31m\u202e\u200b",
        "@channel @here @everyone",
        "x" * 40_000,
        "😀" * 20_000,
        "\ud800 lone",
    ],
)
def test_46_hostile_text_is_never_markup(server: StandIn, hostile: str) -> None:
    differs = (Difference("ref", hostile, (hostile,)),)
    hook(server).send(message(identity=hostile, watch=hostile, differs=differs, message=hostile))
    payload = server.taken[0].json
    parsed = [payload["text"]] + [
        text["text"]
        for block in payload["blocks"]
        for text in (block.get("text"), *block.get("elements", ()))
        if isinstance(text, dict) and text.get("type") == "mrkdwn"
    ]
    honest = texts(json.loads(server.taken[0].body)).count("\n")
    for text in parsed:
        assert "<" not in text.replace("&lt;", "")
        assert ">" not in text.replace("-> ", "").replace("&gt;", "") or "-&gt;" in text
        assert "```" not in text
        assert not set("\x1b\u202e\u200b") & set(text)
    assert honest < 20
    sections = [block["text"]["text"] for block in payload["blocks"] if block["type"] == "section"]
    assert all(text.count("`") % 2 == 0 for one in sections for text in one.splitlines())
    assert sum(line.startswith("*Decide*") for one in sections for line in one.splitlines()) == 1


def test_46_a_cut_text_says_where_the_rest_is(server: StandIn) -> None:
    hook(server).send(message(identity="x" * 40_000))
    assert "full text in the report" in texts(server.taken[0].json)


def test_120_entries_of_one_run_are_one_message_that_says_120(server: StandIn) -> None:
    hook(server).send(message(count=120))
    assert "120 entries" in texts(server.taken[0].json).splitlines()[0]


def test_a_bot_keeps_one_thread_for_each_incident(server: StandIn) -> None:
    channel = bot(server)
    thread = channel.send(message()).thread
    assert channel.send(message("more", 40), thread).thread == thread
    assert server.paths() == ["/api/chat.postMessage", "/api/chat.update", "/api/chat.postMessage"]
    root, reply = server.messages.values()
    assert "40 entries" in texts(root)
    assert reply["thread_ts"] == thread.split("/")[1]
    channel.send(message("proven"), thread)
    assert server.paths()[3:] == ["/api/chat.update"]
    channel.send(message("repeat"), thread)
    assert server.taken[-1].json["reply_broadcast"] is True


def test_a_message_that_was_deleted_is_posted_again(server: StandIn) -> None:
    thread = bot(server).send(message("more"), "C012/1600000000.000001").thread
    assert thread.split("/")[1] in server.messages


@pytest.mark.parametrize("error", ["invalid_auth", "token_revoked", "channel_is_archived", "channel_not_found"])
def test_82_ok_false_is_a_failure_whatever_the_status(server: StandIn, error: str) -> None:
    server.always = server._said({"ok": False, "error": error})
    with pytest.raises(Refused) as caught:
        bot(server).send(message())
    assert caught.value.code == f"slack-{error}"
    assert caught.value.hint
    with pytest.raises(Refused):
        bot(server).probe()


def test_82_a_revoked_token_is_seen_before_it_is_needed(server: StandIn) -> None:
    bot(server).probe()
    with pytest.raises(Refused) as caught:
        bot(server, "xoxb-revoked").probe()
    assert caught.value.code == "slack-invalid_auth"


@pytest.mark.parametrize(
    ("status", "body"),
    [(403, "invalid_token"), (404, "no_service"), (410, "channel_is_archived"), (403, "action_prohibited")],
)
def test_82_a_dead_webhook_is_a_failure(server: StandIn, status: int, body: str) -> None:
    channel = hook(server)
    channel.probe()
    server.always = replace(server._said({}), status=status, body=body)
    for call in (lambda: channel.send(message()), channel.probe):
        with pytest.raises(Refused) as caught:
            call()
        assert caught.value.code == f"slack-{body}"


@pytest.mark.parametrize("which", [hook, bot])
def test_rate_limits_are_honoured_by_waiting_in_the_outbox(server: StandIn, which: Any) -> None:
    server.say(429, '{"ok":false,"error":"ratelimited"}', Retry_After="77")
    with pytest.raises(Unreachable) as caught:
        which(server).send(message())
    assert (caught.value.status, caught.value.retry_after) == (429, 77.0)
    assert len(server.taken) == 1


@pytest.mark.parametrize("which", [hook, bot])
@pytest.mark.parametrize("status", [500, 502, 503])
def test_a_broken_server_may_work_later(server: StandIn, which: Any, status: int) -> None:
    server.say(status, "<html>oops</html>")
    with pytest.raises(Unreachable):
        which(server).send(message())


@pytest.mark.parametrize("which", [hook, bot])
@pytest.mark.parametrize("body", ["", "welcome to this hotel's network", "[]", "{", '{"ok":"yes","error":7}', "null"])
def test_an_answer_that_is_not_slacks_is_no_success(server: StandIn, which: Any, body: str) -> None:
    server.always = replace(server._said({}), body=body)
    with pytest.raises(Unreachable if body != '{"ok":"yes","error":7}' else SigwardenError):
        which(server).send(message())


@pytest.mark.parametrize("which", [hook, bot])
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_53_redirects_are_not_followed(server: StandIn, which: Any, status: int) -> None:
    server.say(status, "", Location=f"{server.url}/elsewhere")
    with pytest.raises(Unreachable) as caught:
        which(server).send(message())
    assert caught.value.cause == "redirect"
    assert "/elsewhere" not in server.paths()


@pytest.mark.parametrize(
    "address",
    ["https://127.0.0.1/services/x", "https://localhost/x", "https://169.254.169.254/latest", "https://[::1]/x"],
)
def test_53_private_addresses_are_refused_before_anything_is_sent(server: StandIn, address: str) -> None:
    settings = ChannelSettings("slack", webhook=Secret(address.replace("127.0.0.1", server.url.split("//")[1])))
    with pytest.raises(SigwardenError) as caught:
        server.opened(open_channel(settings, POLICY)).send(message())
    assert "private" in str(caught.value)
    assert not server.taken


def test_53_the_bots_address_is_checked_too(server: StandIn) -> None:
    settings = ChannelSettings("sec", token=Secret(TOKEN), channel="C1", api_url=f"{server.url}/api/")
    with pytest.raises(SigwardenError):
        server.opened(open_channel(settings, POLICY)).probe()
    assert not server.taken


def test_http_is_refused_unless_private_is_allowed(server: StandIn) -> None:
    with pytest.raises(Refused, match="https"):
        hook(server, allow_private=False)


def test_54_no_error_names_the_secret(server: StandIn) -> None:
    for answer in (404, 500, 302, 200):
        server.say(answer, "made-up")
        with pytest.raises(SigwardenError) as caught:
            hook(server).send(message())
        assert "made-up" not in f"{caught.value} {caught.value.__cause__} {caught.value.evidence}"
    dead = hook(server, webhook=Secret("http://127.0.0.1:9/services/made-up"))
    with pytest.raises(Unreachable) as gone:
        dead.send(message())
    assert "made-up" not in str(gone.value)
    assert TOKEN not in repr(bot(server)) + str(vars(hook(server)).keys())


def test_if_slack_refuses_the_blocks_the_words_still_arrive(server: StandIn) -> None:
    server.say(400, "invalid_blocks")
    hook(server).send(message(identity="<!channel>\nforged"))
    words = server.taken[1].json
    assert "blocks" not in words
    assert "Decide" in words["text"]
    assert "<" not in words["text"]
    server.script.append(server._said({"ok": False, "error": "invalid_blocks"}))
    bot(server).send(message())
    assert "blocks" not in server.taken[-1].json


def test_quoted_words_and_ours_are_told_apart() -> None:
    title = message().title
    assert title[1] == Quoted("widget")
