"""How do the ``[[watch]]`` tables of a configuration become watches?"""

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from cli.config_file import LoadedConfig
from cli.secret_sources import is_source, read_source
from monitor.lint import lint_watches
from monitor.watch import Watch, build_watch
from verifier.errors import Refused

_LARGEST_KEY_FILE = 1 << 20
_AT = re.compile(r"watch\.(\d+)(?:\.([A-Za-z0-9_.-]+))?")


def load_watches(config: LoadedConfig) -> tuple[Watch, ...]:
    """Every watch of the file. Refused names all faulty tables at once, each with its line."""
    watches: list[Watch] = []
    faults: list[str] = []
    places: dict[str, int] = {}
    for at, table in enumerate(config.file.watch):
        try:
            watches.append(_one(config, at, table, watches))
            places[watches[-1].name] = at
        except Refused as error:
            faults.append(_placed(config, at, error))
    for problem in lint_watches(watches):
        if problem.fatal:
            place = config.where("watch", places[problem.watch])
            faults.append(f"{place}: watch '{problem.watch}': {problem.message}")
    if faults:
        raise Refused("\n".join(faults), code="watch-invalid")
    return tuple(watches)


def rules_text(config: LoadedConfig) -> str:
    """The watch tables as stable JSON: what the history of rules keeps."""
    return json.dumps(config.file.watch, sort_keys=True, separators=(",", ":"), default=str)


def rules_sha256(config: LoadedConfig) -> str:
    """The name of this version of the rules."""
    return hashlib.sha256(rules_text(config).encode()).hexdigest()


def _one(config: LoadedConfig, at: int, table: Mapping[str, Any], before: list[Watch]) -> Watch:
    where = f"watch.{at}"
    watch = build_watch(_with_digests(config, where, table), where=where, read_file=_reader(config))
    if any(watch.name == other.name for other in before):
        raise Refused(
            f"{where}.name: there are two watches called '{watch.name}'",
            code="watch-invalid",
            hint="give this one a name of its own",
        )
    return watch


def _placed(config: LoadedConfig, at: int, error: Refused) -> str:
    """The fault with its file and line instead of the path of the setting alone."""
    match = _AT.match(error.message)
    inner: tuple[str | int, ...] = ()
    if match and match.group(2):
        inner = tuple(int(part) if part.isdigit() else part for part in match.group(2).split("."))
    hint = f" ({error.hint})" if error.hint else ""
    return f"{config.where('watch', at, *inner)}: {error.message}{hint}"


def _reader(config: LoadedConfig) -> Callable[[str], bytes]:
    def read(name: str) -> bytes:
        try:
            with (config.folder / name).open("rb") as file:
                return file.read(_LARGEST_KEY_FILE)
        except OSError as error:
            raise Refused(f"cannot read {config.folder / name}: {error.strerror}", code="key-file") from None

    return read


def _with_digests(config: LoadedConfig, where: str, table: Mapping[str, Any]) -> Mapping[str, Any]:
    """The table with ``digests = "file:…"`` and ``"command:…"`` replaced by the words they hold, here and in expect."""
    changed = dict(table)
    for key in ("digests", "artifact"):
        if key in changed:
            changed[key] = _words(config, f"{where}.{key}", changed[key])
    expect = changed.get("expect")
    if isinstance(expect, Mapping):
        changed["expect"] = _with_digests(config, f"{where}.expect", expect)
    elif isinstance(expect, list):
        changed["expect"] = [
            _with_digests(config, f"{where}.expect.{at}", block) if isinstance(block, Mapping) else block
            for at, block in enumerate(expect)
        ]
    return changed


def _words(config: LoadedConfig, what: str, value: Any) -> Any:
    if isinstance(value, str) and is_source(value):
        # one digest a line, as sha256sum prints them: the file names after them do not matter
        lines = read_source(value, what, config.folder).splitlines()
        return [line.split()[0] for line in lines if line.strip() and not line.startswith("#")]
    return value
