"""What was found, and who has looked at it? ``findings list | show | ack``."""

import getpass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.options import config_option, json_option, note, put, put_json

if TYPE_CHECKING:
    from monitor.store import StoredFinding

_OPEN_CLASSES = frozenset({"FINDING", "TAMPER", "SUSPECT", "DEGRADED"})


@click.group()
def findings() -> None:
    """List, show and acknowledge findings."""


@findings.command("list")
@config_option
@json_option
@click.option("--all", "everything", is_flag=True, help="Also what is expected, acknowledged or only an event.")
@click.option("--kind", multiple=True, help="Only this kind; repeat for more.")
@click.option("--watch", default="", help="Only this watch.")
@click.option("--log", default="", help="Only this log, by origin.")
@click.option("--group", default="", help="Only this incident.")
@click.option("--limit", type=click.IntRange(1), default=200, show_default=True, help="At most this many.")
def list_findings(
    config_path: Path,
    as_json: bool,
    everything: bool,
    kind: tuple[str, ...],
    watch: str,
    log: str,
    group: str,
    limit: int,
) -> None:
    """Findings, newest first: open ones unless --all."""
    from cli.config_file import load_config
    from cli.parts import open_store
    from monitor.findings import KINDS
    from monitor.store import FindingFilter

    kinds = kind or (() if everything else tuple(slug for slug, row in KINDS.items() if row.cls in _OPEN_CLASSES))
    which = FindingFilter(
        kinds=kinds,
        watch=watch,
        log=log,
        incident=group,
        acked=None if everything else False,
        limit=limit + 1,
        newest_first=True,
    )
    with open_store(load_config(config_path)) as store:
        found = store.findings(which)
    for one in found[:limit]:
        put_json(record(one)) if as_json else put(line(one))
    if len(found) > limit:
        note(f"... and more: this shows the newest {limit}; see --limit")
    elif not found and not as_json:
        note("No open findings." if not everything else "No findings.")


@findings.command("show")
@config_option
@json_option
@click.argument("finding_id", metavar="ID")
def show(config_path: Path, as_json: bool, finding_id: str) -> None:
    """One finding with all its facts. ID may be its first characters."""
    from cli.config_file import load_config
    from cli.parts import open_store

    with open_store(load_config(config_path)) as store:
        one = store.finding(finding_id)
    if as_json:
        put_json(record(one))
        return
    for text in sheet(one):
        put(text)


@findings.command("ack")
@config_option
@click.argument("finding_id", metavar="ID")
@click.option("--note", "words", required=True, help="Why this is all right: it stands in the report.")
@click.option("--by", default="", help="Who says so (default: you).")
def ack(config_path: Path, finding_id: str, words: str, by: str) -> None:
    """Acknowledge a finding and its whole incident. It is kept, with your note."""
    from cli.config_file import load_config
    from cli.parts import open_store
    from monitor.display import visible

    if not words.strip():
        raise click.UsageError("--note must say something")
    with open_store(load_config(config_path)) as store:
        done = store.ack(finding_id, who=by or getpass.getuser(), note=words, now=datetime.now(UTC))
    put(f"Acknowledged {done.finding.id}: {visible(done.finding.message)}")


def record(one: "StoredFinding") -> dict[str, Any]:
    """A stored finding as JSON."""
    from monitor.alerts.record import finding_record

    acked = {"at": one.acked_at.isoformat(), "by": one.acked_by, "note": one.ack_note} if one.acked_at else None
    return {"type": "finding", **finding_record(one.finding), "incident": one.incident, "acknowledged": acked}


def line(one: "StoredFinding") -> str:
    """A stored finding on one line."""
    from monitor.display import cut, visible

    finding = one.finding
    place = f"{finding.log}#{finding.index}" if finding.index is not None else finding.log
    proven = "PROVEN" if finding.proven else "pending"
    words = cut(visible(finding.message), 160)
    done = "  acknowledged" if one.acked_at else ""
    when = finding.seen_at.strftime("%Y-%m-%d %H:%M:%SZ")
    who = cut(visible(finding.identity), 100)
    return (
        f"{finding.id}  {when}  {finding.severity:<8} {finding.kind}  {proven}  {visible(place)}  {who}  {words}{done}"
    )


def sheet(one: "StoredFinding") -> list[str]:
    """A stored finding over several lines, for a terminal."""
    import json

    from monitor.alerts.record import facts_now
    from monitor.display import visible

    finding = one.finding
    rows = [
        ("Finding", finding.id),
        ("Kind", f"{finding.kind} ({finding.cls})"),
        ("Severity", finding.severity),
        ("State", "proven" if finding.proven else "pending: not yet in a root that the log signed"),
        ("Message", finding.message),
        ("Identity", finding.identity),
        ("Watch", finding.watch),
        ("Log", finding.log),
        ("Places", ", ".join(f"{place.log}#{place.index}" for place in finding.locations) or str(finding.index or "-")),
        ("Seen", finding.seen_at.isoformat()),
        ("Incident", one.incident),
    ]
    rows += [("Differs", f"{d.field}: {d.got} (expected {' or '.join(d.expected)})") for d in finding.differs]
    rows += [("Same", ", ".join(finding.same))] if finding.same else []
    rows += [(name, json.dumps(value, ensure_ascii=True, default=str)) for name, value in facts_now(finding).items()]
    if one.acked_at:
        rows.append(("Acknowledged", f"{one.acked_at.isoformat()} by {one.acked_by}: {one.ack_note}"))
    rows.append(("Evidence", ", ".join(finding.evidence) or f"sigwarden evidence export {finding.id}"))
    rows.append(("Runbook", f"docs/runbook.md#{finding.kind}"))
    return [f"{visible(name):<14}{visible(text)}" for name, text in rows]
