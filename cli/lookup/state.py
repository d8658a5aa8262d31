"""What did a log show us last time? The tree state that ``log info`` keeps and proves growth against."""

import base64
import json
from pathlib import Path
from typing import Any

from cli.files import write_whole
from verifier.checkpoint import Checkpoint
from verifier.errors import Refused
from verifier.merkle import Tree

_LARGEST = 1 << 20


def state_file(given: Path | None) -> Path:
    """The file: as given, or in the user's state folder."""
    if given is not None:
        return given
    from platformdirs import user_state_path

    return user_state_path("sigwarden", appauthor=False) / "log-state.json"


def remembered(path: Path, origin: str) -> Tree | None:
    """The tree last seen under this origin. Refused when the file is not ours: it is not guessed around."""
    row = _read(path).get(origin)
    if row is None:
        return None
    try:
        return Tree(int(row["size"]), bytes.fromhex(row["root"]))
    except (KeyError, TypeError, ValueError):
        raise _damaged(path) from None


def remember(path: Path, heads: list[Checkpoint]) -> None:
    """Keep these heads, with their signed notes."""
    held = _read(path)
    for head in heads:
        note = base64.b64encode(head.raw).decode()
        held[head.origin] = {"size": head.size, "root": head.root.hex(), "note": note}
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, json.dumps(held, indent=1, sort_keys=True).encode())


def _read(path: Path) -> dict[str, Any]:
    try:
        data = path.read_bytes()[:_LARGEST]
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise Refused(f"{path} cannot be read: {error.strerror}", code="log-state") from None
    try:
        held = json.loads(data)
    except ValueError:
        raise _damaged(path) from None
    if not isinstance(held, dict):
        raise _damaged(path)
    return held


def _damaged(path: Path) -> Refused:
    return Refused(
        f"{path} is damaged: what the log showed before is not known",
        code="log-state",
        hint="look why before you remove it; --store_tree_state=false does without",
    )
