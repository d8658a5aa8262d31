"""Identity tokens: what is checked before one is used, and that none is ever shown."""

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signer.token import looks_like_token, read_token
from verifier.errors import Malformed, SigwardenError

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
GOOD: dict[str, Any] = {
    "iss": "https://issuer.example",
    "sub": "subject",
    "aud": "sigstore",
    "iat": NOW.timestamp() - 5,
    "exp": NOW.timestamp() + 300,
}


def part(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def jwt(**changes: Any) -> str:
    claims = {name: value for name, value in {**GOOD, **changes}.items() if value is not None}
    return f"{part({'alg': 'ES256'})}.{part(claims)}.c2lnbmF0dXJl"


def test_a_good_token() -> None:
    token = read_token(jwt() + "\n", NOW)
    assert (token.subject, token.name, token.issuer) == ("subject", "", "https://issuer.example")
    assert token.expires == NOW + timedelta(minutes=5)
    assert token.raw not in repr(token)


def test_an_email_is_the_subject_if_it_is_verified() -> None:
    assert read_token(jwt(email="a@b.example", email_verified=True), NOW).subject == "a@b.example"
    for unverified in (False, None, "false", 0):
        with pytest.raises(SigwardenError) as error:
            read_token(jwt(email="a@b.example", email_verified=unverified), NOW)
        assert error.value.code == "token-email"


def test_the_name_that_a_workflow_will_get() -> None:
    ref = "acme/widget/.github/workflows/r.yml@refs/heads/main"
    assert read_token(jwt(job_workflow_ref=ref), NOW).name == f"/{ref}"
    assert read_token(jwt(ci_config_ref_uri="gitlab.com/a//b@c"), NOW).name == "https://gitlab.com/a//b@c"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"exp": NOW.timestamp() - 61}, "token-expired"),
        ({"nbf": NOW.timestamp() + 61}, "token-early"),
        ({"iat": NOW.timestamp() + 61}, "token-early"),
        ({"aud": "other"}, "token-audience"),
        ({"aud": ["other", 1]}, "token-audience"),
        ({"aud": None}, "token-audience"),
        ({"exp": None}, "token-format"),
        ({"exp": "soon"}, "token-format"),
        ({"exp": True}, "token-format"),
        ({"exp": 1e300}, "token-format"),
        ({"sub": None}, "token-format"),
        ({"sub": 7}, "token-format"),
        ({"iss": ""}, "token-format"),
    ],
)
def test_what_cannot_be_used(changes: dict[str, Any], code: str) -> None:
    token = jwt(**changes)
    with pytest.raises(SigwardenError) as error:
        read_token(token, NOW)
    assert error.value.code == code
    assert token not in str(error.value)


def test_clocks_may_differ_by_a_minute() -> None:
    read_token(jwt(exp=NOW.timestamp() - 59), NOW)
    read_token(jwt(iat=NOW.timestamp() + 59), NOW)


def test_the_audience_may_be_one_of_several_or_another_client() -> None:
    read_token(jwt(aud=["x", "sigstore"]), NOW)
    read_token(jwt(aud="mine"), NOW, "mine")


def test_claims_that_say_a_thing_twice_are_refused() -> None:
    twice = base64.urlsafe_b64encode(b'{"sub":"a","sub":"b"}').rstrip(b"=").decode()
    with pytest.raises(Malformed):
        read_token(f"{part({})}.{twice}.c2ln", NOW)


def test_shape() -> None:
    assert looks_like_token(jwt())
    for text in ("", "a.b", "a.b.c.d", "a b.c.d", "token.jwt", "a.b.c" * 30000):
        assert not looks_like_token(text)


@given(st.text(max_size=200))
def test_any_text_is_a_token_or_an_error_of_ours(text: str) -> None:
    with pytest.raises(SigwardenError):
        read_token(text, NOW)
    with pytest.raises(SigwardenError):
        read_token(f"{part({})}.{part(text)}.c2ln", NOW)
