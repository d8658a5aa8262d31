"""What does one pattern of a watch look at, and does a value match it?

One table of fields. A pattern's value is compared with every reading of a name; the closest way in which it matches
is told.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

from monitor.ci_names import read_ci_name, repository_of
from monitor.confusables import skeleton
from monitor.readings import EXACT, Reading
from monitor.regexes import Form, matches

CASE_FOLDED, CONFUSABLE, EMBEDDED, OTHER_SCHEME = "case-folded", "confusable", "embedded", "other-scheme"
NAME_FIELDS = frozenset({"name", "email", "email-domain", "repository", "organization", "project"})
HASH_FIELDS = frozenset({"key", "certificate", "digest"})


@dataclass(frozen=True, slots=True)
class Pattern:
    """One alternative. `field` is a row below, one of HASH_FIELDS or the canonical name of an extension.

    Patterns of one `group` are alternatives, all groups of a watch must match. `value`: for hashes lower-case hex (a
    digest with its algorithm, ``sha256:…``), for repositories ``host/owner/repo``.
    """

    field: str
    form: Form
    value: str
    group: str
    unanchored: bool = False


class Found(NamedTuple):
    """How a pattern matched, "exact" or the trick that was needed, and the text that did."""

    how: str
    text: str


def find(pattern: Pattern, options: Iterable[Reading]) -> Found | None:
    """The closest match of a pattern among the readings of one name (the name itself first)."""
    listed = tuple(options)
    compare = _COMPARE.get(pattern.field, _plain)
    near = (_same, _folded, _alike) if pattern.field in NAME_FIELDS else (_same,)  # an id has no look-alikes
    for closeness in near:
        for how, text in listed:
            if compare(pattern, text, closeness):
                return Found(_label(how, closeness), text)
    return _embedded(pattern, listed)


_Closeness = Callable[[str, str], bool]


def _same(left: str, right: str) -> bool:
    return left == right


def _folded(left: str, right: str) -> bool:
    return left.casefold() == right.casefold()


def _alike(left: str, right: str) -> bool:
    return skeleton(left) == skeleton(right)


_CLOSE: dict[_Closeness, str] = {_same: "", _folded: CASE_FOLDED, _alike: CONFUSABLE}


def _label(how: str, closeness: _Closeness) -> str:
    near = _CLOSE[closeness]
    if how == EXACT:
        return near or EXACT
    return f"{how}, {near}" if near else how


def _plain(pattern: Pattern, text: str, close: _Closeness) -> bool:
    if pattern.form == "exact":
        return close(pattern.value, text)
    if close is _alike:
        return False  # the confusable reading is matched instead: a pattern has no skeleton
    return matches(pattern.form, pattern.value, text, unanchored=pattern.unanchored, fold=close is _folded)


def _domain(pattern: Pattern, text: str, close: _Closeness) -> bool:
    local, at, domain = text.rpartition("@")
    return bool(at and local) and "://" not in text and close(pattern.value, domain)


def _repository(pattern: Pattern, text: str, close: _Closeness) -> bool:
    name = read_ci_name(_https(text, close))
    return name is not None and close(pattern.value, f"{name.host}/{name.project}")


def _project(pattern: Pattern, text: str, close: _Closeness) -> bool:
    text = _https(text, close)
    name = read_ci_name(text) if "//" in text[8:] else repository_of(text)
    return name is not None and close(pattern.value, f"{name.host}/{name.project}")


def _organization(pattern: Pattern, text: str, close: _Closeness) -> bool:
    name = read_ci_name(_https(text, close))
    return name is not None and close(pattern.value, f"{name.host}/{name.owner}")


def _https(text: str, close: _Closeness) -> str:
    """Other spellings of the scheme count as near matches only."""
    if close is _same:
        return text
    scheme, separator, rest = text.partition("://")
    return "https://" + rest if separator and scheme.casefold() in ("http", "https") else text


_COMPARE: dict[str, Callable[[Pattern, str, _Closeness], bool]] = {
    "email-domain": _domain,
    "repository": _repository,
    "organization": _organization,
    "project": _project,
}


def literal_of(pattern: Pattern) -> str:
    """The text whose presence in a foreign place is suspicious; "" for globs and expressions."""
    if pattern.form != "exact":
        return ""
    return {"email-domain": "@" + pattern.value, "organization": pattern.value + "/"}.get(pattern.field, pattern.value)


def _embedded(pattern: Pattern, options: tuple[Reading, ...]) -> Found | None:
    """The watched text inside another name: ``https://evil/?u=https://github.com/acme/widget/…``."""
    if pattern.field not in NAME_FIELDS or pattern.form != "exact":
        return None
    literal = skeleton(literal_of(pattern))
    for how, text in options:
        if _occurs(pattern, literal, skeleton(text)):
            return Found(_embedded_label(how), text)
    return None


def _embedded_label(how: str) -> str:
    return EMBEDDED if how == EXACT else f"{how}, {EMBEDDED}"


# Characters besides letters and digits that make a word longer, to its left and right: ``pre-ann@acme.example`` is
# another mailbox, ``acme/widget-docs`` another repository. A domain is open to the left.
_JOINED = {"name": (".+_-", "-_"), "email": (".+_-", "-_"), "email-domain": (None, "-_")}
_JOINED_PATH = ("", "-_.")


def _occurs(pattern: Pattern, literal: str, text: str) -> bool:
    """Whether `literal` stands in `text` as a word of its own; a longer name that starts with it does not count."""
    left, right = _JOINED.get(pattern.field, _JOINED_PATH)
    at = text.find(literal)
    while at >= 0:
        end = at + len(literal)
        whole = at > 0 or pattern.field in ("email", "email-domain")
        starts = left is None or not _joins(text[at - 1 : at], left)
        if whole and starts and (literal[-1] == "/" or not _joins(text[end : end + 1], right)):
            return True
        at = text.find(literal, at + 1)
    return False


def _joins(char: str, joined: str) -> bool:
    return char.isalnum() or (char != "" and char in joined)
