"""The Sigstore Signing Verification Report: what would an auditor want to read about these signatures?

Five sections a file: Artifact, Verification Status, Certificate Details, Rekor Entry, Policy Check; in Markdown, HTML
or JSON, from the same facts. Names in certificates are attacker-chosen, so all text is made visible and escaped.
"""

import html
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from monitor.display import visible

TITLE = "Sigstore Signing Verification Report"
Row = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Section:
    """A heading, and rows of a name and a value."""

    title: str
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Part:
    """One file's part of the report."""

    title: str
    sections: tuple[Section, ...]


def render(facts: Iterable[Mapping[str, Any]], made: str, style: str) -> str:
    """The report over the facts of each file, made at the time `made`, as "markdown", "html" or "json"."""
    cases = list(facts)
    return _FORMATS[style](cases, made)


def _part(facts: Mapping[str, Any]) -> Part:
    sections = [_artifact(facts), _status(facts)]
    if facts["certificate"] is not None:
        sections.append(_certificate(facts["certificate"]))
    elif facts["key"] is not None:
        sections.append(Section("Public Key", (("Kind", facts["key"]["kind"]), ("SHA-256", facts["key"]["sha256"]))))
    sections += [_rekor_entry(entry) for entry in facts["log_entries"]]
    if facts["statement"] is not None:
        sections.append(_statement(facts["statement"]))
    sections.append(_policy(facts["policy"]))
    return Part(str(facts["file"]), tuple(sections))


def _artifact(facts: Mapping[str, Any]) -> Section:
    digests = tuple((name.upper(), value) for name, value in facts["artifact"].items())
    version = f"version {facts['bundle']['version']}" if facts["bundle"] else "unreadable"
    return Section("Artifact", (("Name", facts["file"]), *digests, ("Bundle", version)))


def _status(facts: Mapping[str, Any]) -> Section:
    rows: list[Row] = [("Status", "VERIFIED" if facts["verified"] else "FAILED")]
    if facts["error"] is not None:
        rows += [("Failed check", facts["error"]["code"]), ("Reason", facts["error"]["message"])]
        if facts["error"]["hint"]:
            rows.append(("What to do", facts["error"]["hint"]))
    rows += [("Proven time", f"{one['time']} ({one['source']} {one['authority'][:16]})") for one in facts["times"]]
    rows += [("Warning", text) for text in facts["warnings"]]
    return Section("Verification Status", tuple(rows))


def _certificate(certificate: Mapping[str, Any]) -> Section:
    title = "Certificate Details" if certificate["trusted"] else "Certificate Details (claimed, not verified)"
    names = ", ".join(f"{name['value']} ({name['kind']})" for name in certificate["subject"])
    rows: list[Row] = [
        ("Subject", names or "none"),
        ("Issuer", certificate["issuer"] or "none"),
        ("Valid From", certificate["valid_from"] or "unreadable"),
        ("Valid To", certificate["valid_to"] or "unreadable"),
        ("SHA-256", certificate["sha256"]),
    ]
    rows += [(name, value) for name, value in certificate["extensions"].items() if name not in ("issuer", "issuer-v1")]
    return Section(title, tuple(rows))


def _rekor_entry(entry: Mapping[str, Any]) -> Section:
    proof = entry["inclusion_proof"]
    rows: list[Row] = [
        ("Log", entry["log"] or entry["log_id"]),
        ("UUID", entry["uuid"]),
        ("Log Index", _UNPROMISED if entry["log_index"] is None else str(entry["log_index"])),
        ("Integrated Time", entry["integrated_time"] or _no_time(entry)),
        ("Signed Entry Timestamp", entry["promise"] or "none"),
        ("Inclusion Proof", proof["status"] if proof else "none in this bundle"),
    ]
    if proof:
        rows += [("Tree Size", str(proof["tree_size"])), ("Root Hash", proof["root_hash"]), ("Origin", proof["origin"])]
    return Section("Rekor Entry", tuple(rows))


_UNPROMISED = "not proven: the log's promise, which signs it, is not in this bundle"


def _no_time(entry: Mapping[str, Any]) -> str:
    return "not proven" if entry["log_index"] is None else "none: this log signs no times"


def _statement(statement: Mapping[str, Any]) -> Section:
    subject = statement["subject"]
    return Section(
        "Attestation",
        (
            ("Predicate Type", statement["predicate_type"]),
            ("Subject", subject["name"] or "unnamed" if subject else "not compared"),
        ),
    )


def _policy(rows: Iterable[Mapping[str, str]]) -> Section:
    return Section(
        "Policy Check", tuple((row["check"], f"required {row['required']}; met: {row['met']}") for row in rows)
    )


def _markdown(cases: list[Mapping[str, Any]], made: str) -> str:
    lines = [f"# {TITLE}", "", f"Made {made}. {_summary(cases)}"]
    for part in map(_part, cases):
        lines += ["", f"## {_cell(part.title)}"]
        for section in part.sections:
            lines += ["", f"### {section.title}", "", "| | |", "|---|---|"]
            lines += [f"| {_cell(name)} | {_cell(value)} |" for name, value in section.rows]
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    """Text that Markdown takes for text: nothing in it opens a link, a tag, a column or an image."""
    escaped = "".join(f"\\{char}" if char in _MARKDOWN else char for char in visible(text))
    return escaped.replace("://", "\\://").replace("www.", "www\\.")


_MARKDOWN = frozenset("\\`*_{}[]<>()#+!|~&@")


def _html(cases: list[Mapping[str, Any]], made: str) -> str:
    parts: list[str] = []
    for part in map(_part, cases):
        parts.append(f"<h2>{_escaped(part.title)}</h2>")
        for section in part.sections:
            rows = "".join(f"<tr><th>{_escaped(n)}</th><td>{_escaped(v)}</td></tr>" for n, v in section.rows)
            parts.append(f"<h3>{_escaped(section.title)}</h3><table>{rows}</table>")
    body = "\n".join(parts)
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{TITLE}</title>\n<style>{_STYLE}</style>'
        f"</head><body>\n<h1>{TITLE}</h1>\n<p>Made {_escaped(made)}. {_escaped(_summary(cases))}</p>\n{body}\n"
        "</body></html>\n"
    )


_STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
    "th{text-align:left;vertical-align:top;padding-right:1rem;white-space:nowrap;font-weight:600}"
    "td{overflow-wrap:anywhere;font-family:ui-monospace,monospace}table{border-collapse:collapse;width:100%}"
    "tr{border-bottom:1px solid #8884}"
)


def _escaped(text: str) -> str:
    return html.escape(visible(text))


def _json(cases: list[Mapping[str, Any]], made: str) -> str:
    return json.dumps({"report": TITLE, "made": made, "files": cases}, indent=2) + "\n"


def _summary(cases: list[Mapping[str, Any]]) -> str:
    good = sum(1 for facts in cases if facts["verified"])
    return f"{good} of {len(cases)} verified."


_FORMATS: Mapping[str, Callable[[list[Mapping[str, Any]], str], str]] = {
    "markdown": _markdown,
    "html": _html,
    "json": _json,
}
