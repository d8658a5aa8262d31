"""How many entries a second does one core scan?

    python -m bench.scan [--entries 20480] [--watches 1000] [--kind rekor-v2] [--profile]

Entries of the sandbox, each with its own certificate, in runs of 256 as tiles hold them. Reading them from the
network is not part of it. The plain loop hashes the leaves and computes the same subtree hashes.
"""

import argparse
import cProfile
import pstats
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from hashlib import sha256

from bench.watches import mixed_watches
from monitor.logs.log import Leaves
from monitor.match import Matcher
from monitor.scan import ScanResult, scan_leaves
from sandbox.bulk import Plan, body
from verifier.compact import CompactRange

RUN = 256


def runs(count: int, kind: str) -> list[Leaves]:
    """The entries, 100 of them by the watched workflow."""
    plan = Plan(count, kind)
    with ProcessPoolExecutor(2) as pool:
        bodies = list(pool.map(partial(body, plan), range(count), chunksize=RUN))
    return [Leaves(start, bodies[start : start + RUN]) for start in range(0, count, RUN)]


def plain(leaves: Leaves) -> CompactRange:
    return CompactRange.of_leaves(leaves.start, [sha256(b"\x00" + data).digest() for data in leaves.data])


def best(work: Callable[[], object], count: int, rounds: int = 5) -> float:
    """Microseconds an entry, of the fastest round."""
    times: list[float] = []
    for _ in range(rounds):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return min(times) / count * 1e6


def scan_all(listed: Sequence[Leaves], matcher: Matcher) -> list[ScanResult]:
    return [scan_leaves(leaves, matcher, "rekor-v2") for leaves in listed]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--entries", type=int, default=20_480)
    parser.add_argument("--watches", type=int, default=1000)
    parser.add_argument("--kind", default="rekor-v2", choices=("rekor-v1", "rekor-v2"))
    parser.add_argument("--profile", action="store_true")
    options = parser.parse_args()
    listed = runs(options.entries, options.kind)
    started = time.perf_counter()
    matcher = Matcher(mixed_watches(options.watches))
    compiled = time.perf_counter() - started
    found = scan_all(listed, matcher)
    hits, size = sum(len(one.hits) for one in found), sum(one.bytes for one in found)
    alone = best(lambda: [plain(leaves) for leaves in listed], options.entries)
    all_of_it = best(lambda: scan_all(listed, matcher), options.entries)
    print(f"{options.entries} entries of {size / options.entries:.0f} bytes, {options.watches} watches, {hits} hits")
    print(f"compile the watches  {compiled * 1e3:8.1f} ms")
    print(f"hash and tree alone  {alone:8.2f} us an entry  {1e6 / alone:10,.0f} entries/s")
    print(f"scan                 {all_of_it:8.2f} us an entry  {1e6 / all_of_it:10,.0f} entries/s")
    if options.profile:
        with cProfile.Profile() as profile:
            scan_all(listed, matcher)
        pstats.Stats(profile).sort_stats("tottime").print_stats(20)


if __name__ == "__main__":
    main()
