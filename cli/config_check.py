"""Would this configuration do what its writer means? ``config check`` says so before a daemon depends on it."""

from pathlib import Path

import click

from cli.options import config_option, json_option, put, put_json


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
    from cli.parts import channels, routes, trust_root
    from cli.watches import load_watches
    from monitor.lint import lint_watches

    loaded = load_config(config_path)
    watches = load_watches(loaded)
    problems = lint_watches(watches, trust_root(loaded))
    routes(loaded, {watch.name: watch.channels for watch in watches})
    if secrets:
        channels(loaded)
    for problem in problems:
        kind = "error" if problem.fatal else "warning"
        if as_json:
            put_json({"type": "problem", "level": kind, "watch": problem.watch, "message": problem.message})
        else:
            put(f"{kind}: {config_path}: watch '{problem.watch}': {problem.message}")
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
