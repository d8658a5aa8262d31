"""Envelopes and statements: one meaning or none."""

import base64
import hashlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verifier.artifact import Artifact
from verifier.dsse import (
    IN_TOTO,
    MAX_SUBJECTS,
    Envelope,
    check_subject,
    envelope_from_json,
    pae,
    parse_statement,
)
from verifier.errors import Malformed, Untrue

HELLO = Artifact.of(b"hello")
SHA256 = hashlib.sha256(b"hello").hexdigest()


def test_pae_counts_bytes_not_characters() -> None:
    assert pae("http://example.com/HelloWorld", b"hello world") == (
        b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    )
    assert pae("té", "é".encode()) == "DSSEv1 3 té 2 é".encode()


def envelope_json(**changes: Any) -> dict[str, Any]:
    value: dict[str, Any] = {
        "payload": base64.b64encode(b"{}").decode(),
        "payloadType": IN_TOTO,
        "signatures": [{"sig": "AAAA", "keyid": ""}],
    }
    return {**value, **changes}


def test_an_envelope_with_one_signature_is_read() -> None:
    envelope = envelope_from_json(envelope_json())
    assert (envelope.payload, envelope.signature, envelope.key_id) == (b"{}", b"\0\0\0", "")


@pytest.mark.parametrize(
    "changes",
    [
        {"signatures": []},
        {"signatures": [{"sig": "AAAA"}, {"sig": "AAAA"}]},
        {"signatures": [{"sig": "AAAA", "cert": "x"}]},
        {"signatures": [{"sig": ""}]},
        {"signatures": [{"sig": "AAA"}]},
        {"signatures": "AAAA"},
        {"signatures": None},
        {"payload": "e30"},
        {"payload": None},
        {"payloadType": 5},
        {"more": 1},
    ],
)
def test_any_other_envelope_is_malformed(changes: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        envelope_from_json(envelope_json(**changes))


def statement(**changes: Any) -> Envelope:
    value: dict[str, Any] = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "hello.txt", "digest": {"sha256": SHA256}}],
        "predicateType": "https://example.com/p/v1",
        "predicate": {"a": 1},
    }
    return Envelope(json.dumps({**value, **changes}).encode(), IN_TOTO, b"sig")


def test_a_statement_about_the_artifact_is_found() -> None:
    parsed = parse_statement(statement())
    assert check_subject(parsed, HELLO).name == "hello.txt"
    assert parsed.predicate == {"a": 1}


@pytest.mark.parametrize(
    "changes",
    [
        {"_type": "https://in-toto.io/Statement/v2"},
        {"predicateType": ""},
        {"predicateType": 1},
        {"subject": []},
        {"subject": {}},
        {"subject": [5]},
        {"subject": [{"name": "x"}]},
        {"subject": [{"name": 1, "digest": {"sha256": SHA256}}]},
        {"subject": [{"digest": {"sha256": "zz"}}]},
        {"subject": [{"digest": {"sha256": SHA256[:-1]}}]},
        {"subject": [{"digest": {"sha256": 1}}]},
        {"subject": [{"digest": {str(n): "a" for n in range(33)}}]},
        {"subject": [{"digest": {"sha256": SHA256}}] * (MAX_SUBJECTS + 1)},
    ],
)
def test_what_is_no_statement_is_malformed(changes: dict[str, Any]) -> None:
    with pytest.raises(Malformed) as caught:
        parse_statement(statement(**changes))
    assert caught.value.code == "statement"


def test_another_payload_type_is_refused() -> None:
    envelope = Envelope(statement().payload, "application/json", b"sig")
    with pytest.raises(Untrue) as caught:
        parse_statement(envelope)
    assert caught.value.code == "payload-type"


def test_a_statement_that_can_be_read_in_two_ways_is_refused() -> None:
    payload = statement().payload[:-1] + b',"predicateType":"https://example.com/other"}'
    with pytest.raises(Malformed):
        parse_statement(Envelope(payload, IN_TOTO, b"sig"))


@pytest.mark.parametrize(
    ("digest", "fine"),
    [
        ({"sha256": SHA256.upper()}, True),
        ({"sha512": hashlib.sha512(b"hello").hexdigest()}, True),
        ({"sha256": SHA256, "sha512": hashlib.sha512(b"hello").hexdigest()}, True),
        ({"sha256": SHA256, "sha512": hashlib.sha512(b"other").hexdigest()}, False),
        ({"sha256": hashlib.sha256(b"other").hexdigest()}, False),
        ({"sha1": hashlib.sha1(b"hello").hexdigest()}, False),  # a weak digest alone proves nothing
        ({"gitCommit": "a" * 40}, False),
    ],
)
def test_a_subject_matches_by_strong_digests_that_all_agree(digest: dict[str, str], fine: bool) -> None:
    parsed = parse_statement(statement(subject=[{"name": "x", "digest": digest}]))
    if fine:
        assert check_subject(parsed, HELLO).name == "x"
        return
    with pytest.raises(Untrue) as caught:
        check_subject(parsed, HELLO)
    assert caught.value.code == "subject-digest"


def test_a_digest_is_enough_to_match_a_subject() -> None:
    parsed = parse_statement(statement())
    assert check_subject(parsed, Artifact.from_digest(f"sha256:{SHA256}")).name == "hello.txt"


@given(
    st.recursive(
        st.none() | st.booleans() | st.text() | st.integers(), lambda s: st.lists(s) | st.dictionaries(st.text(), s)
    )
)
def test_arbitrary_json_is_refused_cleanly(value: Any) -> None:
    with pytest.raises(Malformed):
        envelope_from_json(value)


@given(st.binary())
def test_arbitrary_payloads_are_refused_cleanly(payload: bytes) -> None:
    with pytest.raises(Malformed):
        parse_statement(Envelope(payload, IN_TOTO, b"sig"))
