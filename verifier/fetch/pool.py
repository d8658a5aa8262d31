"""Which open connection takes the next request?

The one used last, found at once. (httpcore's own pool looks at every connection for every request: with 48 of them that
costs ten times what the request costs.)
"""

import contextlib
import ssl
import threading
from collections.abc import Callable, Iterator

import httpcore

from verifier.fetch.line import Line

Connect = Callable[[httpcore.Origin], Line]

_BROKEN = (httpcore.RemoteProtocolError, httpcore.ReadError, httpcore.WriteError)
"""How a connection fails that the server had closed while it was idle."""


class Connections:
    """Keep-alive HTTP/1.1 connections, at most `keep` idle ones for each origin. Safe to share between threads."""

    def __init__(self, connect: Connect, keep: int) -> None:
        self._connect = connect
        self._keep = keep
        self._lock = threading.Lock()
        self._idle: dict[str, list[Line]] = {}
        self._closed = False

    def handle_request(self, request: httpcore.Request) -> httpcore.Response:
        """The answer; closing it gives the connection back. A request may go out twice if an idle one was dead."""
        used = self._take(request.url.origin)
        if used is not None:
            with contextlib.suppress(*_BROKEN):
                return self._send(used, request)
        return self._send(self._connect(request.url.origin), request)

    def close(self) -> None:
        """Closes what is idle; what is in use when it comes back."""
        with self._lock:
            self._closed = True
            idle = [one for stack in self._idle.values() for one in stack]
            self._idle.clear()
        for connection in idle:
            connection.close()

    def _send(self, connection: Line, request: httpcore.Request) -> httpcore.Response:
        try:
            answer = connection.handle_request(request)
        except BaseException:
            connection.close()
            raise
        body = _Body(answer, lambda: self._give_back(request.url.origin, connection))
        return httpcore.Response(answer.status, headers=answer.headers, content=body, extensions=answer.extensions)

    def _take(self, origin: httpcore.Origin) -> Line | None:
        while True:
            with self._lock:
                stack = self._idle.get(str(origin))
                if not stack:
                    return None
                connection = stack.pop()
            if connection.is_idle():
                return connection
            connection.close()

    def _give_back(self, origin: httpcore.Origin, connection: Line) -> None:
        with self._lock:
            stack = self._idle.setdefault(str(origin), [])
            if connection.is_idle() and len(stack) < self._keep and not self._closed:
                stack.append(connection)
                return
        connection.close()


class _Body:
    """The answer's bytes as they come."""

    def __init__(self, answer: httpcore.Response, done: Callable[[], None]) -> None:
        self._answer = answer
        self._done = done

    def __iter__(self) -> Iterator[bytes]:
        return self._answer.iter_stream()

    def close(self) -> None:
        self._answer.close()
        self._done()


def connector(tls: ssl.SSLContext | None, expiry: float, backend: httpcore.NetworkBackend) -> Connect:
    """Makes connections that are idle at most `expiry` seconds."""

    def connect(origin: httpcore.Origin) -> Line:
        return Line(origin, tls, backend, expiry)

    return connect
