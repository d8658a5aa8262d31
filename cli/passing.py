"""What is one pass over all logs, and what does it come to?

Every log is looked at, everything owed is delivered, our own health is judged; the worst of it is the exit code.
"""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from cli.logs import Followed
from cli.parts import secret
from cli.rules import note_changes
from cli.watchtower import Watchtower
from monitor.duties import Duties, Sight
from monitor.findings import SEVERITIES, Finding
from monitor.follow import TickResult, tick_service
from monitor.health import Freshness, Health
from monitor.heartbeat import Heartbeat
from monitor.machinery import VERDICTS, Limits, Verdict
from monitor.store import Store
from verifier.errors import SigwardenError
from verifier.fetch.http import Http

_MOST_THREADS = 8
_TOLD_FROM = SEVERITIES.index("medium")
_UNPRINTED = "once:unprinted"


@dataclass(slots=True)
class Pass:
    """What one pass saw. `undelivered` maps a channel to why it did not take what it was owed.

    `gaps` maps a log to how many of its entries nobody will read: those before the start, and accepted gaps.
    """

    ticks: list[TickResult] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    undelivered: dict[str, str] = field(default_factory=dict)
    gaps: dict[str, int] = field(default_factory=dict)
    sent: int = 0
    health: Health | None = None

    @property
    def verdict(self) -> Verdict:
        """The worst verdict of any log."""
        return max((tick.verdict for tick in self.ticks), key=VERDICTS.index, default="DEGRADED")

    @property
    def exit_code(self) -> int:
        """4 contradiction, 3 could not check everything, 1 unexpected findings, 0 clean: the highest that applies."""
        classes = {finding.cls for finding in self.findings}
        if self.verdict == "TAMPER" or "TAMPER" in classes:
            return 4
        blind = self.verdict != "OK" or any(tick.incomplete for tick in self.ticks)
        # what is wrong with a log is in its verdict; a clock or a store that cannot be trusted is in no log's
        own = self.health is not None and any(fault.subject in ("clock", "store") for fault in self.health.faults)
        if blind or own or self.undelivered or classes & {"DEGRADED", "SUSPECT"}:
            return 3
        return 1 if any(SEVERITIES.index(one.severity) <= _TOLD_FROM for one in self.findings) else 0

    def summary(self) -> dict[str, Any]:
        """The last line of ``--json``."""
        return {
            "type": "summary",
            "verdict": self.verdict,
            "logs": len(self.ticks),
            "findings": len(self.findings),
            "read": sum(tick.read for tick in self.ticks),
            "incomplete": any(tick.incomplete for tick in self.ticks),
            "alerts_sent": self.sent,
            "undelivered": self.undelivered,
            "healthy": bool(self.health and self.health.ok),
            "exit": self.exit_code,
        }


def make_duties(tower: Watchtower, sight: Sight | None = None) -> Duties:
    """Delivery, health and heartbeat of a watchtower."""
    config = tower.config
    beat = secret(config, config.file.heartbeat_url, "heartbeat_url")
    return Duties(
        tower.store,
        tower.deliverer,
        tower.routes,
        sight or Sight(freshness_of(tower.followed), skew=lambda: tower.http.stats.counts().date_skew),
        tower.clock,
        Heartbeat(beat, Http(tower.secret_policy)) if beat else None,
    )


def freshness_of(followed: Sequence[Followed]) -> Freshness:
    """The freshness targets of the configuration, by service."""
    return Freshness(by_name={one.service.name: one.section.freshness for one in followed})


def begin_printed(store: Store) -> int:
    """From which finding on a pass prints: where one that was killed before it had printed began, else from here on."""
    before = int(store.get_meta(_UNPRINTED) or store.last_seq())
    with suppress(SigwardenError):  # a full disk is the pass's business
        store.set_meta(_UNPRINTED, str(before))
    return before


def end_printed(store: Store) -> None:
    """All that the pass found is printed."""
    with suppress(SigwardenError):
        store.set_meta(_UNPRINTED, "")


def one_pass(
    tower: Watchtower, limits: Limits, stop: threading.Event | None = None, *, since: int | None = None
) -> Pass:
    """What changed in rules and trust; every log, side by side; delivery; health. Raises Refused(lease-lost) only.

    Its findings are those stored after `since` (by default, those that are new now).
    """
    store = tower.store
    before = store.last_seq() if since is None else since
    note_changes(tower)
    done = Pass()
    machinery = tower.machinery(limits, stop)
    with ThreadPoolExecutor(min(_MOST_THREADS, len(tower.followed)), thread_name_prefix="poll") as pool:
        for ticks in pool.map(lambda one: tick_service(one.service, machinery), tower.followed):
            done.ticks += ticks
    duties = make_duties(tower)
    done.health = duties.check()
    delivered = duties.deliver()
    done.sent, done.undelivered = delivered.sent, dict(delivered.failed)
    stored = [row.finding for row in store.new_findings(before)]
    unsaved = [finding for tick in done.ticks for finding in tick.unsaved]
    done.findings = stored + unsaved
    done.gaps = {
        log.origin: sum(span.end - span.start for span in log.timeline.spans if span.verdict == "gap")
        for log in store.logs()
    }
    return done
