"""What does Sigwarden do? ``make demo`` shows it: a log is watched, surprises us, lies, and tells the truth again."""

import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from sandbox.demo import ORIGIN, REPO, REPO_ID, WORKFLOW, Demo

FOLDER = Path("demo-out")

_CONFIG = """\
contact = "demo@sandbox.test"
[logs.sandbox]
trusted_root = "trusted_root.json"
v2 = {{ read_url = "{url}", origin = "{origin}", from = 0 }}
[channels]
tty = {{ type = "console" }}
[[watch]]
name = "widget"
github_repo = "{repo}"
github_repo_id = {repo_id}
expect.workflow = "{workflow}"
expect.ref = "refs/tags/v*"
expect.trigger = "push"
"""


def main() -> int:
    """Run the demonstration; 0 when every act ended as it should."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir()
    with Demo() as demo:
        demo.write_trust(FOLDER)
        text = _CONFIG.format(url=demo.read_url, origin=ORIGIN, repo=REPO, repo_id=REPO_ID, workflow=WORKFLOW)
        (FOLDER / "sigwarden.toml").write_text(text, "utf-8")
        return _acts(demo)


def _acts(demo: Demo) -> int:
    ended = [
        _act(
            "1. Quiet: strangers sign their things, and our workflow releases three tags as expected.",
            demo.quiet,
            [("monitor", "init", "--yes"), ("monitor", "once")],
            0,
        ),
        _act(
            "2. Surprise: our workflow signs from a branch; somebody uses our name with a self-made certificate.",
            demo.surprise,
            [("monitor", "once")],
            1,
        ),
        _act(
            "3. Lie: one more such signature, and the log serves its neighbour's entry in its place.",
            demo.lie,
            [("monitor", "once")],
            4,
        ),
        _act(
            "4. Confession: the log serves what it signed; the hidden signature is told.",
            demo.confess,
            [("monitor", "once"), ("monitor", "status")],
            0,
        ),
    ]
    ended.append(_proof())
    ended.append(_report())
    _say("All of this is in demo-out/: configuration, database, evidence, report.")
    return 0 if all(ended) else 1


def _act(title: str, change: Callable[[], object], commands: Sequence[tuple[str, ...]], wanted: int) -> bool:
    """Change the log, run commands, and see that the last one ends with the exit code that the act deserves."""
    _say(title)
    change()
    code = 0
    for words in commands:
        code = _run(*words, "--config", str(FOLDER / "sigwarden.toml"))
    return _as_wanted(code, wanted)


def _proof() -> bool:
    """The lie as evidence: verified from the file alone, and refused once a byte of it is changed."""
    from cli.config_file import load_config
    from cli.parts import open_store
    from monitor.store import FindingFilter

    _say("5. Evidence: the contradiction as a file that anyone can check, with no network and no database.")
    with open_store(load_config(FOLDER / "sigwarden.toml")) as store:
        finding = store.findings(FindingFilter(kinds=("root-mismatch",)))[0].finding
    file = FOLDER / "root-mismatch.evidence.json"
    _run("evidence", "export", finding.id, "--out", str(file), "--config", str(FOLDER / "sigwarden.toml"))
    holds = _as_wanted(_run("evidence", "verify", str(file)), 0)
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    changed = FOLDER / "one-byte-changed.evidence.json"
    changed.write_bytes(bytes(data))
    return holds and _as_wanted(_run("evidence", "verify", str(changed)), 1)


def _report() -> bool:
    _say("6. Report: what an analyst signs off.")
    config = str(FOLDER / "sigwarden.toml")
    html = FOLDER / "report.html"
    _run("report", "--config", config, "--format", "html", "--out", str(html))
    code = _run("report", "--config", config, "--format", "markdown")
    return _as_wanted(code, 0) and html.is_file()


def _run(*words: str) -> int:
    from cli.app import run

    _print(f"\n$ sigwarden {' '.join(words)}")
    code = run(list(words))
    sys.stdout.flush()
    return code


def _as_wanted(code: int, wanted: int) -> bool:
    _print(f"-> exit {code}" + ("" if code == wanted else f", {wanted} was expected: THE DEMONSTRATION FAILED"))
    return code == wanted


def _say(title: str) -> None:
    _print(f"\n{'=' * 100}\n{title}\n{'=' * 100}")


def _print(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
