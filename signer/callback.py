"""Where does the browser bring the code? A listener on the loopback interface, for one login.

Only a request with our random state is heard (GHSA-hm8f-75xx-w2vr); anything else that a page on this machine may send
gets an error and changes nothing. Each connection is closed after its answer, so that a kept one cannot hold us up.
"""

import hmac
import socket
import socketserver
import threading
from types import TracebackType
from typing import Self
from urllib.parse import parse_qs, urlsplit

from verifier.errors import Refused, Unreachable

_LOOPBACK = {"localhost": "127.0.0.1", "127.0.0.1": "127.0.0.1", "::1": "::1"}
_MAX_HEAD = 16 << 10
_PATIENCE = 10.0
_DONE = b"You are logged in. Close this page and go back to the terminal.\n"
_SORRY = b"This is not the answer that was waited for.\n"


class Listener:
    """Waits for ``GET <path>?code=...&state=<state>``. `redirect` is the URL to give to the issuer."""

    def __init__(self, redirect: str, state: str) -> None:
        parts = urlsplit(redirect)
        if parts.scheme != "http" or (parts.hostname or "") not in _LOOPBACK:
            raise Refused(
                "the redirect URL must be http:// on this machine",
                code="oidc-redirect",
                hint="for example http://localhost:0/auth/callback",
            )
        self._state, self._path, self._host = state, parts.path or "/", parts.hostname or ""
        self._found = threading.Event()
        self._code, self._error = "", ""
        try:
            self._server = self._bind(_LOOPBACK[self._host], parts.port or 0)
        except OSError as error:
            raise Refused(
                f"cannot listen for the browser on port {parts.port}: {error.strerror}", code="oidc-redirect"
            ) from None

    @property
    def redirect(self) -> str:
        """The redirect URL, with the port that was found."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self._server.server_address[1]}{self._path}"

    def wait(self, seconds: float) -> str:
        """The code; Refused where the person declined at the issuer, Unreachable when nobody came in time."""
        if not self._found.wait(seconds):
            raise Unreachable(
                "nobody logged in with the browser in time",
                code="oidc-timeout",
                cause="timeout",
                hint="try --fulcio-auth-flow device",
            )
        if self._error:
            raise Refused("the identity provider refused the login", code="oidc-denied")
        return self._code

    def __enter__(self) -> Self:
        serve = self._server.serve_forever
        threading.Thread(target=serve, kwargs={"poll_interval": 0.05}, daemon=True, name="callback").start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, target: str) -> tuple[int, bytes]:
        """Status and text for one request."""
        parts = urlsplit(target)
        query = parse_qs(parts.query)
        state = query.get("state", [""])[0]
        if parts.path != self._path or not hmac.compare_digest(state.encode(), self._state.encode()):
            return 400, _SORRY
        code = query.get("code", [""])[0]
        if not self._found.is_set():
            self._code, self._error = code, "" if code else "refused"
            self._found.set()
        return (200, _DONE) if code else (400, _SORRY)

    def _bind(self, address: str, port: int) -> socketserver.TCPServer:
        listener = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                listener._serve(self.request)

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True
            block_on_close = False
            allow_reuse_address = True
            address_family = socket.AF_INET6 if ":" in address else socket.AF_INET

            def handle_error(self, request: object, client_address: object) -> None:
                """A browser that hangs up is no news, and its request may hold the code."""

        return Server((address, port), Handler)

    def _serve(self, connection: socket.socket) -> None:
        connection.settimeout(_PATIENCE)
        head = b""
        while b"\r\n\r\n" not in head and len(head) < _MAX_HEAD:
            piece = connection.recv(4096)
            if not piece:
                return
            head += piece
        method, _, rest = head.partition(b"\r\n")[0].decode("latin-1").partition(" ")
        status, text = self.answer(rest.partition(" ")[0]) if method == "GET" else (405, _SORRY)
        connection.sendall(
            b"HTTP/1.1 %d -\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: %d\r\n"
            b"Cache-Control: no-store\r\nReferrer-Policy: no-referrer\r\nConnection: close\r\n\r\n%b"
            % (status, len(text), text)
        )
