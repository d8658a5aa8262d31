"""Which entries does Rekor v1 give, and in which order: by index, by id, and ten at a time?"""

import base64
import json
import re
from typing import Any

import rfc8785

from sandbox.instance import Instance, key_of, tree_id_of
from sandbox.rekor_v1_replies import error, json_reply, not_found, parameter_error
from sandbox.shard import View
from sandbox.tree import leaf_hash
from sandbox.wire import Reply, Request

_ID = re.compile(r"([0-9a-fA-F]{64}|[0-9a-fA-F]{80})")
_MAX = 10
_MAX_INT64 = 2**63 - 1
_LISTS = ("entries", "entryUUIDs", "logIndexes")


class Entries:
    """The entries of an instance as JSON. `given` holds SETs that must not be made (shard, index -> base64)."""

    def __init__(self, log: Instance) -> None:
        self.log = log
        self.given: dict[tuple[int, int], str] = {}
        self.attestations: dict[tuple[int, int], str] = {}
        self._promises: dict[tuple[int, int, bytes], str] = {}
        self._notes: dict[tuple[int, int, bytes], str] = {}
        self._by_uuid: dict[bytes, list[tuple[int, int]]] = {}
        self._known: dict[int, int] = {}

    # -- requests ------------------------------------------------------------------------------------------------------

    def by_index(self, request: Request) -> Reply:
        """GET entries?logIndex=."""
        text = request.value("logIndex")
        if text is None:
            return parameter_error(602, "logIndex in query is required")
        if not re.fullmatch(r"[+-]?[0-9]+", text) or abs(int(text)) > _MAX_INT64:
            return parameter_error(601, f'logIndex in query must be of type int64: "{text}"')
        if int(text) < 0:
            return parameter_error(609, "logIndex in query should be greater than or equal to 0")
        place = self._place(int(text), request)
        found = self._entry(place, request, singly=True) if place else None
        return json_reply(found, uncached=True) if found else not_found()

    def by_id(self, request: Request, name: str) -> Reply:
        """GET entries/{64 or 80 hex}: the active shard first, then the oldest that has it."""
        if not _ID.fullmatch(name):
            return parameter_error(605, "entryUUID in path should match '^([0-9a-fA-F]{64}|[0-9a-fA-F]{80})$'")
        tree = name[:-64]
        if tree and int(tree, 16) == 0:
            return error(500, "unexpected error communicating with transparency log", uncached=True)
        if tree and int(tree, 16) > _MAX_INT64:
            return error(400, f"validation error: {tree} is not a valid TreeID", uncached=True)
        places = sorted(self._places(name, request), key=lambda place: place[0] != len(self.log.shards) - 1)
        for place in places:
            if found := self._entry(place, request, singly=True):
                return json_reply(found, uncached=True)
        return not_found()

    def retrieve(self, request: Request) -> Reply:
        """POST entries/retrieve: what is unknown is left out; ids first, then indexes in the order asked."""
        query = _query(request)
        if isinstance(query, Reply):
            return query
        places: list[tuple[int, int]] = []
        for name in sorted(query["entryUUIDs"], key=len, reverse=True):
            if len(name) == 80 and not 0 < int(name[:16], 16) <= _MAX_INT64:
                return error(400, f"invalid entryID {name}")
            places += self._places(name, request)
        for proposed in query["entries"]:
            places += self._places(leaf_hash(rfc8785.dumps(proposed)).hex(), request)
        for index in query["logIndexes"]:
            place = self._place(index or 0, request)
            places += [place] if place else []
        return json_reply(self._answers(places, request))

    def _answers(self, places: list[tuple[int, int]], request: Request) -> list[dict[str, Any]]:
        found = [one for place in places if (one := self._entry(place, request, singly=len(places) == 1))]
        lies = self.log.lies
        indexes = {index for number, index in places if self.log.aimed(number)}
        for index, by in lies.resized.items():
            if len(places) > 1 and index in indexes and lies.told("content"):
                found = found[:by] if by < 0 else found + found[-1:] * by
        return found

    # -- places --------------------------------------------------------------------------------------------------------

    def _place(self, global_index: int, request: Request) -> tuple[int, int] | None:
        """Shard and in-tree index of a global index, by what this request is shown."""
        log, last = self.log, len(self.log.shards) - 1
        index = global_index
        for number, shard in enumerate(log.shards):
            view = log.view_of(number, request)
            if number == last or index < shard.size:
                return (number, index) if view is not None and index < view.size else None
            index -= shard.size
        return None

    def _places(self, name: str, request: Request) -> list[tuple[int, int]]:
        """Where an id is; a UUID can be in several shards."""
        self._learn()
        tree, uuid = name[:-64], bytes.fromhex(name[-64:])
        places = []
        for number, index in self._by_uuid.get(uuid, ()):
            view = self.log.view_of(number, request)
            fits = not tree or int(tree, 16) == tree_id_of(self.log.shards[number])
            if fits and view is not None and index < view.size:
                places.append((number, index))
        return places

    def find(self, number: int, leaf: bytes) -> int | None:
        """The in-tree index of a leaf in one shard."""
        self._learn()
        return next((index for shard, index in self._by_uuid.get(leaf, ()) if shard == number), None)

    def _learn(self) -> None:
        for number, shard in enumerate(self.log.shards):
            for index in range(self._known.get(number, 0), shard.size):
                places = self._by_uuid.setdefault(shard.tree.node(0, index), [])
                if all(place[0] != number for place in places):
                    places.append((number, index))
            self._known[number] = shard.size

    # -- one entry -----------------------------------------------------------------------------------------------------

    def entry(self, number: int, index: int) -> dict[str, Any]:
        """The honest entry at an in-tree index, against the newest head: a map of one entryID."""
        return self._rendered(number, index, index, self.log.shards[number].view, self.log.shards[number].bodies[index])

    def entry_id(self, number: int, index: int) -> str:
        """80 hex: tree id and leaf hash."""
        shard = self.log.shards[number]
        return f"{tree_id_of(shard):016x}{shard.tree.node(0, index).hex()}"

    def _entry(self, place: tuple[int, int], request: Request, *, singly: bool) -> dict[str, Any] | None:
        number, index = place
        lies, view = self.log.lies, self.log.view_of(number, request)
        if view is None:
            return None
        about = self.log.aimed(number)
        if about and any(index in part for part in lies.withheld):
            return None
        if not about or not lies.about_content or not self._lying(index):
            return self._rendered(number, index, index, view, view.bodies[index])
        if index in lies.dropped and (lies.singly or not singly):
            return None
        source = lies.moved.get(index, index)
        body = lies.swapped.get(index, view.bodies[source])
        return self._rendered(number, source, index if lies.relabel else source, view, body)

    def _lying(self, index: int) -> bool:
        lies = self.log.lies
        return (index in lies.swapped or index in lies.moved or index in lies.dropped) and lies.told("content")

    def _rendered(self, number: int, source: int, shown: int, view: View, body: bytes) -> dict[str, Any]:
        log = self.log
        shard, lies = log.shards[number], log.lies
        text = base64.b64encode(body).decode()
        promised = {
            "body": text,
            "integratedTime": shard.times[source] if source < len(shard.times) else int(log.now()),
            "logID": shard.signers[0].full_id.hex(),
            "logIndex": log.base(number) + shown,
        }
        leaf = leaf_hash(body) if lies.rename else view.tree.node(0, source)
        proof = {
            "checkpoint": self._note(number, view),
            "hashes": self._path(number, shown, view),
            "logIndex": shown,
            "rootHash": view.root.hex(),
            "treeSize": view.size,
        }
        verification = {"inclusionProof": proof, "signedEntryTimestamp": self._promise(number, source, promised)}
        entry: dict[str, Any] = promised | {"verification": verification}
        if (data := self.attestations.get((number, source))) is not None:
            entry["attestation"] = {"data": data}
        return {f"{tree_id_of(shard):016x}{leaf.hex()}": entry}

    def _path(self, number: int, index: int, view: View) -> list[str]:
        hashes = [digest.hex() for digest in view.tree.inclusion(index, view.size)]
        return spoiled(self.log, "inclusion", hashes) if self.log.aimed(number) else hashes

    def _promise(self, number: int, index: int, promised: dict[str, Any]) -> str:
        """The SET; ECDSA is not repeatable, so one is kept for each content."""
        if (number, index) in self.given:
            return self.given[number, index]
        # RFC 8785 of four members whose values need no escaping.
        message = b'{"body":"%b","integratedTime":%d,"logID":"%b","logIndex":%d}' % (
            promised["body"].encode(),
            promised["integratedTime"],
            promised["logID"].encode(),
            promised["logIndex"],
        )
        slot = (number, index, leaf_hash(message))
        if slot not in self._promises:
            signature = key_of(self.log.shards[number]).sign(message)
            self._promises[slot] = base64.b64encode(signature).decode()
        return self._promises[slot]

    def _note(self, number: int, view: View) -> str:
        """The head beside a proof: signed once for each size and root."""
        if self.log.lies.note is not None:
            return self.log.note_of(number, view).decode("utf-8", "replace")
        slot = (number, view.size, view.root + self.log.shards[number].signers[0].full_id)
        if slot not in self._notes:
            self._notes[slot] = self.log.note_of(number, view).decode()
        return self._notes[slot]


