"""Reports from a real store: coverage first, everything hostile is text, equal bytes for equal states."""

import html.parser
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from monitor.findings import Difference
from monitor.store import Batch, GapRow, HealthRow, NewCheckpoint, Store, Tell
from monitor.timeline import Span, Timeline
from reports.render import FORMATS, render_report
from reports.report import Report, build_report
from tests.integration.daemon.rig import store_with_log, tick
from tests.unit.monitor.told import LOG, NOW, finding
from verifier.errors import Refused
from verifier.merkle import CompactRange, Frontier, Tree, hash_leaf

SINCE = NOW - timedelta(days=1)
UNTIL = NOW + timedelta(days=6)
HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "javascript:alert(1)",
    "[click](https://evil.test)",
    "![x](https://evil.test/x.png)",
    "https://evil.test/auto www.evil.test",
    "@everyone @acme/admins #1",
    "| a | b |\n|---|---|",
    "`` ` ``` \\` **bold** ~~~",
    "</style><style>body{display:none}</style>",
    "{{ 7 * 7 }} {% raw %}",
    "\x1b[31m\u202e\u2028\ud800",
    "=HYPERLINK()",
    "<!-- --> <![CDATA[",
    "a\n# Heading\n\n    code",
)


def frontier(size: int) -> Frontier:
    return Frontier.empty().extend(CompactRange.of_leaves(0, [hash_leaf(bytes([n])) for n in range(size)]))


def grow(store: Store, size: int, at_hours: float, *, proven: bool = True) -> None:
    """A signed head of `size`, and everything below it read."""
    at, top = NOW + timedelta(hours=at_hours), frontier(size)
    held = store.log(LOG)
    assert held is not None
    span = Span(0, size, "proven" if proven else "pending", Frontier.empty(), top)
    timeline = Timeline((span,), top.tree if proven else held.timeline.verified, None if proven else top.tree)
    note = NewCheckpoint(size, top.root, f"note {size}".encode(), ("aa" * 4,), "grew")
    store.commit_batch(Batch(LOG, at, timeline, Tree(size, top.root), checkpoints=(note,)))
    store.end_tick(HealthRow(LOG, "OK", at, at, at, at, size, size if proven else 0, 0, ""), "", ())


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = store_with_log(tmp_path / "state.db")
    yield made
    made.close()


def report(store: Store) -> Report:
    return build_report(store, SINCE, UNTIL, "acme")


def text(store: Store) -> str:
    return render_report(report(store), "markdown").decode()


def soon(store: Store, minutes: float = 12) -> Report:
    """A report while we are still looking: `grow(…, 0.1)` looks after six minutes."""
    return build_report(store, SINCE, NOW + timedelta(minutes=minutes), "acme")


def test_the_first_page_answers_in_order(store: Store) -> None:
    grow(store, 40, 0.1)
    found = [finding("expected-identity", n, facts={"run": f"run/{n % 3}"}) for n in range(20)] + [finding(number=30)]
    store.commit_batch(Batch(LOG, NOW, findings=tuple(found), tells=(Tell(found[-1].id, "sec"),)))
    lines = [line for line in text(store).splitlines() if line.startswith("| **")]
    assert [line.split("**")[1] for line in lines] == [
        "VERDICT", "COVERAGE", "BLIND", "OPEN", "EXPECTED", "RULES", "ALERTS", "CHECK"
    ]  # fmt: skip
    assert "0 contradictions, 0 suspicions, 1 finding," in lines[0]
    assert "100 % of \\[0, 40) read and proven, up to the newest head" in lines[1].replace("\\)", ")")
    assert "signed from an unexpected branch" in lines[3]
    assert "acknowledged by nobody" in lines[3]
    assert "20 signatures in 3 runs for 1 watch;" in lines[4]


def test_coverage_names_the_signed_root(store: Store) -> None:
    grow(store, 40, 0.1)
    (log,) = report(store).logs
    assert log.against is not None
    assert (log.against.root, log.against.size) == (frontier(40).root.hex(), 40)
    assert frontier(40).root.hex() in text(store)
    assert (log.first, log.last, log.proven, log.is_full) == (0, 40, 40, True)


