"""How does a service fail on the way to its client? One method for each way; `honest()` takes them all back."""

import gzip
from collections.abc import Callable, Iterator
from dataclasses import replace

from sandbox.lies import Fault, Lies
from sandbox.wire import Reply, Request

_HTML = b"<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>\n"


class Wayward:
    """What every service of the sandbox has in common: `times` does it only so often; `only` is a glob over paths."""

    lies: Lies

    def honest(self) -> None:
        """Tell the truth again."""
        released = self.lies.released
        self.lies = Lies()
        released.set()

    def fault(self, apply: Callable[[Request, Reply], Reply], only: str = "*", times: int | None = None) -> None:
        """Change replies in any way."""
        self.lies.faults.append(Fault(apply, only, times))

    def silence(self, only: str = "*", times: int | None = None) -> None:
        """Take the request and never answer (until honest() or the end)."""
        released = self.lies.released
        self.fault(lambda _request, reply: replace(reply, hold=released), only, times)

    def hang_up(self, only: str = "*", times: int | None = None) -> None:
        """Close the connection instead of answering."""
        self.fault(lambda _request, reply: replace(reply, hang_up=True), only, times)

    def status(
        self, code: int, times: int | None = None, retry_after: str | None = None, only: str = "*", body: bytes = b""
    ) -> None:
        """Answer with a status (429, 503, ...), with or without Retry-After; what was asked for is done anyway."""
        self.fault(_with_status(code, retry_after, body), only, times)

    def refuse(
        self, code: int, times: int | None = None, retry_after: str | None = None, only: str = "*", body: bytes = b""
    ) -> None:
        """Answer with a status, and do nothing of what was asked for."""
        self.lies.refusals.append(Fault(_with_status(code, retry_after, body), only, times))

    def html_200(self, only: str = "*", times: int | None = None) -> None:
        """A proxy's error page with status 200."""
        self.fault(lambda _request, _reply: Reply(200, _HTML, (), "text/html"), only, times)

    def delay(self, seconds: float, only: str = "*", times: int | None = None) -> None:
        """Think so long before each answer."""
        self.fault(lambda _request, reply: replace(reply, delay=seconds), only, times)

    def garble(self, change: Callable[[bytes], bytes], only: str = "*", times: int | None = None) -> None:
        """Send other bytes than the honest body: `change` makes them from it."""

        def garbled(_request: Request, reply: Reply) -> Reply:
            return replace(reply, body=change(reply.body)) if isinstance(reply.body, bytes) else reply

        self.fault(garbled, only, times)

    def slow_drip(self, rate: float = 1.0, only: str = "*") -> None:
        """Send bodies at `rate` bytes a second."""
        self.fault(lambda _request, reply: replace(reply, rate=rate), only)

    def truncate(self, at: int = 10, only: str = "*", times: int | None = None, *, honest_length: bool = True) -> None:
        """Cut bodies after `at` bytes; `honest_length` False also claims that they are only so long."""
        self.fault(lambda _request, reply: replace(reply, cut=at, length=None if honest_length else at), only, times)

    def oversize(self, size: int = 1 << 30, only: str = "*", times: int | None = None) -> None:
        """A body of `size` spaces, chunked, as fast as it is read."""
        self.fault(lambda _request, reply: replace(reply, body=_spaces(size)), only, times)

    def gzip_bomb(self, size: int = 256 << 20, only: str = "*", times: int | None = None) -> None:
        """A small body that unpacks to `size` bytes."""
        bomb = _bomb(size)
        headers = (("Content-Encoding", "gzip"),)
        self.fault(lambda _request, reply: replace(reply, body=bomb, headers=headers), only, times)

    def redirect(self, url: str, only: str = "*", times: int | None = None, code: int = 302) -> None:
        """Send the client elsewhere."""
        self.fault(lambda _request, _reply: Reply(code, b"", (("Location", url),), "text/plain"), only, times)

    def skewed_clock(self, seconds: float) -> None:
        """A Date header that is `seconds` ahead."""
        self.lies.date_skew = seconds


def _with_status(code: int, retry_after: str | None, body: bytes) -> Callable[[Request, Reply], Reply]:
    headers = () if retry_after is None else (("Retry-After", retry_after),)
    kind = "application/json" if body.startswith(b"{") else "text/plain"
    return lambda _request, _reply: Reply(code, body, headers, kind)


def _spaces(size: int) -> Iterator[bytes]:
    piece = b" " * (1 << 16)
    for _ in range(size >> 16):
        yield piece


def _bomb(size: int) -> bytes:
    """A gzip of many equal members: made once, a member at a time."""
    member = gzip.compress(b"\0" * (16 << 20), mtime=0)
    return member * max(1, size >> 24)
