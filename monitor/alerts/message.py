"""What is said about an incident? Differs, Same, What, When, New?, Trust, Decide: what is not known is said too."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from monitor.alerts.channel import Field, Line, Link, Message, Quoted, Reason
from monitor.alerts.record import incident_record
from monitor.alerts.wording import OTHER, WORDS, headline
from monitor.findings import Difference, Finding
from monitor.incidents import Incident

_LISTED = 3
"""Different values shown of one thing; the rest is counted."""

_TRUST_CHECKS = ("chain", "sct", "signature", "inclusion")
_NO_DIGESTS = frozenset({"of", "released", "note"})
_OWN_STATES = frozenset({"ok", "not yet proven", "not checked", "not applicable"})
_LINKED_HOSTS = ("https://github.com/", "https://gitlab.com/")
"""Run and commit links are made from names in certificates: only hosts that people sign in to anyway become buttons."""


@dataclass(frozen=True, slots=True)
class Links:
    """Addresses of our own pages; empty where there are none. `runbook` is the page with one section for each kind."""

    runbook: str = ""


def build_message(
    incident: Incident,
    *,
    message_id: str,
    reason: Reason,
    now: datetime,
    channels: Sequence[str] = (),
    links: Links = Links(),
) -> Message:
    """The message about `incident` as it is `now`; `channels` are those that tell it, named when it is repeated."""
    first = incident.findings[0]
    words = WORDS.get(incident.kind, OTHER)
    fields = (
        *_what_differs(incident),
        _what(incident),
        _when(first, now, reason),
        *_judged(incident),
        _where(incident),
    )
    question, yes, no = (text.format(id=first.id) for text in (words.question, words.yes, words.no))
    decide = Field("Decide", ((question,), (f"yes -> {yes}",), (f"no -> {no} (runbook: {incident.kind})",)))
    return Message(
        id=message_id,
        reason=reason,
        severity=incident.severity,
        title=_title(incident, reason),
        fields=(*_why_again(incident, reason, channels), *fields, decide),
        links=_links(first, incident.kind, links),
        incident=incident.key,
        footer=(f"{first.id} · sigwarden findings show {first.id} · sigwarden evidence export {first.id}",),
        data=incident_record(incident, reason),
    )


def _title(incident: Incident, reason: Reason) -> Line:
    again = {"repeat": "NOT ACKNOWLEDGED · ", "more": "MORE · "}.get(reason, "")
    subject = Quoted(incident.watch or (incident.logs[0] if incident.logs else "sigwarden"))
    times = f" · {incident.count} entries" if incident.count > 1 else ""
    return (f"{again}{incident.severity.upper()} · ", subject, f" {headline(incident)}{times}{_state(incident)}")


def _state(incident: Incident) -> str:
    """Whether the entries hash into a signed root; said of entries only, not of our own machinery."""
    if incident.cls != "FINDING":
        return ""
    if incident.proven == incident.count:
        return " · PROVEN"
    return " · NOT YET PROVEN" if not incident.proven else f" · {incident.proven} of {incident.count} PROVEN"


def _why_again(incident: Incident, reason: Reason, channels: Sequence[str]) -> tuple[Field, ...]:
    if reason != "repeat":
        return ()
    told = f" on {', '.join(channels)}" if channels else ""
    since = incident.first_seen.astimezone(UTC).strftime("%a %H:%M:%SZ")
    return (Field("Again", ((f"first seen {since}{told}; nobody has acknowledged it",),)),)


def _what_differs(incident: Incident) -> tuple[Field, ...]:
    if incident.cls != "FINDING":
        return (Field("Says", tuple((Quoted(text),) for text in _some([f.message for f in incident.findings]))),)
    values: dict[str, list[Difference]] = {}
    for finding in incident.findings:
        for difference in finding.differs:
            values.setdefault(difference.field, []).append(difference)
    lines = [_difference(name, found) for name, found in values.items()]
    if not lines:
        lines = [(Quoted(text),) for text in _some([finding.message for finding in incident.findings])]
    same = ", ".join(_spoken(name) for name in incident.findings[0].same)
    return (Field("Differs", tuple(lines)), Field("Same", ((same or "nothing else is expected",),)))


def _difference(name: str, found: Sequence[Difference]) -> Line:
    line: list[str | Quoted] = [f"{_spoken(name)} "]
    distinct = list(dict.fromkeys(item.got for item in found))
    for position, got in enumerate(distinct[:_LISTED]):
        line += [", " if position else "", Quoted(got) if got else "absent"]
    if len(distinct) > _LISTED:
        line.append(f" and {len(distinct) - _LISTED} more")
    expected = found[0].expected
    line.append(" (expected " if expected else " (nothing is expected")
    for position, value in enumerate(expected[:_LISTED]):
        line += [" or " if position else "", Quoted(value)]
    line.append(f" or {len(expected) - _LISTED} more)" if len(expected) > _LISTED else ")")
    return tuple(line)


def _what(incident: Incident) -> Field:
    if incident.cls != "FINDING":
        times = "" if incident.count == 1 else f"{incident.count} findings; "
        return Field("What", ((f"{times}{WORDS.get(incident.kind, OTHER).headline}",),))
    entries = "1 entry" if incident.count == 1 else f"{incident.count} entries"
    first = incident.findings[0]
    line: tuple[str | Quoted, ...] = (f"{entries}, by ", Quoted(first.identity or "an unnamed key"))
    return Field("What", (line, *_artifacts(incident)))


def _artifacts(incident: Incident) -> tuple[Line, ...]:
    facts = [fact for finding in incident.findings if (fact := _mapping(finding.facts.get("artifact")))]
    if not facts:
        return (("artifact: not known from the log entry",),)
    lines = list(dict.fromkeys(_artifact(fact) for fact in facts[:_LISTED]))
    notes = dict.fromkeys(str(fact["note"]) for fact in facts if fact.get("note"))
    if incident.count > len(facts[:_LISTED]):
        lines.append((f"and {incident.count - len(facts[:_LISTED])} more",))
    return (*lines, *((Quoted(note),) for note in notes))


def _artifact(fact: Mapping[str, Any]) -> Line:
    """The longest digest, what it is of, and whether it was released."""
    digests = [f"{name}:{value}" for name, value in fact.items() if name not in _NO_DIGESTS and isinstance(value, str)]
    if not digests:
        return ("artifact: not named in the log entry",)
    known = fact.get("released")
    released = f", {'in' if known else 'not in'} the released list" if isinstance(known, bool) else ""
    return (f"{_spoken(str(fact.get('of', 'artifact')))} ", Quoted(max(digests, key=len)), released)


def _when(finding: Finding, now: datetime, reason: Reason) -> Field:
    time = _mapping(finding.facts.get("time"))
    at = _moment(time.get("at"))
    parts: list[str] = []
    if at:
        parts.append(f"{at:%a %d %b %H:%M:%SZ} ({time.get('source') or 'source not known'})")
    elif time.get("after") and time.get("before"):
        parts.append(f"between two heads, {time['after']} and {time['before']}")
    elif finding.cls == "FINDING":
        parts.append("time of signing: not known (the log gives none)")
    begin, end = _moment(time.get("not_before")), _moment(time.get("not_after"))
    if begin and end:
        parts.append(f"certificate {begin:%H:%M:%S}–{end:%H:%M:%SZ}")
    parts.append(f"seen {finding.seen_at.astimezone(UTC):%a %d %b %H:%M:%SZ}")
    if reason == "new":  # a later message would tell its own age, not how quick we were
        parts.append(f"told after {_duration((now - (at or finding.seen_at)).total_seconds())}")
    return Field("When", (("; ".join(parts),),))


def _judged(incident: Incident) -> tuple[Field, ...]:
    """New? and Trust: only for what somebody signed."""
    if incident.cls != "FINDING":
        return ()
    first = incident.findings[0]
    return (Field("New?", (_history(first),)), Field("Trust", (_trust(first),)))


def _history(finding: Finding) -> Line:
    history = _mapping(finding.facts.get("history"))
    if not history:
        return ("not known: no history of this watch yet",)
    earlier = history.get("same_watch", 0)
    first = [
        _spoken(name.removeprefix("same_")) for name, count in history.items() if name != "same_watch" and not count
    ]
    seen = f"{earlier} earlier {'signature' if earlier == 1 else 'signatures'} of this watch"
    return (f"first time on this {', '.join(first)}; {seen}" if first else f"not the first; {seen}",)


def _trust(finding: Finding) -> Line:
    trust = {**_mapping(finding.facts.get("trust")), "inclusion": "ok" if finding.proven else "not yet proven"}
    line: list[str | Quoted] = []
    for name in _TRUST_CHECKS:
        state = trust.get(name) or "not checked"
        line += [" · " if line else "", f"{'SCT' if name == 'sct' else name} "]
        line.append(state if state in _OWN_STATES else Quoted(str(state)))
    return tuple(line)


def _where(incident: Incident) -> Field:
    first = incident.findings[0]
    index = "" if first.index is None else f", index {first.index}"
    places = len(first.locations) - 1
    also = f", and in {places} more {'place' if places == 1 else 'places'}" if places > 0 else ""
    return Field("Where", ((Quoted(first.log or "sigwarden itself"), f"{index}{also}"),))


def _links(finding: Finding, kind: str, links: Links) -> tuple[Link, ...]:
    found = _mapping(finding.facts.get("links"))
    made = [Link(label, url) for label, key in (("Run", "run"), ("Commit", "commit")) if (url := _safe(found.get(key)))]
    if finding.kind == "untrusted-chain":
        made = []  # anyone can put any address into a certificate of his own
    return (*made, Link("Runbook", f"{links.runbook}#{kind}")) if links.runbook else tuple(made)


def _safe(url: object) -> str:
    """`url` with everything unusual percent-encoded, or nothing if it leads elsewhere than people expect."""
    if not isinstance(url, str) or not url.startswith(_LINKED_HOSTS):
        return ""
    host = next(host for host in _LINKED_HOSTS if url.startswith(host))
    return host + quote(url[len(host) :], safe="/-._~%?=&", errors="replace")


def _some(texts: Sequence[str]) -> list[str]:
    distinct = list(dict.fromkeys(texts))
    more = [f"and {len(distinct) - _LISTED} more"] if len(distinct) > _LISTED else []
    return distinct[:_LISTED] + more


def _spoken(name: str) -> str:
    return name.replace("_", " ").replace("-", " ")


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _moment(value: object) -> datetime | None:
    try:
        if isinstance(value, int | float):
            return datetime.fromtimestamp(value, UTC)
        return datetime.fromisoformat(value).astimezone(UTC) if isinstance(value, str) else None
    except (ValueError, OverflowError, OSError):  # a log may claim any time
        return None


def _duration(seconds: float) -> str:
    """``3 m 12 s``, ``2 h 5 m``, ``3 d 4 h``."""
    left = max(0, round(seconds))
    parts = [(left // 86400, "d"), (left // 3600 % 24, "h"), (left // 60 % 60, "m"), (left % 60, "s")]
    shown = [f"{number} {unit}" for number, unit in parts if number]
    return " ".join(shown[:2]) or "0 s"