def spoiled(log: Instance, of: str, hashes: list[str]) -> list[str]:
    """A proof in one of the forms of `wrong_proof`, if this sort of proof is being spoiled."""
    lies = log.lies
    if not lies.proof or lies.proof_of != of or not lies.told("proof"):
        return hashes
    if lies.proof == "flipped":
        return [f"{int(text[0], 16) ^ 8:x}{text[1:]}" for text in hashes]
    if lies.proof == "short":
        return hashes[:-1]
    extra = {"long": ["00" * 32], "huge": ["00" * 32] * 100_000, "malformed": ["not hex"]}
    return hashes + extra[lies.proof]


def _query(request: Request) -> dict[str, list[Any]] | Reply:
    """The lists of a retrieve request, or the refusal that the real server gives."""
    media = request.headers.get("content-type", "application/octet-stream").split(";")[0].strip()
    if media != "application/json":
        text = f'unsupported media type "{media}", only [application/json] are allowed'
        return error(415, text, newline=False)
    if not request.body:
        return parameter_error(602, "entry in body is required")
    try:
        # Go reads one value and leaves what follows; of two equal members the last counts.
        query, _ = json.JSONDecoder().raw_decode(request.body.decode())
        lists = {name: query.get(name) for name in _LISTS}
    except (ValueError, AttributeError, RecursionError) as fault:
        return error(400, f'parsing entry body from "" failed, because {fault}', newline=False)
    return _checked(lists)


