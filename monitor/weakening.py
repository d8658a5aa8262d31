"""Do new rules see less, or accept more, than the old ones?

Row 98: an insider widens an `expect`. Whatever is not provably as strict as before is listed.
"""

from collections.abc import Iterable, Iterator
from typing import Literal, NamedTuple

from monitor.expect import Expectation, Requirement, Value, shown
from monitor.findings import SEVERITIES
from monitor.watch import Watch


class Widening(NamedTuple):
    """One way in which a watch became weaker, in words."""

    watch: str
    message: str


def compare_watches(old: Iterable[Watch], new: Iterable[Watch]) -> list[Widening]:
    """What the new rules see or tell less of; watches are told apart by name. Empty if they are as strict."""
    kept = {watch.name: watch for watch in new}
    found: list[Widening] = []
    for before in old:
        after = kept.get(before.name)
        if after is None:
            found.append(Widening(before.name, "the watch is gone"))
        elif after != before:
            found += [Widening(before.name, message) for message in _weaker(before, after)]
    return found


def _weaker(old: Watch, new: Watch) -> Iterator[str]:
    yield from _selects_less(old, new)
    yield from _expects_less(old.expect, new.expect)
    for requirement in old.require:
        if requirement not in new.require:
            yield f"{requirement.field} is no longer required"
    if SEVERITIES.index(new.severity) > SEVERITIES.index(old.severity):
        yield f"severity fell from {old.severity} to {new.severity}"
    if (old.foreign_source, new.foreign_source) == ("page", "count"):
        yield "runs of our workflow by others are counted and no longer told"
    gone = [channel for channel in old.channels if channel not in new.channels]
    if gone and new.channels:
        yield f"channel {', '.join(gone)} is no longer told"


def _selects_less(old: Watch, new: Watch) -> Iterator[str]:
    for pattern in old.patterns:
        if pattern not in new.patterns:
            yield f"{pattern.field} {pattern.value} is no longer watched"
    for group in new.groups:
        if group not in old.groups:
            yield f"only what also has a certain {group} is watched"


_Expect = tuple[Expectation, ...] | Literal["never"]


def _expects_less(old: _Expect, new: _Expect) -> Iterator[str]:
    if new == "never" or not old:
        return
    if old == "never":
        yield "signatures are accepted that never were"
        return
    if not new:
        yield "nothing in particular is expected any more: every hit is accepted"
        return
    for at, block in enumerate(new):
        if not any(_as_strict(block, before) for before in old):
            yield from _differences(block, old[min(at, len(old) - 1)], added=at >= len(old))


def _as_strict(new: Expectation, old: Expectation) -> bool:
    return not list(_differences(new, old, added=False))


def _differences(new: Expectation, old: Expectation, *, added: bool) -> Iterator[str]:
    if added:
        yield f"another set of signatures is accepted: {describe(new)}"
        return
    now = {requirement.field: requirement for requirement in new.requirements}
    for requirement in old.requirements:
        yield from _values_differ(requirement, now.get(requirement.field))
    if old.per_run is not None and (new.per_run is None or new.per_run > old.per_run):
        yield f"per_run grew from {old.per_run} to {new.per_run or 'any number'}"
    if old.digests is not None and new.digests is None:
        yield "artifacts are no longer compared with those released"
    elif old.digests is not None and new.digests is not None and new.digests - old.digests:
        yield f"{len(new.digests - old.digests)} more artifacts count as released"


def _values_differ(old: Requirement, new: Requirement | None) -> Iterator[str]:
    if new is None:
        yield f"{old.field} is no longer expected to be {_listed(old.values)}"
        return
    wider = [value for value in new.values if not _covered(value, old.values)]
    if wider:
        yield f"{old.field} may now be {_listed(wider)} (was {_listed(old.values)})"


def _covered(value: Value, by: Iterable[Value]) -> bool:
    """Whether everything that a value accepts was accepted before, as far as it can be told."""
    return any(value == before or (value.form == "exact" and before.accepts(value.text)) for before in by)


def describe(block: Expectation) -> str:
    """A block in one line."""
    parts = [f"{field} {_listed(values)}" for field, values in block.requirements]
    parts += [f"per_run {block.per_run}"] if block.per_run else []
    parts += [f"{len(block.digests)} digests"] if block.digests is not None else []
    return ", ".join(parts)


def _listed(values: Iterable[Value]) -> str:
    return " or ".join(shown(value) for value in values)