def test_what_is_read_and_not_proven_is_not_called_proven(store: Store) -> None:
    grow(store, 40, 0.1, proven=False)
    made = report(store)
    (log,) = made.logs
    assert (log.proven, log.share, made.coverage) == (0, "0 %", "PARTIAL")
    assert not made.is_clean
    assert "read, not yet proven" in text(store)


def test_a_share_is_never_rounded_up(store: Store) -> None:
    (log,) = report(store).logs
    assert replace(log, first=0, last=100_000, proven=99_999).share == "99.9 %"


def test_first_day_5_an_outage_and_every_unread_range_are_in_the_report(store: Store) -> None:
    grow(store, 40, 0.1)
    tick(store, NOW + timedelta(hours=3), verdict="DEGRADED", size=40, proven=40)
    tick(store, NOW + timedelta(hours=3, minutes=5), verdict="DEGRADED", size=40, proven=40)
    tick(store, NOW + timedelta(hours=4), size=40, proven=40)
    tick(store, NOW + timedelta(hours=9), size=40, proven=40)
    held = store.log(LOG)
    assert held is not None
    left = Span(40, 90, "pending", frontier(40), frontier(90), "too much", is_read=False)
    timeline = Timeline((*held.timeline.spans, left), frontier(90).tree)
    note = NewCheckpoint(90, frontier(90).root, b"n", (), "grew")
    store.commit_batch(Batch(LOG, NOW + timedelta(hours=9), timeline, frontier(90).tree, checkpoints=(note,)))
    store.accept_gap(GapRow(LOG, 40, 90, NOW, "ann <b>", "too much"))
    made = report(store)
    whys = [(pause.why, (pause.end or UNTIL) - pause.start) for pause in made.logs[0].pauses]
    assert ("DEGRADED", timedelta(hours=1)) in whys
    assert ("we were not running", timedelta(hours=5)) in whys
    shown = text(store)
    assert "40, 90" in shown
    assert "accepted as a gap `by ann <b>: too much`" in shown
    assert made.coverage == "PARTIAL"


def test_what_is_open_from_before_the_period_is_still_shown(store: Store) -> None:
    old = finding(seen_at=NOW - timedelta(days=30))
    store.commit_batch(Batch(LOG, NOW, findings=(old,), tells=(Tell(old.id, "sec"),)))
    assert [item.kind for item in report(store).open_items] == ["unexpected-identity"]
    store.ack(old.id, who="ann", note="ours", now=NOW)
    assert report(store).items == ()


def test_an_answer_is_shown_with_its_words(store: Store) -> None:
    one = finding()
    store.commit_batch(Batch(LOG, NOW, findings=(one,), tells=(Tell(one.id, "sec"),)))
    store.ack(one.id, who="ann", note="release 7", now=NOW)
    assert report(store).open_items == ()
    assert "acknowledged 2026-11-23 02:17:19Z" in text(store)
    assert "release 7" in text(store)


def test_signers_are_new_or_known(store: Store) -> None:
    before = finding("expected-identity", 1, identity="old", seen_at=SINCE - timedelta(days=1))
    now = [finding("expected-identity", n, identity=name) for n, name in ((2, "old"), (3, "new"), (4, "new"))]
    store.commit_batch(Batch(LOG, NOW, findings=(before, *now)))
    signers = {one.identity: (one.expected, one.is_new) for one in report(store).signers}
    assert signers == {"old": (1, False), "new": (2, True)}


def test_98_a_change_of_the_rules_shows_its_difference(store: Store) -> None:
    store.add_rules("aa", 'ref = "refs/tags/v*"\n', SINCE - timedelta(days=1))
    store.add_rules("bb", 'ref = "refs/*"\n', NOW)
    (change,) = report(store).rules
    assert '-ref = "refs/tags/v*"' in change.difference
    assert '+ref = "refs/*"' in change.difference
    assert '+ref = "refs/*"' in text(store)


