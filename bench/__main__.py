"""All benches one after the other, small: ``python -m bench [--full]``. Each prints its figures beside its baseline."""

import argparse
import subprocess
import sys

SMALL = {
    "bench.scan": (),
    "bench.rekor_v2": ("--entries", "10000", "--rounds", "1"),
    "bench.rekor_v1_read": ("--entries", "20000"),
    "bench.verify": (),
    "bench.signing": (),
}
FULL = SMALL | {
    "bench.rekor_v2": ("--entries", "100000", "--rounds", "3"),
    "bench.rekor_v1_read": ("--entries", "50000"),
}


def main() -> int:
    """Run every bench in a process of its own; 1 if any failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--full", action="store_true", help="the sizes that the figures in the notes are of")
    failed = 0
    for module, words in (FULL if parser.parse_args().full else SMALL).items():
        print(f"\n== {module} {' '.join(words)}", flush=True)
        failed += subprocess.run([sys.executable, "-m", module, *words], check=False).returncode != 0
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
