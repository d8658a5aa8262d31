"""Hostile entries are hostile, and still carry what is watched."""

import base64
import json

import pytest

from sandbox import hostile, subjects
from sandbox.ca import CA
from verifier.errors import Malformed
from verifier.jsonstrict import loads

WATCHED = "release@watched.example"


@pytest.fixture(scope="module")
def ca() -> CA:
    return CA(seed="hostile")


@pytest.mark.parametrize("version", [1, 2])
def test_bodies_fit_a_log_and_most_are_not_canonical(ca: CA, version: int) -> None:
    watched, other = ca.certificate(WATCHED), ca.certificate("other@x.test")
    made = hostile.bodies(watched, other, version)
    honest = hostile.body(watched, version)
    assert honest not in made.values()
    assert len(set(made.values())) == len(made) > 20
    assert all(len(body) <= hostile.MAX_V2_BODY for body in made.values())
    assert len(made["full size"]) == hostile.MAX_V2_BODY
    for name in ("deep", "not a number", "byte order mark", "duplicate key, watched first", "truncated", "empty"):
        with pytest.raises(Malformed):
            loads(made[name])


def test_both_signers_stand_in_a_body_with_two(ca: CA) -> None:
    watched, other = ca.certificate(WATCHED), ca.certificate("other@x.test")
    last = hostile.duplicate_key(watched, other, watched_first=False)
    first = hostile.duplicate_key(watched, other, watched_first=True)
    for body, kept in ((last, watched), (first, other)):
        text = body.decode()
        assert all(base64.b64encode(one.der).decode() in text for one in (watched, other))
        signature = json.loads(text)["spec"]["hashedRekordV002"]["signature"]
        assert base64.b64decode(signature["verifier"]["x509Certificate"]["rawBytes"]) == kept.der


def test_certificates_keep_the_watched_name_in_their_bytes(ca: CA) -> None:
    made = hostile.certificates(ca, subjects.email(WATCHED))
    assert len(made) > 10
    assert all(WATCHED.encode() in one.der for one in made.values())
