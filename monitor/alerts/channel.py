"""What does a channel take, and what does it answer?

A `Message` is what a person should read, free of any channel's markup: each channel writes it in its own way. Text that
came from a log or a server is marked as `Quoted`, so that no channel can mistake it for our own words.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from monitor.findings import Severity

Reason = Literal["new", "more", "proven", "repeat", "digest", "report", "test"]
"""Why a message is sent: an incident is new, has grown, became proven, was not acknowledged; many at once; a report; a
fire drill."""


@dataclass(frozen=True, slots=True)
class Quoted:
    """Words that are not ours: shown as data, never as markup, a link or a mention."""

    text: str


Line = tuple[str | Quoted, ...]
"""One line of a field: our words and quoted ones in turn."""


@dataclass(frozen=True, slots=True)
class Field:
    """A labelled part of a message, for example Differs or When."""

    label: str
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Link:
    """A button or link; only addresses that we made or checked."""

    label: str
    url: str


@dataclass(frozen=True, slots=True)
class Message:
    """One message to people.

    `id` is stable for one outbox row, so that a receiver can drop a repetition; `incident` keys the conversation.
    `data` is the same thing for machines (JSON values), which the signed webhook sends.
    """

    id: str
    reason: Reason
    severity: Severity
    title: Line
    fields: tuple[Field, ...] = ()
    links: tuple[Link, ...] = ()
    incident: str = ""
    footer: Line = ()
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Receipt:
    """Where a message went. `thread` lets a later message of the same incident follow it; empty where there is none."""

    thread: str = ""


class Channel(Protocol):
    """One way to reach people or machines.

    Both methods raise Unreachable when it may work later (`retry_after` where the server said so) and Refused when
    somebody has to do something first: a revoked token, an archived channel.
    """

    @property
    def name(self) -> str:
        """Its name in the configuration."""

    @property
    def follows(self) -> bool:
        """Whether a later message changes or joins the first one, so that a small change is worth sending."""

    def send(self, message: Message, thread: str = "") -> Receipt:
        """Deliver `message`; `thread` is the receipt of an earlier message of the same incident, or empty."""

    def probe(self) -> None:
        """See whether a message would be taken, without sending one; a channel that cannot tell does nothing."""

    def close(self) -> None:
        """Give back its connections."""


def plain(line: Line) -> str:
    """The words of a line, without marks; still to be escaped by whoever shows it."""
    return "".join(part.text if isinstance(part, Quoted) else part for part in line)
