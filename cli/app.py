"""How does a command line become a call, and an error an exit code?"""

import difflib
import importlib
import re
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import IO

import click

from cli.commands import COMMANDS
from verifier.errors import Refused, SigwardenError, Unreachable

USAGE = 2
INCOMPLETE = 3
UNTRUE = 1

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")
_LONG_WITH_ONE_DASH = re.compile(r"-[a-z][a-z0-9-]+(=.*)?\Z", re.DOTALL)


def printable(text: str) -> str:
    """`text` with every control character and direction mark spelled out: what a log says cannot move the cursor."""
    return _CONTROL.sub(lambda match: match.group().encode("unicode_escape").decode(), text)


class UnknownCommand(click.ClickException):
    """No such command: told and counted as cosign does (exit 1), with the one that was probably meant."""

    exit_code = 1

    def __init__(self, name: str) -> None:
        super().__init__(f'unknown command "{name}" for "sigwarden"')
        near = difflib.get_close_matches(name, COMMANDS, n=1)
        self._next = f"Did you mean '{near[0]}'?" if near else "Run 'sigwarden --help' for usage."

    def show(self, file: IO[str] | None = None) -> None:
        """The two lines that scripts around cosign look for, and what to do between them."""
        (file or sys.stderr).write(
            f"Error: {self.message}\n{self._next}\nerror during command execution: {self.message}\n"
        )


class LazyGroup(click.Group):
    """The top group: a sub-command's module is imported when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The click command behind a name, or None."""
        row = COMMANDS.get(cmd_name)
        if row is None:
            return None
        module, attribute = row.target.split(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Like click's, but an unknown name gets a suggestion."""
        if args and args[0] not in COMMANDS:
            raise UnknownCommand(printable(args[0]))
        return super().resolve_command(ctx, args)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--output-file", type=click.Path(dir_okay=False), help="Write what goes to standard output to this file.")
@click.option("-t", "--timeout", default=None, help="Give up after this long, for example 30s or 3m (default: never).")
@click.option("-d", "--verbose", is_flag=True, help="Say more on standard error.")
def sigwarden(output_file: str | None, timeout: str | None, verbose: bool) -> None:
    """Watch Sigstore transparency logs, prove what was read, and verify signatures."""
    if output_file:
        try:
            sys.stdout = Path(output_file).open("w", encoding="utf-8")  # noqa: SIM115 - open until the process ends
        except OSError as error:
            raise click.UsageError(f"--output-file {output_file}: {error.strerror}") from None
    if timeout:
        _give_up_after(timeout)
    if verbose:
        from monitor.logging import configure
        from monitor.secrets import Redactor

        configure("text", Redactor(), verbose=True)


def _give_up_after(timeout: str) -> None:
    """Let the whole command fail when its time is over."""
    from cli.config_model import parse_duration

    try:
        seconds = parse_duration(timeout).total_seconds()
    except ValueError as error:
        raise click.UsageError(f"--timeout: {error}") from None

    def over(_number: int, _frame: FrameType | None) -> None:
        raise Unreachable(f"not done after {timeout}", code="timeout", cause="timeout", hint="see --timeout")

    signal.signal(signal.SIGALRM, over)
    signal.setitimer(signal.ITIMER_REAL, seconds)


def exit_code(error: SigwardenError) -> int:
    """0 true, 1 untrue, 2 usage or configuration, 3 could not check (interfaces of the project)."""
    if isinstance(error, Refused):
        # A database that somebody edited is no matter of usage: nothing can be checked against it.
        return INCOMPLETE if error.code == "state-tampered" else USAGE
    return INCOMPLETE if isinstance(error, Unreachable) else UNTRUE


def modern(argv: Sequence[str]) -> list[str]:
    """Arguments with old single-dash long flags (``-key``) rewritten, with a notice as cosign gives."""
    result: list[str] = []
    for position, argument in enumerate(argv):
        if argument == "--":
            return result + list(argv[position:])
        if _LONG_WITH_ONE_DASH.match(argument) and not re.match(r"-[a-z][0-9]", argument):
            sys.stderr.write(f"WARNING: the flag {printable(argument)} is spelled -{printable(argument)} now\n")
            result.append("-" + argument)
        else:
            result.append(argument)
    return result


def say(error: SigwardenError) -> None:
    """Print an error for a person: what, why, and what to do next."""
    sys.stderr.write(f"Error: {printable(error.message)}\n")
    if error.hint:
        sys.stderr.write(f"  {printable(error.hint)}\n")


def run(argv: Sequence[str]) -> int:
    """Run one command line; returns its exit code.

    SIGPIPE stays ignored: with its default any server that hangs up while we send would end a daemon without a word.
    """
    try:
        result = sigwarden.main(args=modern(argv), prog_name="sigwarden", standalone_mode=False)
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.Abort:
        sys.stderr.write("Aborted.\n")
        return 130
    except click.UsageError as error:
        error.show()
        return USAGE
    except UnknownCommand as error:
        error.show()
        return error.exit_code
    except click.ClickException as error:
        error.show()
        return USAGE
    except SigwardenError as error:
        say(error)
        return exit_code(error)
    return result if isinstance(result, int) else 0
