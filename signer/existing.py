"""Where is the entry that the log says it has already?

Rekor answers 409 for a signature it holds (deterministic schemes, or a request that was sent twice). v1 names the
entry; v2 its index, and the entry and its proof are then read from the tiles under a checkpoint that the log signed.
"""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from signer.answers import complaint_of, members_of
from signer.services import Log
from verifier.bodies import kind_of
from verifier.checkpoint import Checkpoint, open_checkpoint
from verifier.entry import InclusionProof, LogEntry, entry_from_rest
from verifier.errors import Malformed, SigwardenError, Unreachable, Untrue
from verifier.fetch.call import Reply, expect
from verifier.tiles import TILE_WIDTH, TileReader, entries_path, parse_entry_bundle, tile_path
from verifier.trust import TrustedLog, TrustedRoot

if TYPE_CHECKING:
    from verifier.fetch.http import Http

_ENTRY_ID = re.compile(r"\b(?:[0-9a-f]{16})?[0-9a-f]{64}\b", re.ASCII)
_INDEX = re.compile(r"[0-9]{1,19}", re.ASCII)
_MAX_ENTRY = 64 << 20
_MAX_NOTE = 1 << 20
_MAX_BUNDLE = TILE_WIDTH * (2 + 65_535)
_HASH = 32
_MAX_TILE = TILE_WIDTH * _HASH
_PREFIXES = ("/api/v2", "")  # the public instance; a plain folder of tiles


def existing_v1(http: "Http", log: Log, conflict: Reply) -> LogEntry:
    """The entry that a 409 of Rekor v1 names, by its Location or its message."""
    match = _ENTRY_ID.search(conflict.headers.get("Location", "")) or _ENTRY_ID.search(complaint_of(conflict))
    if match is None:
        raise Malformed(f"{log.url} has the entry already, and does not say which", code="rekor-reply")
    reply = expect(http.get(f"{log.url}/api/v1/log/entries/{match[0]}", max_bytes=_MAX_ENTRY), 200)
    members = members_of(reply)
    for entry_id, entry in members.items():
        if entry_id.endswith(match[0][-64:]) and isinstance(entry, dict):
            return entry_from_rest(entry_id, entry)
    raise Malformed(f"{log.url} answered with another entry than {match[0]}", code="rekor-reply")


def existing_v2(http: "Http", log: Log, conflict: Reply, trust: TrustedRoot) -> LogEntry:
    """The entry at the index that a 409 of Rekor v2 names, proven from tiles."""
    index = _index_of(conflict)
    if index is None:
        raise Malformed(f"{log.url} has the entry already, and does not say where", code="rekor-reply")
    base, trusted, head = _head(http, log, trust)
    if index >= head.size:
        raise Unreachable(f"{log.url} does not show entry {index} yet", code="rekor", cause="status")

    def load(level: int, tile: int, width: int) -> bytes:
        return _tile(http, base, (level, tile), width)

    reader = TileReader(head.size, load, head.root)
    hashes = tuple(reader.inclusion(index))
    body = _body(http, base, index, head.size)
    kind, version = kind_of(body)
    proof = InclusionProof(index, head.size, head.root, hashes, head.raw)
    return LogEntry(
        log_id=trusted.log_id,
        kind=kind,
        version=version,
        global_index=None,
        index=index,
        integrated_time=None,
        body=body,
        set=None,
        proof=proof,
        tree_id=None,
        uuid=None,
    )


def _index_of(conflict: Reply) -> int | None:
    said = _INDEX.fullmatch(conflict.headers.get("X-Log-Index", "")) or re.search(
        r"index ([0-9]{1,19})\b", complaint_of(conflict)
    )
    return int(said[said.lastindex or 0]) if said else None


def _head(http: "Http", log: Log, trust: TrustedRoot) -> tuple[str, TrustedLog, Checkpoint]:
    """(base URL of its files, the trusted log, its newest signed head)."""
    host = urlsplit(log.url).hostname or ""
    failure: SigwardenError = Untrue(f"the trust root does not know the log {log.url}", code="log-unknown")
    for prefix in _PREFIXES:
        reply = http.get(f"{log.url}{prefix}/checkpoint", max_bytes=_MAX_NOTE)
        if reply.status != 200:
            continue
        for trusted in trust.tlogs:
            origin = trusted.origin or host
            try:
                head = open_checkpoint(reply.body, [trusted.note_key(origin)], origin=origin)
            except SigwardenError as error:
                failure = error
                continue
            return log.url + prefix, trusted, head
    raise failure


def _tile(http: "Http", base: str, place: tuple[int, int], width: int) -> bytes:
    data, _ = _whole_or_part(http, lambda wide: f"{base}/{tile_path(*place, wide)}", width, _MAX_TILE)
    return data[: width * _HASH]


def _body(http: "Http", base: str, index: int, size: int) -> bytes:
    number = index // TILE_WIDTH
    width = min(TILE_WIDTH, size - number * TILE_WIDTH)
    data, got = _whole_or_part(http, lambda wide: f"{base}/{entries_path(number, wide)}", width, _MAX_BUNDLE)
    return parse_entry_bundle(data, got)[index % TILE_WIDTH]


def _whole_or_part(http: "Http", url: Callable[[int], str], width: int, limit: int) -> tuple[bytes, int]:
    """(bytes, their width) of a file of tiles; a partial one vanishes when the full one exists (protocol.md T24)."""
    reply = http.get(url(width), max_bytes=limit)
    if reply.status == 404 and width < TILE_WIDTH:
        width = TILE_WIDTH
        reply = http.get(url(width), max_bytes=limit)
    return expect(reply, 200).body, width
