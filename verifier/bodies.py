"""What does the body of a log entry say: which kind, who signed, over which digest?

One table of kinds; a new kind is one shape in a ``wire`` module, one small function and one row here. Bodies are
attacker-controlled. *Canonical or slow*: a typed decoder takes the last of two equal keys, so a body that does not
re-encode to its own bytes goes to the strict JSON reader, where every reading counts.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec

from verifier import bodies_packages as packages
from verifier import bodies_signed as signed
from verifier import jsonstrict, wire
from verifier import wire_packages as shapes
from verifier.errors import Malformed
from verifier.fast import FastBody, fast_body
from verifier.signers import Digest, Parsed, Signer

__all__ = ["KINDS", "Body", "Digest", "FastBody", "Signer", "fast_body", "kind_of", "read_bodies", "read_body"]

# A Rekor v1 server may be configured to take 32 MiB; nothing larger is read.
MAX_BODY = 32 << 20


class Row(NamedTuple):
    """One kind and version: its shape on the wire and its reader."""

    shape: type[wire.Wire]
    parse: Callable[[Any], Parsed]


KINDS: dict[tuple[str, str], Row] = {
    ("hashedrekord", "0.0.1"): Row(wire.HashedRekord001, signed.hashedrekord_001),
    ("hashedrekord", "0.0.2"): Row(wire.HashedRekord002, signed.hashedrekord_002),
    ("dsse", "0.0.1"): Row(wire.Dsse001, signed.dsse_001),
    ("dsse", "0.0.2"): Row(wire.Dsse002, signed.dsse_002),
    ("intoto", "0.0.1"): Row(wire.Intoto001, signed.intoto_001),
    ("intoto", "0.0.2"): Row(wire.Intoto002, signed.intoto_002),
    ("rekord", "0.0.1"): Row(shapes.Rekord001, packages.rekord),
    ("rfc3161", "0.0.1"): Row(shapes.Rfc3161001, packages.rfc3161),
    ("alpine", "0.0.1"): Row(shapes.Alpine001, packages.alpine),
    ("helm", "0.0.1"): Row(shapes.Helm001, packages.helm),
    ("jar", "0.0.1"): Row(shapes.Jar001, packages.jar),
    ("rpm", "0.0.1"): Row(shapes.Rpm001, packages.rpm),
    ("tuf", "0.0.1"): Row(shapes.Tuf001, packages.tuf),
    ("cose", "0.0.1"): Row(shapes.Cose001, packages.cose),
}


@dataclass(frozen=True, slots=True)
class Body:
    """One entry's body.

    `digests` are (algorithm, lower-case hex) of what was signed, `digest_of` says of what (artifact, payload, ...);
    `related` are further digests as (of what, algorithm, hex). `canonical`: the bytes are RFC 8785 JSON with exactly
    the members of the kind; a body that is not was not written by a Rekor server.
    """

    kind: str
    version: str
    signers: tuple[Signer, ...]
    digests: tuple[Digest, ...]
    digest_of: str
    data: bytes
    canonical: bool
    related: tuple[tuple[str, str, str], ...] = ()


class _Header(msgspec.Struct, rename="camel"):
    api_version: str
    kind: str


_HEADER = msgspec.json.Decoder(_Header)
_DECODERS = {row.shape: msgspec.json.Decoder(row.shape) for row in KINDS.values()}
_ENCODER = msgspec.json.Encoder(order="sorted")


def kind_of(data: bytes) -> tuple[str, str]:
    """(kind, version) of a body, by its last ``kind`` and ``apiVersion``; Malformed if it has none."""
    try:
        header = _HEADER.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Malformed("The body is not JSON with a kind and a version.", code="body-json") from error
    return header.kind, header.api_version


def read_body(data: bytes) -> Body:
    """The body; Malformed (`unknown-kind`, `body-json`, `body-fields`, `body-ambiguous`, `body-digest`, `pem`, ...)."""
    typed = _read_canonical(data)
    if typed is not None:
        return typed
    readings = _readings(data)
    if len(readings) > 1:
        raise Malformed("The body has a key twice: it can be read in several ways.", code="body-ambiguous")
    return _convert(data, readings[0])


def read_bodies(data: bytes) -> list[Body]:
    """Every reading of the body: several only where a key occurs twice. Malformed if no reading makes sense."""
    typed = _read_canonical(data)
    if typed is not None:
        return [typed]
    bodies: list[Body] = []
    failures: list[Malformed] = []
    for reading in _readings(data):
        try:
            bodies.append(_convert(data, reading))
        except Malformed as failure:
            failures.append(failure)
    if not bodies:
        raise failures[0]
    return bodies


def _read_canonical(data: bytes) -> Body | None:
    """The body if it is canonical JSON of a known kind, else None."""
    if len(data) > MAX_BODY:
        raise Malformed(f"A body of {len(data)} bytes is larger than we read.", code="body-size")
    try:
        key = kind_of(data)
        row = _row(key)
        body = _DECODERS[row.shape].decode(data)
    except (Malformed, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None  # perhaps only this reading of it is no good
    if _ENCODER.encode(body) != data:
        return None
    return _body(key, row.parse(body), data, canonical=True)


def _row(key: tuple[str, str]) -> Row:
    row = KINDS.get(key)
    if row is None:
        kind, version = (part[:40] for part in key)
        raise Malformed(f"We do not know entries of kind {kind!r}, version {version!r}.", code="unknown-kind")
    return row


def _readings(data: bytes) -> list[Any]:
    try:
        return jsonstrict.readings(data, max_bytes=MAX_BODY)
    except Malformed as error:
        raise Malformed(f"The body is not strict JSON: {error.message}.", code="body-json") from error


def _convert(data: bytes, reading: Any) -> Body:
    try:
        header = msgspec.convert(reading, _Header)
    except msgspec.ValidationError as error:
        raise Malformed("The body does not say its kind and version.", code="body-json") from error
    key = (header.kind, header.api_version)
    row = _row(key)
    try:
        body = msgspec.convert(reading, row.shape)
    except msgspec.ValidationError as error:
        raise Malformed("The body does not have the members of its kind.", code="body-fields") from error
    return _body(key, row.parse(body), data, canonical=False)


def _body(key: tuple[str, str], parsed: Parsed, data: bytes, *, canonical: bool) -> Body:
    return Body(
        kind=key[0],
        version=key[1],
        signers=parsed.signers,
        digests=parsed.digests,
        digest_of=parsed.digest_of,
        data=data,
        canonical=canonical,
        related=parsed.related,
    )
