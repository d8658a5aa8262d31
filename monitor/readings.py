"""In which ways could a person or a program read this name?

Attacker-controlled. A hostile name is not cleaned: every reading that some program could make of it is matched, and the
match says which one it was. The first reading is always the name itself ("exact").
"""

import html
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple
from urllib.parse import unquote

from monitor.confusables import to_ascii

EXACT = "exact"
MAX_READINGS = 48  # distinct texts; reached only by names that combine many tricks
MAX_STEPS = 3  # tricks inside tricks
# A name past this length gets no further readings than its first and last part: each trick is linear in the length.
MAX_LENGTH = 16_384

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_ANSI = re.compile(r"\x1b(?:\[[0-9;?]*[ -/]*[@-~]|[@-Z\\-_])")
_AUTHORITY = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]*:/+)([^/?#]*)(.*)$", re.DOTALL)
_BIDI = re.compile("[\u202a-\u202e\u2066-\u2069\u200e\u200f\u061c]")
_DOT_SEGMENT = re.compile(r"/(?:\.|[^/]+/\.\.)(?=/|$)")


class Reading(NamedTuple):
    """One way to read a name: how, and the text that comes out."""

    how: str
    text: str


def readings(name: str) -> tuple[Reading, ...]:
    """Every reading of `name`, itself first; a plain name has only that one."""
    if len(name) > MAX_LENGTH:
        half = MAX_LENGTH // 2
        return (Reading(EXACT, name), Reading("cut", name[:half]), Reading("cut", name[-half:]))
    found = {name: Reading(EXACT, name)}
    fresh = [found[name]]
    for _ in range(MAX_STEPS):
        later: list[Reading] = []
        for how, text in fresh:
            for trick, other in _variants(text):
                if other and other not in found and len(found) < MAX_READINGS:
                    found[other] = Reading(trick if how == EXACT else f"{how}, {trick}", other)
                    later.append(found[other])
        fresh = later
    return tuple(found.values())


def _variants(text: str) -> Iterator[tuple[str, str]]:
    for how, trick in _TRICKS:
        for other in trick(text):
            yield how, other


def _nul_truncated(text: str) -> Iterable[str]:
    return (text.partition("\0")[0],) if "\0" in text else ()


def _control_split(text: str) -> Iterable[str]:
    return _CONTROL.split(text)[:8] if _CONTROL.search(text) else ()


def _control_stripped(text: str) -> Iterable[str]:
    return (_CONTROL.sub("", _ANSI.sub("", text)), _CONTROL.sub("", text)) if _CONTROL.search(text) else ()


def _space_stripped(text: str) -> Iterable[str]:
    return ("".join(text.split()),) if any(map(str.isspace, text)) else ()


def _bidi(text: str) -> Iterable[str]:
    """As shown: what follows an override runs backwards."""
    for match in list(_BIDI.finditer(text))[:2]:
        head, tail = _BIDI.sub("", text[: match.start()]), _BIDI.sub("", text[match.end() :])
        yield head + tail[::-1]


def _invisible_stripped(text: str) -> Iterable[str]:
    if text.isascii():
        return ()
    return ("".join(char for char in text if unicodedata.category(char) not in {"Cf", "Mn", "Me", "Co", "Cn"}),)


def _percent_decoded(text: str) -> Iterable[str]:
    return (unquote(text),) if "%" in text else ()


def _html_unescaped(text: str) -> Iterable[str]:
    """Fulcio escaped ``&<>`` in templated names before v1.7.1."""
    return (html.unescape(text),) if "&" in text else ()


def _normalized(text: str) -> Iterable[str]:
    return () if text.isascii() else (unicodedata.normalize("NFKC", text),)


def _confusable(text: str) -> Iterable[str]:
    return () if text.isascii() else (to_ascii(text),)


def _idna(text: str) -> Iterable[str]:
    if "xn--" not in text.lower():
        return ()
    return (re.sub(r"(?i)xn--([a-z0-9-]{1,59})", _punycode, text),)


def _punycode(label: re.Match[str]) -> str:
    try:
        return label[1].encode("ascii").decode("punycode")
    except (UnicodeError, OverflowError, ValueError):
        return label[0]


def _trailing_dot(text: str) -> Iterable[str]:
    yield text.rstrip(".")
    if parts := _AUTHORITY.match(text):
        yield parts[1] + parts[2].rstrip(".") + parts[3]


def _backslash(text: str) -> Iterable[str]:
    return (text.replace("\\", "/"),) if "\\" in text else ()


def _default_port(text: str) -> Iterable[str]:
    if (parts := _AUTHORITY.match(text)) and (host := re.sub(r":(443|80)?$", "", parts[2])) != parts[2]:
        yield parts[1] + host + parts[3]


def _userinfo(text: str) -> Iterable[str]:
    """``https://github.com@evil/x``: the host is evil, and a hurried reader sees github.com."""
    if (parts := _AUTHORITY.match(text)) and "@" in parts[2]:
        shown, _, host = parts[2].rpartition("@")
        yield parts[1] + shown.split(":")[0] + parts[3]
        yield parts[1] + host + parts[3]


def _dot_segments(text: str) -> Iterable[str]:
    """``/./`` and ``/x/../`` removed as RFC 3986 section 5.2.4 does, a few at most."""
    if "/." not in text:
        return
    shorter = text
    for _ in range(8):
        shorter, count = _DOT_SEGMENT.subn("", shorter, count=1)
        if not count:
            break
    yield shorter


def _double_slash(text: str) -> Iterable[str]:
    if parts := _AUTHORITY.match(text):
        scheme = parts[1].rstrip("/") + "//"
        yield scheme + parts[2] + re.sub("/{2,}", "/", parts[3])


_TRICKS: tuple[tuple[str, Callable[[str], Iterable[str]]], ...] = (
    ("nul-truncated", _nul_truncated),
    ("control-stripped", _control_stripped),
    ("control-split", _control_split),
    ("space-stripped", _space_stripped),
    ("bidi", _bidi),
    ("invisible-stripped", _invisible_stripped),
    ("percent-decoded", _percent_decoded),
    ("html-unescaped", _html_unescaped),
    ("idna", _idna),
    ("nfkc", _normalized),
    ("confusable", _confusable),
    ("trailing-dot", _trailing_dot),
    ("backslash", _backslash),
    ("default-port", _default_port),
    ("userinfo", _userinfo),
    ("dot-segments", _dot_segments),
    ("double-slash", _double_slash),
)
