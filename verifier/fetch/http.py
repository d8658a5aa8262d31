"""What does this URL answer, within our limits?

Over httpcore and connections of ours, and not over a client (httpx, requests): everything a client adds is what we must
not do: redirects, cookies, credentials from the environment, decoding without limits.
"""

import random
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Protocol, Self

import httpcore

from verifier.errors import Unreachable
from verifier.fetch.address import host_header, parse_proxy, parse_url
from verifier.fetch.body import answer_body
from verifier.fetch.call import NO_HEADERS, Call, Headers, HttpPolicy, Reply, expect, host_of, named
from verifier.fetch.crew import Crew, Item, Result
from verifier.fetch.gate import Gate, Outcome
from verifier.fetch.pool import Connections, connector
from verifier.fetch.retry import RETRIED_CAUSES, Retries, retry_after, times_retried
from verifier.fetch.stats import Stats
from verifier.fetch.wire import Backend, Deadlines, tls_context

__all__ = ["Call", "Http", "HttpPolicy", "Reply", "expect"]

_FULL = frozenset({429, 500, 502, 503, 504})
_FULL_CAUSES = frozenset({"timeout", "connect", "protocol"})
_FAILURES = (
    httpcore.TimeoutException,
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.ProxyError,
    httpcore.UnsupportedProtocol,
)
_IDLE_CONNECTION = 30.0
"""Seconds that an unused connection is kept; servers commonly close theirs after 60."""


