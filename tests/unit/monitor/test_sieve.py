"""The sieve may let too much through, never too little: held against full reading for honest, odd and broken leaves."""

import base64
import hashlib
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor import glance
from monitor.confusables import skeleton
from monitor.facts import read_facts
from monitor.literals import required_literals
from monitor.match import Matcher
from monitor.plain_bodies import plain_body
from monitor.regexes import matches
from monitor.sieve import Sieve, sieve_literals
from monitor.watch import build_watches
from sandbox import subjects
from sandbox.entries import dsse_v1, dsse_v2, envelope, hashedrekord_v1, hashedrekord_v2, intoto_v1, intoto_v2
from sandbox.keys import SigningKey
from tests.unit.monitor.watching import sandbox_ca
from verifier.bodies import read_bodies
from verifier.certificate import read_identity
from verifier.errors import Malformed
from verifier.extensions import EXTENSIONS

CA = sandbox_ca("sieve")
KEY = SigningKey.make("ecdsa-p256", "sieve/key")
GITHUB = CA.certificate(subjects.github("acme/widget", repo_id=4711, owner_id=42))
PERSON = CA.certificate("ann@acme.example")
GITLAB = CA.certificate(subjects.gitlab("group/sub/project"))
STRANGER = CA.certificate(subjects.github("stranger/thing"))
TEXT = envelope([GITHUB], b'{"_type":"statement"}')
BODIES = {
    "v2 job": hashedrekord_v2(GITHUB, b"a"),
    "v2 person": hashedrekord_v2(PERSON, b"b"),
    "v2 gitlab": hashedrekord_v2(GITLAB, b"c"),
    "v2 stranger": hashedrekord_v2(STRANGER, b"d"),
    "v2 key": hashedrekord_v2(KEY, b"e"),
    "v1 job": hashedrekord_v1(GITHUB, b"f"),
    "v1 key": hashedrekord_v1(KEY, b"g"),
    "v1 dsse": dsse_v1([GITHUB], TEXT),
    "v2 dsse": dsse_v2([PERSON], b"payload"),
    "v1 intoto": intoto_v1(GITHUB, TEXT),
    "v1 intoto 2": intoto_v2([GITHUB], TEXT),
}
WATCHES: list[dict[str, Any]] = [
    {"github_repo": "acme/widget"},
    {"github_org": "acme"},
    {"github_repo_id": 4711},
    {"github_owner_id": 42},
    {"gitlab_project": "group/sub/project"},
    {"email": "ann@acme.example"},
    {"email_domain": "acme.example"},
    {"san_glob": "https://github.com/*/widget/*"},
    {"san_regex": ".*@refs/tags/v1.*"},
    {"san_regex": "a.n@.*"},
    {"san_regex": "^.{16}$"},
    {"extensions": {"build-trigger": "push", "runner-environment": "prefix:github"}},
    {"extensions": {"token-subject": "regex:repo:acme/.*"}},
    {"issuer": "https://accounts.google.com"},
    {"key_fingerprint": f"sha256:{read_identity(GITHUB.der).key_sha256.hex()}"},  # type: ignore[union-attr]
    {"key_fingerprint": next(iter(read_facts(BODIES["v2 key"]).subjects[0].keys))},
    {"certificate_fingerprint": read_identity(PERSON.der).cert_sha256.hex()},
    {"digests": next(iter(read_facts(BODIES["v1 job"]).digests))},
]


@pytest.mark.parametrize("at", range(len(WATCHES)))
def test_each_form_of_watch_alone_lets_through_what_it_matches(at: int) -> None:
    matcher = Matcher(build_watches([WATCHES[at] | {"name": "watch"}]))
    leaves = list(BODIES.values())
    wanted = [place for place, body in enumerate(leaves) if matcher.match(read_facts(body))]
    assert wanted, "a watch that matches nothing here tests nothing"
    suspects = matcher.sieve.suspects(leaves)
    assert set(wanted) <= set(suspects)
    assert len(suspects) < len(leaves), "and the sieve has to clear something"


# With these the full reader chose one of several readings, or found a way around damage.
ODD = {"extension-encoding", "issuer-encoding", "issuer-mismatch", "extension-twice", "extension-damaged"}
ALL = Matcher(build_watches([watch | {"name": str(at)} for at, watch in enumerate(WATCHES)]))


