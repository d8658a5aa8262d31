"""Would this configuration do what its writer means? ``config check`` says so before a daemon depends on it."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.options import config_option, json_option, put, put_json
from verifier.errors import Refused, SigwardenError

if TYPE_CHECKING:
    from cli.config_file import LoadedConfig


@click.group()
def config() -> None:
    """Check a configuration file."""


@config.command("check")
@config_option
@json_option
@click.option("--secrets/--no-secrets", default=True, help="Also see whether every secret can be read.")
def check(config_path: Path, as_json: bool, secrets: bool) -> int:
    """Every fault with its line, watches that can never match, and what each watch looks for. Exit 2 on a fault."""
    from cli.config_file import load_config
    from cli.parts import channels, trust_root
    from cli.watches import load_watches
    from monitor.lint import lint_watches

    loaded = load_config(config_path)
    faults = [fault for part in (_watches, _logs, *((channels,) if secrets else ())) if (fault := _fault(part, loaded))]
    if faults:
        raise Refused("\n".join(faults), code="config-invalid")
    watches = load_watches(loaded)
    problems = lint_watches(watches, trust_root(loaded))
    for problem in problems:
        kind = "error" if problem.fatal else "warning"
        if as_json:
            put_json({"type": "problem", "level": kind, "watch": problem.watch, "message": problem.message})
        else:
            watch = f"watch '{problem.watch}': " if problem.watch else ""
            put(f"{kind}: {config_path}: {watch}{problem.message}")
    fatal = any(problem.fatal for problem in problems)
    summary = {"type": "summary", "watches": len(watches), "channels": len(loaded.file.channels), "ok": not fatal}
    if as_json:
        put_json(summary)
    elif not fatal:
        put(f"{config_path}: {len(watches)} watches, {len(loaded.file.channels)} channels. No faults.")
        if not watches:
            put("Nothing is watched: heads and growth are proven, but no signature will be told. Add a [[watch]].")
        if not loaded.file.channels:
            put("No channel: findings are kept and printed, nobody is told. Add one under [channels].")
    return 2 if fatal else 0


def _fault(part: Callable[["LoadedConfig"], object], loaded: "LoadedConfig") -> str:
    """What one part of the configuration has against it; empty where all is well. No network is asked."""
    try:
        part(loaded)
    except SigwardenError as error:
        return str(error)
    return ""


def _watches(loaded: "LoadedConfig") -> None:
    from cli.parts import routes
    from cli.watches import load_watches

    routes(loaded, {watch.name: watch.channels for watch in load_watches(loaded)})


def _logs(loaded: "LoadedConfig") -> None:
    """Keys, trust roots and addresses of the logs, as a pass would find them."""
    from cli.logs import load_trust, services
    from cli.parts import http_policy
    from verifier.fetch.http import Http

    with Http(http_policy(loaded)) as http:
        services(loaded, load_trust(loaded, offline=True), http)
