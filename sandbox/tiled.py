"""How does a log of tiles answer? Checkpoint, hash tiles and bundles of entries: the truth, or a lie about them."""

import gzip
import re
from collections.abc import Sequence
from dataclasses import replace

from sandbox.misbehave import Misbehaving
from sandbox.shard import View
from sandbox.wire import Reply, Request

_TILE = re.compile(r"tile/([a-z]+|[0-9]|[1-5][0-9]|6[0-3])/((?:x[0-9]{3}/)*[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?")
_OCTETS = "application/octet-stream"
NOT_FOUND = Reply(404, b"404 page not found\n", (), "text/plain; charset=utf-8")
_FLIP = 0x80


class Tiled(Misbehaving):
    """The reading side of Rekor v2 and of static-ct; `bundles` is what the folder of entries is called."""

    bundles = "entries"

    def __init__(self, *, prefix: str = "", gzipped: bool = False) -> None:
        self.prefix, self.gzipped = prefix, gzipped
        self.collecting = False
        self._partials: set[tuple[int, int, int]] = set()

    def encode(self, items: Sequence[bytes]) -> bytes:
        """A bundle of entries."""
        raise NotImplementedError

    def collect_garbage(self) -> None:
        """From now on, partial tiles below full ones are gone."""
        self.collecting = True

    def read(self, request: Request) -> Reply:
        """The answer to a reading request below the prefix."""
        if request.method not in ("GET", "HEAD") or not request.path.startswith(self.prefix + "/"):
            return NOT_FOUND
        path = request.path.removeprefix(self.prefix + "/")
        if path == "checkpoint":
            return self._head(request)
        match = _TILE.fullmatch(path)
        if match is None:
            return NOT_FOUND
        number = int(match[2].replace("x", "").replace("/", ""))
        width = int(match[3]) if match[3] else 256
        if match[1] == self.bundles:
            return self._bundle(request, number, width)
        return self._tile(request, int(match[1]), number, width) if match[1].isdigit() else NOT_FOUND

    def _head(self, request: Request) -> Reply:
        lies, shard = self.lies, self.shard
        view = lies.head_for(request, shard.view)
        self.mark_partials(view.size)
        note = self.note(view)
        headers = [("Cache-Control", "max-age=10" if lies.cached else "no-cache")]
        if lies.cached and view is lies.head:
            headers.append(("Age", "86400"))
        return Reply(200, note, tuple(headers), "text/plain; charset=utf-8")

    def _exists(self, view: View, level: int, number: int, width: int) -> bool:
        """Full tiles below the size; partials only as wide as some head implied, until collected."""
        end = number * 256 + width
        if end > view.size >> (8 * level):
            return False
        if width == 256:
            return True
        full = (view.size >> (8 * level)) >= (number + 1) * 256
        return (level, number, width) in self._partials and not (full and self.collecting)

    def note(self, view: View) -> bytes:
        """The signed head over `view`."""
        lies, shard = self.lies, self.shard
        return lies.note(shard.text(view), shard.signers) if lies.note else shard.checkpoint(view)

    def mark_partials(self, size: int) -> None:
        """A head of this size was shown: its partial tiles exist."""
        level = 0
        while size >> (8 * level):
            number, width = divmod(size >> (8 * level), 256)
            if width:
                self._partials.add((level, number, width))
            level += 1

    def _tile(self, request: Request, level: int, number: int, width: int) -> Reply:
        view, lies = self.lies.seen_by(request, self.shard.view), self.lies
        if not self._exists(view, level, number, width):
            return NOT_FOUND
        data = bytearray(view.tree.tile(level, number, width))
        for index in lies.flipped_tiles if level == 0 else ():
            if number * 256 <= index < number * 256 + width:
                data[(index - number * 256) * 32] ^= _FLIP
        if lies.proof and lies.told("proof"):
            data = _spoiled(data, lies.proof)
        return Reply(200, bytes(data), (("Cache-Control", "max-age=31536000, immutable"),), _OCTETS)

    def _bundle(self, request: Request, number: int, width: int) -> Reply:
        view, lies = self.lies.seen_by(request, self.shard.view), self.lies
        start = number * 256
        refused = any(part.start < start + width and start < part.stop for part in lies.withheld)
        if refused or not self._exists(view, 0, number, width):
            return NOT_FOUND
        items: Sequence[bytes] = view.bodies[start : start + width]
        if lies.about_content and lies.told("content"):
            items = self._false_items(view, range(start, start + width))
        data = self.encode(items)
        reply = Reply(200, data, (("Cache-Control", "max-age=31536000, immutable"),), _OCTETS)
        if self.gzipped and "gzip" in request.headers.get("accept-encoding", ""):
            packed = gzip.compress(data, 6, mtime=0)
            reply = replace(reply, body=packed, headers=(*reply.headers, ("Content-Encoding", "gzip")))
        return reply

    def _false_items(self, view: View, indexes: range) -> list[bytes]:
        lies = self.lies
        kept = (index for index in indexes if index not in lies.dropped)
        items = [lies.swapped.get(index, view.bodies[lies.moved.get(index, index)]) for index in kept]
        by = lies.resized.get(indexes.start // 256, 0)
        return items[:by] if by < 0 else items + items[-1:] * by


def _spoiled(data: bytearray, form: str) -> bytearray:
    """The hashes of a tile, wrong in one of the ways of `wrong_proof`."""
    if form == "flipped":
        for at in range(0, len(data), 32):
            data[at] ^= _FLIP
    elif form == "short":
        del data[-1:]
    elif form == "long":
        data += b"\0" * 32
    elif form == "huge":
        data += b"\0" * (1 << 20)
    else:
        data = bytearray(b"not a tile")
    return data
