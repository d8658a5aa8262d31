"""What could have happened without our seeing it?"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from monitor.store import FindingFilter, Store
from reports.coverage import LogCoverage


@dataclass(frozen=True, slots=True)
class Blind:
    """One thing that we cannot see. `about` is a log, or empty where it concerns all; `note` is what a person wrote."""

    about: str
    what: str
    note: str = ""


_ALWAYS = (
    Blind("", "signatures that were never put into a log, and keys without certificates that no watch names"),
    Blind("", "logs and shards that are not listed under coverage"),
)
_V2 = Blind("", "on Rekor v2: what an attestation is about (the log holds the digest of its envelope only)")
_NO_CT = Blind("", "certificates that were issued in your name and not used here: no CT log is followed")
_ONE_VIEW = Blind("", "whether the logs show others the same as us: no other observer's heads are compared")


def read_blindness(store: Store, logs: Sequence[LogCoverage], since: datetime, until: datetime) -> tuple[Blind, ...]:
    """Everything unread, everything unreadable, and what no reader of these logs can see."""
    found = [one for log in logs for one in _of_log(log)]
    for gap in store.gaps():
        if gap.at < until:
            note = f"by {gap.who or 'nobody named'}: {gap.note}"
            found.append(Blind(gap.origin, f"entries [{gap.start}, {gap.end}): accepted as a gap", note))
    unread = store.count(FindingFilter(kinds=("unreadable-entry",), since=since, until=until))
    found += [Blind("", f"{unread} entries that no reader understands, kept as bytes")] if unread else []
    kinds = {log.kind for log in logs}
    found += [_V2] if "rekor-v2" in kinds else []
    found += [_NO_CT] if not kinds & {"ct-static", "ct-rfc6962"} else []
    return (*found, *_ALWAYS, _ONE_VIEW)


def _of_log(log: LogCoverage) -> list[Blind]:
    if log.looked_at is None:
        return [Blind(log.origin, "it was never read")]
    missing = [one for one in log.ranges if one.state != "proven"]
    found = [Blind(log.origin, f"entries [{one.start}, {one.end}): {one.state}", one.note) for one in missing]
    if log.state == "archived":
        found.append(Blind(log.origin, "it is archived: nothing of it is read any more"))
    return found
