"""What does a body hold that no reader understands?

Any certificate, key or watched literal in it must still match (row 39). So every layer is searched: the bytes, the
strings of the JSON if it is JSON, and what they hold in base64, a few levels deep. Bounded; never raises.
"""

import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass

from verifier.certificate import read_identity
from verifier.errors import Malformed
from verifier.keys import PublicKey

MAX_DEPTH = 4  # body -> base64 PEM -> base64 DER -> a certificate inside
MAX_BYTES = 16 << 20  # of decoded layers in all
MAX_OBJECTS = 64  # certificates and keys
MAX_TRIES = 4_096  # places where one might begin
_BASE64 = re.compile(rb"[A-Za-z0-9+/_\-\r\n]{24,}={0,2}")
_ESCAPE = re.compile(rb"\\(?:u00([0-9a-fA-F]{2})|([/nr]))")
_URL_SAFE = bytes.maketrans(b"-_", b"+/")
_SEQUENCE = re.compile(rb"\x30(?:\x82..|\x81.|[\x10-\x7f])(?=\x30|\x02)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Opaque:
    """Layers of bytes, the body first, and the DER of certificates and public keys in them."""

    layers: tuple[bytes, ...]
    certificates: tuple[bytes, ...]
    keys: tuple[bytes, ...]


def search(data: bytes) -> Opaque:
    """All that can be recognised in `data`."""
    layers = _layers(data)
    certificates: dict[bytes, None] = {}
    keys: dict[bytes, None] = {}
    for der in _objects(layers):
        if len(certificates) + len(keys) >= MAX_OBJECTS:
            break
        if _is_certificate(der):
            certificates[der] = None
        elif _is_key(der):
            keys[der] = None
    return Opaque(layers, tuple(certificates), tuple(keys))


def _layers(data: bytes) -> tuple[bytes, ...]:
    layers, fresh, budget = {data: None}, [data], MAX_BYTES
    for _ in range(MAX_DEPTH):
        later: list[bytes] = []
        for layer in fresh:
            for inner in _decoded(layer):
                budget -= len(inner)
                if budget < 0:
                    return tuple(layers)
                if inner not in layers:
                    layers[inner] = None
                    later.append(inner)
        fresh = later
    return tuple(layers)


def _decoded(layer: bytes) -> Iterator[bytes]:
    """What runs of base64 in a layer decode to; JSON's escapes inside them undone."""
    plain = _ESCAPE.sub(_unescaped, layer) if b"\\" in layer else layer
    for match in _BASE64.finditer(plain):
        text = match[0].translate(_URL_SAFE, b"\r\n=")
        text = text[: len(text) - (len(text) % 4 == 1)]
        try:
            yield binascii.a2b_base64(text + b"=" * (-len(text) % 4))
        except binascii.Error:
            continue


def _unescaped(escape: re.Match[bytes]) -> bytes:
    """What one of JSON's escapes stands for; line ends count as none."""
    if escape[1]:
        return bytes([int(escape[1], 16)])
    return b"/" if escape[2] == b"/" else b""


def _objects(layers: tuple[bytes, ...]) -> Iterator[bytes]:
    """Every DER SEQUENCE that starts with an INTEGER or SEQUENCE and ends inside its layer, outermost first."""
    tries = 0
    for layer in layers:
        skip_to = 0
        for match in _SEQUENCE.finditer(layer):
            start, end = match.start(), _end(layer, match.start())
            if start < skip_to or end > len(layer) or end - start < 40:
                continue
            tries += 1
            if tries > MAX_TRIES:
                return
            der = layer[start:end]
            if _is_certificate(der) or _is_key(der):
                skip_to = end
                yield der


def _end(data: bytes, at: int) -> int:
    length = data[at + 1]
    if length < 0x80:
        return at + 2 + length
    size = length & 0x0F
    return at + 2 + size + int.from_bytes(data[at + 2 : at + 2 + size], "big")


def _is_certificate(der: bytes) -> bool:
    try:
        read_identity(der)
    except Malformed:
        return False
    return True


def _is_key(der: bytes) -> bool:
    try:
        PublicKey.from_der(der)
    except Malformed:
        return False
    return True
