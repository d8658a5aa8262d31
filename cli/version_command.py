"""Which version is this? ``version``, with cosign's member names, and nothing imported that is not needed."""

import sys
from collections.abc import Sequence

from cli.version import VERSION


def print_version(arguments: Sequence[str]) -> int:
    """Print the version: lines for people, or JSON with ``--json``."""
    unknown = [one for one in arguments if one != "--json"]
    if unknown:
        sys.stderr.write(f"Error: unknown argument {unknown[0]!r}: only --json is known\n")
        return 2
    build = sys.implementation
    facts = {
        "gitVersion": VERSION,
        "pythonVersion": ".".join(map(str, sys.version_info[:3])),
        "compiler": build.name,
        "platform": f"{sys.platform}/{getattr(build, '_multiarch', '')}".rstrip("/"),
    }
    if arguments:
        members = ",".join(f'"{name}":"{value}"' for name, value in facts.items())
        sys.stdout.write("{" + members + "}\n")
        return 0
    lines = [f"{name[0].upper()}{name[1:]}: {value}" for name, value in facts.items()]
    sys.stdout.write("\n".join((f"sigwarden {VERSION}", *lines)) + "\n")
    return 0
