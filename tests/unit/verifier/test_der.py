"""DER: what is read is exactly what is there, and nothing that has two encodings."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verifier import der
from verifier.errors import Malformed


@given(st.sampled_from([0x02, 0x04, 0x30, 0xA3]), st.binary(max_size=70_000))
def test_what_is_encoded_is_read_again(tag: int, body: bytes) -> None:
    data = der.encode(tag, body)
    tlv = der.outer(data, tag)
    assert der.content(data, tlv) == body
    assert der.whole(data, tlv) == data


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_malformed(data: bytes) -> None:
    try:
        tlv = der.read(data, 0, len(data))
    except Malformed:
        return
    assert der.encode(tlv.tag, der.content(data, tlv)) == data[: tlv.end]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x30",
        b"\x30\x80\x00\x00",  # indefinite length
        b"\x30\x81\x01\x00",  # long form for a short length
        b"\x30\x82\x00\x81" + bytes(0x81),  # leading zero
        b"\x30\x85\x00\x00\x00\x00\x01\x00",  # five octets of length
        b"\x30\x05\x00",  # past the end
        b"\x1f\x81\x01\x00",  # a tag of several octets
    ],
)
def test_other_encodings_are_refused(data: bytes) -> None:
    with pytest.raises(Malformed):
        der.read(data, 0, len(data))


def test_an_element_does_not_leave_its_parent() -> None:
    data = der.encode(der.SEQUENCE, b"\x04\x03a") + b"bcd"
    with pytest.raises(Malformed):
        der.children(data, der.read(data, 0, len(data)))


@given(st.lists(st.integers(0, 2**70), max_size=8), st.integers(0, 2), st.integers(0, 39))
def test_object_identifiers_round_trip(arcs: list[int], first: int, second: int) -> None:
    text = ".".join(map(str, (first, second, *arcs)))
    body = der.oid_body(text)
    if len(body) <= 64:
        assert der.oid_text(body) == text


@pytest.mark.parametrize("body", [b"", b"\x80\x01", b"\x2a\x86", b"\x2a\x80\x01", bytes(65)])
def test_malformed_object_identifiers_are_refused(body: bytes) -> None:
    with pytest.raises(Malformed):
        der.oid_text(body)


@pytest.mark.parametrize(
    ("tag", "text", "iso"),
    [
        (der.UTC_TIME, b"491231235959Z", "2049-12-31T23:59:59+00:00"),
        (der.UTC_TIME, b"500101000000Z", "1950-01-01T00:00:00+00:00"),
        (der.GENERALIZED_TIME, b"20600102030405Z", "2060-01-02T03:04:05+00:00"),
    ],
)
def test_times(tag: int, text: bytes, iso: str) -> None:
    data = der.encode(tag, text)
    assert der.time(data, der.outer(data, tag)).isoformat() == iso


@pytest.mark.parametrize(
    "text", [b"491231235959", b"4912312359Z", b"491331235959Z", b"49123123595\xb2Z", b"+1231235959Z "]
)
def test_other_times_are_refused(text: bytes) -> None:
    data = der.encode(der.UTC_TIME, text)
    with pytest.raises(Malformed):
        der.time(data, der.outer(data, der.UTC_TIME))
