"""How does a message look in Slack? Block Kit, in which nothing of an attacker's is markup, a link or a mention.

Limits and escapes: Slack's reference of Block Kit and of text formatting. `&`, `<` and `>` open links and mentions and
are escaped everywhere; `verbatim` stops Slack from making links of bare words; quoted text stands in code spans, where
no other sign has a meaning, with its backticks spelled out.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from monitor.alerts.channel import Field, Line, Link, Message, Quoted, plain
from monitor.display import CUT_NOTE, cut, visible

HEADER_LIMIT = 150
SECTION_LIMIT = 3000
FALLBACK_LIMIT = 3000
_CONTEXT_LIMIT = 2000
_URL_LIMIT = 3000
_BUTTON_LIMIT = 75
_LINE_LIMIT = 1200
"""Characters of one line after escaping: one endless name must not push the other facts out."""
_QUOTE_LIMIT = 300
_MOST_SECTIONS = 20
_MOST_BUTTONS = 5

_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}


def blocks(message: Message) -> list[dict[str, Any]]:
    """The blocks of `message`: header, its fields in as few sections as fit, buttons, and what to type."""
    header = {"type": "header", "text": _plain_text(_first_line(message), HEADER_LIMIT)}
    body = [_section(text) for text in _sections(message.fields)]
    buttons = [_button(link) for link in message.links[:_MOST_BUTTONS] if len(link.url) <= _URL_LIMIT]
    actions = [{"type": "actions", "elements": buttons}] if buttons else []
    footer = mrkdwn(message.footer, _CONTEXT_LIMIT)
    context = [{"type": "context", "elements": [_mrkdwn_object(footer)]}] if footer else []
    return [header, *body, *actions, *context]


def fallback(message: Message) -> str:
    """What notifications and screen readers show: the headline and what differs, escaped."""
    lines = [escape(visible(plain(message.title)), HEADER_LIMIT * 2)]
    lines += [
        f"{field.label}: {escape(visible(plain(line)), _LINE_LIMIT)}"
        for field in message.fields[:1]
        for line in field.lines
    ]
    return _within([line.replace("`", "'") for line in lines], FALLBACK_LIMIT)


def escape(text: str, limit: int) -> str:
    """`text` without control characters or markup, at most `limit` long; never cut inside a character or escape."""
    pieces = [_ESCAPES.get(char, char) for char in visible(text[: limit + 1])]
    if len(text) <= limit and sum(map(_units, pieces)) <= limit:
        return "".join(pieces)
    room = max(0, limit - len(CUT_NOTE))
    kept: list[str] = []
    for piece in pieces:
        room -= _units(piece)
        if room < 0:
            break
        kept.append(piece)
    return "".join(kept) + CUT_NOTE[:limit]


def mrkdwn(line: Line, limit: int = _LINE_LIMIT) -> str:
    """One line: our words as they are, quoted words in code spans."""
    shown: list[str] = []
    for part in line:
        text = _code(part.text) if isinstance(part, Quoted) else _words(part)
        if sum(map(len, shown)) + len(text) > limit:
            shown.append(CUT_NOTE)
            break
        shown.append(text)
    return "".join(shown)


def _words(text: str) -> str:
    return escape(text, _LINE_LIMIT).replace("`", "'")


def _code(text: str) -> str:
    inside = escape(text, _QUOTE_LIMIT).replace("`", "\\x60")
    return f"`{inside}`" if inside.strip() else "(empty)"


def _sections(fields: Sequence[Field]) -> Iterator[str]:
    """Fields joined to as few texts as the limit allows."""
    lines: list[str] = []
    number = 0
    for line in (line for field in fields for line in _field(field)):
        if lines and sum(len(one) + 1 for one in (*lines, line)) > SECTION_LIMIT:
            yield "\n".join(lines)
            lines = []
            number += 1
            if number >= _MOST_SECTIONS:
                return
        lines.append(line)
    if lines:
        yield "\n".join(lines)


def _field(field: Field) -> Iterator[str]:
    for position, line in enumerate(field.lines):
        yield f"*{_words(field.label)}*  {mrkdwn(line)}" if not position else f"        {mrkdwn(line)}"


def _first_line(message: Message) -> str:
    return visible(plain(message.title))


def _within(lines: Sequence[str], limit: int) -> str:
    text = ""
    for line in lines:
        if len(text) + len(line) + 1 > limit:
            break
        text = f"{text}\n{line}" if text else line
    return text


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": _mrkdwn_object(text)}


def _mrkdwn_object(text: str) -> dict[str, Any]:
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def _plain_text(text: str, limit: int) -> dict[str, Any]:
    return {"type": "plain_text", "text": cut(text, limit, "…"), "emoji": False}


def _button(link: Link) -> dict[str, Any]:
    return {"type": "button", "text": _plain_text(link.label, _BUTTON_LIMIT), "url": link.url}


def _units(piece: str) -> int:
    return 2 if piece > "\uffff" and len(piece) == 1 else len(piece)
