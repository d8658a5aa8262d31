"""The ways in which an answer does not arrive as it should."""

import gzip
import threading
import time
from collections.abc import Iterator
from email.utils import parsedate_to_datetime

import httpx
import pytest

from sandbox.rekor_v2 import SandboxV2

pytestmark = pytest.mark.integration


@pytest.fixture
def log() -> Iterator[SandboxV2]:
    with SandboxV2(seed="delivery") as log:
        log.fill(300)
        log.publish()
        yield log


@pytest.fixture
def client(log: SandboxV2) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=log.url, timeout=5) as client:
        yield client


def test_statuses_storm_for_so_many_requests(log: SandboxV2, client: httpx.Client) -> None:
    log.status(429, times=2, retry_after="1", only="/tile/*")
    assert client.get("/checkpoint").status_code == 200
    limited = client.get("/tile/0/000")
    assert (limited.status_code, limited.headers["retry-after"]) == (429, "1")
    assert [client.get("/tile/0/000").status_code for _ in range(2)] == [429, 200]
    log.status(503)
    assert "retry-after" not in client.get("/checkpoint").headers


def test_pages_redirects_and_clocks(log: SandboxV2, client: httpx.Client) -> None:
    log.html_200()
    page = client.get("/checkpoint")
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html")
    log.honest()
    log.redirect("http://other.test/")
    assert client.get("/checkpoint").headers["location"] == "http://other.test/"
    log.honest()
    log.skewed_clock(-7200)
    date = parsedate_to_datetime(client.get("/checkpoint").headers["date"])
    assert 7100 < time.time() - date.timestamp() < 7300


def test_bodies_are_cut_and_hung_up(log: SandboxV2, client: httpx.Client) -> None:
    log.truncate(10)
    with pytest.raises(httpx.RemoteProtocolError):
        client.get("/checkpoint")
    log.honest()
    log.truncate(10, honest_length=False)
    assert len(client.get("/checkpoint").content) == 10
    log.honest()
    log.hang_up(times=1)
    with pytest.raises(httpx.RemoteProtocolError):
        client.get("/checkpoint")
    assert client.get("/checkpoint").status_code == 200


def test_bodies_are_too_big(log: SandboxV2, client: httpx.Client) -> None:
    log.oversize(64 << 20)
    with client.stream("GET", "/checkpoint") as reply:
        got = 0
        for piece in reply.iter_raw():
            got += len(piece)
            if got > 8 << 20:
                break
    assert got > 8 << 20
    log.honest()
    log.gzip_bomb(64 << 20)
    with client.stream("GET", "/checkpoint") as reply:
        packed = b"".join(reply.iter_raw())
    assert len(packed) < 1 << 20
    assert len(gzip.decompress(packed)) == 64 << 20


def test_silence_lasts_until_honesty(log: SandboxV2, client: httpx.Client) -> None:
    log.silence()
    with pytest.raises(httpx.ReadTimeout):
        client.get("/checkpoint", timeout=0.2)
    log.honest()
    assert client.get("/checkpoint").status_code == 200


def test_a_drip_is_slow(log: SandboxV2, client: httpx.Client) -> None:
    log.slow_drip(1)
    with client.stream("GET", "/checkpoint") as reply:
        assert len(next(reply.iter_raw())) == 1
    log.honest()


def test_many_clients_at_once_get_whole_answers(log: SandboxV2) -> None:
    want = log.shard.tree.tile(0, 0)
    wrong: list[int] = []

    def read() -> None:
        with httpx.Client(base_url=log.url) as client:
            wrong.extend(1 for _ in range(50) if client.get("/tile/0/000").content != want)

    threads = [threading.Thread(target=read) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert len(log.requests) == 400


def test_a_server_is_down_and_up_again(log: SandboxV2, client: httpx.Client) -> None:
    url = log.url
    log.server.stop()
    with pytest.raises((httpx.ConnectError, httpx.RemoteProtocolError)):
        httpx.get(url + "/checkpoint")
    log.server.start()
    assert log.url == url
    assert httpx.get(url + "/checkpoint").content == log.checkpoint
