"""Do deadlines, address checks and connection reuse hold on real sockets?"""

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from verifier.errors import Refused, Unreachable
from verifier.fetch.http import Call, Http, HttpPolicy
from verifier.fetch.wire import is_public, resolve

pytestmark = pytest.mark.integration

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
Serve = Callable[[socket.socket, int], None]


@contextmanager
def server(serve: Serve) -> Iterator[str]:
    """A loopback server whose connections are handled by `serve(connection, number)`; yields its URL."""
    listener = socket.create_server(("127.0.0.1", 0))
    threads: list[threading.Thread] = []

    def handle(connection: socket.socket, number: int) -> None:
        with connection:
            try:
                serve(connection, number)
            except OSError:
                return

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threads.append(threading.Thread(target=handle, args=(connection, len(threads))))
            threads[-1].start()

    acceptor = threading.Thread(target=accept)
    acceptor.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/x"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        acceptor.join()
        for thread in threads:
            thread.join()


def drip(data: bytes) -> Serve:
    """One byte every 10 ms for as long as somebody listens."""

    def serve(connection: socket.socket, _number: int) -> None:
        connection.recv(65536)
        for byte in data:
            connection.sendall(bytes([byte]))
            time.sleep(0.01)

    return serve


def answers(*replies: bytes) -> Serve:
    """One reply for each request of a connection, then the end."""

    def serve(connection: socket.socket, _number: int) -> None:
        for reply in replies:
            if not connection.recv(65536):
                return
            connection.sendall(reply)

    return serve


IMPATIENT = HttpPolicy(idle_timeout=0.2, total_timeout=0.3, connect_timeout=0.5, retries=0)


@pytest.mark.parametrize("start", [b"HTTP/1.1 200 OK\r\nX-", b"HTTP/1.1 200 OK\r\nContent-Length: 999999\r\n\r\n"])
def test_row_57_a_dripping_server_is_left_at_the_total_deadline(start: bytes) -> None:
    """In the headers as in the body; each byte comes within the idle timeout."""
    with server(drip(start + b"a" * 100_000)) as url, Http(IMPATIENT) as http, pytest.raises(Unreachable) as caught:
        http.get(url, max_bytes=1 << 20)
    assert caught.value.cause == "timeout"


def test_row_57_a_silent_server_is_left_at_the_idle_timeout() -> None:
    done = threading.Event()

    def wait(_connection: socket.socket, _number: int) -> None:
        done.wait(5)

    with server(wait) as url, Http(IMPATIENT) as http:
        with pytest.raises(Unreachable) as caught:
            http.get(url, max_bytes=99)
        done.set()
    assert caught.value.cause == "timeout"


@pytest.mark.parametrize(
    "reply",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nok",
        b"",
        b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
    ],
)
def test_row_58_a_cut_off_or_foreign_answer_is_a_protocol_fault(reply: bytes) -> None:
    with server(answers(reply)) as url, Http(IMPATIENT) as http, pytest.raises(Unreachable) as caught:
        http.get(url, max_bytes=99)
    assert caught.value.cause == "protocol"


def test_row_58_a_cut_off_answer_is_asked_for_again() -> None:
    def serve(connection: socket.socket, number: int) -> None:
        connection.recv(65536)
        connection.sendall(OK if number else OK[:-1])

    with server(serve) as url, Http(HttpPolicy(), jitter=lambda: 0.0) as http:
        assert http.get(url, max_bytes=99).body == b"ok"


def test_a_connection_is_used_again_and_fresh_means_a_new_one() -> None:
    seen: list[int] = []

    def serve(connection: socket.socket, number: int) -> None:
        while connection.recv(65536):
            seen.append(number)
            connection.sendall(OK)

    with server(serve) as url, Http(HttpPolicy()) as http:
        http.get(url, max_bytes=99)
        http.get(url, max_bytes=99)
        http.get(url, max_bytes=99, fresh=True)
        http.send(Call("GET", url, 99))
    assert seen == [0, 0, 1, 0]


def test_a_connection_that_the_server_closed_meanwhile_costs_nothing() -> None:
    with server(answers(OK)) as url, Http(HttpPolicy(), jitter=lambda: 0.0) as http:
        for _ in range(4):
            assert http.get(url, max_bytes=99).body == b"ok"


def test_row_59_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with Http(IMPATIENT) as http, pytest.raises(Unreachable) as caught:
        http.get(f"http://127.0.0.1:{port}/", max_bytes=99)
    assert caught.value.cause == "connect"


