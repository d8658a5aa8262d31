"""How is a log served from a process of its own? ``python -m sandbox.serve DIR`` prints its URL and serves until told.

DIR is a folder of tiles (any Rekor v2 or static-CT log as files), or what `sandbox.bulk` wrote. Files go out by
sendfile, so the server costs the bench little.
"""

import argparse
import re
import signal
import sys
import threading
from pathlib import Path

from sandbox import bulk
from sandbox.wire import Reply, Request, Server

_SAFE = re.compile(r"/(?:[A-Za-z0-9._-]+/)*[A-Za-z0-9._-]+")
_NOT_FOUND = Reply(404, b"404 page not found\n", (), "text/plain; charset=utf-8")


class Files:
    """Answers with the files below a folder; `count` is how many requests there were."""

    def __init__(self, folder: Path) -> None:
        self.folder = str(folder.resolve())
        self.count = 0

    def answer(self, request: Request) -> Reply:
        """The file, or 404; never anything above the folder."""
        self.count += 1
        path = request.path
        if request.method not in ("GET", "HEAD") or not _SAFE.fullmatch(path) or "/." in path:
            return _NOT_FOUND
        file = Path(self.folder + path)
        kind = "text/plain; charset=utf-8" if path == "/checkpoint" else "application/octet-stream"
        return Reply(200, file, (), kind) if file.is_file() else _NOT_FOUND


def open_server(folder: Path, *, port: int = 0, latency: float = 0.0) -> Server:
    """The server for a folder, not yet started."""
    plan = bulk.read_plan(folder)
    if plan is not None and plan.kind == "rekor-v1":
        return bulk.load_v1(folder, plan, latency=latency, port=port).server
    return Server(Files(folder).answer, port=port, latency=latency)


def main(arguments: list[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.serve", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--latency", type=float, default=0.0, metavar="SECONDS", help="wait before each answer")
    options = parser.parse_args(arguments)
    if not options.folder.is_dir():
        parser.error(f"{options.folder} is not a folder")
    done = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: done.set())
    server = open_server(options.folder, port=options.port, latency=options.latency).start()
    sys.stdout.write(server.url + "\n")
    sys.stdout.flush()
    done.wait()
    server.stop()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
