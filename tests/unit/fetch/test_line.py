"""Is one request over one connection what httpcore would make of it, whatever comes and in whatever pieces?"""

import contextlib
import typing
from itertools import pairwise

import httpcore
import pytest
from hypothesis import given
from hypothesis import strategies as st

from verifier.fetch.line import Line

ORIGIN = httpcore.Origin(b"http", b"log.test", 80)
TIMEOUTS = {"timeout": {"connect": 1.0, "read": 1.0, "write": 1.0, "pool": 1.0}}
Outcome = tuple[int, bytes, bool] | type[Exception]


class Script(httpcore.NetworkStream):
    """A connection that says these pieces, then ends."""

    def __init__(self, *pieces: bytes) -> None:
        self.pieces = [piece for piece in pieces if piece]
        self.sent = b""
        self.closed = False

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        if not self.pieces:
            return b""
        piece, rest = self.pieces[0][:max_bytes], self.pieces[0][max_bytes:]
        self.pieces[:1] = [rest] if rest else []
        return piece

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self.sent += buffer

    def close(self) -> None:
        self.closed = True

    def get_extra_info(self, info: str) -> typing.Any:
        return bool(self.pieces)


class Backend(httpcore.NetworkBackend):
    """Connects to a script."""

    def __init__(self, stream: Script) -> None:
        self.stream = stream

    def connect_tcp(self, host: str, port: int, timeout: float | None = None, *_: object, **__: object) -> Script:
        return self.stream


def request(method: bytes = b"GET", content: bytes = b"") -> httpcore.Request:
    headers = [(b"Host", b"log.test"), (b"Content-Length", b"%d" % len(content))]
    url = httpcore.URL(scheme=b"http", host=b"log.test", port=80, target=b"/x")
    return httpcore.Request(method, url, headers=headers, content=content, extensions=TIMEOUTS)


def line(stream: Script) -> Line:
    return Line(ORIGIN, None, Backend(stream), 60.0)


def outcome(connection: Line | httpcore.HTTP11Connection, asked: httpcore.Request) -> Outcome:
    """Status, body, and whether the connection can be used again."""
    try:
        answer = connection.handle_request(asked)
        body = b"".join(answer.iter_stream())
        answer.close()
        return answer.status, body, connection.is_idle()
    except Exception as error:
        return type(error)


NAMES = st.sampled_from([b"X-A", b"Date", b"Connection", b"Content-Length", b"Transfer-Encoding", b"bad name", b""])
VALUES = st.sampled_from([b"1", b"close", b"keep-alive", b"0", b"5", b"7", b"chunked", b"5, 5", b"-1", b"x" * 30, b""])
TEXTS = st.sampled_from([b"", b"hello", b"hello, world", b"5\r\nhello\r\n0\r\n\r\n", b"5\r\nhel", b"0\r\n\r\n"])
HEADS = st.builds(
    lambda version, status, fields: (
        b"%s %s OK\r\n%s\r\n" % (version, status, b"".join(b"%s: %s\r\n" % field for field in fields))
    ),
    st.sampled_from([b"HTTP/1.1", b"HTTP/1.0", b"HTTP/2", b"SSH-2.0"]),
    st.sampled_from([b"200", b"204", b"304", b"404", b"100", b"999", b"2"]),
    st.lists(st.tuples(NAMES, VALUES), max_size=4),
)


def cut(data: bytes, places: list[int]) -> list[bytes]:
    borders = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[start:end] for start, end in pairwise(borders)]


@given(
    st.sampled_from([b"GET", b"HEAD", b"POST"]),
    st.lists(HEADS, min_size=1, max_size=2),
    TEXTS,
    st.lists(st.integers(0, 999)),
)
def test_an_answer_is_read_as_httpcore_reads_it(
    method: bytes, heads: list[bytes], text: bytes, places: list[int]
) -> None:
    pieces = cut(b"".join(heads) + text, places)
    ours = outcome(line(Script(*pieces)), request(method))
    reference = httpcore.HTTP11Connection(ORIGIN, Script(*pieces), keepalive_expiry=60.0)
    theirs = outcome(reference, request(method))
    if isinstance(ours, tuple) and isinstance(theirs, tuple):
        assert ours[:2] == theirs[:2]
        assert theirs[2] or not ours[2]  # never used again where they would not
    else:
        assert ours == theirs


@pytest.mark.parametrize("size", [0, 1, 70_000, 1_000_000])
def test_a_body_of_announced_length_leaves_the_line_idle(size: int) -> None:
    body = bytes(range(256)) * (size // 256) + bytes(size % 256)
    whole = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (size, body)
    stream = Script(whole[:20], whole[20:90_000], whole[90_000:])
    one = line(stream)
    assert outcome(one, request()) == (200, body, True)
    stream.pieces = [b"HTTP/1.1 404 No\r\nContent-Length: 2\r\n\r\nno"]
    assert outcome(one, request()) == (404, b"no", True)


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok and more",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: Keep-Alive, Close\r\n\r\nok",
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
    ],
)
def test_what_comes_after_an_answer_is_not_the_next_one(answer: bytes) -> None:
    assert outcome(line(Script(answer)), request()) == (200, b"ok", False)


def test_bytes_that_come_later_unasked_are_not_the_next_answer() -> None:
    stream = Script(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    one = line(stream)
    assert outcome(one, request()) == (200, b"ok", True)
    stream.pieces = [b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"]
    assert not one.is_idle()


def test_a_body_that_nobody_read_to_its_end_ends_the_line() -> None:
    one = line(Script(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", b"one", b"two", b"six"))
    answer = one.handle_request(request())
    assert next(iter(answer.iter_stream())) == b"one"
    answer.close()
    assert not one.is_idle()


def test_a_server_that_takes_nothing_may_still_answer() -> None:
    class Deaf(Script):
        def write(self, buffer: bytes, timeout: float | None = None) -> None:
            raise httpcore.WriteError

    answer = b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    assert outcome(line(Deaf(answer)), request(b"POST", b"x" * 9)) == (413, b"", False)


def test_a_request_goes_out_whole() -> None:
    stream = Script(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    outcome(line(stream), request(b"POST", b"hello"))
    assert stream.sent == b"POST /x HTTP/1.1\r\nHost: log.test\r\nContent-Length: 5\r\n\r\nhello"


@given(st.binary(max_size=300))
def test_any_bytes_are_an_answer_or_a_protocol_fault(data: bytes) -> None:
    with contextlib.suppress(httpcore.RemoteProtocolError):
        answer = line(Script(data)).handle_request(request())
        b"".join(answer.iter_stream())
