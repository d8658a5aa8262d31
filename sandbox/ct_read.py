"""How is an RFC 6962 log read? Heads, entries and proofs, with the pages and refusals of the real CTFE."""

import base64
import binascii
import json
from collections.abc import Sequence
from typing import Any, Protocol

from sandbox.lies import Lies
from sandbox.sct import sized
from sandbox.shard import Shard, View
from sandbox.tree import HASH
from sandbox.wire import Reply, Request

_PAGE = 1000
_MAX_INT64 = 2**63 - 1
_CACHED = (("Cache-Control", "public, max-age=86400"), ("Vary", "Origin"))
_VARY = (("Vary", "Origin"),)


class Kept(Protocol):
    """What stands beside a leaf."""

    @property
    def precertificate(self) -> bytes:
        """DER; empty for a certificate."""

    @property
    def chain(self) -> tuple[bytes, ...]:
        """The certificates above."""


class Readable(Protocol):
    """What a log must offer to be read."""

    lies: Lies

    @property
    def shard(self) -> Shard:
        """The tree."""

    def note(self, view: View) -> bytes:
        """A signed head."""

    def beside(self, leaf: bytes) -> Kept:
        """What stands beside a leaf."""


class _Refused(Exception):
    """Status and message of a refusal."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


def refusal(status: int, message: str) -> Reply:
    """A refusal as Go's http.Error writes it, the status text before the message."""
    words = {400: "Bad Request", 404: "Not Found", 405: "Method Not Allowed", 500: "Internal Server Error"}[status]
    headers = (*_VARY, ("X-Content-Type-Options", "nosniff"))
    return Reply(status, f"{words}\n{message}\n".encode(), headers, "text/plain; charset=utf-8")


def answer(log: Readable, path: str, request: Request) -> Reply:
    """The answer to a reading path."""
    handler = _HANDLERS.get(path.removeprefix("/ct/v1/")) if path.startswith("/ct/v1/") else None
    if handler is None:
        return Reply(404, b"", _VARY, "")
    if request.method == "OPTIONS":
        return Reply(204, b"", (("Access-Control-Allow-Methods", "GET"), ("Access-Control-Allow-Origin", "*")), "")
    if request.method != "GET":
        return refusal(405, f"method not allowed: {request.method}")
    try:
        return handler(log, request)
    except _Refused as refused:
        return refusal(refused.status, str(refused))


def _json(value: Any, headers: tuple[tuple[str, str], ...] = _CACHED) -> Reply:
    return Reply(200, json.dumps(value, separators=(",", ":")).encode(), headers)


def _head(log: Readable, request: Request) -> Reply:
    view = log.lies.head_for(request, log.shard.view)
    note = log.note(view)
    _, size, root = note.split(b"\n")[:3]
    line = next((row for row in note.splitlines() if row.startswith("— ".encode())), b"")
    blob = base64.b64decode(line.rpartition(b" ")[2])[4:]
    head = {
        "tree_size": int(size) if size.isdigit() else size.decode("utf-8", "replace"),
        "timestamp": int.from_bytes(blob[:8], "big"),
        "sha256_root_hash": root.decode("utf-8", "replace"),
        "tree_head_signature": _b64(blob[8:]),
    }
    return _json(head, _VARY)


def _consistency(log: Readable, request: Request) -> Reply:
    for name in ("first", "second"):
        if not _value(request, name):
            raise _Refused(f"failed to parse consistency range: parameter '{name}' is required")
    failed = "failed to parse consistency range: "
    first, second = (_number(request, name, failed, f"parameter '{name}' is malformed") for name in ("first", "second"))
    if first < 0 or second < 0:
        raise _Refused(f"{failed}first and second params cannot be <0: {first} {second}")
    if first > second:
        raise _Refused(f"{failed}invalid first, second params: {first} {second}")
    view = log.lies.seen_by(request, log.shard.view)
    if second > view.size:
        raise _Refused(f"need tree size: {second} for proof but only got: {view.size}")
    proof = view.tree.consistency(first, second) if first else []
    return _json({"consistency": _hashes(log, "consistency", proof)})


def _by_hash(log: Readable, request: Request) -> Reply:
    failed = "get-proof-by-hash: "
    if not _value(request, "hash"):
        raise _Refused(f"{failed}missing / empty hash param for get-proof-by-hash")
    digest = _digest(_value(request, "hash"), failed)
    size = _number(request, "tree_size", failed, f"missing or invalid tree_size: {_value(request, 'tree_size')}")
    if size < 1:
        raise _Refused(f"{failed}missing or invalid tree_size: {_value(request, 'tree_size')}")
    backend = "backend GetInclusionProofByHash request failed: rpc error: code = "
    if len(digest) != 32:
        want = f"GetInclusionProofByHashRequest.LeafHash: {len(digest)} bytes, want 32"
        raise _Refused(f"{backend}InvalidArgument desc = {want}")
    view = log.lies.seen_by(request, log.shard.view)
    index = _find(view, digest)
    if index is None or index >= size:
        raise _Refused(f"{backend}NotFound desc = No leaf found for hash: {digest.hex()} in tree size {size}", 404)
    if size > view.size:
        raise _Refused(f"{backend}Unknown desc = expected 13 nodes from storage but got 12", 500)
    path = _hashes(log, "inclusion", view.tree.inclusion(index, size))
    return _json({"leaf_index": index, "audit_path": path})