def _checked(lists: dict[str, Any]) -> dict[str, list[Any]] | Reply:
    for name, items in lists.items():
        if items is not None and not items:
            return parameter_error(612, f"{name} in body should have at least 1 items")
        if items is not None and len(items) > _MAX:
            return parameter_error(611, f"{name} in body should have at most 10 items")
    for place, name in enumerate(lists["entryUUIDs"] or ()):
        if not isinstance(name, str) or not _ID.fullmatch(name):
            pattern = "'^([0-9a-fA-F]{64}|[0-9a-fA-F]{80})$'"
            return parameter_error(605, f"entryUUIDs.{place} in body should match {pattern}")
    for place, index in enumerate(lists["logIndexes"] or ()):
        if index is not None and (isinstance(index, bool | float | str) or not abs(index) <= _MAX_INT64):
            text = f"json: cannot unmarshal number {index} into Go struct field .logIndexes of type int64"
            return error(400, f'parsing entry body from "" failed, because {text}', newline=False)
        if index is not None and index < 0:
            return parameter_error(609, f"logIndexes.{place} in body should be greater than or equal to 0")
    made = {name: list(items or ()) for name, items in lists.items()}
    if sum(map(len, made.values())) > _MAX:
        return error(422, "more than max allowed 10 entries in request")
    return made
