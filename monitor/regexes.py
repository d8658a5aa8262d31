"""Does a text match a pattern, in time linear in the text, whatever the pattern is?

Regular expressions run in RE2: no look-around and no back references, and no text can make one slow (row 44).
Patterns come
from the configuration, texts from attackers.
"""

import re
from functools import lru_cache
from typing import Literal, Protocol, cast

import re2

from verifier.errors import Refused

Form = Literal["exact", "prefix", "glob", "regex"]
FORMS: tuple[Form, ...] = ("exact", "prefix", "glob", "regex")

_UNSUPPORTED = (
    ("(?=", "look-ahead"),
    ("(?!", "negative look-ahead"),
    ("(?<=", "look-behind"),
    ("(?<!", "negative look-behind"),
    ("(?>", "an atomic group"),
    ("(?P=", "a back reference"),
    ("(?(", "a conditional group"),
)


class Compiled(Protocol):
    """The part of RE2's pattern object that we use."""

    def fullmatch(self, text: str) -> object | None: ...
    def search(self, text: str) -> object | None: ...


def options(*, fold: bool = False) -> re2.Options:
    """RE2 options: nothing printed to stderr, UTF-8."""
    chosen = re2.Options()
    chosen.log_errors = False
    chosen.case_sensitive = not fold
    return chosen


def split_form(text: str) -> tuple[Form, str]:
    """``regex:…``, ``glob:…``, ``prefix:…`` or ``exact:…`` said openly; else a glob if there is a ``*``, else exact."""
    for form in FORMS:
        if text.startswith(f"{form}:"):
            return form, text[len(form) + 1 :]
    return ("glob", text) if "*" in text else ("exact", text)


def check_regex(pattern: str, where: str) -> None:
    """Refused, naming `where` and the reason, unless RE2 takes `pattern`."""
    try:
        _compile(pattern, fold=False)
    except re2.error as error:
        raise Refused(
            f"{where}: {pattern!r} is no regular expression that we can run: {_why(pattern, error)}",
            code="watch-regex",
            hint="patterns are RE2: linear time, so without look-around and back references",
        ) from None


def _why(pattern: str, error: Exception) -> str:
    for token, name in _UNSUPPORTED:
        if token in pattern:
            return f"it uses {name} {token}"
    if re.search(r"(?<!\\)(?:\\\\)*\\[1-9]", pattern):
        return "it uses a back reference"
    reason = error.args[0] if error.args else "it does not compile"
    return reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)


def as_regex(form: Form, value: str) -> str:
    """The regular expression of a pattern; a glob's ``*`` is any run of characters that can be printed."""
    if form == "regex":
        return value
    if form == "glob":
        return r"[^\x00-\x1f\x7f]*".join(re2.escape(part) for part in value.split("*"))
    return str(re2.escape(value)) + ("(?s:.*)" if form == "prefix" else "")


@lru_cache(maxsize=8192)
def _compile(pattern: str, *, fold: bool) -> Compiled:
    return cast(Compiled, re2.compile(pattern, options(fold=fold)))


def matches(form: Form, value: str, text: str, *, unanchored: bool = False, fold: bool = False) -> bool:
    """Whether all of `text` is of this form (any part of it if `unanchored`); `fold` ignores case."""
    if form == "exact":
        return text.casefold() == value.casefold() if fold else text == value
    if form == "prefix":
        return text.casefold().startswith(value.casefold()) if fold else text.startswith(value)
    compiled = _compile(as_regex(form, value), fold=fold)
    clean = text.encode("utf-8", "replace").decode()  # RE2 takes no lone surrogates
    return (compiled.search(clean) if unanchored else compiled.fullmatch(clean)) is not None
