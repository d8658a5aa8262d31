"""Hostile names: input, how it is read, which watches it hits. One table, and properties that hold for any text."""

import pytest
import re2
from hypothesis import given
from hypothesis import strategies as st

from monitor.confusables import fold_bytes, searchable, skeleton
from monitor.facts import read_facts
from monitor.match import Matcher
from monitor.readings import EXACT, MAX_READINGS, readings
from monitor.sieve import HOSTILE
from monitor.watch import build_watches
from sandbox import subjects
from sandbox.ca import CA
from sandbox.entries import hashedrekord_v2
from tests.unit.monitor.watching import sandbox_ca

WATCHES = build_watches(
    [
        {"name": "mail", "email": "ann@acme.example"},
        {"name": "domain", "email_domain": "acme.example"},
        {"name": "repo", "github_repo": "acme/widget"},
        {"name": "org", "github_org": "acme"},
        {"name": "gitlab", "gitlab_project": "acme/group/widget"},
        {"name": "exact", "san": "https://ci.acme.example/release"},
        {"name": "glob", "san_glob": "https://ci.acme.example/job/*"},
        {"name": "regex", "san_regex": r"https://ci\.acme\.example/v[0-9]+"},
    ]
)
REPO = "https://github.com/acme/widget/.github/workflows/release.yml@refs/tags/v1"

# Name as it stands in the certificate -> {watch: the reading by which it is hit}.
TABLE: list[tuple[str, dict[str, str]]] = [
    # The names themselves.
    ("ann@acme.example", {"mail": "exact", "domain": "exact"}),
    ("bo@acme.example", {"domain": "exact"}),
    (REPO, {"repo": "exact", "org": "exact"}),
    ("https://github.com/acme/other/.github/workflows/x.yml@refs/heads/main", {"org": "exact"}),
    ("https://gitlab.com/acme/group/widget//.gitlab-ci.yml@refs/heads/main", {"gitlab": "exact"}),
    ("https://ci.acme.example/release", {"exact": "exact"}),
    ("https://ci.acme.example/job/7/run", {"glob": "exact"}),
    ("https://ci.acme.example/v12", {"regex": "exact"}),
    # Strangers, some of them near.
    ("ann@other.example", {}),
    ("ann@notacme.example", {}),
    ("joann@acme.example", {"domain": "exact"}),
    ("ann@sub.acme.example", {}),
    ("https://github.com/acme-evil/widget/.github/workflows/release.yml@refs/tags/v1", {}),
    ("https://github.com/acme/widget-evil/.github/workflows/release.yml@refs/tags/v1", {"org": "exact"}),
    ("https://github.com/evil/acme/.github/workflows/release.yml@refs/tags/v1", {}),
    ("https://ci.acme.example/released", {}),
    ("https://ci.acme.example/v12x", {}),
    ("x https://ci.acme.example/v12", {}),
    # Case.
    ("Ann@Acme.Example", {"mail": "case-folded", "domain": "case-folded"}),
    (REPO.replace("acme", "Acme"), {"repo": "case-folded", "org": "case-folded"}),
    ("https://ci.ACME.example/v12", {"regex": "case-folded"}),
    # NUL, line feeds, escapes, spaces.
    ("ann@acme.example\0.evil.example", {"mail": "nul-truncated", "domain": "nul-truncated"}),
    ("x@evil.example\nann@acme.example", {"mail": "control-split", "domain": "exact"}),
    ("\x1b[2Jann@acme.example", {"mail": "control-stripped", "domain": "exact"}),
    ("https://ci.acme.example/v1\r2", {"regex": "control-stripped"}),
    ("ann @acme.example", {"mail": "space-stripped", "domain": "exact"}),
    # Percent-encoding, once and twice; HTML.
    (REPO.replace("acme", "ac%6de"), {"repo": "percent-decoded", "org": "percent-decoded"}),
    (
        REPO.replace("acme", "ac%256de"),
        {"repo": "percent-decoded, percent-decoded", "org": "percent-decoded, percent-decoded"},
    ),
    ("https://ci.acme.example/v%31", {"regex": "percent-decoded"}),
    ("ann&#64;acme.example", {"mail": "html-unescaped", "domain": "html-unescaped"}),
    # Invisible characters and reading direction.
    ("ann@ac\u200bme.example", {"mail": "invisible-stripped", "domain": "invisible-stripped"}),
    ("\u202eelpmaxe.emca@nna", {"mail": "bidi", "domain": "bidi"}),
    # Letters that look alike: Cyrillic, full width, ASCII.
    ("ann@\u0430cme.example", {"mail": "confusable", "domain": "confusable"}),
    (REPO.replace("acme", "\uff41cme"), {"repo": "nfkc", "org": "nfkc"}),
    (REPO.replace("widget", "w1dget"), {"repo": "confusable", "org": "exact"}),
    ("ann@acrne.example", {"mail": "confusable", "domain": "confusable"}),
    ("https://ci.\u0430cme.example/v12", {"regex": "confusable"}),
    # IDNA: xn--cme-5cd is the Cyrillic one.
    ("ann@xn--cme-5cd.example", {"mail": "idna, confusable", "domain": "idna, confusable"}),
    # Hosts: trailing dot, port, user info, another scheme, slashes.
    (REPO.replace("github.com", "github.com."), {"repo": "trailing-dot", "org": "trailing-dot"}),
    ("ann@acme.example.", {"mail": "trailing-dot", "domain": "trailing-dot"}),
    (REPO.replace("github.com", "github.com:443"), {"repo": "default-port", "org": "default-port"}),
    (REPO.replace("github.com", "github.com@evil.example"), {"repo": "userinfo", "org": "userinfo"}),
    (REPO.replace("github.com", "x@github.com"), {"repo": "userinfo", "org": "userinfo"}),
    (REPO.replace("https:", "http:"), {"repo": "case-folded", "org": "case-folded"}),
    (REPO.replace("github.com/", "github.com//"), {"repo": "double-slash", "org": "double-slash"}),
    (REPO.replace("/acme", "\\acme"), {"repo": "backslash", "org": "backslash"}),
    (REPO.replace("/acme", "/evil/../acme"), {"repo": "dot-segments", "org": "dot-segments"}),
    # The watched text inside another name.
    (f"https://evil.example/?u={REPO}", {"repo": "embedded", "org": "embedded"}),
    (REPO.replace("github.com", "evil-github.com"), {"repo": "embedded", "org": "embedded"}),
    ("ann@acme.example.evil.example", {"mail": "embedded", "domain": "embedded"}),
    ("mailto:ann@acme.example", {"mail": "embedded", "domain": "exact"}),
]


