"""Where do we stand in each log, from our own state alone?"""

from datetime import UTC, datetime
from typing import Any

from cli.config_file import LoadedConfig
from cli.options import put, put_json
from cli.parts import freshness
from monitor.display import visible
from monitor.health import Check, read_health
from monitor.store import LogRow, Store


def show_status(config: LoadedConfig, store: Store, *, as_json: bool) -> int:
    """Print every log, what is not well, and what is owed; 3 when anything is not well."""
    now = datetime.now(UTC)
    health = read_health(store, now, freshness(config))
    logs = store.logs()
    pending = {f"{channel} {state}": count for (channel, state), count in store.outbox_depth().items()}
    if as_json:
        for log in logs:
            put_json(_log_record(store, log))
        put_json(
            {
                "type": "summary",
                "instance": store.instance,
                "healthy": health.ok,
                "faults": [_fault(check) for check in health.faults],
                "outbox": pending,
            }
        )
        return 0 if health.ok else 3
    put(f"Instance {store.instance}")
    for log in logs:
        for line in _log_lines(store, log):
            put(line)
    for check in health.faults:
        put(f"NOT WELL  {check.subject} {visible(check.name)}: {visible(check.message)}")
    for name, count in pending.items():
        put(f"Outbox    {visible(name)}: {count}")
    if health.ok:
        put("Everything is well.")
    return 0 if health.ok else 3


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
