"""How does a folder of tiles answer: a log as any static file server shows it, at any of its published heads?"""

from pathlib import Path
from typing import Self

from sandbox.wire import Reply, Request, Server

_NOT_FOUND = Reply(404, b"not found\n", (), "text/plain; charset=utf-8")


class StaticLog:
    """Serves `folder` over HTTP. ``with StaticLog(folder) as log: log.present(300)`` shows ``checkpoints/300``.

    Partial files that the log has removed are gone, unless `partials` has them cut from the full ones again. `prefix`
    is put before every path.
    """

    def __init__(self, folder: Path, *, prefix: str = "", partials: bool = False, latency: float = 0.0) -> None:
        self.folder = folder.resolve()
        self.prefix = prefix
        self.partials = partials
        self.requests: list[Request] = []
        self._note = self.folder / "checkpoint"
        self._server = Server(self._answer, latency=latency)

    @property
    def url(self) -> str:
        """Base URL without the prefix and without a trailing slash."""
        return self._server.url

    def sizes(self) -> list[int]:
        """The sizes at which a head was kept, ascending."""
        return sorted(int(path.name) for path in (self.folder / "checkpoints").iterdir() if path.name.isdigit())

    def present(self, name: int | str) -> None:
        """Shows the head of this size from now on, or the file of that name in the folder."""
        self._note = self.folder / ("checkpoints" if isinstance(name, int) else "") / str(name)

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.stop()

    def _answer(self, request: Request) -> Reply:
        self.requests.append(request)
        if not request.path.startswith(self.prefix + "/"):
            return _NOT_FOUND
        name = request.path[len(self.prefix) + 1 :]
        if name == "checkpoint":
            return Reply(200, self._note.read_bytes(), (), "text/plain; charset=utf-8")
        data = self._read(name)
        return _NOT_FOUND if data is None else Reply(200, data, (), "application/octet-stream")

    def _read(self, name: str) -> bytes | None:
        """The file `name`, or what it was while the tile was partial."""
        path = (self.folder / name).resolve()
        if not path.is_relative_to(self.folder):
            return None
        if path.is_file():
            return path.read_bytes()
        full, partial, width = name.partition(".p/")
        if not (self.partials and partial and width.isdigit()):
            return None
        data = self._read(full)
        return None if data is None else _cut(data, int(width), full.startswith("tile/entries/"))


def _cut(data: bytes, width: int, entries: bool) -> bytes:
    """The first `width` hashes of a tile, or entries of a bundle."""
    if not entries:
        return data[: 32 * width]
    end = 0
    for _ in range(width):
        end += 2 + int.from_bytes(data[end : end + 2], "big")
    return data[:end]
