"""Secrets do not show themselves and do not leave (scenario 54)."""

import base64
import io
import json
import logging
import pickle
from collections.abc import Iterator

import pytest

from monitor.logging import FORMATTERS, configure
from monitor.secrets import HIDDEN, Redactor, Secret

TOKEN = "corp-Pa55 w/ord+with=signs"
HOOK = "https://hooks.example.test/services/T000/B000/abcdefSECRET"


def test_54_a_secret_does_not_show_itself() -> None:
    secret = Secret(TOKEN)
    for text in (str(secret), repr(secret), f"{secret}", f"{secret:>10}", f"{[secret]}"):
        assert TOKEN not in text
    assert secret.reveal() == TOKEN
    assert secret == Secret(TOKEN) != Secret("another")
    with pytest.raises(TypeError):
        pickle.dumps(secret)
    with pytest.raises(TypeError):
        json.dumps(secret)


@pytest.mark.parametrize(
    "text",
    [
        f"could not log in with {TOKEN}",
        "GET /x?token=corp-Pa55%20w%2Ford%2Bwith%3Dsigns failed",
        "GET /x?token=corp-Pa55+w%2Ford%2Bwith%3Dsigns failed",
        "header " + base64.b64encode(TOKEN.encode()).decode(),
        json.dumps({"error": TOKEN}),
    ],
)
def test_54_a_known_secret_is_hidden_in_every_spelling(text: str) -> None:
    clean = Redactor([Secret(TOKEN)])(text)
    assert HIDDEN in clean
    assert "Pa55" not in clean
    assert base64.b64encode(TOKEN.encode()).decode()[:8] not in clean


def test_54_the_telling_part_of_an_address_is_hidden_too() -> None:
    redact = Redactor([Secret(HOOK), Secret("postgresql://siw:hunter22@db.test/x")])
    assert "abcdefSECRET" not in redact(f"POST {HOOK}: 404")
    assert "abcdefSECRET" not in redact("404 for /services/T000/B000/abcdefSECRET")
    assert "hunter22" not in redact("login failed for siw with hunter22")


@pytest.mark.parametrize(
    ("text", "gone"),
    [
        ("token xoxb-1234567890-abcdefghij refused", "abcdefghij"),
        ("POST https://hooks.slack.com/services/T01/B02/verysecret", "verysecret"),
        ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "MfKQ9r8G"),
        ("Authorization: Bearer abcdefgh12345678", "abcdefgh12345678"),
        ("proxy http://user:pa55word@proxy.test:3128 down", "pa55word"),
        ("-----BEGIN EC PRIVATE KEY-----\nMHcCAQ\n-----END EC PRIVATE KEY-----", "MHcCAQ"),
    ],
)
def test_54_what_looks_like_a_secret_is_hidden_unasked(text: str, gone: str) -> None:
    assert gone not in Redactor()(text)


def test_ordinary_identities_are_left_alone() -> None:
    text = "https://github.com/acme/widget/.github/workflows/release.yml@refs/tags/v1 ann@acme.example basic setup"
    assert Redactor([Secret("short")])(text) == text


def test_what_was_secret_before_a_reload_stays_hidden() -> None:
    redact = Redactor([Secret("the-first-value")])
    redact.add(Secret("the-second-value"))
    assert redact("the-first-value the-second-value") == f"{HIDDEN} {HIDDEN}"


@pytest.fixture
def root_logger() -> Iterator[logging.Logger]:
    root = logging.getLogger()
    before = root.handlers[:], root.level
    yield root
    root.handlers[:], level = before
    root.setLevel(level)


@pytest.mark.parametrize("style", list(FORMATTERS))
def test_50_54_one_record_is_one_clean_line(style: str, root_logger: logging.Logger) -> None:
    stream = io.StringIO()
    configure(style, Redactor([Secret(TOKEN)]), stream=stream)  # type: ignore[arg-type]
    try:
        raise ValueError(f"{TOKEN}\n\x1b[31mforged")
    except ValueError:
        logging.getLogger("monitor.test").exception("read %s", "san\n2026 INFO all clean", extra={"log": "a\x1b\nb"})
    out = stream.getvalue()
    assert out.count("\n") == 1
    assert out.endswith("\n")
    assert "\x1b" not in out
    assert "Pa55" not in out
    assert "forged" in out
    if style == "json":
        record = json.loads(out)
        assert record["level"] == "error"
        assert record["log"] == "a\x1b\nb"
        assert "read san\n2026 INFO all clean" in record["message"]


def test_a_wrong_format_string_still_says_what_it_had(root_logger: logging.Logger) -> None:
    stream = io.StringIO()
    configure("text", Redactor(), stream=stream)
    logging.getLogger("x").warning("%d entries", "many")
    assert "many" in stream.getvalue()
