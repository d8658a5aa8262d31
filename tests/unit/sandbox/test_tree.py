"""The honest tree, held against the verifier's own checks."""

import hashlib

from sandbox.tree import Tree, leaf_hash, node_hash
from verifier import merkle


def naive_root(leaves: list[bytes]) -> bytes:
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    half = 1 << ((len(leaves) - 1).bit_length() - 1)
    return node_hash(naive_root(leaves[:half]), naive_root(leaves[half:]))


def test_roots_and_proofs_of_every_small_size() -> None:
    leaves = [leaf_hash(b"%d" % number) for number in range(40)]
    tree = Tree(leaves)
    for size in range(41):
        assert tree.root(size) == naive_root(leaves[:size])
        for index in range(size):
            proof = tree.inclusion(index, size)
            merkle.check_inclusion(index, size, leaves[index], proof, tree.root(size))
        for old in range(1, size + 1):
            pair = merkle.Tree(old, tree.root(old)), merkle.Tree(size, tree.root(size))
            merkle.check_consistency(*pair, tree.consistency(old, size))


def test_a_copy_is_independent_and_tiles_are_cut() -> None:
    tree = Tree(leaf_hash(b"%d" % number) for number in range(600))
    copy = tree.copy(300)
    copy.append(leaf_hash(b"other"))
    assert copy.root(300) == tree.root(300)
    assert copy.root(301) != tree.root(301)
    assert tree.tile(0, 2, 88) == b"".join(leaf_hash(b"%d" % number) for number in range(512, 600))
    assert tree.tile(1, 0, 2) == tree.node(8, 0) + tree.node(8, 1)
    assert tree.tile(2, 0, 1) == b""
