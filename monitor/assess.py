"""What does a hit mean to the people who watch?

One finding for each watch and kind, with all the facts of the entry; not yet proven. The entry is read in full here,
and only here are chains and signatures checked.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from monitor.credentials import LogTime, check_credentials, read_log_time
from monitor.expect import Signed
from monitor.facts import Facts, read_facts
from monitor.finding_facts import HISTORY_FIELDS, group_of, shown_facts
from monitor.findings import SEVERITIES, Finding, Location, finding_id
from monitor.judge import Case, History, NoHistory, Rules, Verdict, judge_case
from monitor.logs.log import LogSpec
from monitor.match import Match
from monitor.scan import RawHit, Unreadable
from monitor.watch import Watch
from verifier.compact import hash_leaf

__all__ = ["History", "NoHistory", "Rules", "assess", "assess_all", "unreadable_finding"]


class _WithBatch:
    """A history that also counts the findings of the batch at hand, not stored yet; it asks for nothing twice."""

    def __init__(self, stored: History) -> None:
        self._stored = stored
        self._runs: dict[tuple[str, str], set[str]] = {}
        self._known: dict[tuple[str, str, str], int] = {}

    def add(self, finding: Finding) -> None:
        """One more signature by the watched name itself; what only looks like it does not count."""
        if finding.kind not in ("expected-identity", "unexpected-identity"):
            return
        run = str(finding.facts.get("run", ""))
        self._runs.setdefault((finding.watch, run), set()).add(finding.id)
        for field, values in (("", [""]), *((name, finding.facts.get(name) or []) for name in HISTORY_FIELDS)):
            if values:
                key = (finding.watch, field, str(values[0]))
                self._known[key] = self._ask(*key) + 1

    def _ask(self, watch: str, field: str, value: str) -> int:
        known = self._known.get((watch, field, value))
        if known is None:
            known = self._stored.seen(watch, field, value) if field else self._stored.count(watch)
            self._known[watch, field, value] = known
        return known

    def count(self, watch: str) -> int:
        """Stored and of this batch."""
        return self._ask(watch, "", "")

    def seen(self, watch: str, field: str, value: str) -> int:
        """Stored and of this batch."""
        return self._ask(watch, field, value)

    def run_count(self, watch: str, run: str, excluding: frozenset[str]) -> int:
        """Stored and of this batch."""
        return self._stored.run_count(watch, run, excluding) + len(self._runs.get((watch, run), set()) - excluding)


def assess_all(hits: Iterable[RawHit], spec: LogSpec, rules: Rules, now: datetime) -> list[Finding]:
    """The findings of a batch in order; ``per_run`` counts the earlier ones of the same batch too."""
    history = _WithBatch(rules.history)
    counting = replace(rules, history=history)
    findings: list[Finding] = []
    for hit in hits:
        for finding in assess(hit, spec, counting, now):
            history.add(finding)
            findings.append(finding)
    return findings


def assess(hit: RawHit, spec: LogSpec, rules: Rules, now: datetime) -> list[Finding]:
    """The findings that one hit makes, not yet proven; worst first."""
    facts = read_facts(hit.data)
    time = read_log_time(hit.extra, hit.data, rules.trust.tlogs)
    found: dict[str, Finding] = {}
    for match in hit.matches:
        watch = rules.by_name.get(match.watch)
        if watch is None:
            continue
        case = _case(watch, match, facts, time, rules, now)
        verdict = judge_case(case, rules)
        finding = _finding(case, verdict, hit, spec, rules, now)
        found.setdefault(finding.id, finding)
    return sorted(found.values(), key=lambda finding: SEVERITIES.index(finding.severity))


def unreadable_finding(entry: Unreadable, spec: LogSpec, now: datetime) -> Finding:
    """The finding for a leaf that no reader understands and no watch concerns."""
    return Finding(
        id=finding_id("unreadable-entry", "", entry.leaf_hash),
        kind="unreadable-entry",
        severity="info",
        log=spec.origin,
        index=entry.index,
        watch="",
        identity="",
        message=f"nothing here reads this entry ({entry.code}); no watched text, key or certificate occurs in it",
        proven=False,
        seen_at=now,
        group=f"unreadable/{entry.code}",
        locations=(Location(spec.origin, entry.index),),
        facts={"code": entry.code, "bytes": len(entry.data), "leaf_hash": entry.leaf_hash.hex()},
        evidence={"body": entry.data},
    )


def _case(watch: Watch, match: Match, facts: Facts, time: LogTime, rules: Rules, now: datetime) -> Case:
    leaf_hash = hash_leaf(facts.data)
    if match.subject < 0:
        return Case(watch, match, None, facts, None, time, None, leaf_hash)
    subject = facts.subjects[match.subject]
    credentials = check_credentials(facts, subject, rules.trust, time, now)
    projects = tuple(p.value for p in watch.patterns if p.field in ("repository", "project"))
    owners = tuple(p.value for p in watch.patterns if p.field == "organization")
    names = [name.value for name in subject.names]
    name = match.value if match.field == "san" or not names else names[0]
    return Case(watch, match, subject, facts, credentials, time, Signed(subject, name, projects, owners), leaf_hash)


def _finding(case: Case, verdict: Verdict, hit: RawHit, spec: LogSpec, rules: Rules, now: datetime) -> Finding:
    evidence = {"body": hit.data}
    if hit.extra:
        evidence["entry"] = hit.extra
    message = verdict.message
    if case.credentials and case.credentials.anomalies:
        message += f" [{', '.join(case.credentials.anomalies)}]"
    return Finding(
        id=finding_id(verdict.kind, case.watch.name, hit.leaf_hash),
        kind=verdict.kind,
        severity=verdict.severity,
        log=spec.origin,
        index=hit.index,
        watch=case.watch.name,
        identity=case.match.value,
        message=message,
        proven=False,
        seen_at=now,
        group=group_of(verdict.kind, case.match, case.subject),
        differs=verdict.differs,
        same=verdict.same,
        locations=(Location(spec.origin, hit.index),),
        facts=shown_facts(case, verdict, rules),
        evidence=evidence,
    )
