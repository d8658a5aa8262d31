"""Who asks whether we are alive? /healthz, /readyz and /metrics on a small server, loopback unless told otherwise.

No page holds a secret, an identity or a finding: whoever reaches the port learns names of logs, channels and watches.
"""

import json
import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from monitor.display import visible
from verifier.errors import Refused

log = logging.getLogger(__name__)

_SECONDS = 10
"""A slow reader may hold a thread for no longer."""
_MOST_AT_ONCE = 16


@dataclass(frozen=True, slots=True)
class Page:
    """One answer."""

    status: int
    content_type: str
    body: bytes


Pages = Mapping[str, Callable[[], Page]]


def json_page(status: int, value: Any) -> Page:
    """A page of JSON."""
    return Page(status, "application/json", json.dumps(value, ensure_ascii=True, indent=1).encode() + b"\n")


class Web:
    """Serves the pages that `find` knows by path, from its own threads, between `start` and `stop`."""

    def __init__(self, listen: str, find: Callable[[str], Callable[[], Page] | None]) -> None:
        """`listen` is ``host:port``; port 0 takes a free one. Refused where it cannot be listened on."""
        host, port = parse_listen(listen)
        try:
            self._server = _Server((host, port), _handler(find))
        except (OSError, OverflowError) as error:
            raise Refused(
                f"cannot listen on {listen}: {error}", code="listen", hint="choose another address in daemon.listen"
            ) from None
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.1}, name="web", daemon=True
        )

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self._server.server_address[1])

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Stop answering and free the port."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()


def parse_listen(listen: str) -> tuple[str, int]:
    """``host:port`` or ``[v6]:port``; Refused otherwise."""
    host, colon, port = listen.rpartition(":")
    if not colon or not port.isdecimal() or int(port) > 65535:
        raise Refused(f"'{visible(listen)}' is not host:port", code="listen", hint='for example "127.0.0.1:9464"')
    return host.strip("[]") or "127.0.0.1", int(port)


class _Server(ThreadingHTTPServer):
    """Bounded: what comes while all threads are busy is closed at once."""

    daemon_threads = True
    request_queue_size = 16

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        if ":" in address[0]:
            import socket

            self.address_family = socket.AF_INET6
        self._room = threading.BoundedSemaphore(_MOST_AT_ONCE)
        super().__init__(address, handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        """In a thread, if there is room."""
        if not self._room.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """The thread's work; its room is given back whatever happens."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._room.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A reader that went away is nothing to us."""
        log.debug("a web request ended early", exc_info=True)


def _handler(find: Callable[[str], Callable[[], Page] | None]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = _SECONDS
        server_version = "sigwarden"
        sys_version = ""

        def do_GET(self) -> None:
            self._answer(with_body=True)

        def do_HEAD(self) -> None:
            self._answer(with_body=False)

        def _answer(self, *, with_body: bool) -> None:
            page = _page(find(self.path.partition("?")[0]))
            self.send_response(page.status)
            self.send_header("Content-Type", page.content_type)
            self.send_header("Content-Length", str(len(page.body)))
            self.send_header("Cache-Control", "no-store")
            self.send_header("X-Content-Type-Options", "nosniff")
            self.send_header("Content-Security-Policy", "default-src 'none'")
            self.end_headers()
            if with_body:
                self.wfile.write(page.body)

        def log_message(self, format: str, *args: object) -> None:
            log.debug("web: %s", visible(format % args))

    return Handler


def _page(make: Callable[[], Page] | None) -> Page:
    if make is None:
        return Page(404, "text/plain; charset=utf-8", b"/healthz /readyz /metrics\n")
    try:
        return make()
    except Exception:  # the page says that it failed; why is in the log
        log.exception("a page could not be made")
        return Page(500, "text/plain; charset=utf-8", b"this page could not be made\n")
