"""How is one request spoken over one connection (HTTP/1.1, RFC 9112)?

Every head is read by h11. A body of announced length comes straight from the connection: on the way through h11 and
httpcore it is copied three times in small pieces, which cost twice what all else about a large answer does.
"""

import ssl
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress

import h11
import httpcore

_HEAD = 64 << 10
"""Bytes of one read while the head is not complete, and of the longest head."""

_PIECE = 256 << 10
"""Bytes of one read of a body."""


class Line:
    """A connection to `origin`, opened by its first request; for one request at a time. Raises as httpcore does."""

    def __init__(
        self, origin: httpcore.Origin, tls: ssl.SSLContext | None, backend: httpcore.NetworkBackend, expiry: float
    ) -> None:
        self._origin = origin
        self._tls = tls
        self._backend = backend
        self._expiry = expiry
        self._stream: httpcore.NetworkStream | None = None
        self._idle_until = 0.0

    def handle_request(self, request: httpcore.Request) -> httpcore.Response:
        """The answer's head; its body while `stream` is read to the end, after which the line is idle."""
        timeouts = request.extensions["timeout"]
        self._idle_until = 0.0
        stream = self._stream = self._stream or self._open(timeouts["connect"])
        talk = h11.Connection(h11.CLIENT, max_incomplete_event_size=_HEAD)
        with _mapped():
            sent = _encoded(talk, request)
            with suppress(httpcore.WriteError):  # a server may answer, and go, before it has read all
                stream.write(sent, timeouts["write"])
            head = _read_head(talk, stream, timeouts["read"])
        body = self._body(talk, stream, head, _length(request, head), timeouts["read"])
        return httpcore.Response(head.status_code, headers=head.headers.raw_items(), content=body)

    def is_idle(self) -> bool:
        """Whether it can take another request, as far as we know: the server may have closed it meanwhile."""
        if self._stream is None or time.monotonic() >= self._idle_until:
            return False
        return not self._stream.get_extra_info("is_readable")  # what could come now is only its end

    def close(self) -> None:
        """End it."""
        self._idle_until = 0.0
        if self._stream is not None:
            self._stream.close()

    def _open(self, timeout: float) -> httpcore.NetworkStream:
        host = self._origin.host.decode("ascii")
        stream = self._backend.connect_tcp(host, self._origin.port, timeout)
        if self._origin.scheme != b"https" or self._tls is None:
            return stream
        try:
            return stream.start_tls(self._tls, host, timeout)
        except BaseException:
            stream.close()
            raise

    def _body(
        self,
        talk: h11.Connection,
        stream: httpcore.NetworkStream,
        head: h11.Response,
        length: int | None,
        timeout: float,
    ) -> Iterator[bytes]:
        if length is None:
            with _mapped():
                yield from _framed(talk, stream, timeout)
            clean = talk.our_state is h11.DONE and talk.their_state is h11.DONE
        else:
            begun = bytes(talk.trailing_data[0])
            yield from _straight(begun[:length], stream, length, timeout)
            clean = len(begun) <= length and _stays(head)
        if clean:
            self._idle_until = time.monotonic() + self._expiry


def _encoded(talk: h11.Connection, request: httpcore.Request) -> bytes:
    """The whole request."""
    head = h11.Request(method=request.method, target=request.url.target, headers=request.headers)
    assert isinstance(request.stream, Iterable)
    parts = [talk.send(head), *(talk.send(h11.Data(data=piece)) for piece in request.stream if piece)]
    return b"".join(part for part in (*parts, talk.send(h11.EndOfMessage())) if part)


def _read_head(talk: h11.Connection, stream: httpcore.NetworkStream, timeout: float) -> h11.Response:
    """The head of the final answer."""
    while True:
        event = talk.next_event()
        if isinstance(event, h11.Response):
            return event
        if isinstance(event, h11.InformationalResponse) and event.status_code == 101:
            raise httpcore.RemoteProtocolError("the server switches protocols unasked")
        if event is h11.NEED_DATA:
            data = stream.read(_HEAD, timeout)
            if not data and talk.their_state == h11.SEND_RESPONSE:
                raise httpcore.RemoteProtocolError("the server went away without an answer")
            talk.receive_data(data)


def _length(request: httpcore.Request, head: h11.Response) -> int | None:
    """The announced length of a body that nothing else frames (section 6.3); None where h11 decides."""
    if request.method == b"HEAD" or head.status_code in (204, 304):
        return None
    framing = {name: value for name, value in head.headers if name in (b"content-length", b"transfer-encoding")}
    return int(framing[b"content-length"]) if framing.keys() == {b"content-length"} else None  # checked by h11


def _stays(head: h11.Response) -> bool:
    """Whether the server keeps the connection open (section 9.3)."""
    said = b",".join(value for name, value in head.headers if name == b"connection").lower()
    return head.http_version >= b"1.1" and b"close" not in {one.strip() for one in said.split(b",")}


def _straight(begun: bytes, stream: httpcore.NetworkStream, length: int, timeout: float) -> Iterator[bytes]:
    """Exactly `length` bytes, of which `begun` came with the head."""
    if begun:
        yield begun
    left = length - len(begun)
    while left:
        piece = stream.read(min(left, _PIECE), timeout)
        if not piece:
            raise httpcore.RemoteProtocolError(f"the answer is cut off: {left} of {length} bytes are missing")
        left -= len(piece)
        yield piece


def _framed(talk: h11.Connection, stream: httpcore.NetworkStream, timeout: float) -> Iterator[bytes]:
    """A body in chunks, until the end, or none."""
    while True:
        event = talk.next_event()
        if event is h11.NEED_DATA:
            talk.receive_data(stream.read(_HEAD, timeout))
        elif isinstance(event, h11.Data):
            yield bytes(event.data)
        else:
            return


@contextmanager
def _mapped() -> Iterator[None]:
    try:
        yield
    except h11.RemoteProtocolError as error:
        raise httpcore.RemoteProtocolError(str(error)) from error
    except h11.LocalProtocolError as error:
        raise httpcore.LocalProtocolError(str(error)) from error
