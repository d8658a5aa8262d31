"""Which literal text must occur in everything that a pattern matches?

So that a thousand patterns cost one search for literals (the sieve). Conservative: where the answer is not obvious
there is none, and the pattern is tried on every name.
"""

import re
from collections.abc import Iterator

from monitor.regexes import Form

MIN_LENGTH = 3  # shorter ones occur everywhere
# What most names of CI jobs hold: it tells nothing apart, so a literal is rated without it.
_COMMON = re.compile(
    r"https?://|github\.com|gitlab\.com|\.github/workflows|\.gitlab-ci|refs/(tags|heads|pull)"
    r"|(release|build|publish|deploy|test|main|master|ci|docker)\b|\.ya?ml|[/@.:-]"
)
_QUANTIFIERS = "*?{+"
_PUNCTUATION = frozenset(r"\.+*?()|[]{}^$/-_@:,;=&%#!~'\"<> ")


def required_literals(form: Form, value: str) -> tuple[str, ...]:
    """Literals of which at least one occurs in every match; () if none can be named."""
    if form in ("exact", "prefix"):
        return (value,) if len(value) >= MIN_LENGTH else ()
    if form == "glob":
        return _best(value.split("*"))
    literals: list[str] = []
    for branch in _branches(value):
        best = _best(list(_runs(branch)))
        if not best:
            return ()
        literals.extend(best)
    return tuple(literals)


def first_literal(regex: str) -> str:
    """The text with which every match of an anchored expression begins, as far as that is obvious."""
    branches = _branches(regex)
    return next(_runs(branches[0])) if len(branches) == 1 else ""


def _best(runs: list[str]) -> tuple[str, ...]:
    best = max(runs, key=_rating, default="")
    return (best,) if len(best) >= MIN_LENGTH else ()


def _rating(literal: str) -> tuple[int, int]:
    """How well a literal tells names apart."""
    return len(_COMMON.sub("", literal)), len(literal)


def _branches(pattern: str) -> list[str]:
    """`pattern` split at its outermost ``|``; one empty branch (no literal) where it is too clever for us."""
    if "\\Q" in pattern or "(?x" in pattern:
        return [""]
    branches, start, at = [], 0, 0
    while at < len(pattern):
        if pattern[at] == "|":
            branches.append(pattern[start:at])
            start = at + 1
        at = _after(pattern, at)
    return [*branches, pattern[start:]]


def _after(pattern: str, at: int) -> int:
    """The position after one escape, class, group or character."""
    match pattern[at]:
        case "\\":
            return _after_escape(pattern, at)
        case "[":
            return _after_class(pattern, at)
        case "(":
            return _after_group(pattern, at)
        case _:
            return at + 1


def _after_escape(pattern: str, at: int) -> int:
    letter = pattern[at + 1 : at + 2]
    if letter in "pPx" and pattern[at + 2 : at + 3] == "{":
        end = pattern.find("}", at)
        return end + 1 if end >= 0 else len(pattern)
    if letter in "pP":
        return at + 3
    if letter == "x":
        return at + 4
    if letter.isdigit():  # octal, up to three digits
        digits = pattern[at + 1 : at + 4]
        return at + 1 + len(digits) - len(digits.lstrip("0123456789"))
    return at + 2


def _after_class(pattern: str, at: int) -> int:
    at += 1
    if pattern[at : at + 1] == "^":
        at += 1
    if pattern[at : at + 1] == "]":
        at += 1
    while at < len(pattern) and pattern[at] != "]":
        if pattern.startswith("[:", at) and (end := pattern.find(":]", at)) >= 0:
            at = end + 2
        else:
            at = _after_escape(pattern, at) if pattern[at] == "\\" else at + 1
    return at + 1


def _after_group(pattern: str, at: int) -> int:
    at += 1
    while at < len(pattern) and pattern[at] != ")":
        at = _after(pattern, at)
    return at + 1


def _runs(branch: str) -> Iterator[str]:
    """Runs of literal characters outside groups, classes and everything optional."""
    run, at = "", 0
    while at < len(branch):
        after = _after(branch, at)
        char = _literal(branch[at:after])
        quantifier = branch[after : after + 1]
        if quantifier and quantifier in _QUANTIFIERS:
            kept = char if quantifier == "+" else ""
            yield run + kept
            run, after = "", _after_quantifier(branch, after)
        elif char:
            run += char
        else:
            yield run
            run = ""
        at = after
    yield run


def _literal(piece: str) -> str:
    """The character that a piece stands for, "" if it is anything but one literal character."""
    if len(piece) == 2 and piece[0] == "\\" and piece[1] in _PUNCTUATION:
        return piece[1]
    return piece if len(piece) == 1 and piece not in ".^$|()[]{}*+?\\" else ""


def _after_quantifier(branch: str, at: int) -> int:
    if branch[at] == "{":
        end = branch.find("}", at)
        at = end if end >= 0 else len(branch)
    at += 1
    while branch[at : at + 1] in ("?", "+"):
        at += 1
    return at
