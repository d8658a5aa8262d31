"""How is a Rekor v1 instance read: all its trees in one answer, its leaves ten a request?

The server leaves out silently what it does not have, in any order, and one replica may lag behind another. So every
answer is matched with what was asked, what is missing is asked for singly on fresh connections, and only then do we
say that the log withholds it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import msgspec

from monitor.logs.log import Head, Leaves, LogSpec, joined
from monitor.logs.rekor_v1_wire import Batch, LogInfo, Row, ShardInfo, parse_batch, parse_log_info, parse_proof
from verifier.checkpoint import read_checkpoint
from verifier.errors import Malformed, Refused, SigwardenError, Unreachable, Untrue
from verifier.fetch.http import Call, Http, Reply, expect
from verifier.note import NoteKey

PER_REQUEST = 10
"""The server's own limit (422 above it)."""

MAX_ANSWER = 32 << 20
"""Ten entries with attestations (protocol 1.16)."""

_WHOLE = frozenset({404, 410, 500})
"""Answers to a batch that may be the fault of one entry: 500 is, where the server cannot parse a body."""

_MAX_INFO = 4 << 20
_MAX_SHARDS = 256
_JSON = {"Content-Type": "application/json", "Cache-Control": "no-cache"}
_ASK_AGAIN = (0.0, 0.5, 2.0)
"""Seconds before each time in a row that brought nothing: a replica may lag."""

_RUN = 26
"""Answers that are handed on together: 260 leaves."""

_SINGLES = 100
"""Missing entries that are asked for singly before we give up; a server that withholds more is not asked for all."""


@dataclass(slots=True)
class _Missing:
    """Global indexes that no answer held, and the newest answers that should have."""

    indexes: list[int] = field(default_factory=list)
    why: dict[int, str] = field(default_factory=dict)
    answers: dict[int, bytes] = field(default_factory=dict)


