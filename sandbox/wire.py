"""How do the sandbox's servers speak HTTP: fast enough for benches, and wrong exactly where they were told to be?"""

import os
import socket
import socketserver
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email.utils import formatdate
from http import HTTPStatus
from pathlib import Path
from typing import Self
from urllib.parse import parse_qsl, unquote, urlsplit

_MAX_HEAD = 64 << 10
_MAX_BODY = 64 << 20
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it came; header names are lower-case. `connection` counts connections from 0."""

    method: str
    target: str
    path: str
    query: tuple[tuple[str, str], ...]
    headers: dict[str, str]
    body: bytes
    connection: int

    def value(self, name: str) -> str | None:
        """The last value of a query parameter, as Go's parameter layer takes it."""
        return dict(self.query).get(name)


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer and how it is delivered.

    `body` is bytes, a file to be sent from disk, or an iterator of pieces of unknown length (chunked). `delay` seconds
    pass first; `rate` is in bytes per second; `cut` sends only so many bytes of the body and closes; `length` overrides
    Content-Length; `hold` waits for that event instead of answering; `hang_up` closes without a word.
    """

    status: int = 200
    body: bytes | Path | Iterator[bytes] = b""
    headers: tuple[tuple[str, str], ...] = ()
    content_type: str = "application/json"
    rate: float | None = None
    delay: float = 0.0
    cut: int | None = None
    length: int | None = None
    chunked: bool = False
    hold: threading.Event | None = None
    hang_up: bool = False
    date_skew: float = 0.0

    def header(self, name: str) -> str | None:
        """The value of a header that was set by hand."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)


@dataclass(slots=True)
class Connection:
    """A buffered reader of requests on one socket."""

    sock: socket.socket
    number: int
    buffer: bytearray = field(default_factory=bytearray)

    def next_request(self) -> Request | None:
        """The next request, None when the client has gone."""
        while (end := self.buffer.find(b"\r\n\r\n")) < 0:
            if len(self.buffer) > _MAX_HEAD or not self._more():
                return None
        head = bytes(self.buffer[:end]).decode("latin-1")
        del self.buffer[: end + 4]
        line, *rest = head.split("\r\n")
        method, _, tail = line.partition(" ")
        target = tail.rpartition(" ")[0]
        headers = {name.strip().lower(): value.strip() for name, _, value in (row.partition(":") for row in rest)}
        body = self._body(headers)
        if not target or body is None:
            return None
        parts = urlsplit("http://sandbox" + target if target.startswith("/") else target)
        query = tuple(parse_qsl(parts.query, keep_blank_values=True))
        return Request(method, target, unquote(parts.path), query, headers, body, self.number)

    def _more(self) -> bool:
        try:
            piece = self.sock.recv(1 << 16)
        except OSError:
            return False
        self.buffer += piece
        return bool(piece)

    def _body(self, headers: dict[str, str]) -> bytes | None:
        if headers.get("expect", "").lower() == "100-continue":
            self.sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        if headers.get("transfer-encoding", "").lower() == "chunked":
            return self._chunks()
        length = int(headers.get("content-length") or 0)
        return self._take(length) if 0 <= length <= _MAX_BODY else None

    def _take(self, length: int) -> bytes | None:
        while len(self.buffer) < length:
            if not self._more():
                return None
        taken = bytes(self.buffer[:length])
        del self.buffer[:length]
        return taken

    def _chunks(self) -> bytes | None:
        out = bytearray()
        while len(out) <= _MAX_BODY:
            while (end := self.buffer.find(b"\r\n")) < 0:
                if not self._more():
                    return None
            size = int(self.buffer[:end].split(b";")[0], 16)
            del self.buffer[: end + 2]
            piece = self._take(size + 2)
            if piece is None or size == 0:
                return None if piece is None else bytes(out)
            out += piece[:-2]
        return None


def _head(reply: Reply, length: int | None, server_name: str) -> bytes:
    reason = HTTPStatus(reply.status).phrase if reply.status in HTTPStatus._value2member_map_ else "Status"
    rows = [f"HTTP/1.1 {reply.status} {reason}"]
    if reply.content_type and (length or reply.status != 404):
        rows.append(f"Content-Type: {reply.content_type}")
    rows.extend(f"{name}: {value}" for name, value in reply.headers)
    if reply.header("date") is None:
        rows.append("Date: " + formatdate(time.time() + reply.date_skew, usegmt=True))
    rows.append("Transfer-Encoding: chunked" if length is None else f"Content-Length: {length}")
    rows.append(f"Server: {server_name}")
    return ("\r\n".join(rows) + "\r\n\r\n").encode("latin-1", "replace")


