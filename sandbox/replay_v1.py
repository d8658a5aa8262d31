"""How did a real Rekor v1 server answer, at any moment of its growth?

Replays a folder of recorded exchanges. Heads are the recorded ones; proofs and entries are computed for the moment that
is presented, and equal what was recorded at the last one (but for the signatures that the server made anew each time).
Odd requests get the recorded answer.
"""

import gzip
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from sandbox.tree import Tree
from sandbox.wire import Reply, Request, Server

_HEX = re.compile(r"[0-9a-fA-F]{64}|[0-9a-fA-F]{80}")
_NUMBER = re.compile(r"[0-9]{1,18}")
_UNCACHED = (
    ("Cache-Control", "no-cache, no-store, no-transform, must-revalidate, private, max-age=0"),
    ("Expires", "Thu, 01 Jan 1970 00:00:00 GMT"),
    ("Pragma", "no-cache"),
    ("Vary", "Origin"),
    ("X-Accel-Expires", "0"),
)
_NONE = Reply(404, b"", _UNCACHED, "")
_MOST = 10
_GO_BUFFER = 2048


@dataclass(slots=True)
class Shard:
    """One tree: its leaf hashes, and its recorded entries as (entry id, JSON object)."""

    tree: Tree = field(default_factory=Tree)
    entries: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    base: int = 0


class ReplayV1:
    """``with ReplayV1(folder) as log: log.present(12)`` answers as the server did at its 13th recorded head."""

    def __init__(self, folder: Path, *, recorded: bool = True, latency: float = 0.0) -> None:
        self.folder = folder
        self.heads: list[bytes] = [row["body"].encode() for row in _rows(folder / "heads-growing.jsonl.gz")]
        self.requests: list[Request] = []
        self._infos: list[dict[str, Any]] = [json.loads(head) for head in self.heads]
        self._shards = _shards(folder)
        self._by_hash = _places(self._shards)
        self._recorded = _recorded(folder) if recorded else {}
        self._server = Server(self._answer, latency=latency)
        self._moment = len(self.heads) - 1

    @property
    def url(self) -> str:
        """Base URL without a trailing slash."""
        return self._server.url

    def present(self, moment: int) -> None:
        """Shows the log as at `heads[moment]` from now on."""
        self._moment = range(len(self.heads))[moment]

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.stop()

    def _answer(self, request: Request) -> Reply:
        self.requests.append(request)
        return self._computed(request) or self._recorded.get(_key(request), _NONE)

    def _computed(self, request: Request) -> Reply | None:
        """The answer to a plain request, None for an odd one."""
        if request.headers.get("accept", "application/json") not in ("application/json", "*/*"):
            return None
        if request.method == "POST":
            return self._retrieve(request) if request.path == "/api/v1/log/entries/retrieve" else None
        if request.method != "GET":
            return None
        if request.target == "/api/v1/log":
            return Reply(200, self.heads[self._moment], _UNCACHED)
        if request.path == "/api/v1/log/proof":
            return self._proof(request)
        if request.path == "/api/v1/log/entries" and len(request.query) == 1:
            index = request.value("logIndex") or ""
            return self._one(self._at([int(index)])) if _NUMBER.fullmatch(index) else None
        name = request.path.removeprefix("/api/v1/log/entries/")
        return self._one(self._named([name])) if _HEX.fullmatch(name) and self._knows_tree(name) else None

    def _proof(self, request: Request) -> Reply | None:
        first, last = request.value("firstSize") or "1", request.value("lastSize") or ""
        tree_id = request.value("treeID") or self._infos[self._moment]["treeID"]
        if not all(_NUMBER.fullmatch(number) and int(number) for number in (first, last)):
            return None
        sizes = self._sizes()
        if tree_id not in sizes:
            return None
        if int(first) > int(last):
            return _error(f"firstSize({first}) must be less than lastSize({last})")
        if int(last) > sizes[tree_id]:
            seen = sizes[tree_id]
            return _error(f"the tree size requested({last}) was greater than what is currently observable({seen})")
        tree = self._shards[tree_id].tree
        hashes = [one.hex() for one in tree.consistency(int(first), int(last))]
        return _json({"hashes": hashes, "rootHash": tree.root(sizes[tree_id]).hex()}, _UNCACHED)

    def _retrieve(self, request: Request) -> Reply | None:
        """Names first, then indexes, in the order asked; what is unknown is left out."""
        if request.headers.get("content-type") != "application/json":
            return None
        query = _object(request.body)
        if query is None or not set(query) <= {"entryUUIDs", "logIndexes"}:
            return None
        names, indexes = query.get("entryUUIDs", []), query.get("logIndexes", [])
        plain = all(isinstance(index, int) and 0 <= index < 1 << 63 for index in indexes)
        if not plain or not 0 < len(names) + len(indexes) <= _MOST:
            return None
        if not all(_HEX.fullmatch(name) and self._knows_tree(name) for name in names):
            return None
        found = [*self._named(names, everywhere=True), *self._at(indexes)]
        return _json([{key: entry} for key, entry in found], (("Vary", "Origin"),))

    def _one(self, found: Iterable[tuple[str, dict[str, Any]]]) -> Reply:
        for key, entry in found:
            return _json({key: entry}, _UNCACHED)
        return _NONE

    def _at(self, indexes: Iterable[int]) -> Iterator[tuple[str, dict[str, Any]]]:
        """The entries at global indexes, as far as the log has grown."""
        for index in indexes:
            for tree_id, size in self._sizes().items():
                place = index - self._shards[tree_id].base
                if 0 <= place < size:
                    yield self._entry(tree_id, place)

    def _named(self, names: Iterable[str], *, everywhere: bool = False) -> Iterator[tuple[str, dict[str, Any]]]:
        """The entries of these ids. A bare leaf hash means the active tree, then the others from the oldest."""
        sizes = self._sizes()
        active = self._infos[self._moment]["treeID"]
        for name in names:
            found = [row for row in self._by_hash.get(name[-64:].lower(), ()) if row[1] < sizes.get(row[0], 0)]
            if len(name) == 80:
                found = [row for row in found if int(row[0]) == int(name[:16], 16)]
            found.sort(key=lambda row: row[0] != active)
            yield from (self._entry(*row) for row in (found if everywhere else found[:1]))

    def _knows_tree(self, name: str) -> bool:
        return len(name) == 64 or str(int(name[:16], 16)) in self._sizes()

    def _entry(self, tree_id: str, place: int) -> tuple[str, dict[str, Any]]:
        """The recorded entry, its proof made anew where the tree was smaller than when it was recorded."""
        shard, size = self._shards[tree_id], self._sizes()[tree_id]
        key, entry = shard.entries[place]
        if size == shard.tree.size:
            return key, entry
        proof = {
            "checkpoint": self._note(tree_id),
            "hashes": [one.hex() for one in shard.tree.inclusion(place, size)],
            "logIndex": place,
            "rootHash": shard.tree.root(size).hex(),
            "treeSize": size,
        }
        return key, {**entry, "verification": {**entry["verification"], "inclusionProof": proof}}

    def _sizes(self) -> dict[str, int]:
        """Tree id to size at this moment, oldest first."""
        return {row["treeID"]: row["treeSize"] for row in self._rows_now()}

    def _note(self, tree_id: str) -> str:
        return next(str(row["signedTreeHead"]) for row in self._rows_now() if row["treeID"] == tree_id)

    def _rows_now(self) -> list[dict[str, Any]]:
        info = self._infos[self._moment]
        return [*(info["inactiveShards"] or ()), info]


