"""Which lies is a log telling at the moment? One record; an empty one is an honest log."""

import base64
import re
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import Any

from sandbox.keys import NoteSigner
from sandbox.shard import View, note_text, signed_note
from sandbox.wire import Reply, Request


@dataclass(slots=True)
class Fault:
    """Something wrong with how answers to paths that fit the glob `only` are delivered; `times` None is for ever."""

    apply: Callable[[Request, Reply], Reply]
    only: str = "*"
    times: int | None = None

    def hits(self, request: Request) -> bool:
        """Whether this request gets the fault; counts it."""
        if self.times == 0 or not fnmatchcase(request.path, self.only):
            return False
        if self.times is not None:
            self.times -= 1
        return True


@dataclass(slots=True)
class Lies:
    """What is shown instead of the truth. Indexes are in-tree; `left` counts how often a lie of a sort is still told.

    `view` replaces the whole tree, `head` only the newest head, `lagging` the tree that one in `replicas` connections
    sees. `swapped` puts other bytes at an index, `moved` the whole entry of another index. `dropped` is left out of
    answers (`singly`: even when asked for alone), `withheld` is refused. `faults` change answers after the work is
    done, `refusals` stand before it. Rekor v1: `aim` is the shard that lies are about, `inactive` and `claimed` what is
    said of retired shards, `index` what the search finds.
    """

    view: View | None = None
    head: View | None = None
    cached: bool = False
    lagging: View | None = None
    replicas: int = 0
    swapped: dict[int, bytes] = field(default_factory=dict)
    moved: dict[int, int] = field(default_factory=dict)
    relabel: bool = False
    rename: bool = False
    dropped: set[int] = field(default_factory=set)
    singly: bool = True
    resized: dict[int, int] = field(default_factory=dict)
    withheld: list[range] = field(default_factory=list)
    flipped_tiles: set[int] = field(default_factory=set)
    proof: str = ""
    proof_of: str = "consistency"
    note: Callable[[bytes, Sequence[NoteSigner]], bytes] | None = None
    aim: int = -1
    inactive: dict[int, View | None] = field(default_factory=dict)
    claimed: dict[int, int] = field(default_factory=dict)
    index: Callable[[dict[str, Any], list[str]], list[str]] | None = None
    faults: list[Fault] = field(default_factory=list)
    refusals: list[Fault] = field(default_factory=list)
    date_skew: float = 0.0
    released: threading.Event = field(default_factory=threading.Event)
    left: dict[str, int] = field(default_factory=dict)

    def told(self, sort: str) -> bool:
        """Whether lies of this sort (head, content, proof) are still told; counts one."""
        left = self.left.get(sort)
        if left is None:
            return True
        self.left[sort] = left - 1
        return left > 0

    @property
    def about_content(self) -> bool:
        """Whether entries are anything but the truth."""
        return bool(self.swapped or self.moved or self.dropped or self.resized)

    def seen_by(self, request: Request, truth: View) -> View:
        """The tree that this connection is shown."""
        if self.lagging is not None and request.connection % self.replicas == self.replicas - 1:
            return self.lagging
        return self.view or truth

    def head_for(self, request: Request, truth: View) -> View:
        """The tree that the head is about."""
        fresh = "no-cache" in request.headers.get("cache-control", "")
        if self.head is not None and not (self.cached and fresh) and self.told("head"):
            return self.head
        return self.seen_by(request, truth)

    def refusal(self, request: Request) -> Reply | None:
        """The refusal that this request gets before anything is done for it."""
        for fault in list(self.refusals):
            if fault.hits(request):
                return fault.apply(request, Reply())
        return None

    def deliver(self, request: Request, reply: Reply) -> Reply:
        """The reply with the faults of the way."""
        for fault in list(self.faults):
            if fault.hits(request):
                reply = fault.apply(request, reply)
        return replace(reply, date_skew=self.date_skew) if self.date_skew else reply


def _resized(text: bytes, size: str) -> bytes:
    return re.sub(rb"\n\d+\n", b"\n" + size.encode() + b"\n", text, count=1)


