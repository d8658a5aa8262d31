"""How are outcomes told: cosign's lines, JSON, or a report?"""

import json
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from cli.app import printable
from cli.cosign_flags import tell, warn
from verifier.policy import Policy

if TYPE_CHECKING:
    from cli.blob_job import Outcome


def print_outcomes(outcomes: "Sequence[Outcome]", policy: Policy, flags: Mapping[str, Any], now: datetime) -> int:
    """Tell every outcome; 0 if all files verified, else 1."""
    for text in dict.fromkeys(text for one in outcomes if one.verified for text in one.verified.warnings):
        warn(text)
    if flags["output"] == "text":
        _lines(outcomes)
    else:
        _documents(outcomes, policy, flags, now)
    return 0 if all(one.verified for one in outcomes) else 1


def _lines(outcomes: "Sequence[Outcome]") -> None:
    """For one file cosign's own lines; for several each line begins with the file."""
    several = len(outcomes) > 1
    for one in outcomes:
        name = f"{printable(one.name)}: " if several else ""
        if one.error is None:
            sys.stderr.write(f"{name}Verified OK\n")
        else:
            tell(f"{name}{one.error.message}", one.error.hint)


def _documents(outcomes: "Sequence[Outcome]", policy: Policy, flags: Mapping[str, Any], now: datetime) -> None:
    from reports.signing_facts import Case, facts_of
    from reports.signing_report import render

    facts = [facts_of(Case(one.name, one.bundle, one.artifact, policy, one.verified, one.error)) for one in outcomes]
    if flags["output"] == "json":
        sys.stdout.write(json.dumps(facts, separators=(",", ":")) + "\n")
    else:
        sys.stdout.write(render(facts, now.strftime("%Y-%m-%dT%H:%M:%SZ"), flags["report_format"]))
