"""On which line of a TOML file does a key stand?

`tomllib` gives values without positions, so this reads the text once more, only to name lines in error messages: a
key it cannot place gets the line of its nearest parent.
"""

import re
from collections.abc import Sequence

Path = tuple[str | int, ...]

_HEADER = re.compile(r"\s*(\[\[?)([^\]]+)\]\]?\s*(?:#.*)?\Z")
_KEY = re.compile(r"""\s*((?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*'))*)\s*=""")
_INLINE_KEY = re.compile(r"""[{,]\s*([A-Za-z0-9_.-]+)\s*=""")


def _split(dotted: str) -> Path:
    return tuple(part.strip().strip("\"'") for part in dotted.split("."))


def lines_of(text: str) -> dict[Path, int]:
    """Paths (keys and list positions, as pydantic names them) to line numbers, from 1."""
    found: dict[Path, int] = {}
    counts: dict[Path, int] = {}
    prefix: Path = ()
    for number, line in enumerate(text.splitlines(), 1):
        header = _HEADER.match(line)
        if header:
            path = _resolve(_split(header.group(2)), counts, is_list=header.group(1) == "[[")
            prefix = path
            found.setdefault(path, number)
            continue
        key = _KEY.match(line)
        if key:
            path = prefix + _split(key.group(1))
            for length in range(len(prefix) + 1, len(path) + 1):
                found.setdefault(path[:length], number)
            for inner in _INLINE_KEY.finditer(line, key.end()):
                found.setdefault(path + _split(inner.group(1)), number)
    return found


def _resolve(path: Path, counts: dict[Path, int], *, is_list: bool) -> Path:
    """The path of a table header, with the list positions that TOML leaves unsaid."""
    resolved: Path = ()
    for position, part in enumerate(path):
        resolved = (*resolved, part)
        last = position == len(path) - 1
        if last and is_list:
            counts[resolved] = counts.get(resolved, -1) + 1
        if resolved in counts:
            resolved = (*resolved, counts[resolved])
    return resolved


def line_of(path: Sequence[str | int], lines: dict[Path, int]) -> int | None:
    """The line of `path` or of its nearest known parent, None when nothing is known."""
    wanted = tuple(path)
    while wanted:
        if wanted in lines:
            return lines[wanted]
        wanted = wanted[:-1]
    return None
