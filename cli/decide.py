"""What does a person decide about a log? That it is gone for good, or that a range stays unread. Both are kept."""

import getpass
from datetime import UTC, datetime
from pathlib import Path

from cli.config_file import load_config
from cli.options import put
from cli.parts import open_store
from monitor.display import visible
from monitor.store import Batch, GapRow, Store
from monitor.trouble import log_finding
from verifier.errors import Refused


def archive(path: Path, origin: str, words: str) -> None:
    """Stop following a log that went away; its last verified head and all findings stay."""
    with open_store(load_config(path)) as store:
        _known(store, origin)
        now = datetime.now(UTC)
        message = f"{origin}: archived, nothing of it is read any more: {words}"
        found = log_finding("gap-accepted", origin, ("archived", now.isoformat()), message, now, facts=_who(words))
        store.commit_batch(Batch(origin, now, state="archived", findings=(found,)))
    put(f"{visible(origin)} is archived. Its last verified head is kept; reports say that it is not read any more.")


def accept(path: Path, origin: str, start: int, end: int, words: str) -> None:
    """Accept that [start, end) stays unread. Refused where it is read already, or no range."""
    if end <= start:
        raise Refused(f"[{start}, {end}) is no range", code="usage", hint="END is one past the last entry")
    with open_store(load_config(path)) as store:
        _known(store, origin)
        now = datetime.now(UTC)
        store.acquire_lease(now)
        try:
            store.accept_gap(GapRow(origin, start, end, now, getpass.getuser(), words))
            message = f"{origin}: entries [{start}, {end}) are accepted as unread: {words}"
            found = log_finding("gap-accepted", origin, (start, end), message, now, facts=_who(words))
            store.commit_batch(Batch(origin, now, findings=(found,)))
        finally:
            store.release_lease(datetime.now(UTC))
    put(f"{visible(origin)}: [{start}, {end}) is a gap now, and stands in every report with your note.")


def _who(words: str) -> dict[str, str]:
    return {"by": getpass.getuser(), "note": words}


def _known(store: Store, origin: str) -> None:
    if store.log(origin) is None:
        known = ", ".join(row.origin for row in store.logs()) or "none"
        raise Refused(f"no log {origin} is followed", code="log-unknown", hint=f"there are: {known}")