class Http:
    """A client: pooled HTTP/1.1, bounded in time and bytes, polite. Safe to share between threads."""

    def __init__(
        self,
        policy: HttpPolicy,
        *,
        transport: object | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] | None = None,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.policy = policy
        self.stats = Stats()
        self._given = None if transport is None else _seam(transport)
        self._clock = clock
        self._closing = threading.Event()
        self._sleep = sleep or self._pause
        self._jitter = jitter
        self._deadlines = Deadlines()
        self._lock = threading.Lock()
        self._gates: dict[str, Gate] = {}
        self._doors: dict[str, _Door] = {}
        self._timeouts = {
            "timeout": {
                "connect": policy.connect_timeout,
                "read": policy.idle_timeout,
                "write": policy.idle_timeout,
                "pool": policy.total_timeout,
            }
        }
        self._tls: ssl.SSLContext | None = None
        self._crew = Crew(policy.ceiling)

    def get(self, url: str, *, max_bytes: int, accept: str = "*/*", gzip: bool = False, fresh: bool = False) -> Reply:
        """What GET answers, of any status; raises Unreachable where no whole answer came."""
        return self.send(Call("GET", url, max_bytes, accept=accept, gzip=gzip, fresh=fresh))

    def post(
        self,
        url: str,
        content: bytes,
        *,
        content_type: str,
        max_bytes: int,
        headers: Mapping[str, str] = NO_HEADERS,
    ) -> Reply:
        """What POST answers. It is repeated after failures, so only for requests that may arrive twice."""
        extra = {"Content-Type": content_type, **headers}
        return self.send(Call("POST", url, max_bytes, headers=extra, content=content))

    def send(self, call: Call) -> Reply:
        """What `call` answers, after retries where they help; Refused for a URL that is none of ours to ask."""
        url = parse_url(call.url)
        gate = self._gate(host_of(call.url))
        retries = Retries(self.policy.retries, self._clock() + self.policy.retry_budget_seconds, self._jitter)
        while True:
            try:
                reply = self._attempt(call, url, gate)
            except Unreachable as error:
                delay = retries.after_failure(error, self._clock()) if error.cause in RETRIED_CAUSES else None
                if delay is None:
                    raise named(error, call, secret=self.policy.secret_urls) from error
            else:
                delay = retries.after_reply(times_retried(reply.status), retry_after(reply.headers), self._clock())
                if delay is None:
                    return reply
            self.stats.retried()
            self._sleep(delay)

    def gather(self, function: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
        """`function` of every item, in order, as many at once as the ceiling allows.

        The first error cancels what has not started. `function` must not gather itself.
        """
        return self._crew.gather(function, items)

    def stream(self, function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """The same, each result as soon as it and all before it are there: no more are made ahead than the ceiling."""
        return self._crew.stream(function, items)

    def sleep(self, seconds: float) -> None:
        """Waits, unless we are closing: then it raises."""
        self._sleep(seconds)

    def close(self) -> None:
        """Ends all waiting and closes all connections."""
        self._closing.set()
        with self._lock:
            for gate in self._gates.values():
                gate.close()
        self._crew.close()
        for door in self._doors.values():
            door.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _attempt(self, call: Call, url: httpcore.URL, gate: Gate) -> Reply:
        started = self._clock()
        ticket = gate.enter(started + self.policy.total_timeout)
        sent = self._clock()
        said: int | str = "failed"
        outcome: Outcome = "other"
        latency = pause = 0.0
        try:
            reply, first_byte = self._exchange(call, url)
            said, latency = reply.status, first_byte - sent
            outcome = "full" if reply.status in _FULL else "good"
            pause = retry_after(reply.headers) or 0.0 if outcome == "full" else 0.0
            return reply
        except Unreachable as error:
            said = error.cause
            outcome = "full" if said in _FULL_CAUSES else "other"
            raise
        finally:
            gate.leave(ticket, outcome, latency=latency, pause=pause)
            self.stats.counted(host_of(call.url), said)

    def _exchange(self, call: Call, url: httpcore.URL) -> tuple[Reply, float]:
        """One request and its whole answer, and when its first byte came."""
        started = self._clock()
        self._deadlines.at = time.monotonic() + self.policy.total_timeout
        door = self._door(call)
        try:
            answer = door.handle_request(self._request(call, url))
            try:
                first_byte = self._clock()
                headers = Headers(answer.headers)
                body = answer_body(call, answer.status, headers, answer.iter_stream())
            finally:
                answer.close()
        except _FAILURES as error:
            raise _unreachable(error) from error
        finally:
            if call.fresh and door is not self._given:
                door.close()
        self.stats.answered(host_of(call.url), headers.get("Date"), len(body))
        return Reply(answer.status, headers, body, call.url, self._clock() - started), first_byte

    def _request(self, call: Call, url: httpcore.URL) -> httpcore.Request:
        headers = {
            "Host": host_header(url),
            "User-Agent": self.policy.user_agent,
            "Accept": call.accept,
            "Accept-Encoding": "gzip, identity" if call.gzip else "identity",
            **call.headers,
        }
        if call.content is not None:
            headers["Content-Length"] = str(len(call.content))
        fields = list(headers.items())
        return httpcore.Request(call.method, url, headers=fields, content=call.content, extensions=self._timeouts)

    def _door(self, call: Call) -> "_Door":
        """The connections for the URL's scheme, or new ones for a fresh connection."""
        if self._given is not None:
            return self._given
        scheme = call.url.split(":", 1)[0].lower()
        with self._lock:
            if scheme == "https" and self._tls is None:
                self._tls = tls_context(self.policy.ca_file)
            if call.fresh:
                return _connections(self.policy, self._tls, self._deadlines)
            if scheme not in self._doors:
                self._doors[scheme] = _connections(self.policy, self._tls, self._deadlines)
            return self._doors[scheme]

    def _gate(self, host: str) -> Gate:
        with self._lock:
            if host not in self._gates:
                self._gates[host] = Gate(self.policy.ceiling, self._clock, self.policy.requests_per_second)
            return self._gates[host]

    def _pause(self, seconds: float) -> None:
        if self._closing.wait(seconds):
            raise Unreachable("we are closing", cause="connect", code="closing")


def _connections(policy: HttpPolicy, tls: ssl.SSLContext | None, deadlines: Deadlines) -> "_Door":
    """Our own connections; behind a proxy httpcore's pool, which knows how to speak to one."""
    # behind a proxy the only address we see is the proxy's own
    backend = Backend(deadlines, allow_private=policy.allow_private or policy.proxy is not None)
    if policy.proxy is None:
        return Connections(connector(tls, _IDLE_CONNECTION, backend), policy.ceiling)
    return httpcore.ConnectionPool(
        tls,
        parse_proxy(policy.proxy),
        max_connections=None,
        max_keepalive_connections=policy.ceiling,
        keepalive_expiry=_IDLE_CONNECTION,
        network_backend=backend,
    )


def _seam(transport: object) -> "_Door":
    from verifier.fetch.seam import Seam  # httpx, which nothing else needs

    return Seam(transport)  # type: ignore[arg-type]


class _Door(Protocol):
    """What takes a request and gives an answer."""

    def handle_request(self, request: httpcore.Request) -> httpcore.Response: ...

    def close(self) -> None: ...


def _unreachable(error: Exception) -> Unreachable:
    """The cause of a failure on the way."""
    if isinstance(error, httpcore.TimeoutException):
        return Unreachable("no answer in time", cause="timeout", code="timeout")
    if isinstance(error, httpcore.ProtocolError):
        return Unreachable("the answer is cut off or not HTTP", cause="protocol", code="protocol")
    if isinstance(error, httpcore.ReadError | httpcore.WriteError):
        return Unreachable("the connection broke", cause="connect", code="connect")
    return Unreachable("no connection", cause="connect", code="connect")
