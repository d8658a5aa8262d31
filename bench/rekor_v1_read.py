"""How fast is a Rekor v1 log read from a server that is far away but never busy?

    python -m bench.rekor_v1_read [--entries 50000] [--delay-ms 50] [--ceiling 48] [--jobs 2]

The server (bench.elastic_v1) is a process of its own on the same machine. Every answer is checked as the monitor does,
every leaf hashed, and the root compared. The rate after ramp-up leaves out the first second.
"""

import argparse
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from bench.elastic_v1 import DISTINCT, TREE, body
from monitor.logs.log import Leaves, LogSpec
from monitor.logs.rekor_v1 import RekorV1Log
from verifier.fetch.http import Http, HttpPolicy
from verifier.merkle import CompactRange, Frontier, hash_leaf

RAMP_UP = 1.0


@contextmanager
def elastic(entries: int, delay_ms: float) -> Iterator[str]:
    """The server's URL while it runs."""
    command = [sys.executable, "-m", "bench.elastic_v1", str(entries), str(delay_ms)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.terminate()


def hashes_of(leaves: Leaves) -> list[bytes]:
    return [hash_leaf(data) for data in leaves.data]


def read(log: RekorV1Log, entries: int, jobs: int) -> tuple[Frontier, list[tuple[float, int]]]:
    """The frontier of all leaves, and (seconds since the start, leaves so far) after each job."""
    started = time.perf_counter()
    frontier, seen = Frontier.empty(), []
    starts = range(0, entries, log.batch)

    def job(start: int) -> list[bytes]:
        return hashes_of(log.leaves(start, min(start + log.batch, entries), entries))

    with ThreadPoolExecutor(jobs) as threads:
        for start, hashes in zip(starts, threads.map(job, starts), strict=True):
            frontier = frontier.extend(CompactRange.of_leaves(start, hashes))
            seen.append((time.perf_counter() - started, frontier.size))
    return frontier, seen


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--entries", type=int, default=50_000)
    parser.add_argument("--delay-ms", type=float, default=50)
    parser.add_argument("--ceiling", type=int, default=48)
    parser.add_argument("--jobs", type=int, default=2)
    args = parser.parse_args()
    distinct = [hash_leaf(body(number)) for number in range(DISTINCT)]
    wanted = Frontier.empty().extend(
        CompactRange.of_leaves(0, [distinct[index % DISTINCT] for index in range(args.entries)])
    )
    spec = LogSpec("rekor-v1", f"elastic.test - {TREE}", "", tree_id=TREE)
    with elastic(args.entries, args.delay_ms) as url, Http(HttpPolicy(ceiling=args.ceiling)) as http:
        log = RekorV1Log(LogSpec(spec.kind, spec.origin, url, tree_id=TREE), http)
        cpu = time.process_time()
        frontier, seen = read(log, args.entries, args.jobs)
        cpu = time.process_time() - cpu
        counts = http.stats.counts()
    if frontier.root != wanted.root:
        sys.exit("the root differs: the numbers mean nothing")
    warm = [row for row in seen if row[0] >= RAMP_UP] or seen
    (since, first), (until, last) = warm[0], warm[-1]
    rate = (last - first) / (until - since) if until > since else 0.0
    requests = sum(counts.requests.values())
    print(f"entries {args.entries}, delay {args.delay_ms:g} ms, ceiling {args.ceiling}, jobs {args.jobs}; root equal")
    print(f"whole run       {args.entries / seen[-1][0]:8.0f} entries/s in {seen[-1][0]:.2f} s")
    print(f"after ramp-up   {rate:8.0f} entries/s")
    print(f"client CPU      {cpu:8.2f} s, {1e6 * cpu / requests:.0f} us a request of ten, {requests} requests")


if __name__ == "__main__":
    main()
