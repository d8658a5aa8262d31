"""Is JSON refused whenever it could mean two things?"""

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verifier.errors import Malformed
from verifier.jsonstrict import b64, integer, loads, readings

VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(VALUES)
def test_what_was_written_is_read(value: Any) -> None:
    for ascii_only in (True, False):
        data = json.dumps(value, ensure_ascii=ascii_only).encode()
        assert loads(data) == value
        assert readings(data) == [value]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b" ",
        b"{",
        b"{}{}",
        b"{} x",
        b"\xef\xbb\xbf{}",
        b"\xff\xfe{\x00}\x00",
        b'"\xff"',
        b"NaN",
        b"Infinity",
        b"-Infinity",
        b"1e999",
        b"01",
        b"+1",
        b".5",
        b"'a'",
        b"[1,]",
        b'{"a":1,}',
        b'"\x01"',
        b'"\n"',
        b'"\\ud800"',
        b'"\\udc00\\ud800"',
        b'{"\\ud800":1}',
        b'[{"a":["\\uDFFF"]}]',
        b"18446744073709551616",
        b"-9223372036854775809",
        b"1" * 5000,
        b"[" * 65 + b"]" * 65,
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"// no\n{}",
    ],
)
def test_what_is_not_strict_is_malformed(data: bytes) -> None:
    with pytest.raises(Malformed) as caught:
        loads(data)
    assert caught.value.code == "json"
    with pytest.raises(Malformed):
        readings(data)


def test_repeated_keys_are_malformed_also_when_escaped() -> None:
    for data in (b'{"a":1,"a":1}', b'{"a":1,"\\u0061":2}', b'[{"b":{"a":1,"a":1}}]'):
        with pytest.raises(Malformed) as caught:
            loads(data)
        assert caught.value.code == "json-duplicate-key"


def test_pairs_of_surrogates_are_text() -> None:
    assert loads(b'"\\ud83d\\ude00"') == "\U0001f600"


def test_limits() -> None:
    assert loads(b"[" * 64 + b"]" * 64)
    assert loads(b"[[1]]", max_depth=2) == [[1]]
    with pytest.raises(Malformed):
        loads(b"[[[1]]]", max_depth=2)
    with pytest.raises(Malformed):
        loads(b"[1234]", max_bytes=5)
    assert loads(b"18446744073709551615") == 2**64 - 1


def test_the_error_does_not_repeat_the_text() -> None:
    with pytest.raises(Malformed) as caught:
        loads(b'{"password": hunter2}')
    assert "hunter2" not in str(caught.value)


def test_every_reading_of_repeated_keys() -> None:
    assert readings(b'{"a":1,"b":0,"a":2}') == [{"a": 1, "b": 0}, {"a": 2, "b": 0}]
    assert readings(b'{"a":1,"a":true}') == [{"a": 1}, {"a": True}]
    assert readings(b'{"a":1,"a":1}') == [{"a": 1}]
    assert readings(b'[{"a":1,"a":2},{"b":3,"b":4}]') == [[{"a": one}, {"b": two}] for one in (1, 2) for two in (3, 4)]


def test_repeated_objects_are_also_read_merged() -> None:
    """Go fills one struct twice: {"x":1} then {"y":2} is both."""
    assert readings(b'{"a":{"x":1,"z":1},"a":{"y":2,"z":2}}') == [
        {"a": {"x": 1, "z": 1}},
        {"a": {"y": 2, "z": 2}},
        {"a": {"x": 1, "y": 2, "z": 2}},
    ]


def test_merged_goes_all_the_way_down() -> None:
    assert {"a": {"b": {"x": 1, "y": 2}}} in readings(b'{"a":{"b":{"x":1}},"a":{"b":{"y":2}}}')


def test_readings_are_bounded() -> None:
    many = "{" + ",".join(f'"k{key}":{value}' for key in range(6) for value in range(2)) + "}"
    assert len(readings(many.encode())) == 64
    for data in (
        "{" + ",".join(f'"k{key}":{value}' for key in range(7) for value in range(2)) + "}",
        "{" + ",".join(f'"k":{value}' for value in range(5000)) + "}",
        "[" + ",".join('{"a":1,"a":2}' for _ in range(5000)) + "]",
        '{"a":' * 60 + "1" + ',"a":2}' * 60,
    ):
        if data.startswith('{"a":{'):
            assert 1 < len(readings(data.encode())) <= 64
            continue
        with pytest.raises(Malformed) as caught:
            readings(data.encode())
        assert caught.value.code == "json-ambiguous"


@given(st.binary(max_size=60))
def test_base64_round_trips_and_is_canonical(data: bytes) -> None:
    text = base64.b64encode(data).decode()
    assert b64(text) == data
    for bad in (text + "\n", " " + text, text + "=", text.rstrip("=") if "=" in text else text + "A"):
        with pytest.raises(Malformed):
            b64(bad)


@pytest.mark.parametrize("bad", ["YQ", "YR==", "YWJ=", "_-8=", "Y Q==", "é", "\ud800", b"YQ==", None, 1, "====", "A"])
def test_loose_base64_is_malformed(bad: object) -> None:
    with pytest.raises(Malformed):
        b64(bad)


def test_integers_as_protobuf_writes_them() -> None:
    assert integer("0") == 0
    assert integer("-5") == -5
    assert integer(7) == 7
    assert integer(str(2**64 - 1)) == 2**64 - 1
    wrong: list[object] = [
        "+5",
        "05",
        " 5",
        "5 ",
        "-0",
        "",
        "5.0",
        "٥",
        "1e3",
        str(2**64),
        2**64,
        True,
        1.0,
        None,
        [],
        "-05",
    ]
    for bad in wrong:
        with pytest.raises(Malformed):
            integer(bad)
