"""Every identity in the manifest of a real Rekor v1 server's entries is found by a watch for it, and by no other."""

import base64
import gzip
import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from monitor.facts import read_facts
from monitor.logs.log import Leaves
from monitor.match import Matcher
from monitor.scan import ScanResult, scan_leaves
from monitor.watch import build_watches


@pytest.fixture(scope="module")
def folder(real_data: Path) -> Path:
    return real_data / "logs" / "rekor-v1"


@pytest.fixture(scope="module")
def manifest(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "manifest.jsonl").read_text().splitlines()]


@pytest.fixture(scope="module")
def bodies(folder: Path) -> list[bytes]:
    """All bodies by global index."""
    found: dict[int, bytes] = {}
    with gzip.open(folder / "http" / "retrieve-all.jsonl.gz", "rt") as lines:
        for line in lines:
            for entries in json.loads(json.loads(line)["response"]["body"]):
                for entry in entries.values():
                    found[entry["logIndex"]] = base64.b64decode(entry["body"])
    return [found[index] for index in range(len(found))]


def scan(bodies: list[bytes], watches: list[dict[str, Any]]) -> ScanResult:
    return scan_leaves(Leaves(0, bodies), Matcher(build_watches(watches)), "rekor-v1")


def test_every_entry_is_read(bodies: list[bytes]) -> None:
    result = scan(bodies, [{"email": "nobody@nowhere.example"}])
    assert result.count == 1480
    assert not result.hits
    assert not result.unreadable


def test_a_watch_for_each_name_finds_its_entries_and_no_others(
    bodies: list[bytes], manifest: list[dict[str, Any]]
) -> None:
    wanted: dict[str, set[int]] = defaultdict(set)
    for row in manifest:
        if isinstance(row.get("san"), str):
            wanted[row["san"]].add(row["index"])
    assert len(wanted) > 20
    watches = [{"name": f"{at}", "san": f"exact:{name}"} for at, name in enumerate(wanted)]
    found: dict[str, set[int]] = defaultdict(set)
    names = list(wanted)
    for hit in scan(bodies, watches).hits:
        for match in hit.matches:
            if match.exact:
                found[names[int(match.watch)]].add(hit.index)
    # The manifest names one SAN of an entry, and none of some kinds.
    unnamed = {row["index"] for row in manifest if "san" not in row or "two SANs" in row["label"]}
    for name, indices in wanted.items():
        assert indices <= found[name]
        assert found[name] - indices <= unnamed


def test_the_key_or_certificate_of_each_entry_finds_it(bodies: list[bytes]) -> None:
    samples = range(0, len(bodies), 37)
    watches: list[dict[str, Any]] = []
    for index in samples:
        for subject in read_facts(bodies[index]).subjects[:1]:
            fingerprint = min(subject.keys, default="")
            if len(fingerprint) in (64, 40, 16):
                watches.append({"name": str(index), "key_fingerprint": fingerprint})
    assert len(watches) > 30
    found = {match.watch for hit in scan(bodies, watches).hits for match in hit.matches if match.subject >= 0}
    assert found == {watch["name"] for watch in watches}
