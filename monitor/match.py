"""Which watches does a leaf concern?

Compiled once for any number of watches: hashes and short names in tables, everything else found by one search for
literals (Aho-Corasick over the skeletons of the names), then compared with the few patterns whose literal occurs.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from monitor.confusables import fold_bytes, skeleton
from monitor.facts import Facts, Subject
from monitor.patterns import HASH_FIELDS, NAME_FIELDS, Found, Pattern, find
from monitor.readings import EXACT, Reading, readings
from monitor.sieve import Sieve, automaton, sieve_literals
from monitor.watch import Watch

IN_OPAQUE = "literal-in-opaque"
# Addresses in the user ids of an OpenPGP key: anybody writes there what he likes.
CLAIM = "user-id"
# Where a name field looks besides the SAN: the repository that was built (row 93).
SOURCE_FIELDS = {
    "repository": "source-repository-uri",
    "organization": "source-repository-uri",
    "project": "source-repository-uri",
}
OLD_SOURCE = "github-workflow-repository"
# Groups in the order in which they tell watches apart: the first one of a watch is looked up, the others are checked.
_RANK = ("key", "certificate", "digests", "email", "repository", "san", "owner", "email_domain")


class Match(NamedTuple):
    """One watch that a leaf concerns.

    `field` says where (``san``, ``user-id``, an extension's name, ``key``, ``certificate``, ``digest``, ``body``),
    `value` what stood there, `reading` how it had to be read ("exact": as it is). `subject` is the place in
    `Facts.subjects`, -1 for the body.
    """

    watch: str
    field: str
    value: str
    reading: str
    subject: int

    @property
    def exact(self) -> bool:
        """Whether it is the watched thing itself and not something that looks like it."""
        return self.reading == EXACT


class _Field(NamedTuple):
    """One place of a subject where names stand: its readings."""

    field: str
    options: tuple[Reading, ...]


class Matcher:
    """All watches, compiled. Picklable: a copy is compiled anew where it is used."""

    def __init__(self, watches: Iterable[Watch]) -> None:
        self.watches = tuple(watches)
        self.anchors = {watch.name: anchor_of(watch) for watch in self.watches}
        self._order = {watch.name: at for at, watch in enumerate(self.watches)}
        self.hashes: dict[str, list[str]] = defaultdict(list)
        self.loose: list[str] = []
        self._literals: dict[str, list[str]] = defaultdict(list)
        for watch in self.watches:
            self._index(watch)
        self._automaton = automaton(self._literals)
        self._opaque = automaton(_opaque_literals(self.watches))
        self.sieve = Sieve(pattern for anchor in self.anchors.values() for pattern in anchor)

    def __reduce__(self) -> tuple[type["Matcher"], tuple[tuple[Watch, ...]]]:
        return (Matcher, (self.watches,))

    def _index(self, watch: Watch) -> None:
        for pattern in self.anchors[watch.name]:
            if pattern.field in HASH_FIELDS:
                self.hashes[pattern.value].append(watch.name)
                continue
            found = sieve_literals(pattern)
            for literal in found:
                self._literals[literal].append(watch.name)
            if not found:
                self.loose.append(watch.name)

    def match(self, facts: Facts) -> tuple[Match, ...]:
        """Every watch that the leaf concerns, once for each signer, in the order of the watches."""
        matches: list[Match] = []
        for at, subject in enumerate(facts.subjects):
            fields = _fields(subject)
            for name in sorted(self._candidates(subject, fields, facts), key=self._order.__getitem__):
                anchor, watch = self.anchors[name], self.watches[self._order[name]]
                found = _evaluate(watch, anchor[0].group, subject, fields, facts)
                matches += [Match(name, *found, at)] if found else []
        if not facts.subjects or facts.searched:
            known = {match.watch for match in matches}
            matches += [match for match in self._in_body(facts) if match.watch not in known]
        return tuple(matches)

    def _candidates(self, subject: Subject, fields: Sequence[_Field], facts: Facts) -> set[str]:
        """Names of the watches whose anchor may match."""
        names = set(self.loose)
        for value in (*subject.keys, subject.certificate, *facts.digests):
            names.update(self.hashes.get(value, ()))
        for field in fields:
            for reading in field.options:
                for _, found in self._automaton.iter(skeleton(reading.text)):
                    names.update(found)
        return names

    def _in_body(self, facts: Facts) -> Iterable[Match]:
        """Watched literals anywhere in bytes that no reader understands."""
        for layer in facts.searched:
            folded = fold_bytes(layer).decode("latin-1")
            for _, found in self._opaque.iter(folded):
                for name, text in found:
                    yield Match(name, "body", text, IN_OPAQUE, -1)


def anchor_of(watch: Watch) -> tuple[Pattern, ...]:
    """The group of patterns by which a watch is looked up."""
    groups = watch.groups
    best = min(groups, key=lambda name: _RANK.index(name) if name in _RANK else len(_RANK))
    return groups[best]


def _opaque_literals(watches: Iterable[Watch]) -> dict[str, list[tuple[str, str]]]:
    literals: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for watch in watches:
        for pattern in anchor_of(watch):
            for text, literal in _spelled(pattern):
                literals[literal].append((watch.name, text))
    return literals


def _spelled(pattern: Pattern) -> Iterable[tuple[str, str]]:
    """Text and skeleton of what may stand for a pattern in bytes that we cannot read."""
    if pattern.field in HASH_FIELDS:
        value = pattern.value.rpartition(":")[2]
        return [(value, skeleton(value))]
    if pattern.field not in NAME_FIELDS:
        return ()
    return [(pattern.value, literal) for literal in sieve_literals(pattern)]


def _fields(subject: Subject) -> tuple[_Field, ...]:
    """Where names of a subject stand: every SAN, and the repository that was built."""
    fields = [_Field("san", readings(name.value)) for name in subject.names]
    fields += [_Field(CLAIM, readings(claim)) for claim in subject.claims]
    fields += [_Field("source-repository-uri", readings(text)) for text in subject.texts("source-repository-uri")]
    if not subject.texts("source-repository-uri"):
        old = subject.texts(OLD_SOURCE)
        fields += [_Field(OLD_SOURCE, readings(f"https://github.com/{text}")) for text in old]
    if subject.identity:
        known = {field.field for field in fields}
        for name in subject.identity.extensions:
            if name not in known:
                fields += [_Field(name, (Reading(EXACT, text),)) for text in subject.texts(name)]
    return tuple(fields)


class _Place(NamedTuple):
    field: str
    value: str
    reading: str


def _evaluate(watch: Watch, anchor: str, subject: Subject, fields: Sequence[_Field], facts: Facts) -> _Place | None:
    """Where and how a watch matches: every group must, the anchor says where, the least exact one how."""
    place: _Place | None = None
    how = EXACT
    for group, patterns in watch.groups.items():
        found = _closest(patterns, subject, fields, facts)
        if found is None:
            return None
        if found.reading != EXACT:
            how = found.reading
        if group == anchor:
            place = found
    return place._replace(reading=how) if place else None


def _closest(patterns: Iterable[Pattern], subject: Subject, fields: Sequence[_Field], facts: Facts) -> _Place | None:
    """The closest match of one group's alternatives: an exact one, else the first that is near."""
    near: _Place | None = None
    for pattern in patterns:
        for place in _places(pattern, subject, fields, facts):
            if place.reading == EXACT:
                return place
            near = near or place
    return near


def _places(pattern: Pattern, subject: Subject, fields: Sequence[_Field], facts: Facts) -> Iterable[_Place]:
    if pattern.field in HASH_FIELDS:
        held = {"key": subject.keys, "certificate": (subject.certificate,), "digest": facts.digests}[pattern.field]
        if pattern.value in held:
            yield _Place(pattern.field, pattern.value, EXACT)
        return
    for field in fields:
        if _looks_in(pattern, field.field):
            found: Found | None = find(pattern, field.options)
            if found:
                yield _Place(field.field, field.options[0].text, found.how)


def _looks_in(pattern: Pattern, field: str) -> bool:
    if pattern.field not in NAME_FIELDS:
        return field == pattern.field or (pattern.field == "issuer" and field == "issuer-v1")
    return field in ("san", CLAIM) or (
        pattern.field in SOURCE_FIELDS and field in (SOURCE_FIELDS[pattern.field], OLD_SOURCE)
    )
