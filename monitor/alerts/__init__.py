"""How do alerts reach people? The table of channels; to add one: a file here and a row."""

from collections.abc import Callable, Mapping
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING

from verifier.errors import Refused

if TYPE_CHECKING:  # words and routes are used by commands that never open a connection
    from monitor.alerts.channel import Channel
    from monitor.alerts.settings import ChannelSettings
    from verifier.fetch.http import HttpPolicy

CHANNELS: Mapping[str, str] = MappingProxyType(
    {
        "slack": "monitor.alerts.slack:open_slack",
        "webhook": "monitor.alerts.webhook:open_webhook",
        "console": "monitor.alerts.console:open_console",
    }
)
"""Type in the configuration to ``module:function``, loaded when a channel of the type is opened."""


def open_channel(settings: "ChannelSettings", policy: "HttpPolicy") -> "Channel":
    """The channel of `settings`; `policy` gives proxy, CA file and user agent. Raises Refused, naming the channel."""
    kind = settings.kind or settings.guess()
    if kind not in CHANNELS:
        raise Refused(
            f"channels.{settings.name}: there is no channel of type '{kind}'",
            code="channel-type",
            hint=f"one of {', '.join(CHANNELS)}",
        )
    module, function = CHANNELS[kind].split(":")
    opener: Callable[[ChannelSettings, HttpPolicy], Channel] = getattr(import_module(module), function)
    return opener(settings, policy)
