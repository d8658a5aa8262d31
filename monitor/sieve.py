"""Which leaves of a range could concern a watch?

The hot path. It lets too much through, never too little: a leaf is cleared only if its body is plain, the names in its
certificate are plain, and no watched literal occurs in them; all else is read in full. Names of a whole range are
searched at once, so the cost of a leaf does not grow with the number of watches. Attacker-controlled throughout.
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from itertools import accumulate
from typing import cast

import ahocorasick
import re2

from monitor import glance
from monitor.confusables import fold_bytes, searchable, skeleton
from monitor.facts import CERTIFIED
from monitor.literals import MIN_LENGTH, required_literals
from monitor.patterns import HASH_FIELDS, NAME_FIELDS, Pattern, literal_of
from monitor.plain_bodies import plain_body
from monitor.readings import MAX_LENGTH
from monitor.regexes import as_regex, options
from verifier import key_names
from verifier.bodies import Signer, read_bodies
from verifier.errors import Malformed
from verifier.extensions import oid_of

# Anything that has another reading than itself (see `readings`; a test holds the two together): not printable ASCII,
# escapes, IDNA, user info, default ports and trailing dots of a host, dot segments, odd slashes after the scheme, a
# final dot.
_HOSTILE_BYTES = (
    rb"[^\x21-\x7e\n]|[%\\&]|(?i:xn--)|:/+[^/\n]*@|:/+[^/?#\n]*(?:\.|:(?:80|443)?)(?:[/?#\n]|$)"
    rb"|/\.\.?(?:[/\n]|$)|///|:/(?:[^/\n]|\n|$)|\.(?:\n|$)"
)


def _by_bytes(*, fold: bool = False) -> re2.Options:
    """Options for searching bytes that need not be UTF-8."""
    chosen = options(fold=fold)
    chosen.encoding = re2.Options.Encoding.LATIN1
    chosen.max_mem = 256 << 20
    return chosen


HOSTILE = re2.compile(_HOSTILE_BYTES, _by_bytes())
"""Finds what is not plain in bytes; lines apart."""

_SOURCE_FIELDS = frozenset({"repository", "organization", "project"})
_SOURCE, _OLD_SOURCE = glance.extension_oid(12), glance.extension_oid(5)
# SubjectPublicKeyInfo of uncompressed points on P-256, P-384, P-521 up to the point: written in the usual way.
_USUAL_KEYS = tuple(
    bytes.fromhex(text)
    for text in (
        "3059301306072a8648ce3d020106082a8648ce3d03010703420004",
        "3076301006072a8648ce3d020106052b8104002203620004",
        "30819b301006072a8648ce3d020106052b810400230381860004",
    )
)
_EC = bytes.fromhex("2a8648ce3d0201")


class Sieve:
    """The part of a matcher that looks at every leaf. Built from the patterns by which watches are looked up."""

    def __init__(self, anchors: Iterable[Pattern]) -> None:
        patterns = tuple(dict.fromkeys(anchors))
        hashes = [pattern for pattern in patterns if pattern.field in HASH_FIELDS]
        self._keys = {bytes.fromhex(p.value) for p in hashes if p.field == "key"}
        self._certificates = {bytes.fromhex(p.value) for p in hashes if p.field == "certificate"}
        self._digests = {bytes.fromhex(p.value.partition(":")[2]) for p in hashes if p.field == "digest"}
        named = [pattern for pattern in patterns if pattern.field not in HASH_FIELDS]
        places = _places(named)
        held = {oid for oid, exact in places if exact}
        named = [pattern for pattern in named if pattern.field in NAME_FIELDS or _oid(pattern.field) not in held]
        self._with_source = any(pattern.field in _SOURCE_FIELDS for pattern in named)
        # What `glance.look` gives: the name, then the extensions, then the source repository.
        self._oids = tuple(oid for oid, _ in places) + ((_SOURCE,) if self._with_source else ())
        self._exact = tuple((at, exact) for at, (_, exact) in enumerate(places, 1) if exact)
        by_table = {at for at, _ in self._exact}
        self._searched = tuple(at for at in range(len(self._oids) + 1) if at not in by_table)
        self._literals, loose = _compile(named)
        self._short = {skeleton(pattern.value).encode() for pattern in loose if pattern.form == "exact"}
        shapeless = [pattern for pattern in loose if pattern.form != "exact"]
        self._loose = _set(shapeless) if shapeless else None

    def suspects(self, leaves: Sequence[bytes]) -> list[int]:
        """Places of the leaves that have to be read in full, in order."""
        found: set[int] = set()
        lines: list[bytes] = []
        ends: list[int] = []  # how many lines there are after each leaf
        for at, data in enumerate(leaves):
            if not self._is_plain(data, lines):
                found.add(at)
            ends.append(len(lines))
        if lines:
            found.update(bisect_right(ends, line) for line in self._odd_lines(lines))
        return sorted(found)

    def _is_plain(self, data: bytes, lines: list[bytes]) -> bool:
        """Whether a leaf can be cleared by its names alone, which are added to `lines`."""
        body = plain_body(data)
        if body is None:
            return self._other_body(data, lines)
        is_certificate, der, digest = body
        if digest in self._digests:
            return False
        return self._certificate(der, lines) if is_certificate else self._key(der)

    def _other_body(self, data: bytes, lines: list[bytes]) -> bool:
        """Other kinds: read, but only signers and digests."""
        try:
            bodies = read_bodies(data)
        except Malformed:
            return False
        digests = {value for body in bodies for _, value in body.digests}
        digests |= {value for body in bodies for _, _, value in body.related}
        if self._digests and any(bytes.fromhex(value) in self._digests for value in digests):
            return False
        return all(self._signer(signer, lines) for body in bodies for signer in body.signers)

    def _signer(self, signer: Signer, lines: list[bytes]) -> bool:
        if signer.kind in CERTIFIED:
            return self._certificate(signer.der, lines)
        lines += [claim.encode() for claim in key_names.emails(signer)]
        if signer.kind == "key":
            return self._key(signer.der)
        return not self._keys or self._keys.isdisjoint(key_names.fingerprints(signer))

    def _certificate(self, der: bytes, lines: list[bytes]) -> bool:
        texts = glance.look(der, self._oids)
        if texts is None or not self._texts(der, texts, lines):
            return False
        if self._certificates and sha256(der).digest() in self._certificates:
            return False
        if self._keys:
            key = glance.key_of(der)
            return key is not None and self._key(key)
        return True

    def _texts(self, der: bytes, texts: list[bytes], lines: list[bytes]) -> bool:
        """Name, extensions and, where it is looked at, the source repository, which comes last."""
        for at, exact in self._exact:
            if texts[at] in exact:
                return False
        if self._with_source and not texts[-1]:
            old = glance.look(der, (_OLD_SOURCE,))
            if old is None:
                return False
            texts[-1] = b"https://github.com/" + old[1] if old[1] else b""
        lines += [texts[at] for at in self._searched if texts[at]]
        return True

    def _key(self, der: bytes) -> bool:
        if not self._keys:
            return True
        usual = der.startswith(_USUAL_KEYS) or _EC not in der
        return usual and sha256(der).digest() not in self._keys

    def _odd_lines(self, lines: list[bytes]) -> set[int]:
        """Numbers of the lines that are hostile or hold a watched literal."""
        block = b"\n".join(lines)
        found: set[int] = set()
        if block.count(b"\n") != len(lines) - 1:  # a name with a line feed: it must not shift the others
            found.update(at for at, line in enumerate(lines) if b"\n" in line)
            lines = [line.replace(b"\n", b" ") for line in lines]
            block = b"\n".join(lines)
        if HOSTILE.search(block):
            found.update(at for at, line in enumerate(lines) if HOSTILE.search(line))
        folded = fold_bytes(block)
        starts: list[int] = []
        for end, group in self._literals.iter(folded.decode("latin-1")):
            starts = starts or [0, *accumulate(len(line) + 1 for line in folded.split(b"\n"))]
            at = bisect_right(starts, end) - 1
            if at not in found and group.may_match(lines[at]):
                found.add(at)
        return found | self._loosely_odd(lines, folded)

    def _loosely_odd(self, lines: list[bytes], folded: bytes) -> set[int]:
        """The same for the patterns that have no literal, and for lines too long to have all their readings made."""
        found: set[int] = set()
        if max(map(len, lines)) > MAX_LENGTH:
            found.update(at for at, line in enumerate(lines) if len(line) > MAX_LENGTH)
        if self._short:
            found.update(at for at, line in enumerate(folded.split(b"\n")) if line in self._short)
        if self._loose is not None:
            found.update(at for at, line in enumerate(lines) if b"//" in line[8:] or self._loose.Match(line))
        return found


class _Group:
    """The patterns that need one literal: tried together, so that a literal which many share costs no more."""

    def __init__(self, patterns: Sequence[Pattern]) -> None:
        self._sure = any(pattern.form in ("exact", "prefix") for pattern in patterns)
        self._patterns = patterns
        self._set: re2.Set | None = None

    def may_match(self, line: bytes) -> bool:
        """Whether a line that holds the literal may match: a plain line has no reading but itself, in any case.

        And one without double slashes, where it has any (GitLab's names do).
        """
        if self._sure or b"//" in line[8:]:
            return True
        self._set = self._set or _set(self._patterns)
        return bool(self._set.Match(line))


def sieve_literals(pattern: Pattern) -> tuple[str, ...]:
    """Skeletons of which one occurs in the skeleton of everything that the pattern matches; () if none is known."""
    if pattern.field == "organization":
        literals: tuple[str, ...] = (pattern.value,)  # the owner may be the end of the text
    elif pattern.form == "exact":
        literals = (literal_of(pattern),)
    else:
        literals = required_literals(pattern.form, pattern.value)
    folded = tuple(searchable(literal) for literal in literals)
    return folded if folded and all(len(one) >= MIN_LENGTH for one in folded) else ()


def _compile(patterns: Iterable[Pattern]) -> tuple[ahocorasick.Automaton, list[Pattern]]:
    """A search for the literals of all patterns, and the patterns that have none."""
    literals: dict[str, list[Pattern]] = {}
    loose: list[Pattern] = []
    for pattern in patterns:
        found = sieve_literals(pattern)
        for literal in found:
            literals.setdefault(literal, []).append(pattern)
        if not found:
            loose.append(pattern)
    return automaton({literal: _Group(patterns) for literal, patterns in literals.items()}), loose


def automaton(literals: Mapping[str, object]) -> ahocorasick.Automaton:
    """A search for all literals at once; each hit gives its value."""
    built = ahocorasick.Automaton()
    for literal, value in literals.items():
        built.add_word(literal, value)
    if not literals:
        built.add_word("\0", ())  # an automaton without words cannot search
    built.make_automaton()
    return built


def _set(patterns: Iterable[Pattern]) -> re2.Set:
    """Patterns as one set of expressions, in any case."""
    built = re2.Set.SearchSet(_by_bytes(fold=True))
    for pattern in patterns:
        regex = as_regex(pattern.form, pattern.value)
        built.Add(regex if pattern.unanchored else rf"\A(?:{regex})\z")
    built.Compile()
    return cast(re2.Set, built)


def _places(patterns: Iterable[Pattern]) -> tuple[tuple[bytes, frozenset[bytes]], ...]:
    """OIDs of the extensions in which anchors look besides the source; with their values if all are exact."""
    wanted: dict[str, list[Pattern]] = {}
    for pattern in patterns:
        if pattern.field not in NAME_FIELDS:
            for name in (pattern.field, "issuer-v1") if pattern.field == "issuer" else (pattern.field,):
                wanted.setdefault(name, []).append(pattern)
    return tuple((_oid(name), _values(listed)) for name, listed in wanted.items())


def _values(patterns: Sequence[Pattern]) -> frozenset[bytes]:
    """The values of patterns that are all exact, else nothing: then the text is searched like a name."""
    exact = all(pattern.form == "exact" for pattern in patterns)
    return frozenset(pattern.value.encode() for pattern in patterns if exact)


def _oid(name: str) -> bytes:
    return glance.extension_oid(int((oid_of(name) or "0").rpartition(".")[2]))
