"""What do we look for, and what do we expect of it?

A watch selects signatures (all groups of patterns must match, alternatives inside a group) and says what is expected of
them. Built from the configuration by `build_watch`, which refuses what makes no sense and names the field.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from monitor.expect import Expectation, Requirement, Value, build_expectations
from monitor.findings import SEVERITIES, Severity
from monitor.patterns import Pattern
from monitor.selectors import SELECTORS, Source, Texts, read_patterns, refuse, strings

ForeignSource = Literal["page", "count"]
ReadFile = Callable[[str], bytes]

_PLAIN_FIELDS = frozenset({"name", "expect", "severity", "channels", "foreign_source", "note", "unanchored"})


@dataclass(frozen=True, slots=True)
class Watch:
    """One watch. `require` is expected of every hit besides `expect` (the name *and* the id of a repository)."""

    name: str
    patterns: tuple[Pattern, ...]
    expect: tuple[Expectation, ...] | Literal["never"] = ()
    require: tuple[Requirement, ...] = ()
    severity: Severity = "high"
    channels: tuple[str, ...] = ()
    foreign_source: ForeignSource = "page"
    note: str = ""

    @property
    def groups(self) -> Mapping[str, tuple[Pattern, ...]]:
        """Patterns by group, in order."""
        groups: dict[str, tuple[Pattern, ...]] = {}
        for pattern in self.patterns:
            groups[pattern.group] = (*groups.get(pattern.group, ()), pattern)
        return groups


def build_watches(tables: Sequence[Mapping[str, Any]], read_file: ReadFile | None = None) -> tuple[Watch, ...]:
    """All watches of a configuration; Refused names the first fault and its path, ``watch.2.expect.ref``."""
    watches = tuple(build_watch(table, where=f"watch.{at}", read_file=read_file) for at, table in enumerate(tables))
    names = [watch.name for watch in watches]
    for at, name in enumerate(names):
        if name in names[:at]:
            raise refuse(f"watch.{at}.name", f"there are two watches called {name!r}: give this one a name of its own")
    return watches


def build_watch(table: Mapping[str, Any], *, where: str = "watch", read_file: ReadFile | None = None) -> Watch:
    """One ``[[watch]]`` table as a Watch; Refused (field path and reason) if it makes no sense.

    `read_file` gives the bytes of the file that ``key_file`` names.
    """
    _check_fields(table, where)
    source = Source(where, bool(_flag(table, "unanchored", where)), read_file)
    patterns = read_patterns(table, source)
    if not patterns:
        raise refuse(where, "it looks for nothing", f"give one of {', '.join(sorted(SELECTORS))}")
    return Watch(
        name=_name(table, patterns, where),
        patterns=patterns,
        expect=build_expectations(table.get("expect", ()), f"{where}.expect"),
        require=_implied(table, patterns),
        severity=_choice(table, "severity", SEVERITIES, "high", where),
        channels=_channels(table, where),
        foreign_source=_choice(table, "foreign_source", ("page", "count"), "page", where),
        note=str(table.get("note", "")),
    )


def _check_fields(table: Mapping[str, Any], where: str) -> None:
    known = (*SELECTORS, *sorted(_PLAIN_FIELDS))
    for field in table:
        if field not in known:
            raise refuse(f"{where}.{field}", "there is no such setting", near=(field, known))


def _flag(table: Mapping[str, Any], field: str, where: str) -> bool:
    value = table.get(field, False)
    if not isinstance(value, bool):
        raise refuse(f"{where}.{field}", "it is true or false")
    return value


def _choice(table: Mapping[str, Any], field: str, allowed: Sequence[Any], default: Any, where: str) -> Any:
    value = table.get(field, default)
    if value not in allowed:
        raise refuse(f"{where}.{field}", f"{value!r} is none of {', '.join(allowed)}")
    return value


def _channels(table: Mapping[str, Any], where: str) -> Texts:
    return strings(table["channels"], f"{where}.channels") if "channels" in table else ()


def _name(table: Mapping[str, Any], patterns: tuple[Pattern, ...], where: str) -> str:
    name = table.get("name", patterns[0].value.removeprefix("github.com/"))
    if not isinstance(name, str) or not name.strip() or not name.isprintable():
        raise refuse(f"{where}.name", "a name is one line of text")
    return name


def _implied(table: Mapping[str, Any], patterns: tuple[Pattern, ...]) -> tuple[Requirement, ...]:
    """Row 92: a repository is its name and its id; whoever has only one of them is news."""
    implied: list[Requirement] = []
    for names, ids, extension in _PAIRS:
        if any(name in table for name in names) and ids in table:
            implied.append(Requirement(extension, tuple(Value("exact", text) for text in strings(table[ids], ids))))
    if any(pattern.field == "source-repository-identifier" and pattern.group == "repository" for pattern in patterns):
        implied.append(_project(patterns))
    return tuple(implied)


_PAIRS = (
    (("github_repo", "gitlab_project"), "github_repo_id", "repo_id"),
    (("github_repo", "github_org", "gitlab_project"), "github_owner_id", "owner_id"),
)


def _project(patterns: tuple[Pattern, ...]) -> Requirement:
    named = [pattern for pattern in patterns if pattern.field in ("repository", "project")]
    return Requirement("repository", tuple(Value("exact", pattern.value) for pattern in named))
