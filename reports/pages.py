"""What stands behind the first page? Coverage by range, what cannot be seen, findings, signers, rules, alerts, logs."""

from collections.abc import Sequence

from reports.document import Document, Line, Quoted, Section, Table, one
from reports.first_page import first_page, many, pause, stamp
from reports.report import Item, Report

_MOST_ROWS = 500
"""Rows of one table; what is left out is counted. The JSON holds everything."""


def document(report: Report) -> Document:
    """The whole report as sections."""
    as_of = f"as of {stamp(report.as_of)}" if report.as_of else "no log was ever looked at"
    return Document(
        title=(Quoted(report.title), " · what was seen in the transparency logs"),
        subtitle=f"{stamp(report.since)} to {stamp(report.until)} · {as_of} · instance {report.instance}",
        first_page=first_page(report),
        sections=(
            _coverage(report),
            _pauses(report),
            _blind(report),
            *_incidents(report),
            _signers(report),
            *_rules(report),
            _alerts(report),
            _events(report),
            _health(report),
        ),
    )


def _coverage(report: Report) -> Section:
    rows: list[tuple[Line, ...]] = []
    for log in report.logs:
        against = log.against
        root: Line = (Quoted(against.root), f" at size {against.size}") if against else one("no signed root yet")
        for span in log.ranges:
            shown = root if span.state == "proven" else (Quoted(span.note),)
            rows.append(((Quoted(log.origin),), one(f"[{span.start}, {span.end})"), one(span.state), shown))
    text = "A range is proven when its entries, read and hashed here, give the root that the log signed."
    return Section("Coverage", (one(text),), _table(("log", "entries", "state", "signed root, or why not"), rows))


def _pauses(report: Report) -> Section:
    rows = [((Quoted(log.origin),), one(pause(down))) for log in report.logs for down in log.pauses]
    rows += [
        ((Quoted(log.origin),), one(f"before {stamp(log.began)}, when watching began"))
        for log in report.logs
        if log.began
    ]
    return _or_nothing("Times without sight", ("log", "when"), rows, "Every log was looked at without a pause.")


def _blind(report: Report) -> Section:
    rows = [
        ((Quoted(blind.about),) if blind.about else one("everywhere"), one(blind.what), (Quoted(blind.note),))
        for blind in report.blind
    ]
    return Section("What could not be seen", (), _table(("where", "what", "note"), rows))


def _incidents(report: Report) -> list[Section]:
    shown = [_incident(item) for item in report.items[:_MOST_ROWS]]
    more = len(report.items) - len(shown)
    left = [Section("More findings", (one(f"and {more} more incidents: sigwarden findings list"),))] if more else []
    return [*(shown or [Section("Findings", (one("None."),))]), *left]


def _incident(item: Item) -> Section:
    first = item.findings[0]
    state = "open, acknowledged by nobody" if item.is_open else "kept"
    if item.ack is not None:
        state = f"acknowledged {stamp(item.ack.at)}"
    rows: list[tuple[Line, ...]] = [
        (one("finding"), one(f"{first.id}, {item.kind}, {item.severity}")),
        (one("watch"), (Quoted(item.watch),)),
        (
            one("seen"),
            one(f"{stamp(item.first_seen)} to {stamp(item.last_seen)}, {many(item.count, 'entry', 'entries')}"),
        ),
        (one("proven"), one(f"{item.proven} of {item.count}")),
        (one("identity"), (Quoted(first.identity),)),
        (one("message"), (Quoted(first.message),)),
        *((one(f"differs: {gap.field}"), _difference(gap.got, gap.expected)) for gap in first.differs),
        (one("same"), one(", ".join(first.same) or "-")),
        (one("where"), (Quoted(first.log), f" index {first.index}" if first.index is not None else "")),
        (one("state"), (state, *_acked(item))),
    ]
    title = f"{item.severity.upper()} · {item.headline} · {first.id}"
    return Section(title, (), _table(("", ""), rows))


def _difference(got: str, expected: tuple[str, ...]) -> Line:
    return (Quoted(got), " instead of ", Quoted(" or ".join(expected) or "nothing at all"))


def _acked(item: Item) -> Line:
    return (" by ", Quoted(item.ack.who), ": ", Quoted(item.ack.note)) if item.ack else ()


def _signers(report: Report) -> Section:
    rows = [
        (
            (Quoted(signer.watch),),
            (Quoted(signer.identity),),
            one(str(signer.expected)),
            one(str(signer.unexpected)),
            one("new" if signer.is_new else "known"),
        )
        for signer in report.signers
    ]
    heads = ("watch", "identity", "expected", "unexpected", "before")
    return _or_nothing("Signers", heads, rows, "Nobody signed in a watched name.")


def _rules(report: Report) -> list[Section]:
    return [
        Section(f"Rules changed {stamp(change.at)}", (one(f"now {change.sha256}"),), verbatim=change.difference)
        for change in report.rules
    ]


def _alerts(report: Report) -> Section:
    rows = [
        (
            (Quoted(told.channel),),
            one(str(told.sent)),
            one(str(told.pending)),
            one(str(told.dead)),
            one("-" if told.slowest is None else f"{told.slowest:.0f} s"),
            (Quoted(told.last_error),),
        )
        for told in report.told
    ]
    return _or_nothing(
        "Alerts", ("channel", "sent", "pending", "given up", "slowest", "last error"), rows, "None were owed."
    )


def _events(report: Report) -> Section:
    rows = [
        (one(stamp(event.at)), one(event.kind), (Quoted(event.about),), (Quoted(event.message),))
        for event in report.events
    ]
    return _or_nothing(
        "History", ("when", "what", "where", "details"), rows, "No log, key, trust root or watch changed."
    )


def _health(report: Report) -> Section:
    rows = [
        (
            (Quoted(log.origin),),
            one(log.kind),
            one(log.state),
            one(log.verdict),
            one(str(log.size)),
            one(str(log.proven_to)),
            one(stamp(log.looked_at)),
            (Quoted(log.message),),
        )
        for log in report.logs
    ]
    heads = ("log", "protocol", "state", "verdict", "size", "proven", "last look", "said")
    return _or_nothing("Logs", heads, rows, "No log is followed.")


def _or_nothing(title: str, heads: tuple[str, ...], rows: Sequence[tuple[Line, ...]], nothing: str) -> Section:
    return Section(title, (), _table(heads, rows)) if rows else Section(title, (one(nothing),))


def _table(heads: tuple[str, ...], rows: Sequence[tuple[Line, ...]]) -> Table:
    """At most `_MOST_ROWS` rows, and how many more there are."""
    if len(rows) <= _MOST_ROWS:
        return Table(heads, tuple(rows))
    filler: tuple[Line, ...] = ((),) * (len(heads) - 1)
    return Table(heads, (*rows[:_MOST_ROWS], (one(f"and {len(rows) - _MOST_ROWS} more"), *filler)))
