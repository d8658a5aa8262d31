"""What does the log sign now, and is it what it showed before grown longer?"""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from cli.lookup.options import Where, open_http
from cli.lookup.rekor_v1 import RekorV1
from cli.lookup.rekor_v2 import open_shard
from cli.lookup.state import remember, remembered, state_file
from cli.lookup.trust import Trusted, trusted_logs
from cli.options import put, put_json
from verifier.checkpoint import Checkpoint, open_checkpoint, read_checkpoint
from verifier.errors import Malformed, Untrue
from verifier.fetch.http import Http
from verifier.merkle import Tree, check_consistency
from verifier.note import NoteKey

Proof = Callable[[int, int], Sequence[bytes]]


def show_info(where: Where, *, store: bool, state: Path | None) -> None:
    """Check every head of the server or shard, and its growth since last time; print them."""
    trusted = trusted_logs(where.trusted_root, where.rekor_public_key, staging=where.staging)
    file = state_file(state) if store or state else None
    with open_http(where) as http:
        heads = _heads_v2(where, trusted, http, file) if where.is_v2 else _heads_v1(where, trusted, http, file)
    if store and file is not None:
        remember(file, heads)
    _print(where, heads)


def show_proof(where: Where, first: int, last: int, tree: str) -> None:
    """Print the consistency proof between two sizes of a tree."""
    with open_http(where) as http:
        if where.is_v2:
            trusted = trusted_logs(where.trusted_root, where.rekor_public_key, staging=where.staging)
            shard = open_shard(where.origin or "", where.read_url, trusted, http)
            if last > shard.head.size:
                raise Untrue(f"{shard.head.origin} has signed {shard.head.size} leaves, not {last}", code="proof-size")
            hashes = tuple(shard.log.consistency(first, last)) if first < last else ()
        else:
            hashes = RekorV1(http, where.url).consistency(first, last, tree)
    if where.style == "default":
        put(f"Consistency proof from size {first} to {last}:")
        for one in hashes:
            put(f"\t{one.hex()}")
    else:
        put_json({"firstSize": first, "lastSize": last, "hashes": [one.hex() for one in hashes]})


def _heads_v1(where: Where, trusted: Trusted, http: Http, file: Path | None) -> list[Checkpoint]:
    """The heads of every shard, oldest first."""
    server = RekorV1(http, where.url)
    info = server.info()
    shards = [*(info.get("inactiveShards") or ()), info]
    heads = []
    for shard in shards:
        if not isinstance(shard, dict):
            raise Malformed("the log's description names a shard that is no object", code="rekor-reply")
        head = _open(shard, trusted)
        tree = str(shard.get("treeID"))
        heads.append(head)
        _check_growth(head, file, partial(_proof_of, server, tree))
    return heads


def _proof_of(server: RekorV1, tree: str, old: int, new: int) -> Sequence[bytes]:
    return server.consistency(old, new, tree)


def _heads_v2(where: Where, trusted: Trusted, http: Http, file: Path | None) -> list[Checkpoint]:
    shard = open_shard(where.origin or "", where.read_url, trusted, http)
    _check_growth(shard.head, file, shard.log.consistency)
    return [shard.head]


def _open(shard: dict[str, Any], trusted: Trusted) -> Checkpoint:
    """The head of one shard of Rekor v1: signed by a trusted key, and of the tree that the server says."""
    note = str(shard.get("signedTreeHead", "")).encode()
    origin = read_checkpoint(note).origin
    host, _, tree = origin.rpartition(" - ")
    keys = [NoteKey.v1(host, log.key) for log in trusted.logs if trusted.by_key or host in log.base_url]
    head = open_checkpoint(note, keys, origin=origin)
    if (tree, head.size, head.root.hex()) != (shard.get("treeID"), shard.get("treeSize"), shard.get("rootHash")):
        raise Untrue(f"what the server says of the tree {tree} is not what it signed", code="head-mismatch")
    return head


def _check_growth(head: Checkpoint, file: Path | None, proof: Proof) -> None:
    """The head extends the one that was remembered; Untrue if not."""
    old = remembered(file, head.origin) if file is not None else None
    if old is None or old.size == 0:
        return
    if head.size < old.size:
        raise Untrue(
            f"{head.origin} has shown {old.size} leaves before and shows {head.size} now",
            code="rollback",
            hint="a lagging server, or history was rewritten: ask again in a minute, then look closer",
        )
    path = tuple(proof(old.size, head.size)) if old.size < head.size else ()
    check_consistency(Tree(old.size, old.root), head.tree, path)


def _print(where: Where, heads: Sequence[Checkpoint]) -> None:
    active, total = heads[-1], sum(head.size for head in heads)
    tree = active.origin.rpartition(" - ")[2]
    if where.style != "default":
        put_json(
            {
                "ActiveTreeSize": active.size,
                "TotalTreeSize": total,
                "RootHash": active.root.hex(),
                "TreeID": tree,
                "Heads": [{"origin": one.origin, "size": one.size, "root": one.root.hex()} for one in heads],
            }
        )
        return
    put("Verification Successful!")
    put(f"Active Tree Size:       {active.size}")
    put(f"Total Tree Size:        {total}")
    put(f"Root Hash:              {active.root.hex()}")
    put(f"TreeID:                 {tree}")
