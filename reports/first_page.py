"""What does the analyst sign off? One line for each question, coverage before anything else."""

from collections.abc import Iterator
from datetime import UTC, datetime

from reports.blindness import Blind
from reports.coverage import LogCoverage, Pause
from reports.document import Entry, Line, Quoted, one
from reports.report import Item, Report

_LISTED = 8


def first_page(report: Report) -> tuple[Entry, ...]:
    """VERDICT, COVERAGE, BLIND, OPEN, EXPECTED, RULES, ALERTS, CHECK."""
    return (
        Entry("VERDICT", (one(_verdict(report)),)),
        Entry("COVERAGE", tuple(_coverage(report)) or (one("no log is followed: nothing was seen"),)),
        Entry("BLIND", tuple(_short([blind_line(blind) for blind in report.blind]))),
        Entry("OPEN", tuple(_short([_open(item) for item in report.open_items])) or (one("nothing"),)),
        Entry("EXPECTED", (one(_expected(report)),)),
        Entry("RULES", (one(_rules(report)),)),
        Entry("ALERTS", tuple(_alerts(report)) or (one("none were owed"),)),
        Entry(
            "CHECK", (one("sigwarden evidence export ID > FILE; sigwarden evidence verify FILE (needs no network)"),)
        ),
    )


def stamp(at: datetime | None) -> str:
    """``2026-11-23 02:14:07Z``, the one way in which a report writes times."""
    return "never" if at is None else at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def many(number: int, noun: str, nouns: str = "") -> str:
    """``1 run``, ``3 runs``."""
    return f"{number} {noun if number == 1 else nouns or noun + 's'}"


def pause(one_pause: Pause) -> str:
    """From when to when, and why."""
    end = stamp(one_pause.end) if one_pause.end else "now"
    return f"{stamp(one_pause.start)} to {end} ({one_pause.why})"


def _verdict(report: Report) -> str:
    parts = [
        many(report.open_of("TAMPER"), "contradiction"),
        many(report.open_of("SUSPECT"), "suspicion"),
        many(report.open_of("FINDING"), "finding"),
        many(report.open_of("DEGRADED"), "fault of our own", "faults of our own"),
    ]
    clean = "CLEAN: " if report.is_clean else ""
    return f"{clean}open: {', '.join(parts)}; coverage {report.coverage}"


def _coverage(report: Report) -> Iterator[Line]:
    for log in report.logs:
        yield (Quoted(log.origin), f" {_share(log)}")
        if log.began:
            yield (f"  watched since {stamp(log.began)}",)
        for down in log.pauses:
            closed = ", since closed" if down.end and log.is_full else ""
            yield (f"  not seen {pause(down)}{closed}",)


def _share(log: LogCoverage) -> str:
    if log.looked_at is None:
        return "never read"
    lag = f"{many(log.lag, 'entry', 'entries')} behind the newest head" if log.lag else "up to the newest head seen"
    unread = sum(span.end - span.start for span in log.ranges if span.state != "proven")
    gap = f"; {many(unread, 'entry', 'entries')} not proven" if unread and not log.lag else ""
    verdict = "" if log.verdict == "OK" else f"; {log.verdict}"
    return f"{log.share} of [{log.first}, {log.last}) read and proven, {lag}{gap}{verdict}"


def blind_line(blind: Blind) -> Line:
    """What we cannot see, where, and what a person wrote about it."""
    about: Line = (Quoted(blind.about), ": ") if blind.about else ()
    return (*about, blind.what, " ", Quoted(blind.note)) if blind.note else (*about, blind.what)


def _open(item: Item) -> Line:
    times = f", {many(item.count, 'entry', 'entries')}" if item.count > 1 else ""
    subject = item.watch or item.findings[0].log or "sigwarden"
    proven = "" if item.cls != "FINDING" or item.proven == item.count else ", not yet proven"
    said = f" {item.headline}{times}{proven}, found {stamp(item.first_seen)}, acknowledged by nobody"
    return (f"{item.findings[0].id}  {item.severity.upper()}  ", Quoted(subject), said)


def _expected(report: Report) -> str:
    new = sum(signer.is_new for signer in report.signers)
    expected = report.expected
    return (
        f"{many(expected.signatures, 'signature')} in {many(expected.runs, 'run')} "
        f"for {many(expected.watches, 'watch', 'watches')}; {many(len(report.signers), 'signer')}, {new} new"
    )


def _rules(report: Report) -> str:
    if not report.rules:
        return "no change"
    times = ", ".join(stamp(change.at) for change in report.rules[:_LISTED])
    return f"{many(len(report.rules), 'change')}: {times} (differences below)"


def _alerts(report: Report) -> Iterator[Line]:
    for told in report.told:
        slowest = "" if told.slowest is None else f"; slowest {told.slowest:.0f} s"
        owed = f"{told.pending} pending, {told.dead} given up"
        error: Line = ("; last error: ", Quoted(told.last_error)) if told.last_error else ()
        yield (Quoted(told.channel), f" {told.sent} sent, {owed}{slowest}", *error)


def _short(lines: list[Line]) -> list[Line]:
    more = [one(f"and {len(lines) - _LISTED} more, below")] if len(lines) > _LISTED else []
    return lines[:_LISTED] + more
