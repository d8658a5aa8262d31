"""What does signing cost beyond what must be: the key's derivation, the services' own time, reading the file?

    python -m bench.signing [--rounds 7] [--files 100] [--large 1024]

With a key and no services beside scrypt alone; keyless against the sandbox beside the time that its services took to
answer; many files in one call beside a call for each; `--large` MiB in one file, with peak memory (0 leaves that out).
Processes of our own are timed whole; of each the fastest round counts.
"""

import argparse
import hashlib
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.verify import in_turns, process
from sandbox.whole import WholeSigstore

_SIGWARDEN = str(Path(sys.executable).parent / "sigwarden")
_SCRYPT = "import hashlib; hashlib.scrypt(b'x', salt=b'0' * 32, n=65536, r=8, p=1, dklen=32, maxmem=1 << 27)"
_NO_SERVICES = (
    '{"mediaType":"application/vnd.dev.sigstore.signingconfig.v0.2+json","rekorTlogConfig":{},"tsaConfig":{}}'
)


def with_key(folder: Path, rounds: int) -> None:
    """One small file, a key file, nothing asked of anybody."""
    subprocess.run([_SIGWARDEN, "generate-key-pair"], cwd=folder, check=True, capture_output=True)
    (folder / "none.json").write_text(_NO_SERVICES)
    sign = [_SIGWARDEN, "sign-blob", "file", "--key", "cosign.key", "--signing-config", "none.json"]
    found = in_turns(
        {
            "sign-blob --key": [*sign, "--bundle", "b.json", "-y"],
            "scrypt alone": [sys.executable, "-c", _SCRYPT],
            "python -c pass": [sys.executable, "-c", "pass"],
        },
        folder,
        rounds,
    )
    for name, (seconds, memory) in found.items():
        print(f"  {name:20} {seconds * 1000:6.0f} ms  {memory / 1024:5.0f} MiB")
    derivation = found["scrypt alone"][0] - found["python -c pass"][0]
    print(f"  beyond the derivation {(found['sign-blob --key'][0] - derivation) * 1000:5.0f} ms (target 100)")


def keyless(folder: Path, sigstore: WholeSigstore, rounds: int) -> None:
    """One small file, for each version of Rekor."""
    for version in (1, 2):
        best = (9.0, 0.0)
        for _ in range(rounds):
            served = Clock(sigstore)
            seconds = process(command(folder, sigstore, version, ["file"], "b.json"), folder)
            best = min(best, (seconds, served.seconds))
        print(
            f"  Rekor v{version}: {best[0] * 1000:5.0f} ms, the services took {best[1] * 1000:3.0f} ms,"
            f" beyond them {(best[0] - best[1]) * 1000:4.0f} ms (target 150)"
        )


class Clock:
    """Seconds that the sandbox's services spend on answers, from now on."""

    def __init__(self, sigstore: WholeSigstore) -> None:
        self.seconds = 0.0
        for service in (sigstore.oidc, sigstore.fulcio, sigstore.rekor_v1, sigstore.rekor_v2, sigstore.tsa):
            self._watch(service.server)

    def _watch(self, server: object) -> None:
        plain = getattr(server, "plain_answer", None) or server.answer  # type: ignore[attr-defined]
        server.plain_answer = plain  # type: ignore[attr-defined]

        def timed(request: object) -> object:
            started = time.perf_counter()
            try:
                return plain(request)
            finally:
                self.seconds += time.perf_counter() - started

        server.answer = timed  # type: ignore[attr-defined]


def command(folder: Path, sigstore: WholeSigstore, version: int, files: list[str], bundle: str) -> list[str]:
    config = f"v{version}.json"
    (folder / config).write_bytes(sigstore.signing_config_for(version))
    (folder / "root.json").write_bytes(sigstore.trusted_root)
    flags = ["--signing-config", config, "--trusted-root", "root.json", "--bundle", bundle, "-y"]
    return [_SIGWARDEN, "sign-blob", *files, *flags, "--identity-token", sigstore.token("bench@acme.example")]


def many(folder: Path, sigstore: WholeSigstore, count: int) -> None:
    """All in one call beside a call each (a tenth of them, times ten)."""
    names = [f"file{number}" for number in range(count)]
    for name in names:
        (folder / name).write_text(name)
    (folder / "out").mkdir()
    for version in (1, 2):
        together = process(command(folder, sigstore, version, names, "out"), folder)
        sample = names[: max(1, count // 10)]
        started = time.perf_counter()
        for name in sample:
            process(command(folder, sigstore, version, [name], f"out/{name}.json"), folder)
        apart = (time.perf_counter() - started) * count / len(sample)
        print(
            f"  Rekor v{version}: {count} files in one call {together:5.1f} s, in {count} calls {apart:5.1f} s:"
            f" {apart / together:.1f} times (target 5)"
        )


def large(folder: Path, size: int) -> None:
    """A file that is streamed: seconds beside hashing alone, and memory."""
    path = folder / "large"
    block = os.urandom(1 << 20)
    with path.open("wb") as file:
        for _ in range(size):
            file.write(block)
    sign = [_SIGWARDEN, "sign-blob", "large", "--key", "cosign.key", "--signing-config", "none.json"]
    found = in_turns({"sign": [*sign, "--bundle", "b.json", "-y"]}, folder, 2)
    started = time.perf_counter()
    with path.open("rb") as file:
        hashlib.file_digest(file, "sha256")
    hashing = time.perf_counter() - started
    seconds, memory = found["sign"]
    print(f"  {size} MiB: {seconds:.2f} s, hashing alone {hashing:.2f} s; peak {memory / 1024:.0f} MiB (cosign 2,170)")
    path.unlink()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.signing", description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--files", type=int, default=100)
    parser.add_argument("--large", type=int, default=1024, metavar="MIB")
    options = parser.parse_args()
    os.environ["COSIGN_PASSWORD"] = "bench"
    with tempfile.TemporaryDirectory() as name, WholeSigstore() as sigstore:
        folder = Path(name)
        (folder / "file").write_bytes(b"a small file\n")
        print("signing with a key, no services")
        with_key(folder, options.rounds)
        print("keyless against the sandbox")
        keyless(folder, sigstore, options.rounds)
        print("many files")
        many(folder, sigstore, options.files)
        if options.large:
            print("a large file")
            large(folder, options.large)


if __name__ == "__main__":
    main()
