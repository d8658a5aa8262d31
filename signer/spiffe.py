"""Who is this workload, according to its SPIFFE agent?

One unary gRPC call (SPIFFE Workload API, ``FetchJWTSVID``) over a local socket. A whole gRPC stack for it would weigh
more than everything else here, so the few HTTP/2 frames (RFC 9113) are written by hand: one stream, no compression
state, answers of at most one flow-control window. The agent is trusted with our identity, not with our memory.
"""

import socket
import struct
from collections.abc import Callable

from verifier.errors import Malformed, Refused, Unreachable

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_DATA, _HEADERS, _RESET, _SETTINGS, _PING, _GOAWAY = 0, 1, 3, 4, 6, 7
_END_STREAM, _END_HEADERS, _ACK, _PADDED = 0x1, 0x4, 0x1, 0x8
_STREAM = 1
_MAX_FRAME, _MAX_ANSWER = 16384, 65535  # RFC 9113: what a peer may send before we say otherwise
_SECONDS = 10.0
_HEAD = (
    (":method", "POST"),
    (":scheme", "http"),
    (":path", "/SpiffeWorkloadAPI/FetchJWTSVID"),
    (":authority", "localhost"),
    ("content-type", "application/grpc"),
    ("te", "trailers"),
    ("workload.spiffe.io", "true"),  # the API demands it against confused deputies
)


def fetch_jwt_svid(address: str, audience: str) -> str:
    """The JWT of the first identity that the agent at ``unix:///path`` or ``tcp://ip:port`` gives this process."""
    try:
        with _connect(address) as connection:
            connection.settimeout(_SECONDS)
            answer = _call(connection, _field(1, audience.encode()))
    except OSError:
        raise Unreachable("the SPIFFE agent does not answer", code="oidc-provider") from None
    for number, value in _fields(answer):
        if number == 1:
            for inner, text in _fields(value):
                if inner == 2:
                    return text.decode("ascii", "replace")
    raise Malformed("the SPIFFE agent's answer has no identity in it", code="service-reply")


def _connect(address: str) -> socket.socket:
    scheme, _, rest = address.partition(":")
    if scheme == "unix":
        path = "/" + rest.lstrip("/")
        return _connect_unix(path)
    host, _, port = rest.lstrip("/").rpartition(":")
    if scheme != "tcp" or not host or not port.isdecimal():
        raise Refused(
            "SPIFFE_ENDPOINT_SOCKET is no unix:///path or tcp://ip:port", code="oidc-provider", hint="see SPIFFE's docs"
        )
    return socket.create_connection((host.strip("[]"), int(port)), timeout=_SECONDS)


def _connect_unix(path: str) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.settimeout(_SECONDS)
        connection.connect(path)
    except OSError:
        connection.close()
        raise
    return connection


def _call(connection: socket.socket, message: bytes) -> bytes:
    """The message that answers `message`: gRPC puts a flag and a length before each."""
    framed = struct.pack(">BI", 0, len(message)) + message
    head = b"".join(_literal(name, value) for name, value in _HEAD)
    connection.sendall(
        _PREFACE
        + _frame(_SETTINGS, 0, 0, b"")
        + _frame(_HEADERS, _END_HEADERS, _STREAM, head)
        + _frame(_DATA, _END_STREAM, _STREAM, framed)
    )
    answer = _collect(connection)
    if len(answer) < 5 or answer[0] or int.from_bytes(answer[1:5], "big") != len(answer) - 5:
        raise Unreachable(
            "the SPIFFE agent gave no identity",
            code="oidc-provider",
            cause="protocol",
            hint="is this workload registered, and allowed this audience?",
        )
    return answer[5:]


def _collect(connection: socket.socket) -> bytes:
    """All DATA of our stream, up to its end."""
    answer = bytearray()
    while len(answer) <= _MAX_ANSWER:
        length, kind, flags, stream = struct.unpack(">3sBBI", _exactly(connection, 9))
        size = int.from_bytes(length, "big")
        if size > _MAX_FRAME:
            break
        payload = _exactly(connection, size)
        if kind == _SETTINGS and not flags & _ACK:
            connection.sendall(_frame(_SETTINGS, _ACK, 0, b""))
        elif kind == _PING and not flags & _ACK:
            connection.sendall(_frame(_PING, _ACK, 0, payload))
        elif kind == _DATA and stream == _STREAM:
            answer += payload[1 : len(payload) - payload[0]] if flags & _PADDED and payload else payload
        if kind in (_RESET, _GOAWAY) or (kind in (_DATA, _HEADERS) and flags & _END_STREAM and stream == _STREAM):
            return bytes(answer)
    raise Malformed("the SPIFFE agent's answer is too large", code="service-reply")


def _exactly(connection: socket.socket, size: int) -> bytes:
    data = bytearray()
    while len(data) < size:
        piece = connection.recv(size - len(data))
        if not piece:
            raise Unreachable("the SPIFFE agent broke off", code="oidc-provider", cause="protocol")
        data += piece
    return bytes(data)


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return len(payload).to_bytes(3, "big") + struct.pack(">BBI", kind, flags, stream) + payload


def _literal(name: str, value: str) -> bytes:
    """HPACK's literal without indexing (RFC 7541, 6.2.2), no Huffman code; all of ours are shorter than 127 bytes."""
    return b"\x00" + bytes([len(name)]) + name.encode() + bytes([len(value)]) + value.encode()


def _field(number: int, value: bytes) -> bytes:
    """A length-delimited protobuf field."""
    return bytes([number << 3 | 2]) + _varint(len(value)) + value


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def _fields(data: bytes) -> list[tuple[int, bytes]]:
    """The length-delimited fields of a message; Malformed for other wire types, which these messages do not have."""
    found: list[tuple[int, bytes]] = []
    at = 0

    def varint() -> int:
        nonlocal at
        value, shift = 0, 0
        while at < len(data) and shift < 35:
            byte = data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7
        raise Malformed("the SPIFFE agent's answer is cut off", code="service-reply")

    read: Callable[[], int] = varint
    while at < len(data):
        key = read()
        size = read()
        if key & 7 != 2 or at + size > len(data):
            raise Malformed("the SPIFFE agent's answer cannot be read", code="service-reply")
        found.append((key >> 3, data[at : at + size]))
        at += size
    return found
