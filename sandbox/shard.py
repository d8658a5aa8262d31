"""What is true of one tree, and what does its log say about it?"""

import base64
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Self

from sandbox.keys import NoteSigner
from sandbox.tree import Tree, leaf_hash


@dataclass(frozen=True, slots=True)
class View:
    """A tree as somebody may be shown it: `size` of its leaves."""

    bodies: Sequence[bytes]
    tree: Tree
    size: int

    def at(self, size: int) -> "View":
        """The same tree, shown smaller or larger."""
        return View(self.bodies, self.tree, size)

    def forked(self, index: int, body: bytes, size: int | None = None, extra: Sequence[bytes] = ()) -> "View":
        """Another history: leaf `index` was `body`, and after `size` leaves come `extra`."""
        bodies = [*self.bodies[: self.size if size is None else size], *extra]
        bodies[index] = body
        tree = self.tree.copy(index)
        for one in bodies[index:]:
            tree.append(leaf_hash(one))
        return View(bodies, tree, len(bodies))

    @property
    def root(self) -> bytes:
        """Its root."""
        return self.tree.root(self.size)


@dataclass(slots=True)
class Shard:
    """One tree as it is: bodies, hashes, who signs for it, and how much of it is published.

    `times` are seconds since the epoch (Rekor v1's integratedTime). `published` are the sizes that had a head.
    """

    origin: str
    signers: list[NoteSigner]
    bodies: list[bytes] = field(default_factory=list)
    times: list[int] = field(default_factory=list)
    tree: Tree = field(default_factory=Tree)
    size: int = 0
    published: list[int] = field(default_factory=lambda: [0])
    extensions: list[str] = field(default_factory=list)
    lock: threading.RLock = field(default_factory=threading.RLock)

    def add(self, body: bytes, time: int = 0) -> int:
        """Append a leaf; its index. It shows in the next published head."""
        with self.lock:
            self.bodies.append(body)
            self.times.append(time)
            return self.tree.append(leaf_hash(body))

    def publish(self, size: int | None = None) -> int:
        """Let the head cover everything (or `size` leaves); the size."""
        with self.lock:
            self.size = len(self.bodies) if size is None else size
            if self.published[-1] != self.size:
                self.published.append(self.size)
            return self.size

    @property
    def view(self) -> View:
        """The truth, as far as it is published."""
        return View(self.bodies, self.tree, self.size)

    def text(self, view: View) -> bytes:
        """The text of a checkpoint over `view`."""
        return note_text(self.origin, view.size, view.root, self.extensions)

    def checkpoint(self, view: View | None = None) -> bytes:
        """The signed note over `view` (the truth, unless another is given)."""
        text = self.text(view or self.view)
        return signed_note(text, self.signers)

    def adopt(self, other: Self) -> None:
        """Take over the leaves of another shard: what a replica has."""
        for body, time in zip(other.bodies, other.times, strict=True):
            self.add(body, time)


def note_text(origin: str, size: int, root: bytes, extensions: Sequence[str] = ()) -> bytes:
    """Checkpoint text (C2SP tlog-checkpoint)."""
    rows = [origin, str(size), base64.b64encode(root).decode(), *extensions]
    return "".join(row + "\n" for row in rows).encode()


def signed_note(text: bytes, signers: Sequence[NoteSigner]) -> bytes:
    """Text, an empty line, one line for each signer."""
    return text + b"\n" + b"".join(signer.line(text) for signer in signers)
