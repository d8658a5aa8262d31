"""What does Rekor v1 say about its trees: /log, /log/publicKey and /log/proof?"""

from typing import Any

from sandbox.instance import Instance, pem_of, tree_id_of
from sandbox.rekor_v1_entries import spoiled
from sandbox.rekor_v1_replies import error, json_reply, parameter_error
from sandbox.shard import View
from sandbox.wire import Reply, Request

_MAX_INT64 = 2**63 - 1


def _tree_info(log: Instance, number: int, view: View) -> dict[str, Any]:
    note = log.note_of(number, view).decode("utf-8", "replace")
    return {
        "rootHash": view.root.hex(),
        "signedTreeHead": note,
        "treeID": str(tree_id_of(log.shards[number])),
        "treeSize": log.lies.claimed.get(number, view.size),
    }


def head(log: Instance, request: Request) -> Reply:
    if "text/html" in request.headers.get("accept", ""):
        return error(406, "unsupported media type requested, only [application/json] are available", newline=False)
    last = len(log.shards) - 1
    views = [(number, _head_view(log, number, request)) for number in range(last + 1)]
    inactive = [_tree_info(log, number, view) for number, view in views[:-1] if view is not None]
    active = views[-1][1]
    info = _tree_info(log, last, active if active is not None else log.shards[last].view)
    return json_reply({"inactiveShards": inactive or None} | info, uncached=True)


def _head_view(log: Instance, number: int, request: Request) -> View | None:
    view = log.view_of(number, request)
    if view is not None and log.aimed(number) and log.lies.head is not None:
        return log.lies.head_for(request, log.shards[number].view)
    return view


def _shard_of(log: Instance, request: Request) -> int | Reply:
    wanted = request.value("treeID")
    if not wanted:
        return len(log.shards) - 1
    if not wanted.isdecimal():
        return parameter_error(605, "treeID in query should match '^[0-9]+$'")
    for number, shard in enumerate(log.shards):
        if tree_id_of(shard) == int(wanted) and log.view_of(number, request) is not None:
            return number
    return error(400, f"no log range found for tree ID {wanted}", uncached=True)


def public_key(log: Instance, request: Request) -> Reply:
    number = _shard_of(log, request)
    if isinstance(number, Reply):
        return number if number.status != 400 else error(400, "Bad Request", uncached=True)
    pem = pem_of(log.shards[number])
    if request.headers.get("accept", "") == "application/json":
        return json_reply(pem.decode(), uncached=True)
    return Reply(200, pem, json_reply(None, uncached=True).headers, "application/x-pem-file")


def proof(log: Instance, request: Request) -> Reply:
    sizes = []
    for name, default in (("firstSize", "1"), ("lastSize", None)):
        size = _whole_number(request.value(name) or default, name)
        if isinstance(size, Reply):
            return size
        sizes.append(size)
    first, last = sizes
    number = _shard_of(log, request)
    if isinstance(number, Reply):
        return number
    if first > last:
        return error(400, f"firstSize({first}) must be less than lastSize({last})", uncached=True)
    view = log.view_of(number, request)
    if view is None or last > view.size:
        have = view.size if view else 0
        text = f"the tree size requested({last}) was greater than what is currently observable({have})"
        return error(400, text, uncached=True)
    hashes = [digest.hex() for digest in view.tree.consistency(first, last)]
    if log.aimed(number):
        hashes = spoiled(log, "consistency", hashes)
    return json_reply({"hashes": hashes, "rootHash": view.root.hex()}, uncached=True)


def _whole_number(text: str | None, name: str) -> int | Reply:
    if text is None:
        return parameter_error(602, f"{name} in query is required")
    try:
        value = int(text)
    except ValueError:
        value = _MAX_INT64 + 1
    if abs(value) > _MAX_INT64:
        return parameter_error(601, f'{name} in query must be of type int64: "{text}"')
    if value < 1:
        return parameter_error(609, f"{name} in query should be greater than or equal to 1")
    return value
