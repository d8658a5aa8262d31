"""Do the signed tree heads and tiles of the real CT servers hold?"""

import base64
import json
import struct
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import pytest

from verifier.checkpoint import Checkpoint, open_checkpoint
from verifier.errors import Untrue
from verifier.jsonstrict import b64
from verifier.merkle import Tree, check_consistency
from verifier.tiles import TileReader, tile_path
from verifier.trust import TrustedLog, TrustedRoot

ORIGIN = "log2026-1.ctfe.sigwarden.test"


@cache
def log_named(root: Path, word: str) -> TrustedLog:
    return next(log for log in TrustedRoot.parse(root.read_bytes()).ctlogs if word in log.base_url)


def open_head(folder: Path, file: Path) -> Checkpoint:
    log = log_named(folder / "trusted_root.json", "log2026-1")
    return open_checkpoint(file.read_bytes(), [log.note_key(ORIGIN)], origin=ORIGIN)


def tiles(folder: Path, head: Checkpoint) -> TileReader:
    def load(level: int, index: int, width: int) -> bytes:
        for wider in range(width, 257):
            file = folder / tile_path(level, index, wider)
            if file.is_file():
                return file.read_bytes()[: 32 * width]
        raise AssertionError(f"no tile {level} {index} {width}")

    return TileReader(head.size, load, head.root)


def test_every_static_ct_checkpoint_is_signed_and_is_the_root_of_the_tiles(real_data: Path) -> None:
    folder = real_data / "logs" / "ct-static"
    heads = [open_head(folder, file) for file in sorted((folder / "checkpoints").iterdir())]
    assert len(heads) == 32
    newest = tiles(folder, max(heads, key=lambda head: head.size))
    for head in heads:
        assert head.time
        assert head.time > datetime(2026, 11, 20, tzinfo=UTC)
        assert newest.tree(head.size) == head.tree
        check_consistency(head.tree, newest.tree(), newest.consistency(head.size))
        if head.size:
            assert tiles(folder, head).tree() == head.tree


def test_a_head_signed_again_is_the_same_tree_at_a_later_time(real_data: Path) -> None:
    folder = real_data / "logs" / "ct-static" / "checkpoints"
    first, again = (open_head(folder.parent, folder / name) for name in ("1439", "1439.republished1"))
    assert first.tree == again.tree
    assert first.time
    assert again.time
    assert first.time < again.time
    assert first.raw != again.raw


def test_the_timestamp_is_signed(real_data: Path) -> None:
    folder = real_data / "logs" / "ct-static"
    log = log_named(folder / "trusted_root.json", "log2026-1")
    first, again = ((folder / "checkpoints" / name).read_bytes() for name in ("1439", "1439.republished1"))
    old, new = (b64(raw.split(b" ")[-1].strip().decode()) for raw in (first, again))
    mixed = new[:12] + old[12:]  # the newer time on the older signature
    raw = first.replace(base64.b64encode(old), base64.b64encode(mixed))
    with pytest.raises(Untrue):
        open_checkpoint(raw, [log.note_key(ORIGIN)], origin=ORIGIN)


def test_every_rfc6962_tree_head_by_the_same_key_check(real_data: Path) -> None:
    """CTFE's heads are JSON; the key of the trusted root signs the same structure."""
    folder = real_data / "logs" / "ct-rfc6962"
    log = log_named(folder / "trusted_root.json", "ctfe.sigwarden.test/2026")
    roots: dict[int, bytes] = {}
    for line in (folder / "http" / "get-sth-growing.jsonl").read_text().splitlines():
        head = json.loads(json.loads(line)["response"]["body"])
        root, signed = b64(head["sha256_root_hash"]), b64(head["tree_head_signature"])
        message = struct.pack(">BBQQ", 0, 1, head["timestamp"], head["tree_size"]) + root
        assert signed[:2] == b"\x04\x03"
        log.key.verify(signed[4:], message, "sha256")
        assert roots.setdefault(head["tree_size"], root) == root
    assert len(roots) > 50
    checked = 0
    for line in (folder / "http" / "get-sth-consistency.jsonl").read_text().splitlines():
        exchange = json.loads(line)
        if exchange["response"]["status"] != 200:
            continue
        old, new = (int(part.split("=")[1]) for part in exchange["request"]["target"].split("?")[1].split("&"))
        if old in roots and new in roots and old:
            hashes = [b64(one) for one in json.loads(exchange["response"]["body"])["consistency"]]
            check_consistency(Tree(old, roots[old]), Tree(new, roots[new]), hashes)
            checked += 1
    assert checked > 5
