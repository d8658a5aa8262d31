"""How fast is verifying, beside sigstore-python on the same machine in the same run?

    python -m bench.verify --data FOLDER [--rounds 9] [--large 1024]

FOLDER holds the real public bundles (``bundles/production``, ``trust/production``). Processes are timed in turns, so
that both clients meet the same load; of each the fastest round counts. `--large` is the size in MiB of the streamed
artifact, 0 leaves that out. Peak memory is that of the process alone.
"""

import argparse
import base64
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from verifier import Artifact, Bundle, Policy, TrustedRoot, verify

_BIN = Path(sys.executable).parent
WHEEL = "bundle_v3_github.whl"
IDENTITY = "https://github.com/trailofbits/rfc8785.py/.github/workflows/release.yml@refs/tags/v0.1.2"
ISSUER = "https://token.actions.githubusercontent.com"


# A process inherits the peak of the one that started it, so memory is measured from a small one.
_SMALL = """
import os, sys
null = os.open(os.devnull, os.O_WRONLY)
actions = [(os.POSIX_SPAWN_DUP2, null, 1), (os.POSIX_SPAWN_DUP2, null, 2)]
child = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ, file_actions=actions)
print(os.wait4(child, 0)[2].ru_maxrss)
"""


def process(command: list[str], folder: Path) -> float:
    """Seconds of one process that must succeed."""
    started = time.perf_counter()
    subprocess.run(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    return time.perf_counter() - started


def peak(command: list[str], folder: Path) -> int:
    """Peak memory of one process in KiB."""
    path = shutil.which(command[0]) or command[0]
    small = [sys.executable, "-S", "-c", _SMALL, path, *command[1:]]
    return int(subprocess.run(small, cwd=folder, capture_output=True, text=True, check=True).stdout)


def in_turns(commands: dict[str, list[str]], folder: Path, rounds: int) -> dict[str, tuple[float, int]]:
    """The fastest round of each command, and its peak memory in KiB."""
    found: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(rounds):
        for name, command in commands.items():
            found[name].append(process(command, folder))
    return {name: (min(rows), peak(commands[name], folder)) for name, rows in found.items()}


def commands(data: Path) -> dict[str, list[str]]:
    root = str(data / "trust" / "production" / "trusted_root.json")
    sigwarden, other = str(_BIN / "sigwarden"), str(_BIN / "sigstore")
    ours = [sigwarden, "verify-blob", WHEEL, "--offline", "--trusted-root", root]
    ours += ["--certificate-identity", IDENTITY, "--certificate-oidc-issuer", ISSUER]
    theirs = [other, "verify", "identity", "--offline", "--bundle", f"{WHEEL}.sigstore"]
    theirs += ["--cert-identity", IDENTITY, "--cert-oidc-issuer", ISSUER, WHEEL]
    return {
        "sigwarden verify-blob": ours,
        "sigstore verify": theirs,
        "sigwarden version": [sigwarden, "version"],
        "sigwarden --help": [sigwarden, "--help"],
        "python -c pass": [sys.executable, "-c", "pass"],
    }


def rate(work: Callable[[], None], count: int, rounds: int) -> float:
    """Verifications a second in the fastest round."""
    work()
    best = 0.0
    for _ in range(rounds):
        started = time.perf_counter()
        work()
        best = max(best, count / (time.perf_counter() - started))
    return best


def library(data: Path, rounds: int) -> dict[str, float]:
    """Both libraries over the same bundles: parse and verify."""
    from sigstore.hashes import Hashed
    from sigstore.models import Bundle as OtherBundle
    from sigstore.models import TrustedRoot as OtherRoot
    from sigstore.verify import Verifier
    from sigstore.verify.policy import Identity
    from sigstore_models.common.v1 import HashAlgorithm

    folder, path = data / "bundles" / "production", data / "trust" / "production" / "trusted_root.json"
    rows: list[dict[str, Any]] = json.loads((folder / "index.json").read_text())
    cases = [(row, (folder / row["bundle"]).read_bytes()) for row in rows] * 5
    trust, verifier = TrustedRoot.parse(path.read_bytes()), Verifier(trusted_root=OtherRoot.from_file(str(path)))

    def ours() -> None:
        for row, raw in cases:
            policy = Policy.identity(row["identity"], row["issuer"])
            verify(Bundle.parse(raw), Artifact.from_digest(row["artifact"]), trust, policy)

    def theirs() -> None:
        for row, raw in cases:
            digest = Hashed(algorithm=HashAlgorithm.SHA2_256, digest=bytes.fromhex(row["artifact"][7:]))
            policy = Identity(identity=row["identity"], issuer=row["issuer"])
            verifier.verify_artifact(digest, OtherBundle.from_json(raw), policy)

    return {"sigwarden": rate(ours, len(cases), rounds), "sigstore-python": rate(theirs, len(cases), rounds)}


def many(data: Path, rounds: int, count: int = 200) -> dict[str, float]:
    """`count` bundles in one call with one worker and with one for each processor; start-up excluded."""
    folder = data / "bundles" / "production"
    rows = [row for row in json.loads((folder / "index.json").read_text()) if row["identity"] == "pablogsal@python.org"]
    rows = (rows * count)[:count]
    shared = ["--certificate-identity", rows[0]["identity"], "--certificate-oidc-issuer", rows[0]["issuer"]]
    shared += ["--trusted-root", str(data / "trust" / "production" / "trusted_root.json")]

    def line(number: int, workers: int) -> list[str]:
        files = [row["artifact"] for row in rows[:number]]
        bundles = [part for row in rows[:number] for part in ("--bundle", str(folder / row["bundle"]))]
        return [str(_BIN / "sigwarden"), "verify-blob", *files, *bundles, *shared, "--max-workers", str(workers)]

    processors = os.cpu_count() or 1
    timed = in_turns({"none": line(1, 1), "one": line(count, 1), "all": line(count, processors)}, folder, rounds)
    start = timed["none"][0]
    return {f"{name} workers": count / (timed[name][0] - start) for name in ("one", "all")}


def large(mebibytes: int, rounds: int) -> dict[str, float]:
    """A large artifact: verify-blob with a key, beside sha256sum; seconds, and peak KiB of ours."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

    from verifier.keys import PublicKey

    key = ec.generate_private_key(ec.SECP256R1())
    with tempfile.TemporaryDirectory() as name:
        folder, chunk, hasher = Path(name), os.urandom(1 << 20), hashlib.sha256()
        with (folder / "large").open("wb") as file:
            for _ in range(mebibytes):
                file.write(chunk)
                hasher.update(chunk)
        signature = key.sign(hasher.digest(), ec.ECDSA(Prehashed(hashes.SHA256())))
        (folder / "large.sig").write_bytes(base64.b64encode(signature))
        (folder / "key.pub").write_bytes(_public(key, PublicKey))
        ours = [str(_BIN / "sigwarden"), "verify-blob", "large", "--signature", "large.sig", "--key", "key.pub"]
        timed = in_turns(
            {"sigwarden": [*ours, "--insecure-ignore-tlog"], "sha256sum": ["sha256sum", "large"]}, folder, rounds
        )
    seconds, most = timed["sigwarden"]
    return {"sigwarden": seconds, "sha256sum": timed["sha256sum"][0], "peak KiB": most}


def _public(key: Any, kind: Any) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    pem: bytes = kind.from_der(key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).pem
    return pem


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--large", type=int, default=1024)
    given = parser.parse_args()
    folder = given.data / "bundles" / "production"
    timed = in_turns(commands(given.data), folder, given.rounds)
    for name, (seconds, most) in timed.items():
        print(f"{name:24} {seconds * 1000:8.1f} ms {most / 1024:7.1f} MiB")
    print(f"  verify-blob is {timed['sigstore verify'][0] / timed['sigwarden verify-blob'][0]:.1f} times faster")
    rates = library(given.data, given.rounds)
    print("library  " + ", ".join(f"{name} {one:.0f}/s" for name, one in rates.items()))
    print(f"  {rates['sigwarden'] / rates['sigstore-python']:.2f} times")
    shared = many(given.data, min(given.rounds, 5))
    print("200 bundles  " + ", ".join(f"{name} {one:.0f}/s" for name, one in shared.items()))
    if given.large:
        found = large(given.large, min(given.rounds, 3))
        print(f"{given.large} MiB  " + ", ".join(f"{name} {one:.2f}" for name, one in found.items()))


if __name__ == "__main__":
    main()