class RekorV1Log:
    """One tree of a Rekor v1 instance."""

    batch = 1280  # a multiple of ten and of 256, at which scans end

    def __init__(self, spec: LogSpec, http: Http) -> None:
        if spec.tree_id is None:
            raise Refused("a Rekor v1 tree needs its tree id", code="bad-spec")
        self.spec = spec
        self._tree_id = spec.tree_id
        self._http = http

    def checkpoint(self) -> bytes:
        """The newest raw signed note of this tree."""
        for shard in _shards(fetch_log_info(self._http, self.spec.read_url)):
            if shard.tree_id == str(self._tree_id):
                return shard.note.encode()
        raise Untrue(f"{self.spec.origin}: the server no longer lists this tree", code="tree-gone")

    def consistency(self, old: int, new: int) -> tuple[bytes, ...]:
        """The proof between two sizes, 0 < old < new; asked for again where a replica has not seen `new` yet."""
        url = f"{self.spec.read_url}/api/v1/log/proof?firstSize={old}&lastSize={new}&treeID={self._tree_id}"
        reply = self._http.get(url, max_bytes=1 << 16, accept="application/json")
        for delay in _ASK_AGAIN:
            if reply.status != 400:
                break
            self._http.sleep(delay)
            reply = self._http.get(url, max_bytes=1 << 16, accept="application/json", fresh=True)
        return parse_proof(expect(reply, 200).body)

    def leaves(self, start: int, end: int, size: int) -> Leaves:
        """The leaves [start, end), ten a request and many requests at once.

        Untrue (withheld-entries) names the in-tree indexes that the server does not serve.
        """
        return joined(start, self.runs(start, end, size))

    def runs(self, start: int, end: int, size: int) -> Iterator[Leaves]:
        """The same, some hundreds at a time, which is when the missing ones are asked for singly."""
        if not 0 <= start < end <= size:
            raise Refused(f"[{start}, {end}) is no range of a tree of {size}", code="bad-range")
        wanted = range(self.spec.base + start, self.spec.base + end)
        tens = [wanted[at : at + PER_REQUEST] for at in range(0, len(wanted), PER_REQUEST)]
        rows: dict[int, Row] = {}
        done = 0
        for number, got in enumerate(self._http.stream(self._fetch, tens), 1):
            rows.update(got)
            if number % _RUN == 0 or number == len(tens):
                yield self._run(wanted[done : number * PER_REQUEST], rows)
                done = number * PER_REQUEST
                rows = {}

    def _run(self, wanted: Sequence[int], rows: dict[int, Row]) -> Leaves:
        missing = [index for index in wanted if index not in rows]
        if missing:
            rows |= self._fetch_singly(missing)
        start = wanted[0] - self.spec.base
        return Leaves(start, [rows[index].body for index in wanted], [rows[index].extra for index in wanted])

    def _fetch(self, indexes: Sequence[int]) -> dict[int, Row]:
        """What one answer held of `indexes`; nothing of an answer that is wrong in any part."""
        try:
            reply = self._ask(indexes, fresh=False)
        except Unreachable as error:
            if error.cause != "too-large":
                raise
            return {}  # ten large entries; each alone may be within the limit
        if reply.status in _WHOLE:
            return {}
        batch = self._parse(reply, indexes)
        return {} if batch.odd else batch.rows

    def _fetch_singly(self, missing: Sequence[int]) -> dict[int, Row]:
        rows: dict[int, Row] = {}
        for at in range(0, len(missing), _SINGLES):
            rows.update(self._insist(missing[at : at + _SINGLES], len(missing[at + _SINGLES :])))
        return rows

    def _insist(self, indexes: Sequence[int], untried: int) -> dict[int, Row]:
        """Every one of `indexes`, asked for singly several times, each time on a fresh connection.

        `untried` counts those that are missing too and not asked for singly yet.
        """
        rows: dict[int, Row] = {}
        left, answers, fruitless = list(indexes), list[tuple[int, Batch, Reply]](), 0
        while left and fruitless < len(_ASK_AGAIN):
            self._http.sleep(_ASK_AGAIN[fruitless])
            answers = self._http.gather(self._fetch_one, left)
            rows.update({index: batch.rows[index] for index, batch, _ in answers if not batch.odd and batch.rows})
            fruitless = fruitless + 1 if all(index not in rows for index in left) else 0
            left = [index for index in left if index not in rows]
        if not left:
            return rows
        raise self._withheld(left, [row for row in answers if row[0] in set(left)], untried)

    def _fetch_one(self, index: int) -> tuple[int, Batch, Reply]:
        reply = self._ask_alone(index)
        if reply.status == 500:
            raise Unreachable(
                f"{self.spec.origin}: the server cannot give leaf {index - self.spec.base} (500), asked for alone",
                cause="status",
                code="status-500",
                status=500,
                evidence={"indexes": str(index - self.spec.base), "answer": reply.body[:1024]},
            )
        if reply.status in _WHOLE:
            return index, Batch(odd=f"the status {reply.status}"), reply
        return index, self._parse(reply, (index,)), reply

    def _ask_alone(self, index: int) -> Reply:
        try:
            return self._ask((index,), fresh=True)
        except Unreachable as error:
            if error.cause != "too-large":
                raise
            raise Unreachable(
                f"{self.spec.origin}: leaf {index - self.spec.base} alone is more than {MAX_ANSWER} bytes",
                cause="too-large",
                code="too-large",
                evidence={"indexes": str(index - self.spec.base)},
            ) from error

    def _ask(self, indexes: Sequence[int], *, fresh: bool) -> Reply:
        call = Call(
            "POST",
            f"{self.spec.read_url}/api/v1/log/entries/retrieve",
            MAX_ANSWER,
            accept="application/json",
            headers=_JSON,
            content=msgspec.json.encode({"logIndexes": list(indexes)}),
            fresh=fresh,
        )
        return self._http.send(call)

    def _parse(self, reply: Reply, indexes: Sequence[int]) -> Batch:
        return parse_batch(expect(reply, 200).body, frozenset(indexes), self._tree_id, self.spec.base)

    def _withheld(self, left: Sequence[int], answers: Sequence[tuple[int, Batch, Reply]], untried: int) -> Untrue:
        """The error that names what is not served, with the first answers as evidence."""
        inside = [index - self.spec.base for index in left]
        more = f" (and perhaps {untried} more)" if untried else ""
        odd = next((batch.odd for _, batch, _ in answers if batch.odd), "")
        return Untrue(
            f"{self.spec.origin}: leaves {_spans(inside)}{more} are below the signed size and not served, asked for"
            f" singly {len(_ASK_AGAIN)} times" + (f"; instead came {odd}" if odd else ""),
            code="withheld-entries",
            hint="if it stays so, the log withholds what it has signed",
            evidence={
                "indexes": _spans(inside),
                **{f"answer-{index - self.spec.base}": reply.body[:65536] for index, _, reply in answers[:3]},
            },
        )


