"""Where does the program start?

Help and version are answered before anything is imported; every other command loads only what it needs.
"""

import sys

_HELP = frozenset({"-h", "--help", "-help", "help"})


def main() -> None:
    """Entry point of the command ``sigwarden``."""
    argv = sys.argv[1:]
    if not argv or (len(argv) == 1 and argv[0] in _HELP):
        from cli.commands import help_text

        sys.stdout.write(help_text() + "\n")
        return
    from cli.app import run

    sys.exit(run(argv))


if __name__ == "__main__":
    main()