def let_through(body: bytes) -> bool:
    """Whether the sieve does its duty: what matches or cannot be read is read in full."""
    suspect = ALL.sieve.suspects([body]) == [0]
    facts = read_facts(body)
    return suspect or (not ALL.match(facts) and facts.problem is None)


@settings(max_examples=300)
@given(st.sampled_from(sorted(BODIES)), st.integers(0, 10**6), st.binary(min_size=0, max_size=3), st.integers(0, 3))
def test_no_damage_to_a_leaf_hides_a_match(name: str, place: int, junk: bytes, cut: int) -> None:
    body = BODIES[name]
    at = place % len(body)
    assert let_through(body[:at] + junk + body[at + cut :])


@settings(max_examples=300)
@given(st.sampled_from([GITHUB, PERSON, GITLAB]), st.integers(0, 10**6), st.binary(max_size=4), st.integers(0, 4))
def test_no_damage_to_a_certificate_hides_a_name(certified: Any, place: int, junk: bytes, cut: int) -> None:
    at = place % len(certified.der)
    der = certified.der[:at] + junk + certified.der[at + cut :]
    broken = json.loads(BODIES["v2 job"])
    verifier = broken["spec"]["hashedRekordV002"]["signature"]["verifier"]
    verifier["x509Certificate"]["rawBytes"] = base64.b64encode(der).decode()
    body = json.dumps(broken, separators=(",", ":"), sort_keys=True).encode()
    suspect = ALL.sieve.suspects([body]) == [0]
    assert suspect or not ALL.match(read_facts(body))


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace('"spec":', '"spec":{"x":1},"spec":', 1),
        lambda text: text.replace('"signature":{', '"signature":{"content":"AA==",', 1),
        lambda text: text.replace("{", "{ ", 1),
        lambda text: text.replace('"kind"', '"\\u006bind"', 1),
        lambda text: text.replace("SHA2_256", "SHA2_999", 1),
        lambda text: text[:-1],
        lambda text: text + " ",
    ],
)
def test_a_body_that_is_not_canonical_is_never_taken_for_plain(change: Any) -> None:
    text = BODIES["v2 job"].decode()
    changed = change(text).encode()
    assert changed != text.encode()
    assert plain_body(changed) is None


@settings(max_examples=400)
@given(st.sampled_from(["v2 job", "v2 key", "v1 job"]), st.integers(0, 10**6), st.binary(max_size=6), st.integers(0, 6))
def test_a_plain_body_is_canonical_to_the_full_reader(name: str, place: int, junk: bytes, cut: int) -> None:
    body = BODIES[name]
    at = place % len(body)
    changed = body[:at] + junk + body[at + cut :]
    plain = plain_body(changed)
    if plain is None:
        return
    try:
        (read,) = read_bodies(changed)
    except Malformed:
        return  # the sieve does not judge what it clears: a certificate and a digest were there to look at
    assert read.signers[0].der == plain[1]
    assert bytes.fromhex(read.digests[0][1]) == plain[2]


@settings(max_examples=400)
@given(st.sampled_from([GITHUB, PERSON, GITLAB]), st.integers(0, 10**6), st.binary(max_size=4), st.integers(0, 4))
def test_a_glance_sees_the_names_that_the_full_reader_sees(certified: Any, place: int, junk: bytes, cut: int) -> None:
    at = place % len(certified.der)
    der = certified.der[:at] + junk + certified.der[at + cut :]
    try:
        identity = read_identity(der)
    except Malformed:
        return
    name = glance.look(der, ())
    if name is not None and identity.names:
        assert [one.raw for one in identity.names] == name
    for oid, row in EXTENSIONS.items():
        seen = glance.look(der, (glance.extension_oid(int(oid.rpartition(".")[2])),))
        if seen is not None and row.name in identity.extensions and not ODD & set(identity.anomalies):
            assert seen[1].decode("utf-8", "replace") == identity.extensions[row.name] or row.name == "issuer"
    key = glance.key_of(der)
    if key is not None and glance.is_whole(der) and identity.key_sha256:
        assert hashlib.sha256(key).digest() == identity.key_sha256


