"""What a log's proofs show of an older size, and what we remember, for every small tree."""

import pytest

from monitor.prefix import BLOCK, can_be_shown, floor_frontier, older_frontier, open_block, own_frontier, tail_frontiers
from monitor.proofs import show_leaf
from tests.unit.monitor.fakes import FakeLog, FakeTree, fake_log
from verifier.errors import Refused, SigwardenError, Untrue
from verifier.merkle import Frontier, Tree, check_inclusion, hash_leaf


@pytest.fixture(scope="module")
def log() -> FakeLog:
    return fake_log(1100)


def test_every_older_frontier_is_shown_or_said_to_be_unshowable(log: FakeLog) -> None:
    for new in range(1, 66):
        for size in range(new):
            if size and not can_be_shown(size, log.tree.tree(new)):
                with pytest.raises(Refused):
                    older_frontier(log, size, log.tree.tree(new))
                assert size == 1 or size + 1 == new
                continue
            assert older_frontier(log, size, log.tree.tree(new))[0] == log.tree.frontier(size)


def test_a_proof_of_another_tree_shows_nothing(log: FakeLog) -> None:
    with pytest.raises(Untrue):
        older_frontier(log, 20, Tree(60, bytes(32)))


def test_every_leaf_of_every_small_tree_is_shown(log: FakeLog) -> None:
    for size in range(1, 66):
        tree = log.tree.tree(size)
        for index in range(size):
            before = log.tree.frontier(index)
            shown = show_leaf(log, index, tree, before)
            leaf = hash_leaf(log.tree.leaves[index])
            assert shown.leaf_hash in (leaf, None)
            check_inclusion(index, size, leaf, shown.path, tree.root)
            assert shown.leaf_hash == leaf or index == 0


def test_a_log_that_proves_nothing_shows_no_leaf(log: FakeLog) -> None:
    liar = fake_log(20)
    liar.proof_of = lambda _old, _new: ()
    for index in range(2, 20):
        with pytest.raises(SigwardenError):
            show_leaf(liar, index, liar.tree.tree(), liar.tree.frontier(index))


@pytest.mark.parametrize("size", [0, 1, 3, 255, 256, 257, 300, 511, 512, 700, 1024, 1100])
def test_blocks(log: FakeLog, size: int) -> None:
    at = log.tree.frontier(size)
    block = open_block(at)
    assert (block.start, block.end) == (size // BLOCK * BLOCK, size)
    assert floor_frontier(at) == log.tree.frontier(size // BLOCK * BLOCK)
    assert floor_frontier(at).extend(block) == at


def test_our_own_frontier_from_stored_blocks(log: FakeLog) -> None:
    blocks = {n: log.tree.node(8, n) for n in range(4)}
    for start in (0, 1, 200, 256, 300):
        for size in (512, 768, 1024):
            assert own_frontier(log.tree.frontier(start), blocks, size) == log.tree.frontier(size)
    assert own_frontier(Frontier.empty(), {0: blocks[0]}, 512) is None
    assert own_frontier(log.tree.frontier(600), blocks, 256) is None


def test_tails(log: FakeLog) -> None:
    tree = FakeTree(log.tree.leaves[:300])
    assert [one.size for one in tail_frontiers(tree.frontier())] == [256, 288, 296, 300]
    assert all(one == tree.frontier(one.size) for one in tail_frontiers(tree.frontier()))