def _pieces(body: bytes, rate: float | None) -> Iterator[bytes]:
    """The body at once, or one byte at a time where the rate is below ten thousand bytes a second."""
    if rate is None:
        yield body
        return
    step = max(1, int(rate / 10))
    for start in range(0, len(body), step):
        yield body[start : start + step]
        time.sleep(step / rate)


def send(sock: socket.socket, reply: Reply, *, head_only: bool = False, server_name: str = "sandbox") -> bool:
    """Deliver `reply`; whether the connection may be used again."""
    if reply.hold is not None:
        reply.hold.wait()
    if reply.hold is not None or reply.hang_up:
        return False
    body = reply.body
    if isinstance(body, Path):
        return _send_file(sock, reply, body, server_name)
    if not isinstance(body, bytes):
        return _send_stream(sock, reply, body, server_name)
    if reply.chunked and reply.rate is None and reply.cut is None:
        return _send_stream(sock, reply, (body[at : at + _CHUNK] for at in range(0, len(body), _CHUNK)), server_name)
    length = len(body) if reply.length is None else reply.length
    sent = body if reply.cut is None else body[: reply.cut]
    head = _head(reply, length, server_name)
    if reply.rate is None:
        sock.sendall(head if head_only else head + sent if len(sent) < 1 << 14 else head)
        if not head_only and len(sent) >= 1 << 14:
            sock.sendall(sent)
    else:
        sock.sendall(head)
        for piece in _pieces(sent, reply.rate):
            sock.sendall(piece)
    return len(sent) == length


def _send_file(sock: socket.socket, reply: Reply, path: Path, server_name: str) -> bool:
    with path.open("rb", buffering=0) as file:
        size = os.fstat(file.fileno()).st_size
        sock.sendall(_head(reply, size, server_name), socket.MSG_MORE)
        sock.sendfile(file)
    return True


def _send_stream(sock: socket.socket, reply: Reply, pieces: Iterator[bytes], server_name: str) -> bool:
    sock.sendall(_head(reply, None, server_name))
    for piece in pieces:
        sock.sendall(b"%x\r\n" % len(piece) + piece + b"\r\n")
    sock.sendall(b"0\r\n\r\n")
    return True


class _Sockets(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True
    request_queue_size = 256

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up is no news for a fake server."""


class Server:
    """An HTTP/1.1 server on loopback, one thread a connection; `answer` maps a request to a reply.

    Keep-alive and TCP_NODELAY; `latency` seconds pass before each answer without holding up the others.
    """

    def __init__(self, answer: Callable[[Request], Reply], *, port: int = 0, latency: float = 0.0) -> None:
        self.answer = answer
        self.latency = latency
        self.name = "sandbox"
        self._count = 0
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._wanted = port
        self._sockets: _Sockets | None = None
        self._thread: threading.Thread | None = None

    @property
    def port(self) -> int:
        """The port; it is bound when it is first asked for."""
        address = self._bound().server_address
        return int(address[1])

    @property
    def url(self) -> str:
        """The base URL, without a trailing slash."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> Self:
        """Begin to answer."""
        serve = self._bound().serve_forever
        self._thread = threading.Thread(target=serve, kwargs={"poll_interval": 0.02}, daemon=True, name="sandbox")
        self._thread.start()
        return self

    def stop(self) -> None:
        """Stop listening, and hang up on everybody. Connections are refused until start(), on the same port."""
        if self._thread is not None:
            self._bound().shutdown()
            self._thread.join()
        if self._sockets is not None:
            self._wanted = self.port
            self._sockets.server_close()
        self._thread = self._sockets = None
        self.hang_up()

    def _bound(self) -> "_Sockets":
        if self._sockets is None:
            server = self

            class Handler(socketserver.BaseRequestHandler):
                def handle(self) -> None:
                    server._serve(self.request)

            self._sockets = _Sockets(("127.0.0.1", self._wanted), Handler)
        return self._sockets

    def hang_up(self) -> None:
        """Close every open connection."""
        with self._lock:
            for sock in self._open:
                try:
                    sock.shutdown(socket.SHUT_RDWR)
                except OSError:
                    continue

    def _serve(self, sock: socket.socket) -> None:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self._lock:
            connection = Connection(sock, self._count)
            self._count += 1
            self._open.add(sock)
        try:
            while (request := connection.next_request()) is not None:
                reply = self.answer(request)
                if wait := self.latency + reply.delay:
                    time.sleep(wait)
                again = send(sock, reply, head_only=request.method == "HEAD", server_name=self.name)
                if not again or request.headers.get("connection", "").lower() == "close":
                    return
        except (OSError, ValueError):
            return
        finally:
            with self._lock:
                self._open.discard(sock)