class RekorV1Service:
    """All trees of one Rekor v1 instance. `host` is the name in its notes, before `` - <tree id>``."""

    def __init__(self, name: str, host: str, read_url: str, keys: Sequence[NoteKey], http: Http) -> None:
        self.name = name
        self._host = host
        self._read_url = read_url.rstrip("/")
        self._keys = tuple(keys)
        self._http = http
        self._known: tuple[LogSpec, ...] = ()

    def heads(self) -> Sequence[Head]:
        """One request; oldest tree first. Where it fails, every tree we know has that problem."""
        try:
            info = fetch_log_info(self._http, self._read_url)
            shards = _shards(info)
        except SigwardenError as error:
            specs = self._known or (LogSpec("rekor-v1", self._host, self._read_url),)
            return [Head(spec, b"", self._keys, problem=error) for spec in specs]
        heads = list(self._heads(shards))
        self._known = tuple(head.spec for head in heads)
        return heads

    def _heads(self, shards: Sequence[ShardInfo]) -> Iterator[Head]:
        base = 0
        for number, shard in enumerate(shards):
            origin = f"{self._host} - {shard.tree_id}"
            spec = LogSpec("rekor-v1", origin, self._read_url, tree_id=int(shard.tree_id), base=base)
            yield Head(spec, shard.note.encode(), self._keys, retired=number < len(shards) - 1)
            base += _signed_size(shard)


def fetch_log_info(http: Http, read_url: str) -> LogInfo:
    """What the instance says about its trees."""
    call = Call(
        "GET",
        f"{read_url}/api/v1/log",
        _MAX_INFO,
        accept="application/json",
        headers={"Cache-Control": "no-cache"},
    )
    return parse_log_info(expect(http.send(call), 200).body)


def _shards(info: LogInfo) -> list[ShardInfo]:
    """All trees, oldest first; Malformed where an id is no number or comes twice."""
    shards = [*(info.inactive or ()), info]
    ids = [shard.tree_id for shard in shards]
    if len(ids) > _MAX_SHARDS or len(set(ids)) < len(ids):
        raise Malformed("the server lists too many trees, or one twice", code="log-info")
    if not all(1 <= len(one) <= 19 and one.isascii() and one.isdigit() and one[0] != "0" for one in ids):
        raise Malformed("the server lists a tree id that is not a positive decimal number", code="log-info")
    return shards


def _signed_size(shard: ShardInfo) -> int:
    """The size in the note; the unsigned claim only where the note cannot be read, which its own head will tell."""
    try:
        return read_checkpoint(shard.note.encode()).size
    except (Malformed, UnicodeEncodeError):
        return max(0, shard.tree_size)


def _spans(indexes: Sequence[int]) -> str:
    """``3, 7-9`` for [3, 7, 8, 9]."""
    spans: list[list[int]] = []
    for index in indexes:
        if spans and spans[-1][1] == index - 1:
            spans[-1][1] = index
        else:
            spans.append([index, index])
    return ", ".join(f"{low}" if low == high else f"{low}-{high}" for low, high in spans)
