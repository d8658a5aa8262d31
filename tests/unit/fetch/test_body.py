"""Are all limits on an answer's bytes kept?"""

import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verifier.errors import Unreachable
from verifier.fetch.body import read_body


def pieces(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


@given(st.binary(max_size=5000), st.integers(1, 700))
def test_gzip_gives_back_what_went_in(data: bytes, size: int) -> None:
    assert read_body(pieces(gzip.compress(data), size), "GZIP ", 1 << 20) == data


@given(st.binary(max_size=300), st.binary(max_size=300), st.integers(1, 50))
def test_every_member_of_a_gzip_stream_counts(one: bytes, two: bytes, size: int) -> None:
    assert read_body(pieces(gzip.compress(one) + gzip.compress(two), size), "gzip", 1 << 20) == one + two


@given(st.binary(min_size=1, max_size=2000), st.data())
def test_a_cut_off_gzip_stream_is_no_answer(data: bytes, draw: st.DataObject) -> None:
    packed = gzip.compress(data)
    cut = draw.draw(st.integers(0, len(packed) - 1))
    with pytest.raises(Unreachable) as caught:
        read_body(pieces(packed[:cut], 100), "gzip", 1 << 20)
    assert caught.value.cause == "protocol"


def test_highly_compressed_output_that_ends_inside_the_window_is_complete() -> None:
    data = bytes(900_000)
    assert read_body([gzip.compress(data)], "gzip", 1 << 20) == data


@pytest.mark.parametrize("size", [1, 1000, 1 << 30])
def test_row_32_a_bomb_is_stopped_by_its_ratio(size: int) -> None:
    bomb = gzip.compress(bytes(40_000_000))
    with pytest.raises(Unreachable) as caught:
        read_body(pieces(bomb, size), "gzip", 1 << 30)
    assert (caught.value.cause, caught.value.code) == ("too-large", "gzip-bomb")


def test_row_32_the_limit_counts_decompressed_bytes() -> None:
    with pytest.raises(Unreachable) as caught:
        read_body([gzip.compress(bytes(5001))], "gzip", 5000)
    assert caught.value.cause == "too-large"
    assert len(read_body([gzip.compress(bytes(5000))], "gzip", 5000)) == 5000


@pytest.mark.parametrize("encoding", ["br", "gzip, gzip", "deflate", "zstd"])
def test_unknown_encodings_are_refused(encoding: str) -> None:
    with pytest.raises(Unreachable) as caught:
        read_body([zlib.compress(b"x")], encoding, 100)
    assert caught.value.cause == "protocol"


def test_damaged_gzip_is_named() -> None:
    with pytest.raises(Unreachable) as caught:
        read_body([b"not gzip at all"], "gzip", 100)
    assert caught.value.code == "gzip"


def test_plain_bytes_are_counted() -> None:
    assert read_body([b"ab", b"cd"], "", 4) == b"abcd"
    assert read_body([], "identity", 4) == b""
    with pytest.raises(Unreachable):
        read_body([b"ab", b"cde"], "", 4)
