"""How do bytes leave this machine: which addresses, and until when?

A network backend for httpcore. Its own timeouts bound one system call each; a server that sends one byte a second
passes them for ever, in the headers too. Here every call is also bounded by the deadline of the request it serves,
addresses are resolved and checked by us (so that the address checked is the address used), and every failure carries
its cause.
"""

import contextlib
import ipaddress
import socket
import ssl
import threading
import time
import typing
from collections.abc import Iterable

import httpcore

from verifier.errors import Refused, Unreachable

_MIN_ATTEMPT = 2.0
"""Seconds that one of several addresses gets at least, so that a black hole cannot use up the time of the others."""

_NAT64 = ipaddress.ip_network("64:ff9b::/96")


class Deadlines(threading.local):
    """The deadline (monotonic seconds) of the request that this thread is making."""

    at: float = float("inf")

    def clamp(self, timeout: float | None) -> float:
        """The smaller of `timeout` and what is left; raises Unreachable when nothing is."""
        left = self.at - time.monotonic()
        if left <= 0:
            raise Unreachable("the whole request took too long", cause="timeout", code="timeout")
        return left if timeout is None else min(timeout, left)


class Stream(httpcore.NetworkStream):
    """A connected stream whose every call ends at the deadline of the request it serves."""

    def __init__(self, inner: httpcore.NetworkStream, deadlines: Deadlines) -> None:
        self._inner = inner
        self._deadlines = deadlines

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Some bytes, at most `max_bytes`; empty at the end."""
        return self._inner.read(max_bytes, self._deadlines.clamp(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Sends all of `buffer`."""
        self._inner.write(buffer, self._deadlines.clamp(timeout))

    def close(self) -> None:
        """Closes the connection."""
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        """The stream inside TLS; never without a verified certificate."""
        try:
            inner = self._inner.start_tls(ssl_context, server_hostname, self._deadlines.clamp(timeout))
        except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
            raise _tls_failure(error) from error
        return Stream(inner, self._deadlines)

    def get_extra_info(self, info: str) -> typing.Any:
        """Facts about the socket, as httpcore asks for them."""
        return self._inner.get_extra_info(info)


class Backend(httpcore.NetworkBackend):
    """Connects to resolved and checked addresses only."""

    def __init__(self, deadlines: Deadlines, *, allow_private: bool) -> None:
        self._deadlines = deadlines
        self._allow_private = allow_private
        self._inner = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """A stream to the first address of `host` that answers."""
        allowed = self._deadlines.clamp(timeout)
        until = time.monotonic() + allowed
        addresses = resolve(host, port, allow_private=self._allow_private)
        share = max(_MIN_ATTEMPT, allowed / len(addresses))
        for address in addresses:
            left = until - time.monotonic()
            if left <= 0:
                break
            with contextlib.suppress(httpcore.ConnectError, httpcore.ConnectTimeout):
                return self._connect(address, port, min(share, left), socket_options)
        cause = "timeout" if time.monotonic() >= until else "connect"
        raise Unreachable(f"no address of {host} took a connection", cause=cause, code=cause)

    def _connect(
        self, address: str, port: int, timeout: float, options: Iterable[httpcore.SOCKET_OPTION] | None
    ) -> httpcore.NetworkStream:
        inner = self._inner.connect_tcp(address, port, timeout, socket_options=options)
        return Stream(inner, self._deadlines)


def resolve(host: str, port: int, *, allow_private: bool) -> list[str]:
    """The addresses of `host`, in the resolver's order, each once; Refused where none may be used."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise Unreachable(f"the name {host} does not resolve", cause="dns", code="dns") from error
    addresses = list(dict.fromkeys(str(row[4][0]) for row in found))
    if allow_private:
        return addresses
    public = [address for address in addresses if is_public(address)]
    if not public:
        raise Refused(
            f"{host} is a private address",
            code="private-address",
            hint="allow private addresses for this URL in the configuration if it is meant",
        )
    return public


def is_public(address: str) -> bool:
    """Whether an address is of the public Internet, looking through IPv4-mapped and NAT64 forms."""
    parsed = ipaddress.ip_address(address.split("%", 1)[0])
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            parsed = parsed.ipv4_mapped
        elif parsed in _NAT64:
            parsed = ipaddress.IPv4Address(int(parsed) & 0xFFFFFFFF)
    return parsed.is_global and not parsed.is_multicast


def _tls_failure(error: Exception) -> Unreachable:
    """The cause of a failed handshake: a certificate that does not verify is never a reason to go on without."""
    if isinstance(error, httpcore.ConnectTimeout):
        return Unreachable("the TLS handshake took too long", cause="timeout", code="timeout")
    inner = error.__cause__
    reason = inner.verify_message if isinstance(inner, ssl.SSLCertVerificationError) else "handshake failed"
    return Unreachable(f"no trusted TLS connection: {reason}", cause="tls", code="tls")


def tls_context(ca_file: str | None) -> ssl.SSLContext:
    """The machine's trust store, or only the given file."""
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as error:
        raise Refused("the file of trusted certificates cannot be read", code="ca-file") from error
