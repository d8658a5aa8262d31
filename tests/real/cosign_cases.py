"""What the real cosign made, and what must come of it: the cases of its index and of its transcripts."""

import json
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

OIDC = "http://127.0.0.1:5520"


@dataclass(frozen=True)
class CosignCase:
    """One command line: environment, arguments, whether it must succeed, and why."""

    name: str
    environment: dict[str, str]
    arguments: list[str]
    verifies: bool
    why: str


def blob_cases(folder: Path) -> list[CosignCase]:
    """Every command of the index that verifies files, once."""
    index: list[dict[str, Any]] = json.loads((folder / "index.json").read_text())["artifacts"]
    cases: dict[tuple[str, bool], CosignCase] = {}
    for artifact in index:
        lines = [
            (line, True, "") for line in artifact.get("verifies_with", []) + artifact.get("should_verify_with", [])
        ]
        lines += [(one["command"], False, one["why"]) for one in artifact.get("must_fail", [])]
        for line, verifies, why in lines:
            if "verify-blob" in line:
                cases.setdefault((line, verifies), _case(line, folder, verifies, why))
    return list(cases.values())


def transcript_cases(folder: Path, *needs: str) -> list[dict[str, Any]]:
    """Recorded command lines that need no more than these."""
    recorded: list[dict[str, Any]] = json.loads((folder / "transcripts.json").read_text())["transcripts"]
    return [one for one in recorded if any(need in str(one["needs"]) for need in needs)]


def split(line: str, folder: Path) -> tuple[dict[str, str], list[str]]:
    """Environment and arguments of a recorded line, its placeholders filled in."""
    words = shlex.split(_filled(line, folder))
    environment: dict[str, str] = {}
    while words and "=" in words[0] and not words[0].startswith("-"):
        name, _, value = words.pop(0).partition("=")
        environment[name] = value
    assert words[0] == "cosign"
    return environment, words[1:]


def _filled(line: str, folder: Path) -> str:
    while "$FILE(" in line:
        before, _, rest = line.partition("$FILE(")
        path, _, after = rest.partition(")")
        line = before + shlex.quote((folder / path).read_text()) + after
    return line.replace("$DIR", str(folder)).replace("$OIDC", OIDC)


def _case(line: str, folder: Path, verifies: bool, why: str) -> CosignCase:
    environment, arguments = split(line, folder)
    return CosignCase(line[:150], environment, arguments, verifies, why)
