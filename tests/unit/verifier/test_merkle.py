"""Do inclusion, consistency and compact ranges hold for every small tree, and nothing else?"""

from collections.abc import Callable
from functools import cache
from hashlib import sha256
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verifier.errors import Malformed, Refused, Untrue
from verifier.merkle import (
    EMPTY_ROOT,
    MAX_SIZE,
    CompactRange,
    Frontier,
    Tree,
    check_consistency,
    check_inclusion,
    consistency_path,
    decompose,
    frontier_from_consistency,
    hash_leaf,
    hash_node,
    inclusion_path,
    prefix_frontier,
    range_hash,
    root_from_inclusion,
)

TOP = 130
LEAVES = [hash_leaf(b"leaf %d" % number) for number in range(TOP)]


@cache
def mth(start: int, end: int) -> bytes:
    """The root by the recursive definition of RFC 6962 section 2.1, independent of the code under test."""
    if end - start == 0:
        return sha256(b"").digest()
    if end - start == 1:
        return LEAVES[start]
    split = 1
    while split * 2 < end - start:
        split *= 2
    return sha256(b"\x01" + mth(start, start + split) + mth(start + split, end)).digest()


def node(level: int, index: int) -> bytes:
    return mth(index << level, (index + 1) << level)


def tree(size: int) -> Tree:
    return Tree(size, mth(0, size))


@cache
def rfc_path(index: int, start: int, end: int) -> tuple[bytes, ...]:
    """PATH(m, D[n]) of RFC 6962 section 2.1.1."""
    if end - start == 1:
        return ()
    split = 1
    while split * 2 < end - start:
        split *= 2
    if index < split:
        return (*rfc_path(index, start, start + split), mth(start + split, end))
    return (*rfc_path(index - split, start + split, end), mth(start, start + split))


def rfc_subproof(old: int, start: int, end: int, whole: bool) -> tuple[bytes, ...]:
    """SUBPROOF(m, D[n], b) of RFC 6962 section 2.1.2."""
    if old == end - start:
        return () if whole else (mth(start, end),)
    split = 1
    while split * 2 < end - start:
        split *= 2
    if old <= split:
        return (*rfc_subproof(old, start, start + split, whole), mth(start + split, end))
    return (*rfc_subproof(old - split, start + split, end, False), mth(start, start + split))


def manglings(proof: list[bytes]) -> list[list[bytes]]:
    """Proofs that differ from this one in every simple way."""
    flipped = [[*proof[:at], _flip(one), *proof[at + 1 :]] for at, one in enumerate(proof)]
    dropped = [[*proof[:at], *proof[at + 1 :]] for at in range(len(proof))]
    doubled = [[*proof[:at], one, *proof[at:]] for at, one in enumerate(proof)]
    swapped = [[*proof[:at], two, one, *proof[at + 2 :]] for at, (one, two) in enumerate(pairwise(proof)) if one != two]
    sized = [[*proof[:at], proof[at][:31], *proof[at + 1 :]] for at in range(len(proof))]
    longer = [[*proof[:at], proof[at] + b"\0", *proof[at + 1 :]] for at in range(len(proof))]
    return [*flipped, *dropped, *doubled, *swapped, *sized, *longer, [*proof, EMPTY_ROOT], [EMPTY_ROOT, *proof]]


def _flip(one: bytes) -> bytes:
    return bytes([one[0] ^ 1]) + one[1:]


def refuses(check: Callable[..., object], *claim: object) -> None:
    with pytest.raises(Untrue) as caught:
        check(*claim)
    assert caught.value.code in ("inclusion-proof", "consistency-proof")


def test_known_vectors() -> None:
    assert hash_leaf(b"").hex().startswith("6e340b9cffb37a98")
    assert EMPTY_ROOT.hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert hash_node(b"a" * 32, b"b" * 32) == sha256(b"\x01" + b"a" * 32 + b"b" * 32).digest()


def test_every_inclusion_up_to_130() -> None:
    for size in range(1, TOP + 1):
        for index in range(size):
            proof = inclusion_path(index, size, node)
            assert tuple(proof) == rfc_path(index, 0, size)
            check_inclusion(index, size, LEAVES[index], proof, mth(0, size))
            assert root_from_inclusion(index, size, LEAVES[index], proof) == mth(0, size)


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 15, 16, 17, 31, 33, 63, 64, 65, 100, 127, 129, 130])
def test_every_mangled_inclusion_is_refused(size: int) -> None:
    for index in range(size):
        proof, leaf, root = inclusion_path(index, size, node), LEAVES[index], mth(0, size)
        for bad in manglings(proof):
            refuses(check_inclusion, index, size, leaf, bad, root)
        for wrong in range(-1, size + 2):
            if wrong != index:
                refuses(check_inclusion, wrong, size, leaf, proof, root)
        refuses(check_inclusion, index, size, leaf, proof, EMPTY_ROOT)
        refuses(check_inclusion, index, size, _flip(leaf), proof, root)
        refuses(check_inclusion, index, size, leaf[:31], proof, root)


