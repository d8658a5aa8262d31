"""Are hits shown to be in the signed tree, and at what cost to the log?"""

from collections import Counter
from pathlib import Path

import pytest

from monitor import executors
from monitor.facts import read_facts
from monitor.logs.log import Leaves
from monitor.match import Matcher
from monitor.scan import RawHit, ScanResult, scan_leaves
from monitor.watch import build_watches
from sandbox import subjects
from sandbox.entries import hashedrekord_v2
from tests.unit.monitor.fakes import FakeLog, World, fake_scan, new_world
from tests.unit.monitor.watching import sandbox_ca
from verifier.merkle import Tree, check_inclusion, hash_leaf
from verifier.tiles import TileReader

SIZE = 1000
HITS = (3, 255, 256, 700, 900)


class TiledFake(FakeLog):
    """A fake log that can be asked for tiles, and counts them by level."""

    asked: Counter[int]

    def tiles(self, size: int) -> TileReader:
        def load(level: int, index: int, width: int) -> bytes:
            self.asked[level] += 1
            return b"".join(self.tree.node(8 * level, 256 * index + at) for at in range(width))

        return TileReader(size, load)


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = new_world(tmp_path)
    log = TiledFake(made.log.spec, made.log.tree, made.log.signer)
    log.asked = Counter()
    log.tree.grow(SIZE)
    for at in HITS:
        log.tree.leaves[at] = b"watched %d" % at
    made.log = log
    return made


def with_path(scan: ScanResult, wrong: bytes = b"") -> ScanResult:
    """The scan with its hits' paths, or paths of garbage."""
    whole = scan.range.size == 256
    hits = tuple(
        RawHit(one.index, one.leaf_hash, one.data, one.extra, one.matches, (wrong,) * 8 if whole else ())
        for one in scan.hits
    )
    return ScanResult(scan.range, hits, scan.unreadable, scan.count, scan.bytes)


def proofs_hold(world: World, tree: Tree) -> bool:
    for one in world.store.findings():
        blobs = world.store.finding(one.finding.id).finding.evidence
        index, proof = one.finding.index, blobs["inclusion-proof"]
        assert index is not None
        path = [proof[at : at + 32] for at in range(0, len(proof), 32)]
        check_inclusion(index, tree.size, hash_leaf(blobs["body"]), path, tree.root)
    return True


def test_a_path_that_does_not_hold_is_had_from_the_log(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(executors, "scan_leaves", lambda *given: with_path(fake_scan(*given), bytes(32)))
    assert world.tick().verdict == "OK"
    assert world.store.count() == len(HITS)
    assert proofs_hold(world, world.log.tree.tree())


def test_a_proof_of_a_leaf_just_scanned_costs_no_tile_of_its_own(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    ca = sandbox_ca("proofs")
    matcher = Matcher(build_watches([{"github_repo": "acme/widget"}]))
    log = world.log
    assert isinstance(log, TiledFake)
    for at in range(SIZE):
        log.tree.leaves[at] = b'{"apiVersion":"9","kind":"other","spec":{}}'
    for at in HITS:
        log.tree.leaves[at] = hashedrekord_v2(ca.certificate(subjects.github("acme/widget")), b"%d" % at)
    monkeypatch.setattr(executors, "scan_leaves", lambda leaves, _matcher, kind: scan_leaves(leaves, matcher, kind))
    assert world.tick().verdict == "OK"
    assert world.store.count() == len(HITS)
    assert proofs_hold(world, log.tree.tree())
    assert log.asked == {0: 1, 1: 1}  # the tile that is not whole, for the leaf in it and the edge; the one above


@pytest.mark.parametrize("at", [0, 1, 100, 254, 255])
def test_the_path_in_a_whole_range_holds(at: int) -> None:
    body = hashedrekord_v2(sandbox_ca("proofs").certificate(subjects.github("acme/widget")), b"x")
    matcher = Matcher(build_watches([{"github_repo": "acme/widget"}]))
    assert matcher.match(read_facts(body))
    data = [b'{"apiVersion":"9","kind":"other","spec":{"n":%d}}' % number for number in range(256)]
    data[at] = body
    scan = scan_leaves(Leaves(512, data), matcher, "rekor-v2")
    (hit,) = scan.hits
    check_inclusion(at, 256, hit.leaf_hash, hit.path, scan.range.nodes[0])
    for start, part in ((513, data), (512, data[:-1])):
        assert [hit.path for hit in scan_leaves(Leaves(start, part), matcher, "rekor-v2").hits] in ([()], [])