def test_alerts_sent_late_and_lost_are_counted(store: Store) -> None:
    many = [finding("fork", n, group=f"g{n}") for n in range(4)]
    tells = tuple(Tell(one.id, "sec") for one in many)
    store.commit_batch(Batch(LOG, NOW, findings=tuple(many), tells=tells))
    rows = store.outbox_due(NOW)
    store.outbox_done(rows[0].id, NOW + timedelta(seconds=9))
    store.outbox_failed(rows[1].id, "down", NOW + timedelta(seconds=5))
    store.outbox_done(rows[1].id, NOW + timedelta(seconds=250))
    store.outbox_dead(rows[2].id, NOW, "revoked")
    (told,) = report(store).told
    assert (told.sent, told.dead, told.pending, told.slowest, told.last_error) == (2, 1, 1, 250.0, "revoked")


@pytest.mark.parametrize("name", list(FORMATS))
def test_the_same_state_gives_the_same_bytes(store: Store, tmp_path: Path, name: str) -> None:
    grow(store, 40, 0.1)
    store.commit_batch(Batch(LOG, NOW, findings=tuple(finding(number=n, watch=f"w{n % 7}") for n in range(50))))
    first = render_report(report(store), name)
    with Store(tmp_path / "state.db") as again:
        assert render_report(report(again), name) == first


def poisoned(store: Store) -> None:
    """Findings, events, rules and errors that say everything hostile."""
    everything = " ".join(HOSTILE)
    findings = [
        finding(number=n, identity=bad, message=bad, watch=f"w{n}", differs=(Difference("ref", bad, (bad,)),))
        for n, bad in enumerate((*HOSTILE, everything))
    ]
    findings.append(finding("trust-changed", 900, message=everything, watch="", group="t"))
    store.commit_batch(Batch(LOG, NOW, findings=tuple(findings), tells=(Tell(findings[0].id, "sec"),)))
    store.outbox_failed(store.outbox_due(NOW)[0].id, everything, NOW)
    store.ack(findings[1].id, who=everything, note=everything, now=NOW)
    store.add_rules("aa", "x\n", NOW - timedelta(hours=1))
    store.add_rules("bb", everything.replace("\ud800", ""), NOW)


