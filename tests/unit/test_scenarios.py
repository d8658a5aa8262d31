"""docs/scenarios.md: every row once, with a test that exists or the word that it comes later."""

import ast
import re
from functools import cache
from pathlib import Path

TESTS = Path(__file__).resolve().parent.parent
PAGE = TESTS.parent / "docs" / "scenarios.md"
_ROW = re.compile(r"\| (\d+) \| ([^|]+) \| ([^|]+) \|([^|]*)\|")
_TEST = re.compile(r"`([a-z0-9_/]+\.py)::(test_[a-z0-9_]+)`")


def rows() -> list[tuple[int, str, str]]:
    """Number, tests, verdict."""
    lines = [line for line in PAGE.read_text("utf-8").splitlines() if re.match(r"\| \d", line)]
    found = [_ROW.fullmatch(line) for line in lines]
    assert all(found), [line for line, match in zip(lines, found, strict=True) if match is None]
    return [(int(match[1]), match[3], match[4].strip()) for match in found if match]


@cache
def functions(path: Path) -> frozenset[str]:
    """Names of the functions of a test module."""
    tree = ast.parse(path.read_text("utf-8"))
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def test_every_row_stands_there_once_and_in_order() -> None:
    assert [number for number, _, _ in rows()] == list(range(1, 102))


def test_every_row_has_tests_that_exist_and_a_verdict_or_comes_later() -> None:
    for number, tests, verdict in rows():
        named = _TEST.findall(tests)
        if not named:
            assert tests.startswith("later"), f"row {number} has no test"
            continue
        assert verdict, f"row {number} has no verdict"
        for file, name in named:
            assert name in functions(TESTS / file), f"row {number}: {file} has no {name}"


def test_every_test_that_names_its_row_stands_in_it() -> None:
    """A scenario that is played and not in the table would be forgotten."""
    listed = {name for _, tests, _ in rows() for _, name in _TEST.findall(tests)}
    played = {
        name
        for path in (TESTS / "integration" / "scenarios").glob("test_*.py")
        for name in functions(path)
        if re.match(r"test_rows?_\d", name)
    }
    assert played <= listed, played - listed
