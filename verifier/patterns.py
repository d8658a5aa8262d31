"""Does this text match what somebody asked for?

Exact text, or a regular expression with RE2's syntax and *search* semantics, as cosign has: linear time whatever the
text, which an attacker chose. What a pattern catches beyond its author's intent is said by `Pattern.warning`.
"""

import functools
from dataclasses import dataclass
from typing import Any

from verifier.errors import Refused

MAX_PATTERN = 4096
# No signer that anybody waits for is called this: a pattern that fits it fits all names.
_NOBODY = "nobody@nowhere.invalid/~?#"
_STARTS, _ENDS = ("^", "\\A"), ("$", "\\z")


@dataclass(frozen=True, slots=True)
class Pattern:
    """What a text has to be: equal to `text`, or (`regexp`) contain a match of it."""

    text: str
    regexp: bool = False

    @classmethod
    def regex(cls, text: str) -> "Pattern":
        """A regular expression; Refused where RE2 cannot compile it."""
        _compiled(text)
        return cls(text, regexp=True)

    def matches(self, value: str | None) -> bool:
        """Whether `value` fits; a missing value is the empty text for an expression, and equals nothing."""
        if not self.regexp:
            return value is not None and value == self.text
        return _compiled(self.text).search(value or "") is not None

    @property
    def warning(self) -> str:
        """Why this pattern accepts more than it seems to; empty where nothing is odd."""
        if not self.regexp:
            return ""
        if self.matches(""):
            return f"the pattern '{self.text}' accepts anything, the empty text included"
        if self.matches(_NOBODY):
            return f"the pattern '{self.text}' accepts names that have nothing in common with each other"
        if not self.text.startswith(_STARTS) or not _ends_anchored(self.text):
            return f"the pattern '{self.text}' is not anchored: it also accepts longer names; write ^…$ around it"
        if _has_open_alternative(self.text):
            return f"the anchors of the pattern '{self.text}' bind to one alternative each; write ^(…|…)$"
        return ""

    def __str__(self) -> str:
        return f"matching '{self.text}'" if self.regexp else f"'{self.text}'"


@functools.lru_cache(maxsize=1024)
def _compiled(text: str) -> Any:
    import re2

    if len(text) > MAX_PATTERN:
        raise Refused(f"a pattern of {len(text)} characters is too long", code="pattern")
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(text, options=options)
    except (re2.error, UnicodeEncodeError) as error:
        raise Refused(
            f"'{text[:100]}' is not a regular expression of RE2",
            code="pattern",
            hint="look-around and backreferences do not exist there",
        ) from error


def _ends_anchored(text: str) -> bool:
    """Whether the text ends in an anchor that is not itself escaped."""
    if not text.endswith(_ENDS):
        return False
    before = text[: -1 if text.endswith("$") else -2]
    return (len(before) - len(before.rstrip("\\"))) % 2 == 0


def _has_open_alternative(text: str) -> bool:
    """Whether a ``|`` stands outside of every group and character class."""
    depth, in_class, skip = 0, False, False
    for letter in text:
        if skip:
            skip = False
        elif letter == "\\":
            skip = True
        elif in_class:
            in_class = letter != "]"
        elif letter == "[":
            in_class = True
        elif letter in "()":
            depth += 1 if letter == "(" else -1
        elif letter == "|" and depth == 0:
            return True
    return False
