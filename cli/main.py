"""Where does the program start?

Help and version are answered before anything is imported; every other command loads only what it needs.
"""

import gc
import os
import sys

_COMPLETION = "_SIGWARDEN_COMPLETE"  # set by the shell's completion script, which passes no arguments
_HELP = frozenset({"-h", "--help", "-help", "help"})


def main() -> None:
    """Entry point of the command ``sigwarden``."""
    _forgiving_streams()
    try:
        code = _run(sys.argv[1:])
        sys.stdout.flush()
    except BrokenPipeError:  # `| head` has read enough; what Python still holds for it goes nowhere
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    sys.exit(code)


def _run(argv: list[str]) -> int:
    if (not argv and _COMPLETION not in os.environ) or (len(argv) == 1 and argv[0] in _HELP):
        from cli.commands import help_text

        sys.stdout.write(help_text() + "\n")
        return 0
    if argv[:1] == ["version"] and set(argv[1:]) <= {"--json"}:
        from cli.version_command import print_version

        return print_version(argv[1:])
    # Importing makes a hundred thousand objects that all stay: looking for garbage among them takes 15 ms.
    gc.set_threshold(50_000, 20, 20)
    from cli.app import run

    return run(argv)


def _forgiving_streams() -> None:
    """Output that the terminal's encoding lacks is spelled out, and a closed stream swallows it: neither is a crash."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: PTH123, SIM115 - pathlib costs start-up
        else:
            stream.reconfigure(errors="backslashreplace")


if __name__ == "__main__":
    main()
