"""How are outcomes told: cosign's lines, JSON, or a report?"""

import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from cli.app import printable
from cli.cosign_flags import tell, warn

if TYPE_CHECKING:
    from cli.blob_job import Outcome
    from verifier.errors import SigwardenError


def print_outcomes(outcomes: "Sequence[Outcome]", flags: Mapping[str, Any], now: datetime) -> int:
    """Tell every outcome; 0 if all files verified, else 1."""
    for text in dict.fromkeys(text for one in outcomes for text in one.warnings):
        warn(text)
    if flags["output"] == "text":
        _lines(outcomes)
    else:
        _documents([one.facts for one in outcomes if one.facts is not None], flags, now)
    return 0 if all(one.error is None for one in outcomes) else 1


def print_failure(files: Sequence[str], error: "SigwardenError", flags: Mapping[str, Any], now: datetime) -> None:
    """Where a document was asked for: one that says why no file was verified. For a person the error is enough."""
    if flags["output"] == "text":
        return
    from reports.signing_facts import Case, facts_of
    from verifier.policy import Policy

    _documents([facts_of(Case(name, None, None, Policy(), None, error)) for name in files], flags, now)


def _lines(outcomes: "Sequence[Outcome]") -> None:
    """For one file cosign's own lines; for several each line begins with the file."""
    several = len(outcomes) > 1
    for one in outcomes:
        name = f"{printable(one.name)}: " if several else ""
        if one.error is None:
            sys.stderr.write(f"{name}Verified OK\n")
        else:
            _, message, hint = one.error
            tell(f"{name}{message}", hint)


def _documents(facts: list[dict[str, Any]], flags: Mapping[str, Any], now: datetime) -> None:
    if flags["output"] == "json":
        import json

        sys.stdout.write(json.dumps(facts, separators=(",", ":")) + "\n")
        return
    from reports.signing_report import render

    sys.stdout.write(render(facts, now.strftime("%Y-%m-%dT%H:%M:%SZ"), flags["report_format"]))
