"""Is a URL taken apart once, strictly, and sent as it was meant?"""

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from verifier.errors import Refused
from verifier.fetch.address import host_header, parse_proxy, parse_url


@pytest.mark.parametrize(
    ("url", "scheme", "host", "port", "target", "header"),
    [
        ("https://log.test", b"https", b"log.test", 443, b"/", b"log.test"),
        ("HTTP://Log.Test:8080/a/b?c=d&e", b"http", b"log.test", 8080, b"/a/b?c=d&e", b"log.test:8080"),
        ("https://log.test:443?q=1#part", b"https", b"log.test", 443, b"/?q=1", b"log.test"),
        ("http://[::1]:3000/x", b"http", b"::1", 3000, b"/x", b"[::1]:3000"),
        ("http://[::FFFF:10.0.0.1]/", b"http", b"::ffff:10.0.0.1", 80, b"/", b"[::ffff:10.0.0.1]"),
        ("http://under_score.test/%2F%zz/ü/a b", b"http", b"under_score.test", 80, b"/%2F%zz/%C3%BC/a%20b", b""),
        ("http://log.test/a\r\nX-Evil: 1", b"http", b"log.test", 80, b"/a%0D%0AX-Evil:%201", b"log.test"),
        ("http://log.test/\ud800", b"http", b"log.test", 80, b"/?", b"log.test"),
        ("http://log.test/user@host/a://b", b"http", b"log.test", 80, b"/user@host/a://b", b"log.test"),
    ],
)
def test_urls(url: str, scheme: bytes, host: bytes, port: int, target: bytes, header: bytes) -> None:
    parsed = parse_url(url)
    assert (parsed.scheme, parsed.host, parsed.origin.port, parsed.target) == (scheme, host, port, target)
    assert host_header(parsed) == (header or host)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "log.test",
        "//log.test/",
        "ftp://log.test/",
        "http:///x",
        "http://user@log.test/",
        "http://user:pass@log.test/",
        "http://log.test:0/",
        "http://log.test:99999/",
        "http://log.test:８０/",
        "http://log.test\r\n/",
        "http://log.test\\@evil.test/",
        "http://bücher.test/",
        "http://[::1/",
        "http://[::1]evil.test/",
        "http://::1/",
        " http://log.test/",
    ],
)
def test_what_is_no_plain_url_is_refused(url: str) -> None:
    with pytest.raises(Refused):
        parse_url(url)


@given(
    st.text(st.characters(codec="utf-8"), max_size=40), st.sampled_from(["http://log.test/", "https://log.test:8443"])
)
def test_another_reader_finds_no_other_server(rest: str, start: str) -> None:
    """Whatever stands in a URL, we ask the server that httpx would ask, or none."""
    try:
        ours = parse_url(start + rest)
    except Refused:
        return
    try:
        theirs = httpx.URL(start + rest)
    except httpx.InvalidURL:
        return
    assert (ours.scheme, ours.host) == (theirs.raw_scheme, theirs.raw_host)
    assert ours.port == theirs.port
    assert all(0x21 <= byte < 0x7F for byte in ours.target)


def test_a_proxy_keeps_its_password_apart() -> None:
    proxy = parse_proxy("http://me:se%20cret@proxy.test:3128")
    assert (proxy.url.host, proxy.url.port, proxy.auth) == (b"proxy.test", 3128, (b"me", b"se cret"))
    assert parse_proxy("http://proxy.test:3128").auth is None
