"""The signed webhook over real HTTP, checked as a receiver would check it."""

import base64
import hashlib
import hmac
import json
from datetime import datetime
from typing import Any

import pytest

from monitor.alerts import open_channel
from monitor.alerts.channel import Message
from monitor.alerts.message import build_message
from monitor.alerts.settings import ChannelSettings
from monitor.alerts.webhook import Webhook, signature, signing_keys
from monitor.incidents import group
from monitor.secrets import Secret
from tests.integration.alerts.stand_in import StandIn
from tests.unit.monitor.told import NOW, finding
from verifier.errors import Refused, SigwardenError, Unreachable
from verifier.fetch.http import HttpPolicy

KEY = bytes(range(32))
SECRET = "whsec_" + base64.b64encode(KEY).decode()


def hook(server: StandIn, *, secret: str = SECRET, allow_private: bool = True) -> Webhook:
    settings = ChannelSettings(
        "siem", webhook=Secret(f"{server.url}/hook/hidden-path"), secret=Secret(secret), allow_private=allow_private
    )
    channel = open_channel(settings, HttpPolicy(retries=5))
    assert isinstance(channel, Webhook)
    server.opened(channel)
    return channel


def message(**changes: Any) -> Message:
    return build_message(group([finding(**changes)])[0], message_id="ab12-7", reason="new", now=NOW)


def test_the_vector_of_the_specification() -> None:
    keys = signing_keys(Secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"))
    body = b'{"test": 2432232314}'
    made = signature(keys, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body)
    assert made == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_receiver_can_check_it(server: StandIn) -> None:
    server.say(204)
    hook(server).send(message())
    (request,) = server.taken
    mid, at = request.headers["webhook-id"], request.headers["webhook-timestamp"]
    mac = hmac.digest(KEY, f"{mid}.{at}.".encode() + request.body, hashlib.sha256)
    assert request.headers["webhook-signature"] == "v1," + base64.b64encode(mac).decode()
    assert mid == "ab12-7"
    assert abs(int(at) - datetime.now(NOW.tzinfo).timestamp()) < 3600
    body = json.loads(request.body)
    assert body["type"] == "sigwarden.incident"
    assert body["data"]["findings"][0]["differs"][0]["field"] == "ref"
    assert body["data"]["message"]["title"].startswith("HIGH")


def test_several_keys_sign_while_the_receiver_changes(server: StandIn) -> None:
    server.say(200)
    other = "whsec_" + base64.b64encode(bytes(32)).decode()
    hook(server, secret=f"{SECRET} {other}").send(message())
    assert len(server.taken[0].headers["webhook-signature"].split()) == 2


@pytest.mark.parametrize("secret", ["", "plain", "whsec_!!", "whsec_AAAA", "whsec_" + "A" * 120])
def test_a_weak_or_broken_secret_is_refused_without_being_shown(server: StandIn, secret: str) -> None:
    with pytest.raises(Refused) as caught:
        hook(server, secret=secret)
    assert not secret or secret not in str(caught.value).replace("whsec_$", "")


@pytest.mark.parametrize(("status", "error"), [(429, Unreachable), (503, Unreachable), (400, Refused), (410, Refused)])
def test_answers_that_are_no_success(server: StandIn, status: int, error: type[SigwardenError]) -> None:
    server.say(status, "x", Retry_After="31")
    with pytest.raises(error) as caught:
        hook(server).send(message())
    assert len(server.taken) == 1
    assert "hidden-path" not in str(caught.value)
    assert not isinstance(caught.value, Unreachable) or caught.value.retry_after == 31


def test_53_a_redirect_to_the_metadata_service_is_not_followed(server: StandIn) -> None:
    server.say(302, "", Location="http://169.254.169.254/latest/meta-data/")
    with pytest.raises(Unreachable) as caught:
        hook(server).send(message())
    assert caught.value.cause == "redirect"


@pytest.mark.parametrize(
    "host", ["169.254.169.254", "localhost", "127.0.0.1", "[::1]", "10.0.0.1", "[::ffff:10.1.2.3]"]
)
def test_53_private_addresses_are_refused(host: str) -> None:
    settings = ChannelSettings("siem", webhook=Secret(f"https://{host}/hook"), secret=Secret(SECRET))
    channel = open_channel(settings, HttpPolicy())
    try:
        with pytest.raises(SigwardenError) as caught:
            channel.send(message())
        assert "private" in str(caught.value)
    finally:
        channel.close()


def test_a_webhook_without_a_secret_or_a_type_that_is_not_there_is_refused() -> None:
    for settings in (
        ChannelSettings("siem", webhook=Secret("https://siem.test/x")),
        ChannelSettings("x", kind="pigeon"),
        ChannelSettings("x", kind="webhook", secret=Secret(SECRET)),
        ChannelSettings("x", webhook=Secret("ftp://x/y"), secret=Secret(SECRET)),
        ChannelSettings("x", token=Secret("xoxb-made-up")),
    ):
        with pytest.raises(Refused, match=r"channels\."):
            open_channel(settings, HttpPolicy())
