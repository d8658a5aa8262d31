"""What happens in the demonstration? Four acts of one small Rekor v2 log; whoever watches tells the rest.

Quiet (releases as expected), surprise (the same workflow from another branch), lie (the log hides such a signature),
confession (the log tells the truth again).
"""

from dataclasses import replace
from pathlib import Path
from typing import Self

from sandbox.ca import HONEST
from sandbox.entries import hashedrekord_v2
from sandbox.rekor_v2 import SandboxV2
from sandbox.subjects import Subject, github

ORIGIN = "log.sandbox.test"
REPO, WORKFLOW = "acme/widget", ".github/workflows/release.yml"
EXPECTED_REF, REPO_ID = "refs/tags/v*", 123456789
_BYSTANDERS = 300


class Demo:
    """``with Demo() as demo: demo.quiet(); ...``. Each act publishes a head and returns the indexes that matter."""

    def __init__(self, seed: str = "demo") -> None:
        self.log = SandboxV2(ORIGIN, seed=seed, base_url=f"https://{ORIGIN}")
        self.hidden: int | None = None

    def __enter__(self) -> Self:
        self.log.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self.log.__exit__()

    @property
    def read_url(self) -> str:
        """Where the log is read."""
        return self.log.read_url

    def write_trust(self, folder: Path) -> tuple[Path, Path]:
        """The log's public key and its trusted root as files."""
        folder.mkdir(parents=True, exist_ok=True)
        key, root = folder / "log.pem", folder / "trusted_root.json"
        key.write_bytes(self.log.signer.key.pem)
        root.write_bytes(self.log.trusted_root)
        return key, root

    def quiet(self) -> list[int]:
        """Strangers sign their things, and three releases are signed as they should be."""
        self.log.fill(_BYSTANDERS)
        indexes = [self.log.sign_blob(release(f"refs/tags/v1.{number}.0", run=100 + number)) for number in range(3)]
        self.log.fill(5)
        self.log.publish()
        return indexes

    def surprise(self) -> list[int]:
        """The release workflow runs on a branch, by hand; and somebody signs in its name with no authority at all."""
        branch = release("refs/heads/fix-ci", run=173, trigger="workflow_dispatch")
        indexes = [self.log.sign_blob(branch, artifact=f"widget-{part}".encode()) for part in ("linux", "macos")]
        false = self.log.ca.self_signed(release("refs/tags/v9.9.9", run=1), profile=replace(HONEST, sct=False))
        indexes.append(self.log.add(hashedrekord_v2(false, b"false")))
        self.log.publish()
        return indexes

    def lie(self) -> list[int]:
        """One more such signature, and the log serves its neighbour's entry in its place; the head tells on it."""
        self.log.fill(7)
        self.hidden = self.log.sign_blob(release("refs/heads/fix-ci", run=174, trigger="workflow_dispatch"))
        self.log.fill(3)
        self.log.publish()
        self.log.swap_leaf(self.hidden, self.log.shard.bodies[self.hidden + 1])
        return [self.hidden]

    def confess(self) -> list[int]:
        """The log serves what it signed."""
        self.log.honest()
        return [] if self.hidden is None else [self.hidden]


def release(ref: str, *, run: int, trigger: str = "push") -> Subject:
    """A run of the watched workflow."""
    return github(REPO, WORKFLOW, ref, run=run, trigger=trigger, repo_id=REPO_ID)
