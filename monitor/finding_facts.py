"""What is told about a hit, as JSON, and which hits are one thing to a person?"""

import re
from typing import Any

from monitor.credentials import shown_time
from monitor.expect import Signed, ci_names, values_of
from monitor.facts import Facts, Subject, run_of
from monitor.judge import Case, Rules, Verdict
from monitor.match import Match

# Kinds that anybody can make any number of: one incident for a watch, however many certificates (rows 41 and 42).
_GROUPED = frozenset({"untrusted-chain", "lookalike", "unreadable-entry"})
_SHOWN_NAMES = 20  # a certificate may hold ten thousand; the body is in the evidence
_SHOWN_TEXT = 2_000  # characters of one value
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
HISTORY_FIELDS = ("ref", "workflow", "issuer")


def group_of(kind: str, match: Match, subject: Subject | None) -> str:
    """What keys the incident: the run or certificate, or the kind of trick where anybody can make more of them."""
    if kind in _GROUPED or subject is None:
        return f"{kind}/{match.reading}"
    return run_of(subject)


def links_of(subject: Subject) -> dict[str, str]:
    """Pages about the run and the commit."""
    links: dict[str, str] = {}
    for run in subject.texts("run-invocation-uri"):
        links.setdefault("run", run[:_SHOWN_TEXT])
    repository = next(iter(subject.texts("source-repository-uri")), "")
    commit = next(iter(subject.texts("source-repository-digest")), "")
    if repository and _COMMIT.fullmatch(commit):
        path = "-/commit" if "gitlab" in repository else "commit"
        links["commit"] = f"{repository[:_SHOWN_TEXT]}/{path}/{commit}"
    return links


def shown_facts(case: Case, verdict: Verdict, rules: Rules) -> dict[str, Any]:
    """All facts of a finding; JSON values only."""
    facts: dict[str, Any] = {
        "reading": case.match.reading,
        "field": case.match.field,
        "artifact": _artifact(case.facts, verdict.released),
        "time": shown_time(case.time, case.subject),
        "leaf_hash": case.leaf_hash.hex(),
        "kind": _entry_kind(case.facts),
    }
    if rules.sha256:
        facts["rule_sha256"] = rules.sha256
    if verdict.foreign:
        facts["foreign_source"] = case.watch.foreign_source
    facts |= _place(case)
    if case.subject is not None and case.signed is not None:
        facts |= _signer(case.subject, case.signed)
        facts["history"] = _history(case.watch.name, case.signed, rules)
    if case.credentials is not None:
        held = case.credentials
        facts["trust"] = {
            "chain": held.chain,
            "sct": held.sct,
            "signature": held.signature,
            "inclusion": "not yet proven",
        }
        facts["anomalies"] = dict(held.anomalies)
    return facts


def _artifact(facts: Facts, released: bool | None) -> dict[str, Any]:
    """The digests, and what they are of: a log does not always name the artifact."""
    shown: dict[str, Any] = {}
    for body in facts.bodies:
        shown |= dict(body.digests)
    shown["of"] = facts.digest_of or "unknown"
    if released is not None:
        shown["released"] = released
    if facts.digest_of == "payload":
        shown["note"] = "artifact not named in the log: digest of an attestation"
    elif facts.bodies and facts.bodies[0].version == "0.0.2" and facts.bodies[0].kind == "hashedrekord":
        shown["note"] = "on Rekor v2 the digest of an attestation looks like that of an artifact"
    return shown


def _entry_kind(facts: Facts) -> str:
    return f"{facts.bodies[0].kind} {facts.bodies[0].version}" if facts.bodies else "unreadable"


def _place(case: Case) -> dict[str, Any]:
    """Rekor v1's own numbers for the entry."""
    entry = case.time.entry
    if entry is None:
        return {}
    named = {"global_index": entry.global_index, "uuid": entry.uuid, "integrated_time": entry.integrated_time}
    return {name: value for name, value in named.items() if value is not None}


def _signer(subject: Subject, signed: Signed) -> dict[str, Any]:
    shown: dict[str, Any] = {"signer": subject.signer.kind, "run": run_of(subject), "links": links_of(subject)}
    if subject.identity is None:
        return shown | {"key_sha256": sorted(subject.keys)}
    names = [{"kind": name.kind, "value": name.value[:_SHOWN_TEXT]} for name in subject.names[:_SHOWN_NAMES]]
    serial = subject.identity.serial
    return shown | {
        "names": names,
        "name_count": len(subject.names),
        "issuer": list(subject.texts("issuer")),
        "extensions": {key: text[:_SHOWN_TEXT] for key, text in subject.identity.extensions.items()},
        "certificate": {
            "sha256": subject.certificate,
            "key_sha256": sorted(subject.keys),
            "serial": f"{serial:x}" if serial is not None else "",
        },
        "ref": _told(signed, "ref"),
        "workflow": _told(signed, "workflow"),
    }


def _history(watch: str, signed: Signed, rules: Rules) -> dict[str, int]:
    """How often this was seen before: the watch, and each value that tells signatures apart."""
    history = {"same_watch": rules.history.count(watch)}
    for field in HISTORY_FIELDS:
        values = _told(signed, field)
        if values:
            history[f"same_{field}"] = rules.history.seen(watch, field, values[0])
    return history


def _told(signed: Signed, field: str) -> list[str]:
    """The values of a field as facts hold them: what is remembered is asked for in the same spelling."""
    if field == "workflow":
        return [f"{name.project}/{name.path}" for name in ci_names(signed)]
    return [value[0] for value in values_of(signed, field)]
