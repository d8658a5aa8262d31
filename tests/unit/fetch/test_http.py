"""Does the client retry where it helps, stop where it does not, and name the cause?"""

import gzip
from collections.abc import Callable, Iterator

import httpx
import pytest

from verifier.errors import Refused, Unreachable
from verifier.fetch.http import Http, HttpPolicy, expect

URL = "https://log.test/checkpoint"
Answer = httpx.Response | Exception


class Script:
    """A transport that plays answers in order (the last for ever), a clock, and the sleeps it saw."""

    def __init__(self, *answers: Callable[[], Answer]) -> None:
        self.answers = list(answers)
        self.requests: list[httpx.Request] = []
        self.sleeps: list[float] = []
        self.now = 1000.0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        self.now += 0.01
        answer = (self.answers.pop(0) if len(self.answers) > 1 else self.answers[0])()
        if isinstance(answer, Exception):
            raise answer
        return answer

    def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        self.now += seconds

    def http(self, policy: HttpPolicy | None = None) -> Http:
        return Http(
            policy or HttpPolicy(),
            transport=httpx.MockTransport(self),
            clock=lambda: self.now,
            sleep=self.sleep,
            jitter=lambda: 0.5,
        )


def status(code: int, body: bytes = b"", **headers: str) -> Callable[[], Answer]:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda: httpx.Response(code, stream=httpx.ByteStream(body), headers=names)


def broken(error: Exception) -> Callable[[], Answer]:
    return lambda: error


def test_a_good_answer_is_returned_as_it_is() -> None:
    script = Script(status(200, b"note", Content_Type="text/plain"))
    with script.http() as http:
        reply = http.get(URL, max_bytes=100)
        assert (reply.status, reply.body, reply.url) == (200, b"note", URL)
        assert reply.headers["content-type"] == "text/plain"
        assert http.stats.counts().requests == {("https://log.test", "200"): 1}
    sent = script.requests[0].headers
    assert sent["accept-encoding"] == "identity"
    assert "cookie" not in sent


@pytest.mark.parametrize("code", [429, 502, 503, 504, 408, 499])
def test_row_56_an_overloaded_server_is_asked_again_with_growing_delays(code: int) -> None:
    script = Script(status(code), status(code), status(200, b"ok"))
    with script.http() as http:
        assert http.get(URL, max_bytes=9).body == b"ok"
        assert http.stats.counts().retries == 2
    assert script.sleeps == [0.25, 0.5]


def test_row_55_retry_after_is_obeyed() -> None:
    script = Script(status(429, Retry_After="7"), status(200, b"ok"))
    with script.http() as http:
        assert http.get(URL, max_bytes=9).status == 200
    assert script.sleeps == [7.0]


def test_row_55_a_pause_beyond_the_budget_ends_the_request_and_is_passed_on() -> None:
    script = Script(status(429, Retry_After="3600"))
    with script.http() as http:
        reply = http.get(URL, max_bytes=9)
        with pytest.raises(Unreachable) as caught:
            expect(reply, 200)
        assert (caught.value.cause, caught.value.status, caught.value.retry_after) == ("status", 429, 3600.0)
        with pytest.raises(Unreachable) as caught:
            http.get(URL, max_bytes=9)
        assert caught.value.code == "paused"
    assert len(script.requests) == 1


def test_a_500_is_asked_again_once_only() -> None:
    script = Script(status(500))
    with script.http() as http:
        assert http.get(URL, max_bytes=9).status == 500
    assert len(script.requests) == 2


def test_retries_end_with_the_last_answer() -> None:
    script = Script(status(503))
    with script.http(HttpPolicy(retries=2)) as http:
        assert http.get(URL, max_bytes=9).status == 503
        assert http.stats.counts().requests == {("https://log.test", "503"): 3}


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (httpx.ConnectError("x"), "connect"),
        (httpx.ReadError("x"), "connect"),
        (httpx.ReadTimeout("x"), "timeout"),
        (httpx.RemoteProtocolError("x"), "protocol"),
        (Unreachable("x", cause="dns", code="dns"), "dns"),
    ],
)
def test_row_59_failures_are_retried_and_keep_their_cause(error: Exception, cause: str) -> None:
    script = Script(broken(error))
    with script.http() as http, pytest.raises(Unreachable) as caught:
        http.get(URL, max_bytes=9)
    assert caught.value.cause == cause
    assert URL in caught.value.message
    assert len(script.requests) == 4