def exchanges(folder: Path, *names: str) -> Iterator[dict[str, Any]]:
    """The recorded exchanges of the files ``http/<name>.jsonl[.gz]``; all files where none is named."""
    for path in sorted((folder / "http").iterdir()):
        if not names or path.name.split(".")[0] in names:
            yield from _rows(path)


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    data = path.read_bytes()
    text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode()
    return (json.loads(line) for line in text.splitlines())


def _shards(folder: Path) -> dict[str, Shard]:
    """The trees, oldest first, out of the answers that hold every entry."""
    shards: dict[str, Shard] = {}
    for number, (key, entry) in enumerate(
        pair
        for exchange in exchanges(folder, "retrieve-all")
        for item in json.loads(exchange["response"]["body"])
        for pair in item.items()
    ):
        shard = shards.setdefault(str(int(key[:16], 16)), Shard(base=number))
        shard.entries.append((key, entry))
        shard.tree.append(bytes.fromhex(key[16:]))
    return shards


def _places(shards: dict[str, Shard]) -> dict[str, list[tuple[str, int]]]:
    places: dict[str, list[tuple[str, int]]] = {}
    for tree_id, shard in shards.items():
        for place, (key, _) in enumerate(shard.entries):
            places.setdefault(key[16:], []).append((tree_id, place))
    return places


def _recorded(folder: Path) -> dict[tuple[str, ...], Reply]:
    """Every recorded answer by its request; of several answers to one request the first."""
    replies: dict[tuple[str, ...], Reply] = {}
    for exchange in exchanges(folder):
        asked, answered = exchange["request"], exchange["response"]
        headers = {name.lower(): value for name, value in asked["headers"].items()}
        body = (asked.get("body") or "").encode()
        key = _key(Request(asked["method"], asked["target"], "", (), headers, body, 0))
        names = {name.lower(): value for name, value in answered["headers"]}
        kept = tuple((name, value) for name, value in answered["headers"] if name.lower() in _KEPT)
        reply = Reply(
            answered["status"],
            (answered.get("body") or "").encode(),
            kept,
            names.get("content-type", ""),
            chunked="transfer-encoding" in names,
        )
        replies.setdefault(key, reply)
    return replies


_KEPT = frozenset({"allow", "cache-control", "expires", "pragma", "vary", "x-accel-expires", "location", "etag"})


def _key(request: Request) -> tuple[str, ...]:
    """Method, target, value of the JSON body, and the two headers that matter where they are odd."""
    query = _object(request.body)
    body = request.body.decode("utf-8", "replace") if query is None else json.dumps(query, sort_keys=True)
    accept = request.headers.get("accept", "").replace("*/*", "")
    kind = request.headers.get("content-type", "") if request.method == "POST" else ""
    return request.method, request.target, body, accept, kind


def _object(body: bytes) -> dict[str, Any] | None:
    """The JSON object in `body` if it is one and says everything once."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(dict(pairs)) < len(pairs):
            raise ValueError("a key twice")
        return dict(pairs)

    try:
        value = json.loads(body.decode(), object_pairs_hook=once)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _error(message: str) -> Reply:
    return Reply(400, _line({"code": 400, "message": message}), _UNCACHED)


def _json(value: object, headers: tuple[tuple[str, str], ...]) -> Reply:
    """Go's server counts the length of what fits its buffer, and sends the rest in chunks."""
    body = _line(value)
    return Reply(200, body, headers, chunked=len(body) > _GO_BUFFER)


def _line(value: object) -> bytes:
    """JSON as the server's handlers write it: keys sorted, no spaces, one newline."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"
