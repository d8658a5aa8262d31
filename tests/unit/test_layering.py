"""Who may import whom: the arrows of the design, read from the imports themselves."""

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

ALLOWED: dict[str, set[str]] = {
    "cli": {"cli", "reports", "monitor", "signer", "verifier", "verifier.fetch", "sandbox"},
    "sandbox": {"sandbox", "verifier"},
    "reports": {"reports", "monitor", "verifier"},
    "monitor": {"monitor", "verifier", "verifier.fetch"},
    "signer": {"signer", "verifier", "verifier.fetch"},
    "verifier.fetch": {"verifier.fetch", "verifier"},
    "verifier": {"verifier"},
}
OURS = {"cli", "sandbox", "reports", "monitor", "signer", "verifier"}

IMPURE = {"socket", "ssl", "os", "io", "pathlib", "tempfile", "shutil", "time", "random", "secrets", "subprocess"}
IMPURE |= {"httpx", "urllib", "http", "asyncio", "threading", "sqlite3", "sqlalchemy", "logging"}
PURE = {"urllib.parse"}  # only takes text apart


def layer(module: str) -> str:
    """The layer of a dotted module name."""
    return "verifier.fetch" if module.startswith("verifier.fetch") else module.split(".", maxsplit=1)[0]


def module_name(path: Path) -> str:
    """The dotted name of a file."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def sources() -> list[Path]:
    """Every source file of ours."""
    return sorted(path for name in OURS for path in (ROOT / name).rglob("*.py"))


def imports(path: Path) -> list[tuple[int, str]]:
    """Line and dotted name of each import."""
    found: list[tuple[int, str]] = []
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: relative import"
            found.append((node.lineno, node.module or ""))
    return found


def test_imports_follow_the_layers() -> None:
    """No package imports from a layer above it."""
    wrong = [
        f"{path.relative_to(ROOT)}:{line}: {layer(module_name(path))} may not import {name}"
        for path in sources()
        for line, name in imports(path)
        if name.split(".")[0] in OURS and layer(name) not in ALLOWED[layer(module_name(path))]
    ]
    assert not wrong, "\n".join(wrong)


def test_the_pure_core_is_pure() -> None:
    """verifier/ (but verifier/fetch) imports nothing that reaches network, disk, clock or environment."""
    wrong = [
        f"{path.relative_to(ROOT)}:{line}: the pure core imports {name}"
        for path in sources()
        if layer(module_name(path)) == "verifier"
        for line, name in imports(path)
        if name.split(".")[0] in IMPURE and name not in PURE
    ]
    assert not wrong, "\n".join(wrong)


def test_one_door_to_httpx() -> None:
    """httpx is imported by one module only, so that its successor can replace it in one edit."""
    users = {module_name(path) for path in sources() for _, name in imports(path) if name.split(".")[0] == "httpx"}
    assert users <= {"verifier.fetch.seam"}


def test_no_import_cycles() -> None:
    """Modules import each other in one direction only (imports inside functions apart)."""
    graph = {module_name(path): top_level_imports(path) for path in sources()}
    done: set[str] = set()

    def visit(module: str, trail: tuple[str, ...]) -> None:
        if module in trail:
            pytest.fail(" -> ".join((*trail[trail.index(module) :], module)))
        if module in done or module not in graph:
            return
        for name in graph[module]:
            visit(name, (*trail, module))
        done.add(module)

    sys.setrecursionlimit(10_000)
    for module in graph:
        visit(module, ())


MODULES = {module_name(path) for path in sources()}


def top_level_imports(path: Path) -> set[str]:
    """Modules of ours that a file imports when it is loaded."""
    found: set[str] = set()
    for node in ast.parse(path.read_text("utf-8")).body:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            submodules = {f"{node.module}.{alias.name}" for alias in node.names} & MODULES
            # "from package import module" needs the module; the package only where it gives something itself
            found |= submodules if len(submodules) == len(node.names) else {node.module, *submodules}
    return {name for name in found if name.split(".")[0] in OURS and name != module_name(path)}


@pytest.mark.parametrize("path", sources(), ids=module_name)
def test_a_module_says_its_question(path: Path) -> None:
    """The first line of each module is its question, and a module has one subject (at most 300 lines)."""
    text = path.read_text("utf-8")
    doc = ast.get_docstring(ast.parse(text))
    assert doc, f"{path.relative_to(ROOT)} has no docstring"
    assert text.count("\n") <= 300, f"{path.relative_to(ROOT)} has two subjects"