def test_row_59_a_failed_certificate_is_final() -> None:
    script = Script(broken(Unreachable("no trusted TLS connection", cause="tls", code="tls")))
    with script.http() as http, pytest.raises(Unreachable, match="TLS"):
        http.get(URL, max_bytes=9)
    assert len(script.requests) == 1


def test_row_60_a_redirect_is_not_followed() -> None:
    script = Script(status(302, Location="https://evil.test/"))
    with script.http() as http, pytest.raises(Unreachable) as caught:
        expect(http.get(URL, max_bytes=9), 200)
    assert caught.value.cause == "redirect"
    assert [str(request.url) for request in script.requests] == [URL]


def test_row_56_an_html_page_with_200_is_no_answer() -> None:
    script = Script(status(200, b"<html>", Content_Type="text/html; charset=utf-8"), status(200, b"note"))
    with script.http() as http:
        assert http.get(URL, max_bytes=9).body == b"note"


def test_row_31_an_answer_over_its_limit_is_dropped_while_it_streams() -> None:
    read: list[int] = []

    class Endless(httpx.SyncByteStream):
        def __iter__(self) -> Iterator[bytes]:
            for number in range(1000):
                read.append(number)
                yield bytes(1000)

    script = Script(lambda: httpx.Response(200, stream=Endless()))
    with script.http() as http, pytest.raises(Unreachable) as caught:
        http.get(URL, max_bytes=5000)
    assert caught.value.cause == "too-large"
    assert len(read) == 6
    assert len(script.requests) == 1


def test_row_31_an_announced_length_over_the_limit_is_not_read_at_all() -> None:
    script = Script(status(200, b"x" * 6000, Content_Length="6000"))
    with script.http() as http, pytest.raises(Unreachable) as caught:
        http.get(URL, max_bytes=5000)
    assert caught.value.cause == "too-large"


def test_the_status_of_an_over_long_error_page_is_kept() -> None:
    with Script(status(404, b"x" * 6000)).http() as http:
        reply = http.get(URL, max_bytes=5000)
        assert (reply.status, reply.body) == (404, b"")


def test_gzip_is_decoded_also_when_nobody_asked_for_it() -> None:
    script = Script(status(200, gzip.compress(b"tile"), Content_Encoding="gzip"))
    with script.http() as http:
        assert http.get(URL, max_bytes=100).body == b"tile"


@pytest.mark.parametrize(
    "url",
    ["ftp://log.test/", "file:///etc/passwd", "https://", "https://user:secret@log.test/", "nothing", "http://[::"],
)
def test_only_plain_http_urls_are_asked(url: str) -> None:
    with Script(status(200)).http() as http, pytest.raises(Refused) as caught:
        http.get(url, max_bytes=9)
    assert "secret" not in str(caught.value)


def test_row_54_a_secret_url_is_in_no_message() -> None:
    script = Script(broken(httpx.ConnectError("https://log.test/T00/secret")))
    with script.http(HttpPolicy(secret_urls=True)) as http, pytest.raises(Unreachable) as caught:
        http.post("https://log.test/T00/secret", b"{}", content_type="application/json", max_bytes=9)
    assert "secret" not in str(caught.value)
    assert "https://log.test" in str(caught.value)


def test_row_74_the_date_header_shows_whose_clock_is_wrong() -> None:
    script = Script(status(200, Date="Thu, 01 Jan 1970 00:10:00 GMT"))
    with script.http() as http:
        http.get(URL, max_bytes=9)
        assert http.stats.counts().date_skew["https://log.test"] < -1e9


def test_gather_keeps_the_order_and_passes_the_first_error_on() -> None:
    def odd(number: int) -> int:
        if number == 7:
            raise Unreachable("seven")
        return number * 2

    with Script(status(200)).http() as http:
        assert http.gather(odd, [5, 3, 1]) == [10, 6, 2]
        with pytest.raises(Unreachable, match="seven"):
            http.gather(odd, list(range(20)))


def test_a_closed_client_stops_waiting() -> None:
    http = Http(
        HttpPolicy(), transport=httpx.MockTransport(lambda _: httpx.Response(503, stream=httpx.ByteStream(b"")))
    )
    http.close()
    with pytest.raises(Unreachable) as caught:
        http.get(URL, max_bytes=9)
    assert caught.value.code == "closing"