def _entries(log: Readable, request: Request) -> Reply:
    failed = "bad range on get-entries request: "
    start, end = _number(request, "start", failed), _number(request, "end", failed)
    if start < 0 or end < 0:
        raise _Refused(f"{failed}start ({start}) and end ({end}) parameters must be >= 0")
    if start > end:
        raise _Refused(f"{failed}start ({start}) and end ({end}) is not a valid range")
    view = log.lies.seen_by(request, log.shard.view)
    end = _page_end(start, end)
    if start >= view.size:
        raise _Refused(f"need tree size: {start + 1} to get leaves but only got: {view.size}")
    indexes = range(start, min(end + 1, view.size))
    if any(part.start < indexes.stop and start < part.stop for part in log.lies.withheld):
        raise _Refused("backend GetLeavesByRange request failed: rpc error: code = NotFound desc = not found", 404)
    return _json({"entries": [_entry(log, leaf) for leaf in _shown(log.lies, view, indexes)]})


def _page_end(start: int, end: int) -> int:
    """Where a page ends: a request for 1000 or more ends with a multiple of 1000 (CTFE's align_getentries)."""
    if end - start + 1 < _PAGE:
        return end
    if end == _MAX_INT64 and start == 0:
        count = "GetLeavesByRangeRequest.Count: -9223372036854775808, want > 0"
        raise _Refused(f"backend GetLeavesByRange request failed: rpc error: code = InvalidArgument desc = {count}")
    return (start // _PAGE + 1) * _PAGE - 1


def _shown(lies: Lies, view: View, indexes: range) -> Sequence[bytes]:
    if not (lies.about_content and lies.told("content")):
        return [view.bodies[index] for index in indexes]
    singly = len(indexes) > 1 or lies.singly
    kept = [index for index in indexes if not (singly and index in lies.dropped)]
    leaves = [lies.swapped.get(index, view.bodies[lies.moved.get(index, index)]) for index in kept]
    by = next((by for number, by in lies.resized.items() if number in indexes and len(indexes) > 1), 0)
    return leaves[:by] if by < 0 else leaves + leaves[-1:] * by


def _entry(log: Readable, leaf: bytes) -> dict[str, str]:
    kept = log.beside(leaf)
    chain = sized(b"".join(sized(one, 3) for one in kept.chain), 3)
    extra = sized(kept.precertificate, 3) + chain if leaf[10:12] == b"\0\1" else chain
    return {"leaf_input": _b64(leaf), "extra_data": _b64(extra)}


def _entry_and_proof(log: Readable, request: Request) -> Reply:
    failed = "failed to parse get-entry-and-proof params: "
    index, size = _number(request, "leaf_index", failed), _number(request, "tree_size", failed)
    if size < 1:
        raise _Refused(f"{failed}tree_size must be > 0, got: {size}")
    if index < 0:
        raise _Refused(f"{failed}leaf_index must be >= 0, got: {size}")  # it does name the other number
    if index >= size:
        raise _Refused(f"{failed}leaf_index {index} out of range for tree of size {size}")
    view = log.lies.seen_by(request, log.shard.view)
    if size > view.size:
        raise _Refused(f"need tree size: {size} for proof but only got: {view.size}")
    path = _hashes(log, "inclusion", view.tree.inclusion(index, size))
    return _json(_entry(log, view.bodies[index]) | {"audit_path": path or None})


def _hashes(log: Readable, of: str, hashes: Sequence[bytes]) -> list[str]:
    lies = log.lies
    texts = [_b64(digest) for digest in hashes]
    if not lies.proof or lies.proof_of != of or not lies.told("proof"):
        return texts
    if lies.proof == "flipped":
        return [_b64(bytes((digest[0] ^ 0x80,)) + digest[1:]) for digest in hashes]
    if lies.proof == "short":
        return texts[:-1]
    extra = {"long": [_b64(bytes(32))], "huge": [_b64(bytes(32))] * 100_000, "malformed": ["not base64"]}
    return texts + extra[lies.proof]


def _find(view: View, digest: bytes) -> int | None:
    leaves = view.tree.levels[0]
    at = leaves.find(digest)
    while at > 0 and at % HASH:
        at = leaves.find(digest, at + 1)
    return at // HASH if 0 <= at < view.size * HASH else None


def _value(request: Request, name: str) -> str:
    """The first value of a parameter, as Go's FormValue takes it."""
    return next((value for key, value in request.query if key == name), "")


def _number(request: Request, name: str, failed: str, words: str = "") -> int:
    text = _value(request, name)
    digits = text[1:] if text[:1] in ("-", "+") else text
    if not (digits.isascii() and digits.isdecimal()):
        raise _Refused(failed + (words or f'strconv.ParseInt: parsing "{text}": invalid syntax'))
    if not -_MAX_INT64 - 1 <= int(text) <= _MAX_INT64:
        raise _Refused(
            f"{failed}{words}" if words else f'{failed}strconv.ParseInt: parsing "{text}": value out of range'
        )
    return int(text)


def _digest(text: str, failed: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="
        at = next((place for place, sign in enumerate(text) if sign not in alphabet), len(text))
        raise _Refused(f"{failed}invalid base64 hash: illegal base64 data at input byte {at}") from None


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


_HANDLERS = {
    "get-sth": _head,
    "get-sth-consistency": _consistency,
    "get-proof-by-hash": _by_hash,
    "get-entries": _entries,
    "get-entry-and-proof": _entry_and_proof,
}
