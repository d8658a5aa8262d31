"""How fast is a Rekor v2 log watched: every proof checked, a thousand watches, beside a loop that only hashes?

    python -m bench.rekor_v2 [--entries 100000] [--workers 0,2] [--folder DIR] [--certificates N]

The log is served by a process of its own on this machine. The plain loop fetches with httpx, hashes leaves and compares
the root, in one process. Ours also checks checkpoint and growth, matches 1,000 watches, judges hits and stores them; it
is measured from a ready daemon's first look (workers started) to the last commit.
"""

import argparse
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx

from bench.memory import Peak
from bench.watches import mixed_watches
from monitor.assess import assess_all, unreadable_finding
from monitor.bootstrap import Start, begin
from monitor.executors import InProcess, Processes
from monitor.findings import Finding
from monitor.follow import tick_service
from monitor.judge import Rules
from monitor.logs.log import LogSpec
from monitor.logs.open import open_log
from monitor.logs.tiled import TiledService
from monitor.machinery import Machinery
from monitor.scan import RawHit, Unreadable
from monitor.store import Remembered, Store
from sandbox import bulk
from verifier.checkpoint import read_checkpoint
from verifier.fetch.http import Http, HttpPolicy
from verifier.merkle import CompactRange, Frontier, hash_leaf
from verifier.tiles import entries_path, parse_entry_bundle
from verifier.trust import TrustedRoot


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The log's URL while it is served."""
    command = [sys.executable, "-m", "sandbox.serve", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


def bundle_urls(url: str, size: int) -> list[tuple[str, int]]:
    """Every entry bundle of a tree of `size`, with its width."""
    widths = [256] * (size // 256) + ([size % 256] if size % 256 else [])
    return [(f"{url}/{entries_path(number, width)}", width) for number, width in enumerate(widths)]


def plain_loop(url: str) -> float:
    """Entries a second of the plain loop."""
    with httpx.Client() as client:
        head = read_checkpoint(client.get(f"{url}/checkpoint").content)
        started = time.perf_counter()
        frontier = Frontier.empty()
        for address, width in bundle_urls(url, head.size):
            leaves = parse_entry_bundle(client.get(address).content, width)
            frontier = frontier.extend(CompactRange.of_leaves(frontier.size, [hash_leaf(leaf) for leaf in leaves]))
        seconds = time.perf_counter() - started
    if frontier.root != head.root:
        raise SystemExit("the plain loop found another root: the log is broken")
    return head.size / seconds


def curl(url: str, size: int) -> float | None:
    """Entries a second of curl alone, to nowhere; None where there is no curl."""
    if shutil.which("curl") is None:
        return None
    with tempfile.NamedTemporaryFile("w", suffix=".curl") as config:
        config.writelines(f'url = "{address}"\noutput = "/dev/null"\n' for address, _ in bundle_urls(url, size))
        config.flush()
        started = time.perf_counter()
        subprocess.run(["curl", "--silent", "--config", config.name], check=True)
        return size / (time.perf_counter() - started)


def watch(url: str, folder: Path, workers: int) -> None:
    """One daemon's first look, in a process of its own; prints what it took."""
    trust = TrustedRoot.parse((folder / "trusted_root.json").read_bytes())
    log = next(one for one in trust.tlogs if one.origin)
    origin, keys = str(log.origin), (log.note_key(str(log.origin)),)
    watches, policy = mixed_watches(), HttpPolicy(ceiling=8)
    http = Http(policy)
    executor: InProcess | Processes = (
        Processes(workers, policy, watches, open_log) if workers else InProcess(http, watches, open_log)
    )
    service = TiledService("bench", origin, (url,), keys, http)
    with tempfile.TemporaryDirectory() as state, Store(Path(state) / "bench.db", create=True) as store:
        begin([service], Start("index", 0), store, lambda spec: open_log(spec, http), now=datetime.now(UTC))
        rules = Rules(watches, trust, Remembered(store))

        def judge(
            hits: "list[RawHit] | tuple[RawHit, ...]", unread: "tuple[Unreadable, ...]", spec: LogSpec, now: datetime
        ) -> list[Finding]:
            return assess_all(hits, spec, rules, now) + [unreadable_finding(one, spec, now) for one in unread]

        machinery = Machinery(store, executor, lambda spec, _fresh: open_log(spec, http), judge)  # type: ignore[arg-type]
        if isinstance(executor, Processes):
            executor.warm()
        print("ready", flush=True)
        sys.stdin.readline()
        before, started = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
        result = tick_service(service, machinery)[0]
        seconds = time.perf_counter() - started
        idle = _idle(service, machinery)
        executor.close()
        after, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = (
            after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime + children.ru_utime + children.ru_stime
        )
        done = {"verdict": result.verdict, "read": result.read, "proven": result.proven_to, "seconds": seconds}
        print(json.dumps(done | {"cpu": cpu, "findings": len(result.findings), **idle}), flush=True)


def _idle(service: TiledService, machinery: Machinery) -> dict[str, float]:
    """What a tick with nothing new takes, as the mean of 20."""
    before = time.process_time()
    requests = sum(result.requests for _ in range(20) for result in tick_service(service, machinery))
    return {"idle_cpu_ms": (time.process_time() - before) * 50, "idle_extra_requests": requests / 20}


def measured(url: str, folder: Path, workers: int) -> dict[str, float]:
    """`watch` in a process of its own, with its peak memory."""
    command = [
        sys.executable,
        "-m",
        "bench.rekor_v2",
        "--watch",
        url,
        "--folder",
        str(folder),
        "--workers",
        str(workers),
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        with Peak(process.pid) as peak:
            process.stdout.readline()
            process.stdin.write("go\n")
            process.stdin.flush()
            line = process.stdout.readline()
        process.wait()
    figures: dict[str, float] = json.loads(line)
    return figures | {"peak_mb": peak.bytes / 1e6}


def main() -> None:
    """Make the log if need be, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--entries", type=int, default=100_000)
    parser.add_argument("--certificates", type=int, default=0, help="0: one for each entry")
    parser.add_argument("--workers", default="0,2")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "sigwarden-bench-v2")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--watch", metavar="URL", help=argparse.SUPPRESS)
    wanted = parser.parse_args()
    if wanted.watch:
        watch(wanted.watch, wanted.folder, int(wanted.workers))
        return
    bulk.write(wanted.folder, bulk.Plan(wanted.entries, certificates=wanted.certificates))
    with served(wanted.folder) as url:
        bare = curl(url, wanted.entries)
        print(f"curl alone          {bare:>10,.0f} entries/s" if bare else "curl is not installed")
        for _ in range(wanted.rounds):
            plain = plain_loop(url)
            print(f"plain hashing loop  {plain:>10,.0f} entries/s")
            for workers in (int(text) for text in wanted.workers.split(",")):
                figures = measured(url, wanted.folder, workers)
                rate = figures["read"] / figures["seconds"]
                name = f"sigwarden, {workers} workers" if workers else "sigwarden in process"
                print(
                    f"{name:<22}{rate:>8,.0f} entries/s  {rate / plain:.2f} of the loop"
                    + (f"  {rate / bare:.2f} of curl" if bare else "")
                    + f"  {figures['cpu']:.1f} s CPU  {figures['peak_mb']:.0f} MB peak"
                    + f"  {figures['findings']:.0f} findings  {figures['verdict']}"
                    + f"  idle tick {figures['idle_cpu_ms']:.1f} ms CPU"
                )


if __name__ == "__main__":
    main()
