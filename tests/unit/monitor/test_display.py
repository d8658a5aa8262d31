"""Text of an attacker stays on its line and shows what it is (scenarios 36, 46, 50)."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.display import cut, units, visible


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        ("plain text / ref@refs/tags/v1", "plain text / ref@refs/tags/v1"),
        ("Grüße 日本語", "Grüße 日本語"),
        ("a\nFinding: none", "a\\nFinding: none"),
        ("\x1b[2J\x1b[31mred", "\\x1b[2J\\x1b[31mred"),
        ("\x9b31m", "\\x9b31m"),
        ("evil\u202egnp.exe", "evil\\u202egnp.exe"),
        ("zero\u200bwidth\ufeff\u00ad", "zero\\u200bwidth\\ufeff\\xad"),
        ("nul\x00", "nul\\x00"),
        ("line\u2028para\u2029", "line\\u2028para\\u2029"),
        ("tag\U000e0041", "tag\\U000e0041"),
        ("lone\ud800", "lone\\ud800"),
        ("filler\u3164\u2800", "filler\\u3164\\u2800"),
    ],
)
def test_50_control_characters_are_spelled_out(hostile: str, shown: str) -> None:
    assert visible(hostile) == shown


@given(st.text(st.characters()))
def test_what_is_shown_has_nothing_that_hides(text: str) -> None:
    shown = visible(text)
    assert all(unicodedata.category(char)[0] not in "CZ" or char == " " for char in shown)
    shown.encode()


@given(st.text(), st.integers(min_value=1, max_value=60))
def test_46_a_cut_text_fits_and_ends_between_characters(text: str, limit: int) -> None:
    short = cut(text, limit, " …")
    assert units(short) <= limit
    assert short == text or (text.startswith(short.removesuffix(" …")))
