"""Where do we stand in each log, from our own state alone?"""

from datetime import UTC, datetime
from typing import Any

from cli.config_file import LoadedConfig
from cli.options import put, put_json
from cli.parts import freshness
from monitor.display import visible
from monitor.findings import KINDS, SEVERITIES
from monitor.health import Check, read_health
from monitor.store import FindingFilter, LogRow, Store


def show_status(config: LoadedConfig, store: Store, *, as_json: bool) -> int:
    """Print every log, what is not well, what is open and what is owed; 3 when anything is not well.

    One failed look is no fault of health (the freshness target decides that), and yet nothing is called well after it.
    """
    now = datetime.now(UTC)
    health = read_health(store, now, freshness(config))
    logs = store.logs()
    lately = [
        row
        for row in (store.health(log.origin) for log in logs if log.state != "archived")
        if row and row.verdict != "OK"
    ]
    well = health.ok and not lately
    opened = _open(store)
    pending = {f"{channel} {state}": count for (channel, state), count in store.outbox_depth().items()}
    if as_json:
        for log in logs:
            put_json(_log_record(store, log))
        put_json(
            {
                "type": "summary",
                "instance": store.instance,
                "healthy": health.ok,
                "well": well,
                "faults": [_fault(check) for check in health.faults],
                "open": opened,
                "outbox": pending,
            }
        )
        return 0 if well else 3
    put(f"Instance {store.instance}")
    for log in logs:
        for line in _log_lines(store, log):
            put(line)
    for check in health.faults:
        put(f"NOT WELL  {check.subject} {visible(check.name)}: {visible(check.message)}")
    faulty = {check.name for check in health.faults}
    for row in lately:
        if row.origin not in faulty:
            put(f"NOT WELL  log {visible(row.origin)}: the last look ended {row.verdict}: {visible(row.last_error)}")
    for name, count in pending.items():
        put(f"Outbox    {visible(name)}: {count}")
    if opened:
        words = ", ".join(f"{count} {severity}" for severity, count in opened.items())
        put(f"Open      {words}: sigwarden findings list")
    if well:
        put(
            "Nothing is open and every log is read as it should be."
            if not opened
            else "Every log is read as it should be."
        )
    return 0 if well else 3


def _open(store: Store) -> dict[str, int]:
    """How many findings nobody has acknowledged yet, by severity, gravest first; what is only kept is not counted."""
    kinds = tuple(slug for slug, kind in KINDS.items() if kind.cls not in ("OK", "event"))
    shown = (severity for severity in SEVERITIES if severity != "info")
    counts = {one: store.count(FindingFilter(kinds=kinds, severities=(one,), acked=False)) for one in shown}
    return {severity: count for severity, count in counts.items() if count}


def _fault(check: Check) -> dict[str, str]:
    return {"subject": check.subject, "name": check.name, "message": check.message}


def _log_record(store: Store, log: LogRow) -> dict[str, Any]:
    row = store.health(log.origin)
    return {
        "type": "log",
        "log": log.origin,
        "service": log.service,
        "state": log.state,
        "verdict": row.verdict if row else "",
        "last_pass": row.last_tick.isoformat() if row else None,
        "last_ok": row.last_ok.isoformat() if row and row.last_ok else None,
        "head": row.head_size if row else 0,
        "proven": log.timeline.proven_to,
        "lag": log.timeline.lag,
        "spans": [
            {"start": one.start, "end": one.end, "verdict": one.verdict, "note": one.note} for one in log.timeline.spans
        ],
    }


def _log_lines(store: Store, log: LogRow) -> list[str]:
    row = store.health(log.origin)
    last = f"{row.verdict} {row.last_tick:%Y-%m-%d %H:%M:%SZ}" if row else "never read"
    lines = [f"{visible(log.origin)}  {log.state}  {last}  proven to {log.timeline.proven_to}"]
    for span in log.timeline.spans:
        note = f"  {visible(span.note)}" if span.note else ""
        lines.append(f"    {span.verdict:<8} [{span.start}, {span.end}){note}")
    return lines
