"""How did a real Rekor v1 answer? A recorded instance over HTTP: entries and heads as recorded, the rest computed."""

import base64
import gzip
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sandbox.instance import tree_id_of
from sandbox.keys import HeldNotes
from sandbox.rekor_v1 import SandboxV1
from sandbox.shard import Shard


class RecordedV1(SandboxV1):
    """The folder ``logs/rekor-v1``: ``with RecordedV1(folder) as log: log.present(3)`` shows the fourth growing head.

    `heads` are the recorded answers of /api/v1/log in order; without present() the final state is shown. It signs
    nothing: an entry beside a size whose head was not recorded cannot be shown.
    """

    def __init__(self, folder: Path, *, latency: float = 0.0) -> None:
        super().__init__("rekor.sigwarden.test", seed="recorded", latency=latency)
        self.folder = folder
        self.heads: list[dict[str, Any]] = [
            json.loads(row["body"]) for row in rows(folder / "heads-growing.jsonl.gz") if row["status"] == 200
        ]
        self._all: list[Shard] = []
        self._final = self._recorded_head()
        self._load_shards()
        self._load_entries()
        self.show(self._final)

    @property
    def base_url(self) -> str:
        """Where it answers; the recorded trusted root says otherwise."""
        return self.url

    @property
    def trusted_root(self) -> bytes:
        """As recorded."""
        return (self.folder / "trusted_root.json").read_bytes()

    def present(self, number: int) -> dict[str, Any]:
        """Shows head `number` of `heads`, with only the shards and entries that it covers; the head."""
        self.show(self.heads[number])
        return self.heads[number]

    def show(self, head: dict[str, Any]) -> None:
        """Shows the state of a recorded answer of /api/v1/log."""
        infos = {int(info["treeID"]): info for info in [*(head["inactiveShards"] or ()), head]}
        self.shards = [shard for shard in self._all if tree_id_of(shard) in infos]
        for shard in self.shards:
            info = infos[tree_id_of(shard)]
            shard.publish(int(info["treeSize"]))
            text, _, line = info["signedTreeHead"].encode().rpartition(b"\n\n")
            signer = shard.signers[0]
            assert isinstance(signer, HeldNotes)
            signer.lines[text + b"\n"] = line

    def _recorded_head(self) -> dict[str, Any]:
        first = next(rows(self.folder / "http" / "log-and-keys.jsonl"))
        head: dict[str, Any] = json.loads(first["response"]["body"])
        return head

    def _load_shards(self) -> None:
        names = ["log-shard0.pub.pem", "log-shard1-and-2.pub.pem", "log-shard1-and-2.pub.pem"]
        infos = [*self._final["inactiveShards"], self._final]
        for info, name in zip(infos, names, strict=True):
            pem = (self.folder / name).read_bytes()
            spki = base64.b64decode(b"".join(pem.splitlines()[1:-1]))
            signer = HeldNotes(self.host, pem, hashlib.sha256(spki).digest(), {})
            self._all.append(Shard(f"{self.host} - {info['treeID']}", [signer]))

    def _load_entries(self) -> None:
        numbers = {tree_id_of(shard): number for number, shard in enumerate(self._all)}
        for row in rows(self.folder / "http" / "retrieve-all.jsonl.gz"):
            for item in json.loads(row["response"]["body"]):
                ((name, entry),) = item.items()
                number = numbers[int(name[:16], 16)]
                index = self._all[number].add(base64.b64decode(entry["body"]), entry["integratedTime"])
                self.entries.given[number, index] = entry["verification"]["signedEntryTimestamp"]
                if "attestation" in entry:
                    self.entries.attestations[number, index] = entry["attestation"]["data"]


def rows(path: Path) -> Iterator[dict[str, Any]]:
    """The lines of a recording, gzip or not."""
    with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as lines:
        yield from map(json.loads, lines)
