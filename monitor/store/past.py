"""What was found before, for whoever judges the next hit?"""

from collections.abc import Sequence

from sqlalchemy import Connection, bindparam, func, select

from monitor.findings import Finding
from monitor.store.open import insert_once
from monitor.store.schema import counters, safe_text, traits

FIELDS = ("run", "ref", "workflow", "issuer")
"""The facts of a finding that are remembered by value."""

_KINDS = ("expected-identity", "unexpected-identity")  # by the watched name itself, not by what looks like it
_LONGEST = 400
_WITH_TRAIT = (  # built once: that is half of what asking costs
    select(func.count())
    .select_from(traits)
    .where(traits.c.field == bindparam("named"), traits.c.value == bindparam("held"))
    .where(traits.c.watch == bindparam("of"))
)


def add_traits(connection: Connection, fresh: Sequence[Finding]) -> None:
    """Remember the traits of new findings."""
    rows = [
        {"finding": one.id, "watch": one.watch, "field": field, "value": value}
        for one in fresh
        if one.kind in _KINDS
        for field in FIELDS
        for value in sorted({_short(text) for text in _texts(one.facts.get(field))})
    ]
    insert_once(connection, traits, rows)


def count_watch(connection: Connection, watch: str) -> int:
    """Findings of the watched name itself so far."""
    query = select(func.sum(counters.c.count)).where(counters.c.watch == watch, counters.c.kind.in_(_KINDS))
    return int(connection.execute(query).scalar_one() or 0)


def count_trait(
    connection: Connection, watch: str, field: str, value: str, excluding: frozenset[str] = frozenset()
) -> int:
    """Findings of a watch with this value, without those of some ids."""
    query = _WITH_TRAIT.where(traits.c.finding.not_in(excluding)) if excluding else _WITH_TRAIT
    return int(connection.execute(query, {"of": watch, "named": field, "held": _short(value)}).scalar_one())


def _texts(value: object) -> list[str]:
    if isinstance(value, str):
        return [value] if value else []
    return [one for one in value if isinstance(one, str)] if isinstance(value, list | tuple) else []


def _short(value: str) -> str:
    return safe_text(value, _LONGEST)