@pytest.fixture(scope="module")
def ca() -> CA:
    return sandbox_ca()


def hits(ca: CA, name: str) -> dict[str, str]:
    """Watches hit by a certificate with this one name, and how; the sieve must let it through."""
    raw = subjects.uri_name(name) if "://" in name else subjects.email_name(name)
    body = hashedrekord_v2(ca.certificate(subjects.Subject((raw,), {})), b"artifact")
    matcher = Matcher(WATCHES)
    found = {match.watch: match.reading for match in matcher.match(read_facts(body))}
    assert not found or matcher.sieve.suspects([body]) == [0]
    return found


@pytest.mark.parametrize(("name", "expected"), TABLE, ids=[ascii(name) for name, _ in TABLE])
def test_row_36_37_38_every_reading_of_a_name_is_matched_and_named(ca: CA, name: str, expected: dict[str, str]) -> None:
    assert hits(ca, name) == expected


@given(st.text(max_size=60))
def test_the_name_itself_is_the_first_reading_and_there_are_few(name: str) -> None:
    found = readings(name)
    assert found[0] == (EXACT, name)
    assert len(found) <= MAX_READINGS
    assert len({reading.text for reading in found}) == len(found)


TOKENS = ["https://", "http:/", "github.com", "acme", "/", "//", "/.", "/..", ".", "@", ":", ":443", ":80", "?", "#"]
TOKENS += ["xn--", "XN--", "%41", "&amp;", "\\", " ", "\x7f", "refs/tags/v1", "é", "\u202e", "a", "0", "-", ".github"]
PIECES = st.lists(st.sampled_from(TOKENS), max_size=9).map("".join)


@given(st.one_of(PIECES, st.text(st.characters(max_codepoint=0x7F), max_size=30)))
def test_a_name_that_the_sieve_takes_for_plain_reads_as_it_stands(name: str) -> None:
    """What the sieve does not call hostile has no other reading, but for double slashes, which skeletons ignore."""
    if not HOSTILE.search(name.encode("utf-8")) and "\n" not in name:
        assert {skeleton(reading.text) for reading in readings(name)} == {skeleton(name)}
        assert all(reading.how in (EXACT, "double-slash") for reading in readings(name))


@given(st.text("rnvRNVm/aA1lI0o.", max_size=12), st.text("rnvm/a1", max_size=6), st.text("rnvm/a1", max_size=6))
def test_a_searchable_literal_is_found_in_every_text_that_holds_it(literal: str, left: str, right: str) -> None:
    assert searchable(literal) in skeleton(left + literal + right)


@given(st.text(max_size=20), st.text(max_size=8), st.text(max_size=8))
def test_a_searchable_literal_of_any_letters_is_found_too(literal: str, left: str, right: str) -> None:
    assert searchable(literal) in skeleton(left + literal + right)


@given(st.binary(max_size=80))
def test_folding_ascii_bytes_and_text_agree(data: bytes) -> None:
    text = bytes(byte & 0x7F for byte in data)
    assert fold_bytes(text).decode() == skeleton(text.decode())


def test_re2_is_never_asked_for_more_than_it_has() -> None:
    assert re2.compile(r"(a+)+$").search("a" * 5000 + "b") is None
