"""Small commands about the program itself: ``version``, ``env``, ``completion``."""

import os
import sys
from typing import Any

import click

from cli.cosign_flags import CosignCommand, Flag, options
from verifier.errors import Refused


@click.command("version", cls=CosignCommand)
@options(Flag("--json", "JSON.", None))
def version(**flags: Any) -> int:
    """Print the version."""
    from cli.version_command import print_version

    return print_version(["--json"] if flags["json"] else [])


@click.command("env", cls=CosignCommand)
@options(
    Flag("--show-descriptions", "Print what each variable does.", None, True),
    Flag("--show-sensitive-values", "Print secrets, too.", None),
)
def env(**flags: Any) -> int:
    """Print the environment variables that are understood, and their values."""
    from cli.environment import VARIABLES

    for variable in VARIABLES:
        if flags["show_descriptions"]:
            sys.stdout.write(f"# {variable.name} {variable.help}\n# Expects: {variable.expects}\n")
        value = os.environ.get(variable.name, "")
        if value and variable.secret and not flags["show_sensitive_values"]:
            value = "******"
        shown = value.encode("unicode_escape", "backslashreplace").decode().replace('"', '\\"')
        sys.stdout.write(f'{variable.name}="{shown}"\n')
    return 0


@click.command("completion", cls=CosignCommand)
@click.argument("shell")
def completion(shell: str) -> int:
    """Print the completion script for bash, zsh or fish."""
    from click.shell_completion import get_completion_class

    from cli.app import sigwarden

    kind = get_completion_class(shell)
    if kind is None:
        raise Refused(f"there is no completion for '{shell}'", code="usage", hint="bash, zsh and fish are known")
    sys.stdout.write(kind(sigwarden, {}, "sigwarden", "_SIGWARDEN_COMPLETE").source() + "\n")
    return 0