def _size_of(text: bytes) -> int:
    return int(text.split(b"\n")[1])


def _with_root(text: bytes, root: str) -> bytes:
    rows = text.split(b"\n")
    rows[2] = root.encode()
    return b"\n".join(rows)


def _loose_base64(text: bytes) -> str:
    """The root's base64 with a padding bit set: another spelling of the same 32 bytes."""
    root = text.split(b"\n")[2].decode()
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    return root[:-2] + alphabet[alphabet.index(root[-2]) | 1] + "="


def _sign(change: Callable[[bytes], bytes]) -> Callable[[bytes, Sequence[NoteSigner]], bytes]:
    return lambda text, signers: signed_note(change(text), signers)


def _raw(change: Callable[[bytes], bytes]) -> Callable[[bytes, Sequence[NoteSigner]], bytes]:
    return lambda text, signers: change(signed_note(text, signers))


_Form = Callable[[bytes, Sequence[NoteSigner]], bytes]
# Each is signed by the log's own key wherever a signature can be made, so that only strict parsing refuses it.
MALFORMED_NOTES: dict[str, _Form] = {
    "crlf": _sign(lambda text: text.replace(b"\n", b"\r\n")),
    "leading-zero": _sign(lambda text: _resized(text, f"0{_size_of(text)}")),
    "plus-size": _sign(lambda text: _resized(text, f"+{_size_of(text)}")),
    "huge-size": _sign(lambda text: _resized(text, str(2**63 + _size_of(text)))),
    "not-a-size": _sign(lambda text: _resized(text, "many")),
    "duplicate-origin": _sign(lambda text: text.split(b"\n")[0] + b"\n" + text),
    "duplicate-size": _sign(lambda text: _resized(text, f"{_size_of(text)}\n{_size_of(text)}")),
    "loose-base64": _sign(lambda text: _with_root(text, _loose_base64(text))),
    "unpadded-base64": _sign(lambda text: _with_root(text, text.split(b"\n")[2].decode().rstrip("="))),
    "short-root": _sign(lambda text: _with_root(text, base64.b64encode(b"\0" * 31).decode())),
    "no-root": _sign(lambda text: b"\n".join(text.split(b"\n")[:2]) + b"\n"),
    "no-origin": _sign(lambda text: text[text.index(b"\n") :]),
    "control-character": _sign(lambda text: text + b"\x1b[31mred\n"),
    "not-utf8": _sign(lambda text: text + b"\xff\xfe\n"),
    "no-signature": lambda text, _signers: text + b"\n",
    "no-blank-line": _raw(lambda note: note.replace(b"\n\n", b"\n")),
    "no-final-newline": _raw(lambda note: note[:-1]),
    "bad-signature-base64": _raw(lambda note: note[:-3] + b"*=\n"),
    "too-many-signatures": lambda text, signers: signed_note(text, list(signers) * 101),
    "too-big": _sign(lambda text: text + b"x" * (2 << 20) + b"\n"),
    "empty": lambda _text, _signers: b"",
}


def other_origin(origin: str) -> _Form:
    """The note with another first line, signed by the log's own key: a head of another log."""
    return _sign(lambda text: origin.encode() + text[text.index(b"\n") :])


def signed_by(strangers: Sequence[NoteSigner]) -> _Form:
    """The right text, signed by somebody else."""
    return lambda text, _signers: signed_note(text, strangers)


def also_signed_by(witnesses: Sequence[NoteSigner], *, first: bool = False) -> _Form:
    """Further signature lines after (or before) the log's own."""
    return lambda text, signers: signed_note(text, [*witnesses, *signers] if first else [*signers, *witnesses])


def broken_signature(text: bytes, signers: Sequence[NoteSigner]) -> bytes:
    """The log's own key id over a signature of something else."""
    other = note_text("other.test", 1, b"\0" * 32)
    return text + b"\n" + b"".join(signer.line(other) for signer in signers)
