"""Which findings are one thing to a person?

Entries of the same watch, run (or certificate) and difference are one incident with a count: 120 signatures from a
wrong branch are one message that says 120. Pure; the store keeps incidents, the channels tell them.
"""

import base64
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Self

from monitor.findings import KINDS, SEVERITIES, Class, Finding, Severity

SHOWN = 5
"""Findings that an incident carries in full; the others are counted."""

EXEMPT_CLASSES: frozenset[Class] = frozenset({"TAMPER", "SUSPECT"})


@dataclass(frozen=True, slots=True)
class Incident:
    """Findings grouped for a person. `findings` holds the worst and earliest ones, `count` all of them.

    `proven` counts those that hash into a signed root; `same` and `fields` say what was equal and what differed.
    """

    key: str
    kind: str
    watch: str
    severity: Severity
    count: int
    proven: int
    first_seen: datetime
    last_seen: datetime
    logs: tuple[str, ...]
    findings: tuple[Finding, ...]

    @property
    def cls(self) -> Class:
        """The class of its kind."""
        return KINDS[self.kind].cls

    @property
    def fields(self) -> tuple[str, ...]:
        """Names of the fields that differ from what is expected."""
        return tuple(dict.fromkeys(difference.field for item in self.findings for difference in item.differs))

    @property
    def exempt(self) -> bool:
        """Never folded into a digest: a trusted signature in our name, or a log that contradicts itself.

        Caps work by group and severity; a flood of worthless entries cannot push these out of sight.
        """
        return self.cls in EXEMPT_CLASSES or self.kind == "unexpected-identity" or self.severity == "critical"

    def with_more(self, later: Self) -> Self:
        """This incident after `later` findings of the same key were added; no finding may be in both."""
        kept = _most_telling((*self.findings, *later.findings))
        return replace(
            self,
            severity=min(self.severity, later.severity, key=SEVERITIES.index),
            count=self.count + later.count,
            proven=self.proven + later.proven,
            first_seen=min(self.first_seen, later.first_seen),
            last_seen=max(self.last_seen, later.last_seen),
            logs=tuple(dict.fromkeys((*self.logs, *later.logs))),
            findings=kept,
        )


def incident_key(finding: Finding) -> str:
    """``I-`` and 12 base32 characters over kind, watch, group and the names of the fields that differ.

    Values are left out on purpose: 120 entries of one run have 120 digests and are one incident.
    """
    fields = sorted({difference.field for difference in finding.differs})
    digest = hashlib.sha256(b"sigwarden incident v1")
    for part in (finding.kind, finding.watch, finding.group, *fields):
        data = part.encode("utf-8", "surrogatepass")
        digest.update(len(data).to_bytes(8, "big") + data)
    return "I-" + base64.b32encode(digest.digest())[:12].decode()


def is_told(finding: Finding) -> bool:
    """Whether a finding makes an incident at all: what is expected is counted, never told."""
    return finding.cls != "OK"


def group(findings: Iterable[Finding]) -> tuple[Incident, ...]:
    """The incidents that `findings` make, worst first, then by time; a finding that came twice counts once."""
    groups: dict[str, dict[str, Finding]] = {}
    for finding in findings:
        if is_told(finding):
            groups.setdefault(incident_key(finding), {})[finding.id] = finding
    incidents = [_incident(key, tuple(members.values())) for key, members in groups.items()]
    return tuple(sorted(incidents, key=importance))


def importance(incident: Incident) -> tuple[int, bool, datetime, str]:
    """Sort key, most important first: severity, then what is exempt from caps, then age; never by arrival alone."""
    return SEVERITIES.index(incident.severity), not incident.exempt, incident.first_seen, incident.key


def _incident(key: str, members: tuple[Finding, ...]) -> Incident:
    first = members[0]
    return Incident(
        key=key,
        kind=first.kind,
        watch=first.watch,
        severity=min((member.severity for member in members), key=SEVERITIES.index),
        count=len(members),
        proven=sum(member.proven for member in members),
        first_seen=min(member.seen_at for member in members),
        last_seen=max(member.seen_at for member in members),
        logs=tuple(dict.fromkeys(member.log for member in members)),
        findings=_most_telling(members),
    )


def _most_telling(members: tuple[Finding, ...]) -> tuple[Finding, ...]:
    order = sorted(members, key=lambda item: (SEVERITIES.index(item.severity), item.seen_at, item.index or 0, item.id))
    return tuple(order[:SHOWN])
