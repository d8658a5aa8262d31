"""Which server does a URL name, and what is asked of it there?"""

import re
from functools import lru_cache
from urllib.parse import quote, unquote, urlsplit

import httpcore

from verifier.errors import Refused

_PARTS = re.compile(r"([^/?#]*://[^/?#]*)([^#]*)(?:#.*)?", re.DOTALL)
_SERVER = re.compile(
    r"(https?)://(?:([a-z0-9._-]+)|\[([0-9a-f:.]+(?:%[a-z0-9._-]+)?)\])(?::([0-9]{1,5}))?", re.IGNORECASE | re.ASCII
)
_PORTS = {"http": 80, "https": 443}
_KEPT = "".join(chr(code) for code in range(0x21, 0x7F) if chr(code) not in '"<>`{}|\\^')
"""Characters of a path and query that are sent as they are (RFC 3986, and what servers take besides)."""


def parse_url(url: str) -> httpcore.URL:
    """Plain http(s) with a host, no user and password: those would end up in messages. Refused otherwise."""
    parts = _PARTS.fullmatch(url)
    scheme, host, port = _server(parts[1] if parts else "")
    target = parts[2] if parts else ""
    path = quote(target if target.startswith("/") else f"/{target}", safe=_KEPT, errors="replace")
    return httpcore.URL(scheme=scheme, host=host, port=port, target=path.encode())


def host_header(url: httpcore.URL) -> bytes:
    """The host as the Host field names it: without the usual port."""
    host = b"[%s]" % url.host if b":" in url.host else url.host
    return host if url.port is None else host + f":{url.port}".encode()


def parse_proxy(url: str) -> httpcore.Proxy:
    """A proxy's address; user and password go into a header, not into its URL."""
    try:
        parts = urlsplit(url)
        place = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
        auth = (unquote(parts.username or "").encode(), unquote(parts.password or "").encode())
        return httpcore.Proxy(place, auth=auth if parts.username is not None else None)
    except ValueError as error:
        raise Refused("the proxy's address is not a URL", code="bad-url") from error


@lru_cache(maxsize=256)
def _server(head: str) -> tuple[bytes, bytes, int | None]:
    """Scheme, host without brackets, port if it is not the usual one."""
    found = _SERVER.fullmatch(head)
    port = int(found[4] or _PORTS[found[1].lower()]) if found else 0
    if found is None or not 0 < port <= 0xFFFF:
        raise Refused(
            "not a plain http or https URL without user name",
            code="bad-url",
            hint="a host name is written in ASCII (xn--...)",
        )
    scheme = found[1].lower()
    return scheme.encode(), (found[2] or found[3]).lower().encode(), None if port == _PORTS[scheme] else port
