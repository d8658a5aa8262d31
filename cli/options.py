"""Which options do the watching commands share?"""

import json
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

config_option: Decorator = click.option(
    "--config",
    "config_path",
    type=click.Path(dir_okay=False, path_type=Path),
    default=lambda: Path(os.environ.get("SIGWARDEN_CONFIG", "sigwarden.toml")),
    show_default="sigwarden.toml, or SIGWARDEN_CONFIG",
    help="The configuration file.",
)

json_option: Decorator = click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")


def put(text: str) -> None:
    """Write one line of data to standard output."""
    sys.stdout.write(text + "\n")


def put_json(document: Mapping[str, Any]) -> None:
    """Write one JSON object as one line; ASCII, so that nothing in it can move a cursor."""
    put(json.dumps(document, separators=(",", ":"), ensure_ascii=True, default=str))


def note(text: str) -> None:
    """Write one line for a person to standard error."""
    sys.stderr.write(text + "\n")
