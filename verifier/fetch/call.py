"""What is asked of a server, within which limits, and what did it answer?"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from verifier.errors import Unreachable
from verifier.fetch.retry import retry_after

NO_HEADERS: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class HttpPolicy:
    """How we behave on the network; picklable. Times in seconds; `ceiling` and `requests_per_second` are per host.

    `secret_urls` keeps paths out of messages (a webhook's URL is its password).
    """

    user_agent: str = "sigwarden"
    proxy: str | None = None
    ca_file: str | None = None
    connect_timeout: float = 10.0
    idle_timeout: float = 20.0
    total_timeout: float = 90.0
    retries: int = 3
    retry_budget_seconds: float = 60.0
    ceiling: int = 8
    allow_private: bool = True
    requests_per_second: float | None = None
    secret_urls: bool = False


@dataclass(frozen=True, slots=True)
class Call:
    """One request. `max_bytes` bounds the answer before and after decompression; `fresh` avoids used connections."""

    method: str
    url: str
    max_bytes: int
    accept: str = "*/*"
    gzip: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes | None = None
    fresh: bool = False


class Headers(Mapping[str, str]):
    """The header fields of an answer, by name in any case; repeated ones joined by commas (RFC 9110 section 5.3)."""

    def __init__(self, fields: Iterable[tuple[bytes, bytes]]) -> None:
        self._held: dict[str, str] = {}
        for name, value in fields:
            key, text = name.decode("latin-1").lower(), value.decode("latin-1")
            self._held[key] = f"{self._held[key]}, {text}" if key in self._held else text

    def __getitem__(self, name: str) -> str:
        return self._held[name.lower()]

    def __iter__(self) -> Iterator[str]:
        return iter(self._held)

    def __len__(self) -> int:
        return len(self._held)


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer, of any status. Header names match in any case; `elapsed` is seconds to the last byte."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str
    elapsed: float


def expect(reply: Reply, *statuses: int) -> Reply:
    """`reply` itself if it has one of `statuses`, else Unreachable (cause status or redirect)."""
    if reply.status in statuses:
        return reply
    redirect = 300 <= reply.status < 400
    message = f"{reply.url}: answered {reply.status}" + (", a redirect, which we do not follow" if redirect else "")
    raise Unreachable(
        message,
        cause="redirect" if redirect else "status",
        code=f"status-{reply.status}",
        status=reply.status,
        retry_after=retry_after(reply.headers),
    )


def host_of(url: str) -> str:
    """``scheme://host:port``, what a gate, a counter and a message about a secret URL go by."""
    return "/".join(url.split("/", 3)[:3])


def named(error: Unreachable, call: Call, *, secret: bool) -> Unreachable:
    """The same failure, saying which request; only its host if the URL is `secret`."""
    return Unreachable(
        f"{call.method} {host_of(call.url) if secret else call.url}: {error.message}",
        code=error.code,
        cause=error.cause,
        status=error.status,
        retry_after=error.retry_after,
        hint=error.hint,
        evidence=error.evidence,
    )
