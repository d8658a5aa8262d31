"""How do flags behave where people know cosign's?

Each flag reads ``COSIGN_<FLAG>`` when it is not typed; old spellings are accepted; a boolean takes ``=true`` and
``=false``; errors are printed as cosign prints them and exit with 1.
"""

import sys
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import click

from cli.app import printable
from verifier.errors import SigwardenError

Callback = Callable[..., Any]

# Spellings of cosign 1.x and of the documentation, by the flag they mean (cosign.md 1.1).
_ALIASES: Mapping[str, tuple[str, ...]] = {
    "--certificate": ("--cert",),
    "--certificate-chain": ("--cert-chain",),
    "--certificate-oidc-issuer": ("--cert-oidc-issuer",),
    "--certificate-identity": ("--cert-identity",),
    "--output-certificate": ("--output-cert",),
}
_TRUE, _FALSE = frozenset({"1", "t", "true"}), frozenset({"0", "f", "false"})


class Flag(NamedTuple):
    """One row: the flag, what it takes (None: nothing, it is a switch), its default, and a line of help.

    `many`: may be repeated. `hidden`: deprecated in cosign, still understood. `short`: one-letter form.
    """

    name: str
    help: str
    takes: "click.ParamType[Any] | type | None" = str
    default: Any = None
    many: bool = False
    hidden: bool = False
    short: str = ""


class _Option(click.Option):
    """An option whose environment variable is one value, blanks and all."""

    def value_from_envvar(self, ctx: click.Context) -> Any:
        text = self.resolve_envvar_value(ctx)
        if text is None or not self.multiple:
            return super().value_from_envvar(ctx)
        return (text,)


def options(*flags: Flag) -> Callable[[Callback], Callback]:
    """Decorator: the callback gets these flags as keyword arguments, named as in Python."""

    def decorate(callback: Callback) -> Callback:
        for flag in reversed(flags):
            callback = _option(flag)(callback)
        return callback

    return decorate


def _option(flag: Flag) -> Callable[[Callback], Callback]:
    plain = flag.name.removeprefix("--")
    names = [flag.name, *_ALIASES.get(flag.name, ()), *([flag.short] if flag.short else [])]
    shared: dict[str, Any] = {
        "cls": _Option,
        "envvar": "COSIGN_" + plain.upper().replace("-", "_"),
        "hidden": flag.hidden,
        "help": flag.help,
    }
    parameter = plain.replace("-", "_").lower()
    if flag.takes is None:
        short = [flag.short] if flag.short else []
        return click.option(f"{flag.name}/--no-{plain}", *short, parameter, default=bool(flag.default), **shared)
    shared |= {"type": flag.takes, "multiple": flag.many}
    if flag.default is not None:
        shared["show_default"] = True
    return click.option(*names, parameter, default=flag.default, **shared)


class CosignCommand(click.Command):
    """A command with Go's boolean flags and cosign's way of failing."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Rewrite ``--switch=false`` before click sees it."""
        switches = {
            opt for param in self.params if isinstance(param, click.Option) and param.is_flag for opt in param.opts
        }
        return super().parse_args(ctx, [_plain_switch(one, switches) for one in args])

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> click.Context:
        """Wrong usage exits with 1, as in cosign, and is told once."""
        try:
            return super().make_context(info_name, args, parent, **extra)
        except click.UsageError as error:
            tell(error.format_message())
            raise click.exceptions.Exit(1) from error

    def invoke(self, ctx: click.Context) -> Any:
        """Our errors exit with 1; what a command returns is its exit code."""
        try:
            return super().invoke(ctx)
        except SigwardenError as error:
            tell(error.message, error.hint)
            return 1
        except click.UsageError as error:
            tell(error.format_message())
            return 1


def _plain_switch(argument: str, switches: set[str]) -> str:
    name, equals, value = argument.partition("=")
    if not equals or name not in switches:
        return argument
    if value.lower() in _TRUE:
        return name
    if value.lower() in _FALSE:
        return "--no-" + name.removeprefix("--")
    raise click.UsageError(f'invalid argument "{value}" for "{name}" flag: it is true or false')


def tell(message: str, hint: str = "") -> None:
    """Print an error in the two lines that scripts around cosign look for, and the hint between them."""
    text = printable(message)
    note = f"  {printable(hint)}\n" if hint else ""
    sys.stderr.write(f"Error: {text}\n{note}error during command execution: {text}\n")


def warn(message: str) -> None:
    """Print a warning for a person."""
    sys.stderr.write(f"WARNING: {printable(message)}\n")
