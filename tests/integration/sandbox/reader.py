"""The smallest readers of the fake logs, built on the verifier's pure functions."""

import base64
from typing import Any

import httpx

from sandbox.instance import pem_of
from sandbox.rekor_v1 import SandboxV1
from sandbox.rekor_v2 import SandboxV2
from verifier.checkpoint import Checkpoint, open_checkpoint
from verifier.keys import PublicKey
from verifier.merkle import Frontier, hash_leaf
from verifier.note import NoteKey
from verifier.tiles import TileReader, bundle_slices, entries_path, parse_entry_bundle, tile_path


def head_v2(log: SandboxV2, client: httpx.Client) -> Checkpoint:
    """The newest head, by any key that the log ever had."""
    keys = [NoteKey.from_vkey(signer.vkey) for signer in (*log.old_signers, log.signer)]
    return open_checkpoint(client.get(log.read_url + "/checkpoint").content, keys, origin=log.origin)


def leaves_v2(log: SandboxV2, client: httpx.Client, size: int) -> list[bytes]:
    """All leaves below `size`; the full bundle where the partial one is gone."""
    found: list[bytes] = []
    for part in bundle_slices(0, size, size):
        reply = client.get(f"{log.read_url}/{entries_path(part.index, part.width)}")
        if reply.status_code == 404 and part.width < 256:
            reply = client.get(f"{log.read_url}/{entries_path(part.index)}").raise_for_status()
            found += parse_entry_bundle(reply.content, 256)[: part.width]
        else:
            found += parse_entry_bundle(reply.raise_for_status().content, part.width)
    return found


def root_of(leaves: list[bytes]) -> bytes:
    """The root over leaf bytes."""
    frontier = Frontier.empty()
    for leaf in leaves:
        frontier = frontier.append(hash_leaf(leaf))
    return frontier.root


def tiles_v2(log: SandboxV2, client: httpx.Client, head: Checkpoint) -> TileReader:
    """Authenticated tiles of a head."""

    def load(level: int, index: int, width: int) -> bytes:
        return client.get(f"{log.read_url}/{tile_path(level, index, width)}").raise_for_status().content

    return TileReader(head.size, load, head.root)


def info_v1(log: SandboxV1, client: httpx.Client) -> list[dict[str, Any]]:
    """The trees of /api/v1/log, oldest first."""
    info = client.get(log.url + "/api/v1/log").json()
    return [*(info["inactiveShards"] or ()), info]


def head_v1(log: SandboxV1, client: httpx.Client, number: int = -1) -> Checkpoint:
    """The head of one tree, by that shard's key."""
    tree = info_v1(log, client)[number]
    key = NoteKey.v1(log.host, PublicKey.from_pem(pem_of(log.shards[number])))
    note = tree["signedTreeHead"].encode()
    return open_checkpoint(note, [key], origin=f"{log.host} - {tree['treeID']}")


def retrieve(log: SandboxV1, client: httpx.Client, *indexes: int) -> list[tuple[str, dict[str, Any]]]:
    """(entryID, entry) in the order of the answer."""
    reply = client.post(log.url + "/api/v1/log/entries/retrieve", json={"logIndexes": indexes}).raise_for_status()
    return [next(iter(one.items())) for one in reply.json()]


def body_of(entry: dict[str, Any]) -> bytes:
    """The leaf's bytes."""
    return base64.b64decode(entry["body"])
