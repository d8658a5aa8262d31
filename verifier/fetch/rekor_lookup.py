"""What does a Rekor v1 server say about this artifact, or about this index?

Look-ups for single signatures. The answers are claims: unknown, missing and foreign entries are dropped or refused
here, and what is left is proven by the caller.
"""

import json
from collections.abc import Iterable
from typing import Any

from verifier import jsonstrict
from verifier.entry import LogEntry, entry_from_rest
from verifier.errors import Malformed, SigwardenError
from verifier.fetch.http import Http, expect

# Rekor's own limit of one entries/retrieve request; and how many hits of one hash are worth looking at.
_BATCH, _MOST = 10, 100
_MAX_REPLY = 64 << 20


def entry_by_index(http: Http, base: str, index: int) -> LogEntry:
    """The entry with this global index; Malformed if the server answers with another one."""
    reply = http.get(f"{_base(base)}/api/v1/log/entries?logIndex={index}", max_bytes=_MAX_REPLY)
    expect(reply, 200)
    entries = list(_entries([jsonstrict.loads(reply.body, max_bytes=_MAX_REPLY)]))
    if len(entries) != 1 or entries[0].global_index != index:
        raise Malformed(f"the log answered with another entry than index {index}", code="rekor-reply")
    return entries[0]


def entries_by_hash(http: Http, base: str, digest: str) -> list[LogEntry]:
    """Entries that the server's index lists for ``sha256:<hex>``; what it cannot show, or we cannot read, is left out.

    An empty answer proves nothing: the index is not part of the log.
    """
    found = _post(http, f"{_base(base)}/api/v1/index/retrieve", {"hash": digest})
    if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
        raise Malformed("the log's index did not answer with a list of identifiers", code="rekor-reply")
    entries: list[LogEntry] = []
    for start in range(0, min(len(found), _MOST), _BATCH):
        wanted = {one[-64:] for one in found[start : start + _BATCH]}
        reply = _post(http, f"{_base(base)}/api/v1/log/entries/retrieve", {"entryUUIDs": found[start : start + _BATCH]})
        if not isinstance(reply, list):
            raise Malformed("the log did not answer with a list of entries", code="rekor-reply")
        entries += [entry for entry in _entries(reply) if entry.leaf_hash.hex() in wanted]
    return entries


def _entries(values: Iterable[Any]) -> Iterable[LogEntry]:
    for value in values:
        for entry_id, entry in value.items() if isinstance(value, dict) else ():
            if not isinstance(entry, dict):
                continue
            try:
                yield entry_from_rest(entry_id, entry)
            except SigwardenError:
                continue  # an entry that cannot be read cannot be the one that is looked for


def _post(http: Http, url: str, body: Any) -> Any:
    reply = http.post(url, json.dumps(body).encode(), content_type="application/json", max_bytes=_MAX_REPLY)
    expect(reply, 200)
    return jsonstrict.loads(reply.body, max_bytes=_MAX_REPLY)


def _base(url: str) -> str:
    return url.rstrip("/")
