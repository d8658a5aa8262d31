"""How do we show that a leaf is in a signed tree?

Every log can be asked for consistency proofs, and one from just beside a leaf is its inclusion proof in disguise: the
proof from ``index + 1`` (odd) begins with the leaf itself and goes on with its path. A tiled log has the path directly.
"""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from monitor.evidence import encode_keys
from monitor.logs.log import Log
from monitor.session import Session
from monitor.trouble import Trouble
from verifier.errors import Malformed, Untrue
from verifier.merkle import Frontier, NodeHash, Tree, check_inclusion, hash_leaf, inclusion_path
from verifier.tiles import TileReader

PROOFS_PER_TICK = 256
"""A flood of hits must not turn into a flood of requests: the rest comes with the next ticks."""


@runtime_checkable
class _Tiled(Protocol):
    def tiles(self, size: int) -> TileReader: ...


@dataclass(frozen=True, slots=True)
class Shown:
    """A leaf hash (None where the proof does not hold it) and its path; nothing checked yet."""

    leaf_hash: bytes | None
    path: tuple[bytes, ...]


def show_leaf(log: Log, index: int, tree: Tree, before: Frontier | None = None) -> Shown:
    """The path of leaf `index`; `before`, the frontier at `index`, is needed only for a last leaf of even index."""
    if index % 2:
        found = tuple(log.consistency(index, tree.size))
        if index > 1:  # (leaf index - 1, leaf index, the rest of both their paths)
            return Shown(found[1], (found[0], *found[2:])) if len(found) > 1 else _unshown(index)
        first = hash_leaf(log.leaves(0, 1, tree.size).data[0])
        return Shown(found[0], (first, *found[1:])) if found else _unshown(index)
    if index + 1 == tree.size:
        return _show_last(log, index, tree, before)
    found = tuple(log.consistency(index + 1, tree.size))
    if index == 0:
        return Shown(None, found)
    return Shown(found[0], found[1:]) if found else _unshown(index)


def _show_last(log: Log, index: int, tree: Tree, before: Frontier | None) -> Shown:
    """A last leaf of even index hangs alone: its path is the frontier before it."""
    if index == 0:
        return Shown(tree.root, ())
    if before is None or before.size != index:
        return _unshown(index)
    found = tuple(log.consistency(index, tree.size))
    place = 1 if index & (index - 1) else 0  # from a power of two, the first subtree is not sent
    return Shown(found[place], tuple(reversed(before.nodes))) if len(found) > place else _unshown(index)


def store_proofs(s: Session) -> None:
    """Add inclusion proofs to the evidence of findings that were proven and have none yet."""
    tree = s.timeline.verified
    main = s.timeline.main
    if tree is None or main is None or main.start.tree != tree:
        return
    note = s.note_of(tree)
    wanted = s.m.store.proofs_wanted(s.spec.origin, PROOFS_PER_TICK) if note else ()
    if not wanted:
        return
    shared = {"checkpoint": note, "keys": encode_keys(s.keys)}
    paths = _Paths(s, tree, main.start)
    done: dict[str, dict[str, bytes]] = {}
    for one in wanted:
        if one.index >= tree.size or not s.may_go_on(1):
            continue
        s.requests += 1
        try:
            path = paths.of(one.index, hash_leaf(one.body))
        except (Malformed, Untrue) as error:
            # The leaf is proven by the root that we recomputed; that its path cannot be had is the log's fault all the
            # same. The others wait for the next tick: they would fail alike.
            message = f"{s.spec.origin}: no proof shows leaf {one.index}, which hashes into its tree: {error.message}"
            s.commit(findings=s.note(Trouble("bad-proof", message, evidence={"checkpoint": note})))
            break
        done[one.finding] = shared | {"inclusion-proof": b"".join(path)}
    if done:
        s.add_proofs(done)


class _Paths:
    """Checked paths in one tree. One that does not hold is asked for again on new connections."""

    def __init__(self, session: Session, tree: Tree, frontier: Frontier) -> None:
        self._session = session
        self._tree = tree
        self._frontier = frontier
        self._log = session.log()
        self._tiles = self._opened()

    def of(self, index: int, leaf_hash: bytes) -> tuple[bytes, ...]:
        """The path; Untrue or Malformed when the log gives none that holds."""
        try:
            return self._checked(index, leaf_hash)
        except (Malformed, Untrue):
            self._session.paths.pop(index, None)
            self._log = self._session.log(fresh=True)
            self._tiles = self._opened()
            return self._checked(index, leaf_hash)

    def _opened(self) -> TileReader | None:
        return self._log.tiles(self._tree.size) if isinstance(self._log, _Tiled) else None

    def _checked(self, index: int, leaf_hash: bytes) -> tuple[bytes, ...]:
        path = self._find(index)
        check_inclusion(index, self._tree.size, leaf_hash, path, self._tree.root)
        return path

    def _find(self, index: int) -> tuple[bytes, ...]:
        if self._tiles is not None:
            return tuple(inclusion_path(index, self._tree.size, self._nodes(self._tiles, index)))
        if index + 1 == self._tree.size and index % 2 == 0:
            return tuple(reversed(self._frontier.nodes[:-1]))
        return show_leaf(self._log, index, self._tree).path

    def _nodes(self, tiles: TileReader, index: int) -> NodeHash:
        """The nodes of a tiled log; those beside a leaf that we have just scanned are known."""
        known = {(level, index >> level ^ 1): node for level, node in enumerate(self._session.paths.get(index, ()))}
        return lambda level, at: known.get((level, at)) or tiles.node(level, at)


def _unshown(index: int) -> Shown:
    raise Untrue(f"the log gives no proof that shows leaf {index}", code="inclusion-proof")
