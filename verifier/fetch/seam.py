"""How does a transport of httpx stand in for our connections?

For tests, and for whoever has one. Imported only then: httpx takes six megabytes and a tenth of a second, in every
process.
"""

from collections.abc import Iterator

import httpcore
import httpx

from verifier.errors import Unreachable

_KINDS: tuple[tuple[type[httpx.HTTPError], type[Exception]], ...] = (
    (httpx.TimeoutException, httpcore.ReadTimeout),
    (httpx.ProtocolError, httpcore.RemoteProtocolError),
    (httpx.ReadError, httpcore.ReadError),
    (httpx.WriteError, httpcore.WriteError),
    (httpx.HTTPError, httpcore.ConnectError),
)


class Seam:
    """Speaks to an httpx transport as to our own connections. Raises as httpcore does."""

    def __init__(self, transport: httpx.BaseTransport) -> None:
        self._transport = transport

    def handle_request(self, request: httpcore.Request) -> httpcore.Response:
        """What the transport answers."""
        url = request.url
        asked = httpx.Request(
            request.method.decode(),
            httpx.URL(bytes(url).decode()),
            headers=request.headers,
            stream=request.stream,  # type: ignore[arg-type]
            extensions=request.extensions,
        )
        try:
            answer = self._transport.handle_request(asked)
        except httpx.HTTPError as error:
            raise _as_ours(error) from error
        return httpcore.Response(answer.status_code, headers=answer.headers.raw, content=_Body(answer))

    def close(self) -> None:
        """Close it."""
        self._transport.close()


class _Body:
    """The answer's bytes as they come."""

    def __init__(self, answer: httpx.Response) -> None:
        if not isinstance(answer.stream, httpx.SyncByteStream):
            raise Unreachable("the transport gave no readable answer", cause="protocol", code="protocol")
        self._stream = answer.stream

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._stream
        except httpx.HTTPError as error:
            raise _as_ours(error) from error

    def close(self) -> None:
        self._stream.close()


def _as_ours(error: httpx.HTTPError) -> Exception:
    return next(ours for theirs, ours in _KINDS if isinstance(error, theirs))(str(error))
