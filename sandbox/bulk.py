"""Where does a big log for a bench come from? Entries made by many processes, written as tiles or as a v1 backlog."""

import argparse
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from sandbox import subjects, trust
from sandbox.ca import CA, HONEST, Certified
from sandbox.entries import hashedrekord_v1, hashedrekord_v2
from sandbox.keys import C2spNoteSigner, SigningKey
from sandbox.rekor_v1 import SandboxV1
from sandbox.shard import note_text, signed_note
from sandbox.subjects import Subject
from sandbox.tree import Tree, leaf_hash

_START = datetime(2026, 3, 1, tzinfo=UTC)
_WIDTH = 256
_SERIALS = 1 << 152
_PLAN = "sandbox.json"
_BODIES = "bodies"


@dataclass(frozen=True, slots=True)
class Plan:
    """A log of `count` entries, `hits` of them by the watched workflow, evenly spread; `certificates` 0 is one each.

    Everything follows from `seed`: the same plan gives the same log.
    """

    count: int
    kind: str = "rekor-v2"
    hits: int = 100
    certificates: int = 0
    seed: str = "bulk"
    origin: str = "bulk.sandbox.test"

    def is_hit(self, index: int) -> bool:
        """Whether the entry is the watched workflow's."""
        return bool(self.hits) and index % max(1, self.count // self.hits) == 0 and self.hit_number(index) < self.hits

    def hit_number(self, index: int) -> int:
        """Which hit it is."""
        return index // max(1, self.count // self.hits)

    @property
    def hit_indexes(self) -> list[int]:
        """Where the watched workflow is."""
        return [index for index in range(self.count) if self.is_hit(index)]


WATCHED_REPO = "watched-org/watched-repo"


def subject(plan: Plan, index: int) -> Subject:
    """Whose entry this is: four workflows to one person, and now and then the watched workflow."""
    if plan.is_hit(index):
        return subjects.github(WATCHED_REPO, ref=f"refs/tags/v1.0.{plan.hit_number(index)}", run=index)
    if index % 5 == 4:
        return subjects.email(f"person{index}@company{index % 97}.example")
    return subjects.github(f"org{index % 211}/repo{index}", ref=f"refs/tags/v{index % 9}.{index % 7}.0", run=index)


@lru_cache(maxsize=4)
def _ca(seed: str) -> CA:
    return CA(seed=seed, now=lambda: _START)


@lru_cache(maxsize=8192)
def _shared(plan: Plan, slot: int) -> Certified:
    return _certificate(replace(plan, certificates=0), slot)


def _certificate(plan: Plan, index: int) -> Certified:
    if plan.certificates and not plan.is_hit(index):
        return _shared(plan, index % plan.certificates + plan.count)
    key = SigningKey.make("ecdsa-p256", f"{plan.seed}/{index}")
    # The serial is by index: a counter would depend on which process made which entry.
    return _ca(plan.seed).certificate(subject(plan, index), profile=replace(HONEST, serial=_SERIALS + index), key=key)


def body(plan: Plan, index: int) -> bytes:
    """One entry: real signature, real certificate."""
    made = hashedrekord_v1 if plan.kind == "rekor-v1" else hashedrekord_v2
    return made(_certificate(plan, index), b"artifact %d" % index)


def _bundle(plan: Plan, number: int) -> list[bytes]:
    return [body(plan, index) for index in range(number * _WIDTH, min((number + 1) * _WIDTH, plan.count))]


def _bundles(plan: Plan, workers: int) -> Iterator[list[bytes]]:
    """All entries in order, 256 at a time."""
    numbers = range(-(-plan.count // _WIDTH))
    if workers < 2:
        yield from (_bundle(plan, number) for number in numbers)
        return
    with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        yield from pool.map(_bundle, [plan] * len(numbers), numbers, chunksize=4)


def write(folder: Path, plan: Plan, *, workers: int = 2) -> None:
    """A folder that `sandbox.serve` serves; nothing is done if the same plan is there already."""
    done = folder / _PLAN
    if done.is_file() and json.loads(done.read_bytes()) == asdict(plan):
        return
    folder.mkdir(parents=True, exist_ok=True)
    done.unlink(missing_ok=True)
    _WRITERS[plan.kind](folder, plan, workers)
    done.write_text(json.dumps(asdict(plan)))


def read_plan(folder: Path) -> Plan | None:
    """The plan of a folder; None for any other folder of tiles."""
    path = folder / _PLAN
    return Plan(**json.loads(path.read_bytes())) if path.is_file() else None


def _number(number: int) -> str:
    digits = f"{number:03d}"
    digits = digits.zfill(-(-len(digits) // 3) * 3)
    groups = [digits[at : at + 3] for at in range(0, len(digits), 3)]
    return "/".join([*(f"x{group}" for group in groups[:-1]), groups[-1]])


def _write_tile(folder: Path, number: int, width: int, data: bytes) -> None:
    name = _number(number) + ("" if width == _WIDTH else f".p/{width}")
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def _write_v2(folder: Path, plan: Plan, workers: int) -> None:
    tree = Tree()
    for number, bodies in enumerate(_bundles(plan, workers)):
        data = b"".join(len(one).to_bytes(2, "big") + one for one in bodies)
        _write_tile(folder / "tile/entries", number, len(bodies), data)
        for one in bodies:
            tree.append(leaf_hash(one))
    level = 0
    while count := plan.count >> (8 * level):
        for number in range(-(-count // _WIDTH)):
            width = min(_WIDTH, count - number * _WIDTH)
            _write_tile(folder / f"tile/{level}", number, width, tree.tile(level, number, width))
        level += 1
    signer = C2spNoteSigner(plan.origin, SigningKey.make("ed25519", f"{plan.seed}/log"))
    (folder / "checkpoint").write_bytes(signed_note(note_text(plan.origin, plan.count, tree.root()), [signer]))
    (folder / "log.vkey").write_text(signer.vkey + "\n")
    member = trust.transparency_log(f"https://{plan.origin}", signer.key, signer.full_id)
    _write_trust(folder, plan, [member])


def _write_v1(folder: Path, plan: Plan, workers: int) -> None:
    with (folder / _BODIES).open("wb") as file:
        for bodies in _bundles(plan, workers):
            file.writelines(len(one).to_bytes(4, "big") + one for one in bodies)
    _write_trust(folder, plan, SandboxV1(plan.origin, seed=plan.seed, base_url=f"https://{plan.origin}").tlog_members())


def _write_trust(folder: Path, plan: Plan, members: list[dict[str, Any]]) -> None:
    ca = _ca(plan.seed)
    root = trust.trusted_root(members, [trust.ca_member(ca)], [trust.ct_member(ca)])
    (folder / "trusted_root.json").write_bytes(root)


_WRITERS: dict[str, Callable[[Path, Plan, int], None]] = {"rekor-v2": _write_v2, "rekor-v1": _write_v1}


def load_v1(folder: Path, plan: Plan, *, latency: float = 0.0, port: int = 0) -> SandboxV1:
    """The backlog as a running instance (not yet started)."""
    log = SandboxV1(plan.origin, seed=plan.seed, now=_START.timestamp, latency=latency, port=port)
    with (folder / _BODIES).open("rb") as file:
        while length := file.read(4):
            log.add(file.read(int.from_bytes(length, "big")))
    log.publish()
    return log


def main(arguments: list[str] | None = None) -> int:
    """``python -m sandbox.bulk DIR --count 100000``."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.bulk", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--kind", choices=sorted(_WRITERS), default="rekor-v2")
    parser.add_argument("--hits", type=int, default=100)
    parser.add_argument("--certificates", type=int, default=0, metavar="N", help="share N among all; 0: one each")
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args(arguments)
    plan = Plan(options.count, options.kind, options.hits, options.certificates)
    write(options.folder, plan, workers=options.workers)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
