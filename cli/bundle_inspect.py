"""What is in this bundle, said in a tree? Nothing is verified, and the output says so."""

import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from cli.app import printable
from cli.inputs import read_input
from verifier.bundle import Bundle
from verifier.certificate import read_identity
from verifier.dsse import Envelope, parse_statement
from verifier.entry import LogEntry
from verifier.errors import Malformed, SigwardenError
from verifier.legacy import read_bundle
from verifier.timestamp_token import parse_timestamp

Line = tuple[int, str]


def inspect_bundle(file: str) -> int:
    """Print the tree, and warnings about what cannot be read or should not be there."""
    bundle = read_bundle(read_input(file), allow_chain=True)
    for depth, text in _lines(bundle):
        sys.stdout.write(f"{'  ' * depth}{'└─ ' if depth else ''}{printable(text)}\n")
    return 0


def _lines(bundle: Bundle) -> Iterator[Line]:
    yield 0, f"Bundle, version {bundle.version} (nothing here is verified)"
    yield 1, f"media type: {bundle.media_type}"
    yield from _material(bundle)
    yield from _content(bundle)
    yield 1, f"log entries: {len(bundle.entries)}"
    for entry in bundle.entries:
        yield from _entry(entry)
    yield 1, f"timestamps: {len(bundle.timestamps)}"
    for data in bundle.timestamps:
        yield from _timestamp(data)
    yield from ((1, f"WARNING: {text}") for text in _warnings(bundle))


def _material(bundle: Bundle) -> Iterator[Line]:
    if not bundle.certificates:
        hint = f"hint {bundle.key_hint}" if bundle.key_hint else "no hint"
        yield 1, f"public key: {hint}" + (", embedded in the bundle" if bundle.embedded_key else "")
    for position, data in enumerate(bundle.certificates):
        yield 1, "certificate" if position == 0 else f"certificate {position + 1} of the chain"
        try:
            identity = read_identity(data)
        except Malformed as error:
            yield 2, f"unreadable: {error.message}"
            continue
        names = ", ".join(f"{name.value} ({name.kind})" for name in identity.names)
        yield 2, f"subject: {names or 'none'}"
        yield 2, f"issuer: {identity.issuer or 'none'}"
        yield 2, f"valid: {identity.not_before} to {identity.not_after}"
        yield from ((2, f"{name}: {value}") for name, value in identity.extensions.items() if name != "issuer")
        yield from ((2, f"odd: {name}") for name in identity.anomalies)


def _content(bundle: Bundle) -> Iterator[Line]:
    content = bundle.content
    if not isinstance(content, Envelope):
        digest = f"{content.algorithm} {content.digest.hex()}" if content.digest else "no digest"
        yield 1, f"signature of an artifact: {digest}"
        return
    yield 1, f"signed envelope: {content.payload_type}, {len(content.payload)} bytes"
    try:
        statement = parse_statement(content)
    except SigwardenError as error:
        yield 2, f"no statement: {error.message}"
        return
    yield 2, f"predicate type: {statement.predicate_type}"
    for subject in statement.subjects[:20]:
        digests = ", ".join(f"{name}:{value}" for name, value in subject.digests.items())
        yield 2, f"subject: {subject.name or 'unnamed'} {digests}"


def _entry(entry: LogEntry) -> Iterator[Line]:
    number = entry.index if entry.global_index is None else entry.global_index
    yield 2, f"{entry.kind} {entry.version}, index {number}"
    yield 3, f"log: {entry.log_id.hex()}"
    if entry.integrated_time:
        yield 3, f"integrated: {_time(entry.integrated_time)}"
    yield 3, f"promise: {'yes' if entry.set else 'no'}"
    if entry.proof is None:
        yield 3, "inclusion proof: no"
    else:
        origin = entry.proof.checkpoint.partition(b"\n")[0].decode("utf-8", "backslashreplace")
        yield 3, f"inclusion proof: index {entry.proof.index} in a tree of {entry.proof.size}, checkpoint of {origin}"


def _time(seconds: int) -> str:
    try:
        return str(datetime.fromtimestamp(seconds, UTC))
    except (ValueError, OverflowError, OSError):
        return f"{seconds} seconds after 1970"


def _timestamp(data: bytes) -> Iterator[Line]:
    try:
        token = parse_timestamp(data)
    except Malformed as error:
        yield 2, f"unreadable: {error.message}"
        return
    yield 2, f"{token.time} over {token.imprint_hash} {token.imprint.hex()}"


def _warnings(bundle: Bundle) -> Iterable[str]:
    if not bundle.entries:
        yield "there is no log entry: whoever relies on the log will refuse it"
    if bundle.version == "0.3" and len(bundle.certificates) > 1:
        yield "version 0.3 allows one certificate, not a chain"
    v2_only = bundle.entries and all(entry.is_v2 for entry in bundle.entries)
    if bundle.certificates and v2_only and not bundle.timestamps:
        yield "nothing proves when it was signed: a Rekor v2 entry needs a timestamp beside it"