def test_an_inner_node_is_no_leaf() -> None:
    """The second-preimage game: node (1, 0) of four leaves as leaf 0 of two."""
    refuses(check_inclusion, 0, 4, mth(0, 2), [mth(2, 4)], mth(0, 4))


def test_size_is_part_of_an_inclusion_proof() -> None:
    for size in range(1, 40):
        for other in range(1, 40):
            for index in range(min(size, other)):
                if mth(0, size) != mth(0, other):
                    refuses(
                        check_inclusion, index, other, LEAVES[index], inclusion_path(index, size, node), mth(0, other)
                    )


@pytest.mark.parametrize(
    ("index", "size"), [(0, 0), (-1, 4), (4, 4), (5, 4), (0, -1), (0, MAX_SIZE + 1), (2**80, 2**81)]
)
def test_impossible_places(index: int, size: int) -> None:
    refuses(check_inclusion, index, size, LEAVES[0], [], LEAVES[0])


def test_every_consistency_up_to_130_and_its_frontier() -> None:
    for new in range(TOP + 1):
        for old in range(new + 1):
            proof = consistency_path(old, new, node)
            if old:
                assert tuple(proof) == rfc_subproof(old, 0, new, True)
            check_consistency(tree(old), tree(new), proof)
            if old < new or old & (old - 1) == 0:
                found = frontier_from_consistency(tree(old), tree(new), proof)
                assert found == Frontier(old, tuple(node(*spot) for spot in decompose(0, old)))
                assert found.extend(CompactRange.of_leaves(old, LEAVES[old:new])).tree == tree(new)
            else:
                refuses(frontier_from_consistency, tree(old), tree(new), [])


def test_every_frontier_without_knowing_the_older_root() -> None:
    for new in range(1, 70):
        for old in range(new + 2):
            proof = consistency_path(min(old, new), new, node)
            if not 0 < old < new or old & (old - 1) == 0:
                with pytest.raises(Refused):
                    prefix_frontier(old, tree(new), proof)
                continue
            assert prefix_frontier(old, tree(new), proof) == Frontier.empty().extend(
                CompactRange.of_leaves(0, LEAVES[:old])
            )
            refuses(prefix_frontier, old, Tree(new, _flip(mth(0, new))), proof)
            for bad in manglings(proof):
                refuses(prefix_frontier, old, tree(new), bad)


@pytest.mark.parametrize("new", [1, 2, 3, 4, 5, 6, 7, 8, 9, 13, 16, 17, 31, 32, 33, 64, 65, 100, 128, 130])
def test_every_mangled_consistency_is_refused(new: int) -> None:
    for old in range(new + 1):
        proof = consistency_path(old, new, node)
        for check in (check_consistency, frontier_from_consistency):
            for bad in manglings(proof):
                refuses(check, tree(old), tree(new), bad)
            refuses(check, Tree(old, _flip(mth(0, old))), tree(new), proof)
            if old:  # from size 0 anything is consistent, as long as the empty root is the empty root
                refuses(check, tree(old), Tree(new, _flip(mth(0, new))), proof)


def test_wrong_sizes_are_refused() -> None:
    for new in range(1, 40):
        for old in range(1, new):
            proof = consistency_path(old, new, node)
            for wrong in range(1, new):
                if wrong != old:
                    refuses(check_consistency, tree(wrong), tree(new), proof)
            refuses(check_consistency, tree(new), tree(old), proof)


def test_equal_size_needs_equal_root() -> None:
    refuses(check_consistency, tree(5), Tree(5, mth(0, 6)), [])
    refuses(check_consistency, tree(0), Tree(0, mth(0, 6)), [])
    refuses(check_consistency, Tree(0, mth(0, 6)), Tree(0, mth(0, 6)), [])
    refuses(check_consistency, Tree(0, mth(0, 6)), tree(6), [])
    refuses(check_consistency, tree(5), tree(5), [mth(0, 4)])


