"""What did the answer hold, within its limits?

The bytes are attacker-controlled: counted while they stream, before and after decompression.
"""

import zlib
from collections.abc import Iterable, Iterator, Mapping

from verifier.errors import Unreachable
from verifier.fetch.call import Call

_FREE = 1 << 20
"""Bytes that may come out of any compressed answer, whatever the ratio."""

_RATIO = 200
"""Honest bundles shrink two- to tenfold; gzip's worst is about 1030."""


def read_body(chunks: Iterable[bytes], encoding: str, max_bytes: int) -> bytes:
    """All bytes of an answer, decoded by its Content-Encoding; Unreachable (too-large, protocol) otherwise."""
    name = encoding.strip().lower()
    if name in ("gzip", "x-gzip"):
        return _join(_gunzip(chunks, max_bytes), max_bytes)
    if name in ("", "identity"):
        return _join(chunks, max_bytes)
    raise Unreachable("the answer has an encoding that we did not ask for", cause="protocol", code="encoding")


def answer_body(call: Call, status: int, headers: Mapping[str, str], chunks: Iterable[bytes]) -> bytes:
    """The bytes of an answer. Those of an error page that is too long are left out: its status says enough."""
    good = 200 <= status < 300
    try:
        length = headers.get("Content-Length", "")
        if length.isascii() and length.isdigit() and int(length[:20]) > call.max_bytes:
            raise too_large(call.max_bytes)
        body = read_body(chunks, headers.get("Content-Encoding", ""), call.max_bytes)
    except Unreachable as error:
        if good or error.cause != "too-large":
            raise
        return b""
    if good and headers.get("Content-Type", "").lower().startswith("text/html") and "html" not in call.accept:
        raise Unreachable("an HTML page came where data was asked for", cause="protocol", code="html-answer")
    return body


def too_large(max_bytes: int) -> Unreachable:
    """The answer went over its limit."""
    return Unreachable(f"the answer is larger than {max_bytes} bytes", cause="too-large", code="too-large")


def _join(chunks: Iterable[bytes], max_bytes: int) -> bytes:
    parts: list[bytes] = []
    total = 0
    for chunk in chunks:
        total += len(chunk)
        if total > max_bytes:
            raise too_large(max_bytes)
        parts.append(chunk)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _gunzip(chunks: Iterable[bytes], max_bytes: int) -> Iterator[bytes]:
    """Decompressed pieces; every member of the stream (RFC 1952 section 2.2), never more than the limits."""
    inflate = zlib.decompressobj(31)
    taken = given = 0
    for chunk in chunks:
        taken += len(chunk)
        if taken > max_bytes:
            raise too_large(max_bytes)
        rest = chunk
        while rest:
            if inflate.eof:
                inflate = zlib.decompressobj(31)
            piece, rest = _inflate(inflate, rest)
            given += len(piece)
            if given > max(_FREE, taken * _RATIO):
                raise Unreachable("the answer is a decompression bomb", cause="too-large", code="gzip-bomb")
            yield piece
    while not inflate.eof:
        piece, _ = _inflate(inflate, b"")
        given += len(piece)
        if piece:
            yield piece
            continue
        raise Unreachable("the compressed answer is cut off", cause="protocol", code="truncated")


def _inflate(inflate: "zlib._Decompress", data: bytes) -> tuple[bytes, bytes]:
    """One piece of at most 64 KiB, and the input that is left."""
    try:
        piece = inflate.decompress(data, 1 << 16)
    except zlib.error as error:
        raise Unreachable("the compressed answer is damaged", cause="protocol", code="gzip") from error
    return piece, inflate.unused_data if inflate.eof else inflate.unconsumed_tail
