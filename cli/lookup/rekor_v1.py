"""What does a Rekor v1 server answer, and is it what was asked for?"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from cli.lookup.trust import Proven, Trusted, prove
from verifier import jsonstrict
from verifier.entry_json import LogEntry, entry_from_rest
from verifier.errors import Malformed, Refused, SigwardenError, Untrue
from verifier.fetch.http import Http, expect

_MAX_REPLY = 64 << 20
_MAX_INDEX = 16 << 20
_BATCH = 10
_ID = re.compile(r"(?:[0-9a-f]{16})?[0-9a-f]{64}\Z")


@dataclass(frozen=True, slots=True)
class Answer:
    """One entry as the server gave it: the parsed entry, and the attestation beside it."""

    entry: LogEntry
    attestation: bytes


@dataclass(frozen=True, slots=True)
class RekorV1:
    """One server, by its base URL."""

    http: Http
    url: str

    def by_index(self, index: int) -> Answer:
        """The entry with this global index."""
        answers = self._entries(f"/api/v1/log/entries?logIndex={index}")
        if len(answers) != 1 or answers[0].entry.global_index != index:
            raise Untrue(f"the log answered with another entry than index {index}", code="rekor-reply")
        return answers[0]

    def by_id(self, text: str) -> Answer:
        """The entry of a UUID (64 hex) or entry id (80 hex)."""
        wanted = text.lower()
        if not _ID.match(wanted):
            raise Refused(
                f"'{text}' is no entry id",
                code="entry-id",
                hint="an entry is named by 64 hex characters (its hash) or 80 (tree id and hash)",
            )
        answers = self._entries(f"/api/v1/log/entries/{wanted}")
        for answer in answers:
            if answer.entry.leaf_hash.hex() == wanted[-64:] and _tree_fits(answer.entry, wanted):
                return answer
        raise Untrue("the log answered with another entry than the one asked for", code="rekor-reply")

    def index(self, query: dict[str, Any]) -> list[str]:
        """The entry ids that the search index lists, each once. A claim: every one is to be fetched and proven."""
        found = self._post("/api/v1/index/retrieve", query, _MAX_INDEX)
        if not isinstance(found, list) or not all(isinstance(one, str) and _ID.match(one) for one in found):
            raise Malformed("the index did not answer with a list of entry ids", code="rekor-reply")
        return sorted(set(found))

    def proven(self, ids: list[str], trusted: Trusted) -> Iterator[tuple[str, Proven | SigwardenError]]:
        """Each id with its proven entry, or with what is wrong with it."""
        for start in range(0, len(ids), _BATCH):
            wanted = ids[start : start + _BATCH]
            found = self._batch(wanted)
            for one in wanted:
                yield one, _prove(found.get(one[-64:]), trusted)

    def info(self) -> dict[str, Any]:
        """``GET /api/v1/log``."""
        reply = self.http.get(f"{self.url}/api/v1/log", max_bytes=_MAX_INDEX)
        expect(reply, 200)
        found = jsonstrict.loads(reply.body, max_bytes=_MAX_INDEX)
        if not isinstance(found, dict):
            raise Malformed("the log's description is no object", code="rekor-reply")
        return found

    def consistency(self, first: int, last: int, tree: str) -> tuple[bytes, ...]:
        """The hashes of the consistency proof between two sizes of a tree (its number, empty: the active one)."""
        which = f"&treeID={tree}" if tree else ""
        url = f"{self.url}/api/v1/log/proof?firstSize={first}&lastSize={last}{which}"
        reply = self.http.get(url, max_bytes=_MAX_INDEX)
        expect(reply, 200)
        found = jsonstrict.loads(reply.body, max_bytes=_MAX_INDEX)
        hashes = found.get("hashes") if isinstance(found, dict) else None
        if not isinstance(hashes, list) or not all(isinstance(one, str) and _ID.match(one) for one in hashes):
            raise Malformed("the consistency proof is no list of hashes", code="proof-format")
        return tuple(bytes.fromhex(one) for one in hashes)

    def _batch(self, wanted: list[str]) -> dict[str, LogEntry]:
        found = self._post("/api/v1/log/entries/retrieve", {"entryUUIDs": wanted}, _MAX_REPLY)
        if not isinstance(found, list):
            raise Malformed("the log did not answer with a list of entries", code="rekor-reply")
        entries: dict[str, LogEntry] = {}
        for value in found:
            for answer in _answers(value):
                entries[answer.entry.leaf_hash.hex()] = answer.entry
        return entries

    def _entries(self, path: str) -> list[Answer]:
        reply = self.http.get(self.url + path, max_bytes=_MAX_REPLY)
        if reply.status == 404:
            raise Untrue("the log has no such entry", code="no-entry")
        expect(reply, 200)
        return _answers(jsonstrict.loads(reply.body, max_bytes=_MAX_REPLY))

    def _post(self, path: str, body: dict[str, Any], limit: int) -> Any:
        reply = self.http.post(
            self.url + path, json.dumps(body).encode(), content_type="application/json", max_bytes=limit
        )
        expect(reply, 200)
        return jsonstrict.loads(reply.body, max_bytes=limit)


def _answers(value: Any) -> list[Answer]:
    if not isinstance(value, dict):
        raise Malformed("the log did not answer with an entry", code="rekor-reply")
    found = []
    for entry_id, members in value.items():
        if not isinstance(members, dict):
            raise Malformed("the log did not answer with an entry", code="rekor-reply")
        attestation = members.get("attestation")
        data = attestation.get("data") if isinstance(attestation, dict) else None
        found.append(Answer(entry_from_rest(entry_id, members), jsonstrict.b64(data, "attestation") if data else b""))
    return found


def _tree_fits(entry: LogEntry, wanted: str) -> bool:
    return len(wanted) == 64 or entry.tree_id == int(wanted[:16], 16)


def _prove(entry: LogEntry | None, trusted: Trusted) -> Proven | SigwardenError:
    if entry is None:
        return Untrue("the index lists it and the log does not give it", code="withheld-entries")
    try:
        return prove(entry, trusted)
    except SigwardenError as error:
        return error