def test_decomposition_is_aligned_maximal_and_complete() -> None:
    for end in range(70):
        for start in range(end + 1):
            spots = list(decompose(start, end))
            place = start
            for level, index in spots:
                assert index << level == place
                place += 1 << level
                parent = index >> 1
                whole = start <= parent << (level + 1) and (parent + 1) << (level + 1) <= end
                assert not whole, "the parent would have fitted"
            assert place == end


def test_ranges_of_leaves_and_their_joins() -> None:
    for end in range(0, TOP + 1, 1):
        for start in range(0, end + 1, 7):
            made = CompactRange.of_leaves(start, LEAVES[start:end])
            assert made.nodes == tuple(node(*spot) for spot in decompose(start, end))
            assert made.size == end - start
            for middle in range(start, end + 1, 11):
                left = CompactRange.of_leaves(start, LEAVES[start:middle])
                assert left.extend(CompactRange.of_leaves(middle, LEAVES[middle:end])) == made


def test_a_frontier_grows_leaf_by_leaf() -> None:
    grown = Frontier.empty()
    for size in range(TOP):
        assert grown.tree == tree(size)
        assert Frontier.from_bytes(grown.to_bytes()) == grown
        assert grown.as_range() == CompactRange.of_leaves(0, LEAVES[:size])
        grown = grown.append(LEAVES[size])


def test_a_frontier_takes_aligned_subtrees_only() -> None:
    for size in range(65):
        start = Frontier(size, tuple(node(*spot) for spot in decompose(0, size)))
        for height in range(7):
            if size % (1 << height):
                with pytest.raises(Malformed):
                    start.append_subtree(height, EMPTY_ROOT)
            elif size + (1 << height) <= TOP:
                added = start.append_subtree(height, node(height, size >> height))
                assert added.tree == tree(size + (1 << height))
    for height in (-1, 63, 200):
        with pytest.raises(Malformed):
            Frontier.empty().append_subtree(height, EMPTY_ROOT)


@given(st.integers(0, 130), st.integers(0, 130))
def test_stored_ranges_round_trip_and_are_counted(one: int, other: int) -> None:
    start, end = sorted((one, other))
    made = CompactRange.of_leaves(start, LEAVES[start:end])
    assert CompactRange.from_bytes(made.to_bytes()) == made
    for bad in (made.to_bytes() + EMPTY_ROOT, made.to_bytes() + b"\0", made.to_bytes()[:-1]):
        with pytest.raises(Malformed):
            CompactRange.from_bytes(bad)


@given(st.binary(max_size=200))
def test_stored_bytes_never_crash(data: bytes) -> None:
    for kind in (CompactRange, Frontier):
        try:
            assert kind.from_bytes(data).to_bytes() == data
        except Malformed:
            continue


def test_gaps_overlaps_and_wrong_hash_sizes_are_malformed() -> None:
    with pytest.raises(Malformed):
        CompactRange.of_leaves(0, LEAVES[:4]).extend(CompactRange.of_leaves(5, LEAVES[5:6]))
    with pytest.raises(Malformed):
        Frontier.empty().extend(CompactRange.of_leaves(1, LEAVES[1:2]))
    with pytest.raises(Malformed):
        CompactRange.of_leaves(0, [b"short"])
    with pytest.raises(Malformed):
        Frontier.empty().append(b"short")
    with pytest.raises(Malformed):
        CompactRange(4, 3, ())
    with pytest.raises(Malformed):
        Frontier(3, (EMPTY_ROOT,))
    with pytest.raises(Malformed):
        Frontier(-1, ())
    assert CompactRange.empty(7).extend(CompactRange.of_leaves(7, LEAVES[7:9])).end == 9


@given(st.integers(0, MAX_SIZE), st.integers(0, MAX_SIZE))
def test_huge_sizes_cost_nothing_and_are_refused(one: int, other: int) -> None:
    old, new = sorted((one, other))
    with pytest.raises(Untrue):
        check_consistency(Tree(old, LEAVES[0]), Tree(new, LEAVES[1]), [LEAVES[2]] * 3)
    with pytest.raises(Untrue):
        check_inclusion(old, new, LEAVES[0], [LEAVES[2]] * 3, LEAVES[1])


def test_paths_of_impossible_places_are_malformed() -> None:
    for index in (3, -1):
        with pytest.raises(Malformed):
            inclusion_path(index, 3, node)
    with pytest.raises(Malformed):
        consistency_path(4, 3, node)
    assert range_hash(0, 0, node) == EMPTY_ROOT
