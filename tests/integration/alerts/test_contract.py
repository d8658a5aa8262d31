"""What every channel of the table keeps to; a new channel is one line here."""

import base64
import io
from collections.abc import Callable

import pytest

from monitor.alerts import CHANNELS, open_channel
from monitor.alerts.channel import Channel
from monitor.alerts.console import Console
from monitor.alerts.digest import bare, digest, direct
from monitor.alerts.message import build_message
from monitor.alerts.settings import ChannelSettings
from monitor.incidents import group
from monitor.secrets import Secret
from tests.integration.alerts.stand_in import HOOK_PATH, TOKEN, StandIn
from tests.unit.monitor.told import NOW, finding
from verifier.errors import Refused, SigwardenError, Unreachable
from verifier.fetch.http import HttpPolicy

POLICY = HttpPolicy(requests_per_second=1000.0)
SECRET = "whsec_" + base64.b64encode(bytes(24)).decode()
Settings = Callable[[StandIn], ChannelSettings]
OVER_HTTP: dict[str, Settings] = {
    "slack webhook": lambda server: ChannelSettings("c", "slack", Secret(server.url + HOOK_PATH), allow_private=True),
    "slack bot": lambda server: ChannelSettings(
        "c", token=Secret(TOKEN), channel="C1", allow_private=True, api_url=f"{server.url}/api/"
    ),
    "webhook": lambda server: ChannelSettings(
        "c", "webhook", Secret(f"{server.url}/hook"), secret=Secret(SECRET), allow_private=True
    ),
}
INCIDENTS = group([finding(), finding("fork", 2, group="f", watch=""), finding("gap", 3, group="g", watch="")])
MESSAGES = [
    build_message(INCIDENTS[1], message_id="m", reason="new", now=NOW),
    digest(INCIDENTS, "m"),
    direct(INCIDENTS[0], NOW),
    bare(INCIDENTS[1], "m", "new"),
]


def open_one(name: str, server: StandIn) -> Channel:
    return server.opened(open_channel(OVER_HTTP[name](server), POLICY))


@pytest.mark.parametrize("name", OVER_HTTP)
@pytest.mark.parametrize("at", range(len(MESSAGES)))
def test_every_kind_of_message_is_taken(server: StandIn, name: str, at: int) -> None:
    channel = open_one(name, server)
    assert channel.name == "c"
    channel.send(MESSAGES[at])
    assert len(server.taken) == 1


@pytest.mark.parametrize("name", OVER_HTTP)
@pytest.mark.parametrize(
    ("status", "error"),
    [(429, Unreachable), (500, Unreachable), (503, Unreachable), (302, Unreachable), (401, Refused)],
)
def test_what_may_pass_is_told_from_what_will_not(
    server: StandIn, name: str, status: int, error: type[SigwardenError]
) -> None:
    server.say(status, "x", Location=f"{server.url}/elsewhere", Retry_After="12")
    with pytest.raises(error) as caught:
        open_one(name, server).send(MESSAGES[0])
    assert len(server.taken) == 1, "sent once: repeating is the outbox's"
    assert status != 429 or (isinstance(caught.value, Unreachable) and caught.value.retry_after == 12)
    for secret in (TOKEN, SECRET, HOOK_PATH):
        assert secret not in f"{caught.value!r} {caught.value}"


@pytest.mark.parametrize("name", OVER_HTTP)
def test_nobody_there_is_unreachable(server: StandIn, name: str) -> None:
    gone = StandIn()
    gone.url = "http://127.0.0.1:9"
    channel = server.opened(open_channel(OVER_HTTP[name](gone), POLICY))
    with pytest.raises(Unreachable):
        channel.send(MESSAGES[0])


def test_the_console_writes_and_says_when_it_cannot() -> None:
    stream = io.StringIO()
    console = Console("tty", stream)
    for message in MESSAGES:
        console.send(message)
    console.probe()
    assert "unexpected branch" in stream.getvalue()
    stream.close()
    for call in (console.probe, lambda: console.send(MESSAGES[0])):
        with pytest.raises(Unreachable):
            call()


def test_every_row_of_the_table_opens() -> None:
    settings = {
        "slack": ChannelSettings("c", "slack", Secret("https://hooks.slack.test/x")),
        "webhook": ChannelSettings("c", "webhook", Secret("https://siem.test/x"), secret=Secret(SECRET)),
        "console": ChannelSettings("c", "console"),
    }
    assert set(settings) == set(CHANNELS)
    for one in settings.values():
        open_channel(one, POLICY).close()
