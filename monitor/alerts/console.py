"""How does an alert look on a terminal or in a file? Plain text; nothing in it moves a cursor."""

import sys
import threading
from typing import IO

from monitor.alerts.channel import Line, Message, Receipt, plain
from monitor.alerts.settings import ChannelSettings
from monitor.display import visible
from verifier.errors import Unreachable
from verifier.fetch.http import HttpPolicy

_LABEL = 10
_LONGEST_LINE = 2000


class Console:
    """Writes to a stream, standard error unless told otherwise."""

    follows = False

    def __init__(self, name: str, stream: IO[str] | None = None) -> None:
        self.name = name
        self._stream = stream or sys.stderr
        self._lock = threading.Lock()

    def send(self, message: Message, thread: str = "") -> Receipt:
        """Write `message`; a closed or full stream is Unreachable."""
        try:
            with self._lock:
                self._stream.write(as_text(message) + "\n")
                self._stream.flush()
        except (OSError, ValueError) as error:
            raise Unreachable(f"the console does not take text: {error}", code="console-closed") from error
        return Receipt()

    def probe(self) -> None:
        """A closed stream is seen before it is needed."""
        if self._stream.closed:
            raise Unreachable("the console is closed", code="console-closed")

    def close(self) -> None:
        """The stream is not ours to close."""


def open_console(settings: ChannelSettings, policy: HttpPolicy) -> Console:
    """The channel of a ``type = "console"``."""
    return Console(settings.name)


def as_text(message: Message) -> str:
    """`message` as lines of plain text; every line break in it is ours."""
    lines = [_shown(message.title)]
    for field in message.fields:
        for position, line in enumerate(field.lines):
            label = field.label if not position else ""
            lines.append(f"{label:<{_LABEL}}{_shown(line)}")
    lines += [f"{link.label:<{_LABEL}}{visible(link.url)}" for link in message.links]
    if message.footer:
        lines.append(_shown(message.footer))
    return "\n".join(lines) + "\n"


def _shown(line: Line) -> str:
    text = visible(plain(line))
    return text if len(text) <= _LONGEST_LINE else text[: _LONGEST_LINE - 1] + "…"
