"""Every entry that real logs and bundles hold is proven, by its own log and no other."""

import json
from pathlib import Path

import pytest

from tests.real.verifier.records import v1_entries
from verifier.entry import check_entry, check_set, entry_from_rest, entry_from_tle, entry_to_tle
from verifier.errors import Untrue
from verifier.trust import TrustedLog, TrustedRoot


def logs_of(path: Path) -> dict[bytes, TrustedLog]:
    return {log.log_id: log for log in TrustedRoot.parse(path.read_bytes()).tlogs}


def test_every_rekor_v1_entry(real_data: Path) -> None:
    folder = real_data / "logs" / "rekor-v1"
    logs = logs_of(folder / "trusted_root.json")
    entries = [entry_from_rest(*pair) for pair in v1_entries(folder)]
    assert len(entries) == 1480
    for entry in entries:
        log = logs[entry.log_id]
        check_set(entry, log)
        checkpoint = check_entry(entry, log)
        assert checkpoint.origin == f"rekor.sigwarden.test - {entry.tree_id}"
        other = next(one for one in logs.values() if one is not log)
        with pytest.raises(Untrue):
            check_entry(entry, other)


def test_every_reply_of_rekor_v2(real_data: Path) -> None:
    folder = real_data / "logs" / "rekor-v2"
    logs = logs_of(folder / "trusted_root.json")
    replies = sorted((folder / "replies").iterdir())
    assert replies
    for path in replies:
        entry = entry_from_tle(json.loads(path.read_bytes()))
        assert entry.index == int(path.stem)
        assert (entry.global_index, entry.integrated_time, entry.set) == (None, None, None)
        assert check_entry(entry, logs[entry.log_id]).origin == "log2026-1.example.test"


@pytest.mark.parametrize(("instance", "promises"), [("production", 11), ("staging", 2)])
def test_every_entry_in_a_bundle(real_data: Path, instance: str, promises: int) -> None:
    logs = logs_of(real_data / "trust" / instance / "trusted_root.json")
    seen = 0
    for path in sorted((real_data / "bundles" / instance).glob("*.sigstore*")):
        for member in json.loads(path.read_bytes())["verificationMaterial"]["tlogEntries"]:
            entry = entry_from_tle(member)
            assert check_entry(entry, logs[entry.log_id]).size > entry.index
            if entry.set is not None:
                check_set(entry, logs[entry.log_id])
                seen += 1
            assert entry_from_tle(entry_to_tle(entry)) == entry
    assert seen == promises