class Seen(html.parser.HTMLParser):
    """Tags and attributes of a page."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.text += data


OURS = {"html", "head", "meta", "title", "style", "body", "header", "main", "section", "h1", "h2", "p", "div"}
OURS |= {"table", "thead", "tbody", "tr", "th", "td", "code", "pre"}
ATTRIBUTES = {"lang", "charset", "http-equiv", "content", "name", "class", "scope"}


def test_45_html_holds_no_tag_of_an_attacker(store: Store) -> None:
    poisoned(store)
    page = render_report(build_report(store, SINCE, UNTIL, " ".join(HOSTILE)), "html").decode()
    seen = Seen()
    seen.feed(page)
    assert set(seen.tags) <= OURS
    assert {name for name, _ in seen.attributes} <= {
        "lang",
        "charset",
        "http-equiv",
        "content",
        "name",
        "class",
        "scope",
    }
    assert "<script>alert(1)</script>" in seen.text
    assert "{{ 7 * 7 }}" in seen.text
    assert seen.tags.count("style") == 1
    assert not set("\x1b\u202e\u2028") & set(page)
    (policy,) = [value for name, value in seen.attributes if name == "content" and value and "default-src" in value]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy
    assert "http://" not in page.split("<body>")[0]


def test_48_markdown_renders_nothing_of_an_attackers(store: Store) -> None:
    markdown = pytest.importorskip("markdown_it")
    poisoned(store)
    source = render_report(build_report(store, SINCE, UNTIL, " ".join(HOSTILE)), "markdown").decode()
    rendered = markdown.MarkdownIt("commonmark", {"html": True, "linkify": False}).enable("table").render(source)
    seen = Seen()
    seen.feed(rendered)
    assert set(seen.tags) <= {"h1", "h2", "p", "table", "thead", "tbody", "tr", "th", "td", "code", "pre", "strong"}
    outside_code = ""
    depth = 0
    for piece in rendered.replace("<code>", "\0<").replace("</code>", "\0>").split("\0"):
        depth += piece.startswith("<") - piece.startswith(">")
        outside_code += piece[1:] if depth <= 0 else ""
    for bad in ("@everyone", "@acme", "evil.test", "javascript:"):
        assert bad not in outside_code
    assert seen.tags.count("h1") == 1


def test_50_no_format_holds_a_control_character(store: Store) -> None:
    poisoned(store)
    for name in FORMATS:
        body = render_report(report(store), name).decode()
        assert not {char for char in body if ord(char) < 32 and char != "\n"}
        assert "\u202e" not in body


def test_json_holds_everything(store: Store) -> None:
    grow(store, 40, 0.1)
    poisoned(store)
    body = json.loads(render_report(soon(store), "json"))
    assert body["format"] == "sigwarden report v1"
    assert body["verdict"]["coverage"] == "FULL"
    assert body["logs"][0]["against"]["root"] == frontier(40).root.hex()
    identities = {one["identity"] for item in body["items"] for one in item["findings"]}
    assert {bad for bad in HOSTILE if "\ud800" not in bad} <= identities


def test_a_store_without_logs_is_not_clean(tmp_path: Path) -> None:
    with Store(tmp_path / "empty.db", create=True) as empty:
        made = build_report(empty, SINCE, UNTIL)
        assert made.coverage == "NONE"
        assert not made.is_clean
        assert "nothing was seen" in render_report(made, "markdown").decode()


def test_only_when_all_is_covered_and_nothing_open_it_says_clean(store: Store) -> None:
    grow(store, 40, 0.1)
    assert "CLEAN" in render_report(soon(store), "markdown").decode()
    tick(store, NOW + timedelta(minutes=9), verdict="DEGRADED", size=40, proven=40)
    assert "CLEAN" not in render_report(soon(store), "markdown").decode()


def test_a_monitor_that_stopped_is_no_quiet_log(store: Store) -> None:
    grow(store, 40, 0.1)
    stopped = NOW + timedelta(minutes=6)
    made = report(store)
    assert [(one.start, one.end, one.why) for one in made.logs[0].pauses] == [(stopped, None, "we were not running")]
    assert (made.coverage, made.is_clean) == ("PARTIAL", False)
    assert "without a pause" not in text(store)
    tick(store, UNTIL + timedelta(hours=1), size=40, proven=40)
    assert report(store).logs[0].pauses == made.logs[0].pauses  # also when we look again


def test_trouble_that_lasts_is_shown_from_its_first_moment_and_a_hiccup_is_not(store: Store) -> None:
    grow(store, 40, 0.1)
    for minute, verdict in ((7, "OPERATIONAL"), (8, "OK"), (9, "OPERATIONAL")):
        tick(store, NOW + timedelta(minutes=minute), verdict=verdict, size=40, proven=40)
    began = NOW + timedelta(minutes=9)
    made = soon(store)
    assert [(one.start, one.end, one.why) for one in made.logs[0].pauses] == [(began, None, "OPERATIONAL")]
    assert not made.is_clean
    tick(store, NOW + timedelta(minutes=18), verdict="DEGRADED", size=40, proven=40)
    tick(store, NOW + timedelta(minutes=25), size=40, proven=40)
    assert [(one.start, one.why) for one in soon(store, 30).logs[0].pauses] == [
        (began, "OPERATIONAL"),
        (NOW + timedelta(minutes=18), "DEGRADED"),
    ]


def test_before_watching_began_nothing_was_seen(store: Store) -> None:
    grow(store, 40, 0.1)
    assert soon(store).logs[0].began == NOW  # the first verdict in the history
    shown = render_report(soon(store), "markdown").decode()
    assert "watched since 2026-11-23 02:17:19Z" in shown
    assert "when watching began" in shown
    assert "without a pause" not in shown


def test_a_format_that_is_not_there_is_refused(store: Store) -> None:
    with pytest.raises(Refused):
        render_report(report(store), "pdf")