def test_two_names_two_extensions_and_hidden_oids_are_for_the_full_reader() -> None:
    two = CA.certificate(subjects.Subject((subjects.email_name("a@b.example"), subjects.email_name("c@d.example")), {}))
    assert glance.look(two.der, ()) is None
    twice = subjects.github("a/b").with_claims()
    twice.claims["source-repository-uri"] = ("https://github.com/x/y", "https://github.com/acme/widget")  # type: ignore[index]
    der = CA.certificate(twice).der
    assert glance.look(der, (glance.extension_oid(12),)) is None
    assert glance.look(der, (glance.extension_oid(14),)) is not None
    assert let_through(hashedrekord_v2(CA.certificate(twice), b"x"))


PARTS = ["abc", "x", "\\.", "https://github\\.com/", "release", "\\.yml@", "rn", "vv", "n", "[]x]", "\\x41", "(?s:.)"]
PARTS += ["[a-c]", "[^x]", "(ab|cd)", "(?:xyz)?", "a*", "b+", "(?i:Q)", ".*", "\\d", "a{0,2}"]
REGEX_PARTS = st.lists(st.sampled_from(PARTS), max_size=6)


@settings(max_examples=300)
@given(REGEX_PARTS, REGEX_PARTS, st.booleans(), st.data())
def test_what_a_pattern_matches_holds_one_of_its_literals(
    left: list[str], right: list[str], alternative: bool, data: st.DataObject
) -> None:
    pattern = "".join(left) + ("|" if alternative else "") + "".join(right)
    literals = required_literals("regex", pattern)
    text = data.draw(
        st.from_regex(pattern, fullmatch=True, alphabet=st.characters(min_codepoint=33, max_codepoint=126))
    )
    if matches("regex", pattern, text) and literals:
        assert any(literal in text or literal.casefold() in text.casefold() for literal in literals)


@pytest.mark.parametrize(
    ("pattern", "literals"),
    [
        (r"https://github\.com/acme/.*", ("https://github.com/acme/",)),
        (r"https://[a-z]+\.example/release", (".example/release",)),
        (r"abc|def", ("abc", "def")),
        (r"abc|.*", ()),
        (r"(abc)", ()),
        (r"abcd?", ("abc",)),
        (r"ab+cde", ("cde",)),
        (r"[abc]|x", ()),
        (r"\Qa.b.c\E", ()),
        (r"\012abc", ("abc",)),
        (r"\x{41}abc", ("abc",)),
        (r"\pLabc", ("abc",)),
        (r"[]abc]xyz", ("xyz",)),
        (r"[[:alpha:]]xyz|[^]]uvw", ("xyz", "uvw")),
        (r"abc{2,3}def", ("def",)),
        (r"https://github\.com/[^/]+/tool/\.github/workflows/.*@refs/tags/.*", ("/tool/.github/workflows/",)),
    ],
)
def test_required_literals(pattern: str, literals: tuple[str, ...]) -> None:
    assert required_literals("regex", pattern) == literals


def test_a_literal_that_many_patterns_share_costs_one_set() -> None:
    many = [{"name": str(at), "san_regex": rf"https://ci[0-9]\.example/.*/{at}/release"} for at in range(300)]
    sieve = Matcher(build_watches(many)).sieve
    plain = hashedrekord_v2(CA.certificate(subjects.uri("https://ci1.example/nothing/here")), b"x")
    hit = hashedrekord_v2(CA.certificate(subjects.uri("https://ci1.example/x/123/release")), b"x")
    assert sieve.suspects([plain, hit, plain]) == [1]


def test_an_empty_run_and_no_watches_are_fine() -> None:
    assert Sieve(()).suspects([]) == []
    assert Sieve(()).suspects([BODIES["v2 job"]]) == []
    assert Sieve(()).suspects([b"", b"{", b'{"kind":"x","apiVersion":"1"}']) == [0, 1, 2]


def test_a_literal_may_not_be_lost_by_folding() -> None:
    for pattern in ALL.watches:
        for one in pattern.patterns:
            for literal in sieve_literals(one) if one.field not in ("key", "certificate", "digest") else ():
                assert literal == skeleton(literal)
