"""The recorded logs, for tests of the pure core."""

import base64
import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Facts = dict[str, Any]


def lines(path: Path) -> Iterator[Facts]:
    """The objects of a JSON lines file, gzipped or not."""
    data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    for line in data.splitlines():
        yield json.loads(line)


def v1_entries(folder: Path) -> list[tuple[str, Facts]]:
    """(entryID, LogEntry) of every Rekor v1 entry, in global order."""
    found: dict[int, tuple[str, Facts]] = {}
    for exchange in lines(folder / "http" / "retrieve-all.jsonl.gz"):
        for pair in json.loads(exchange["response"]["body"]):
            for entry_id, entry in pair.items():
                found[entry["logIndex"]] = (entry_id, entry)
    return [found[index] for index in sorted(found)]


def v2_bodies(folder: Path) -> list[bytes]:
    """Every body of the Rekor v2 log, in order."""
    bodies: list[bytes] = []
    tiles = folder / "tile" / "entries"
    paths = [path for path in sorted(tiles.iterdir()) if path.is_file()]
    size = int((folder / "checkpoint").read_text().splitlines()[1])
    last = tiles / f"{len(paths):03d}.p" / str(size % 256)
    for path in [*paths, last]:
        data, at = path.read_bytes(), 0
        while at < len(data):
            end = at + 2 + int.from_bytes(data[at : at + 2], "big")
            bodies.append(data[at + 2 : end])
            at = end
    assert len(bodies) == size
    return bodies


def final_certificates(folder: Path) -> list[tuple[int, bytes]]:
    """(index of the precertificate, DER) of the CT corpus's final certificates."""
    return [(one["index"], base64.b64decode(one["der"])) for one in lines(folder / "final-certs.jsonl.gz")]