def test_row_59_a_name_that_does_not_resolve(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(*_: object, **__: object) -> list[object]:
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    monkeypatch.setattr(socket, "getaddrinfo", nothing)
    with Http(IMPATIENT) as http, pytest.raises(Unreachable) as caught:
        http.get("http://log.invalid/", max_bytes=99)
    assert caught.value.cause == "dns"


def test_row_59_a_black_hole_does_not_use_up_the_time_of_the_next_address(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first address refuses at once here; what matters is that the second is tried."""
    monkeypatch.setattr("verifier.fetch.wire.resolve", lambda *_, **__: ["127.0.0.2", "127.0.0.1"])
    with server(answers(OK)) as url, Http(IMPATIENT) as http:
        assert http.get(url.replace("127.0.0.1", "log.test"), max_bytes=99).body == b"ok"


def test_row_59_tls_to_a_server_that_speaks_none_is_a_tls_fault() -> None:
    with (
        server(answers(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as url,
        Http(IMPATIENT) as http,
        pytest.raises(Unreachable) as caught,
    ):
        http.get(url.replace("http:", "https:"), max_bytes=99)
    assert caught.value.cause == "tls"


def test_row_59_a_certificate_of_nobody_we_trust_is_a_tls_fault(self_signed: ssl.SSLContext) -> None:
    def serve(connection: socket.socket, _number: int) -> None:
        self_signed.wrap_socket(connection, server_side=True).close()

    with server(serve) as url, Http(HttpPolicy()) as http, pytest.raises(Unreachable) as caught:
        http.get(url.replace("http:", "https:"), max_bytes=99)
    assert caught.value.cause == "tls"
    assert "self-signed" in caught.value.message


def test_row_53_private_addresses_are_refused_by_name_and_by_number(monkeypatch: pytest.MonkeyPatch) -> None:
    with Http(HttpPolicy(allow_private=False)) as http:
        for host in ("127.0.0.1", "169.254.169.254", "[::1]", "[::ffff:10.0.0.1]", "localhost"):
            with pytest.raises(Refused) as caught:
                http.get(f"http://{host}/", max_bytes=99)
            assert caught.value.code == "private-address"
    rows = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 80)) for address in ("10.0.0.1", "93.184.216.34")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: rows)
    assert resolve("rebind.test", 80, allow_private=False) == ["93.184.216.34"]


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.216.34", True),
        ("2606:2800:220:1::1", True),
        ("0.0.0.0", False),
        ("100.64.0.1", False),
        ("224.0.0.1", False),
        ("fe80::1%eth0", False),
        ("fd00::1", False),
        ("::ffff:169.254.169.254", False),
        ("64:ff9b::a9fe:a9fe", False),
        ("64:ff9b::5db8:d822", True),
    ],
)
def test_row_53_public_addresses(address: str, public: bool) -> None:
    assert is_public(address) is public


def test_a_dead_idle_connection_is_replaced_without_a_pause_or_a_retry() -> None:
    """The server answers, and goes away in the moment in which we send the next request."""
    ready = threading.Event()

    def serve(connection: socket.socket, number: int) -> None:
        connection.recv(65536)
        connection.sendall(OK)
        if number == 0:
            connection.recv(65536)  # the second request, which gets no answer
            ready.set()
            return
        connection.recv(65536)

    with server(serve) as url, Http(HttpPolicy(retries=0)) as http:
        assert http.get(url, max_bytes=99).body == b"ok"
        assert http.get(url, max_bytes=99).body == b"ok"
        assert ready.is_set()
        assert http.stats.counts().requests.total() == 2


def test_many_threads_share_a_client_and_its_connections() -> None:
    connections: list[int] = []

    def serve(connection: socket.socket, number: int) -> None:
        connections.append(number)
        while request := connection.recv(65536):
            path = request.split(b" ", 2)[1]
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(path), path))

    with server(serve) as url, Http(HttpPolicy(ceiling=6)) as http:
        base = url.removesuffix("/x")
        replies = http.gather(lambda number: http.get(f"{base}/{number}", max_bytes=99).body, range(300))
        assert replies == [b"/%d" % number for number in range(300)]
    assert 1 <= len(connections) <= 6


def test_a_proxy_is_asked_for_the_whole_url_and_its_password_is_in_no_message() -> None:
    seen: list[bytes] = []

    def serve(connection: socket.socket, _number: int) -> None:
        seen.append(connection.recv(65536))
        connection.sendall(OK if seen[-1].startswith(b"GET") else b"HTTP/1.1 407 No\r\nContent-Length: 0\r\n\r\n")

    with server(serve) as url:
        proxy = url.replace("http://", "http://me:secret@").removesuffix("/x")
        with Http(HttpPolicy(proxy=proxy, retries=0)) as http:
            assert http.get("http://log.test/checkpoint", max_bytes=99).body == b"ok"
            with pytest.raises(Unreachable) as caught:
                http.get("https://log.test/checkpoint", max_bytes=99)
    assert seen[0].startswith(b"GET http://log.test/checkpoint HTTP/1.1\r\n")
    assert b"Proxy-Authorization: Basic" in seen[0]
    assert seen[1].startswith(b"CONNECT log.test:443 ")
    assert "secret" not in str(caught.value)
