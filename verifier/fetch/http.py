"""What does this URL answer, within our limits?

The only importer of httpx. It is used below its client, at the transport, because everything the client adds is what we
must not do: redirects, cookies, credentials from the environment, decoding without limits.
"""

import random
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Self

import httpcore
import httpx

from verifier.errors import Refused, Unreachable
from verifier.fetch.body import answer_body
from verifier.fetch.call import NO_HEADERS, Call, HttpPolicy, Reply, expect, host_of, named
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
    httpx.HTTPError,
)
_IDLE_CONNECTION = 30.0
"""Seconds that an unused connection is kept; servers commonly close theirs after 60."""


class Http:
    """A client: pooled HTTP/1.1, bounded in time and bytes, polite. Safe to share between threads."""

    def __init__(
        self,
        policy: HttpPolicy,
        *,
        transport: httpx.BaseTransport | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] | None = None,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.policy = policy
        self.stats = Stats()
        self._given = transport
        self._clock = clock
        self._closing = threading.Event()
        self._sleep = sleep or self._pause
        self._jitter = jitter
        self._deadlines = Deadlines()
        self._lock = threading.Lock()
        self._gates: dict[str, Gate] = {}
        self._transports: dict[str, httpx.BaseTransport] = {}
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
        url = _checked_url(call.url)
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
        for transport in self._transports.values():
            transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _attempt(self, call: Call, url: httpx.URL, gate: Gate) -> Reply:
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

    def _exchange(self, call: Call, url: httpx.URL) -> tuple[Reply, float]:
        """One request and its whole answer, and when its first byte came."""
        started = self._clock()
        self._deadlines.at = time.monotonic() + self.policy.total_timeout
        transport = self._transport(call)
        try:
            response = transport.handle_request(self._request(call, url))
            try:
                first_byte = self._clock()
                body = answer_body(call, response.status_code, response.headers, _chunks(response))
            finally:
                response.close()
        except _FAILURES as error:
            raise _unreachable(error) from error
        finally:
            if call.fresh and self._given is None:
                transport.close()
        self.stats.answered(host_of(call.url), response.headers.get("Date"), len(body))
        return Reply(response.status_code, response.headers, body, call.url, self._clock() - started), first_byte

    def _request(self, call: Call, url: httpx.URL) -> httpx.Request:
        headers = {
            "User-Agent": self.policy.user_agent,
            "Accept": call.accept,
            "Accept-Encoding": "gzip, identity" if call.gzip else "identity",
            **call.headers,
        }
        timeout = {
            "connect": self.policy.connect_timeout,
            "read": self.policy.idle_timeout,
            "write": self.policy.idle_timeout,
            "pool": self.policy.total_timeout,
        }
        return httpx.Request(call.method, url, headers=headers, content=call.content, extensions={"timeout": timeout})

    def _transport(self, call: Call) -> httpx.BaseTransport:
        """The pool for the URL's scheme, or a new one for a fresh connection."""
        if self._given is not None:
            return self._given
        scheme = call.url.split(":", 1)[0].lower()
        with self._lock:
            if scheme == "https" and self._tls is None:
                self._tls = tls_context(self.policy.ca_file)
            if call.fresh:
                return _Transport(self.policy, self._tls, self._deadlines)
            if scheme not in self._transports:
                self._transports[scheme] = _Transport(self.policy, self._tls, self._deadlines)
            return self._transports[scheme]

    def _gate(self, host: str) -> Gate:
        with self._lock:
            if host not in self._gates:
                self._gates[host] = Gate(self.policy.ceiling, self._clock, self.policy.requests_per_second)
            return self._gates[host]

    def _pause(self, seconds: float) -> None:
        if self._closing.wait(seconds):
            raise Unreachable("we are closing", cause="connect", code="closing")


class _Transport(httpx.BaseTransport):
    """httpx's seam over our own connections; behind a proxy over httpcore's pool, which knows how to speak to one."""

    def __init__(self, policy: HttpPolicy, tls: ssl.SSLContext | None, deadlines: Deadlines) -> None:
        # behind a proxy the only address we see is the proxy's own
        backend = Backend(deadlines, allow_private=policy.allow_private or policy.proxy is not None)
        self._pool: Connections | httpcore.ConnectionPool
        if policy.proxy is None:
            self._pool = Connections(connector(tls, _IDLE_CONNECTION, backend), policy.ceiling)
            return
        proxy = httpx.Proxy(policy.proxy)
        self._pool = httpcore.ConnectionPool(
            tls,
            httpcore.Proxy(str(proxy.url), auth=proxy.raw_auth),
            max_connections=None,
            max_keepalive_connections=policy.ceiling,
            keepalive_expiry=_IDLE_CONNECTION,
            network_backend=backend,
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        url = request.url
        asked = httpcore.Request(
            request.method,
            httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
            headers=request.headers.raw,
            content=request.content,
            extensions=request.extensions,
        )
        answer = self._pool.handle_request(asked)
        return httpx.Response(answer.status, headers=answer.headers, stream=_Stream(answer))

    def close(self) -> None:
        self._pool.close()


def _chunks(response: httpx.Response) -> httpx.SyncByteStream:
    if not isinstance(response.stream, httpx.SyncByteStream):
        raise Unreachable("the transport gave no readable answer", cause="protocol", code="protocol")
    return response.stream


class _Stream(httpx.SyncByteStream):
    """An answer's bytes as httpx passes them on."""

    def __init__(self, answer: httpcore.Response) -> None:
        self._answer = answer

    def __iter__(self) -> Iterator[bytes]:
        return self._answer.iter_stream()

    def close(self) -> None:
        self._answer.close()


def _checked_url(url: str) -> httpx.URL:
    """Plain http(s) with a host, no user and password: those would end up in messages."""
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise Refused("this is not a URL", code="bad-url") from error
    if parsed.scheme not in ("http", "https") or not parsed.host or parsed.userinfo:
        raise Refused("not a plain http or https URL without user name", code="bad-url")
    return parsed


def _unreachable(error: Exception) -> Unreachable:
    """The cause of a failure on the way, ours (httpcore) or of a transport that was given to us (httpx)."""
    if isinstance(error, httpcore.TimeoutException | httpx.TimeoutException):
        return Unreachable("no answer in time", cause="timeout", code="timeout")
    if isinstance(error, httpcore.ProtocolError | httpx.ProtocolError):
        return Unreachable("the answer is cut off or not HTTP", cause="protocol", code="protocol")
    if isinstance(error, httpcore.ReadError | httpcore.WriteError | httpx.ReadError | httpx.WriteError):
        return Unreachable("the connection broke", cause="connect", code="connect")
    return Unreachable("no connection", cause="connect", code="connect")
