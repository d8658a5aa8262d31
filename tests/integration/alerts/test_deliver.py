"""The outbox on a real store: what is owed is told once, late rather than never, and elsewhere if a channel is dead."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from monitor.alerts.channel import Channel, Message, Receipt, plain
from monitor.alerts.deliver import Deliverer
from monitor.alerts.outcome import GIVE_UP, DeliveryResult, wait
from monitor.alerts.routes import Repeat, Routes
from monitor.findings import Finding
from monitor.incidents import incident_key
from monitor.secrets import Redactor, Secret
from monitor.store import Batch, FindingFilter, Store, Tell
from tests.unit.monitor.told import LOG, NOW, finding
from verifier.errors import Refused, SigwardenError, Unreachable

DOWN = Unreachable("no connection", cause="connect")
REVOKED = Refused("Slack refused the message: invalid_auth", code="slack-invalid_auth")


class Recorder:
    """A channel that keeps what it takes and fails as it is told."""

    def __init__(self, name: str, *, follows: bool = False) -> None:
        self.name = name
        self.follows = follows
        self.taken: list[tuple[Message, str]] = []
        self.error: SigwardenError | Exception | None = None
        self.poison = ""
        self.tried = 0

    def send(self, message: Message, thread: str = "") -> Receipt:
        self.tried += 1
        if self.error is not None:
            raise self.error
        if self.poison and self.poison in plain(message.title):
            raise Refused("this one never", code="webhook-400")
        self.taken.append((message, thread))
        return Receipt(thread or (f"{self.name}/{len(self.taken)}" if self.follows else ""))

    def probe(self) -> None:
        if isinstance(self.error, SigwardenError):
            raise self.error

    def close(self) -> None:
        """Nothing is open."""

    @property
    def titles(self) -> list[str]:
        """Headlines of what was taken."""
        return [plain(message.title) for message, _ in self.taken]


class Rig:
    """A store, two channels, a clock."""

    def __init__(self, where: Path) -> None:
        self.store = Store(where, create=True)
        self.store.bootstrap(NOW)
        self.now = NOW
        self.sec, self.siem = Recorder("sec", follows=True), Recorder("siem")
        self.channels: dict[str, Channel] = {"sec": self.sec, "siem": self.siem}
        repeat = Repeat("critical", timedelta(minutes=15), ("siem",))
        self.routes = Routes(("sec", "siem"), {"critical": ("sec",), "high": ("sec",), "medium": ("sec",)}, {}, repeat)
        self.deliverer = self.start()

    def start(self) -> Deliverer:
        """A new process on the same store."""
        redact = Redactor([Secret("the-token-itself")])
        self.deliverer = Deliverer(self.store, self.channels, self.routes, redact=redact, jitter=lambda: 1.0)
        return self.deliverer

    def found(self, *findings: Finding) -> None:
        """Commit findings as a tick does."""
        tells = tuple(Tell(one.id, name) for one in findings for name in self.routes.of(one))
        self.store.commit_batch(Batch(LOG, self.now, findings=findings, tells=tells))

    def deliver(self, later: timedelta = timedelta()) -> DeliveryResult:
        """One pass, some time later."""
        self.now += later
        return self.deliverer.deliver(lambda: self.now)

    def kinds(self) -> list[str]:
        """Kinds of the findings in the store."""
        return [one.finding.kind for one in self.store.findings()]


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    made = Rig(tmp_path / "state.db")
    yield made
    made.store.close()


def test_one_incident_is_one_message_and_is_told_once(rig: Rig) -> None:
    rig.found(*(finding(number=n) for n in range(1, 121)))
    assert rig.deliver().sent == 1
    assert rig.sec.titles == ["HIGH · widget signed from an unexpected branch · 120 entries · NOT YET PROVEN"]
    assert rig.deliver(timedelta(days=1)).sent == 0
    assert rig.siem.taken == []


def test_expected_signatures_are_silence(rig: Rig) -> None:
    rig.found(*(finding("expected-identity", n) for n in range(120)))
    assert rig.deliver().sent == 0


def test_growth_follows_in_the_thread(rig: Rig) -> None:
    rig.found(finding())
    rig.deliver()
    rig.found(*(finding(number=n) for n in range(2, 41)))
    assert rig.deliver().sent == 0
    rig.deliver(timedelta(minutes=11))
    message, thread = rig.sec.taken[-1]
    assert (message.reason, thread) == ("more", "sec/1")
    assert "40 entries" in plain(message.title)


def test_65_a_restart_tells_what_was_owed_and_nothing_twice(rig: Rig) -> None:
    rig.found(finding(), finding("fork", 2, group="fork"))
    rig.sec.error = DOWN
    assert rig.deliver().pending == 2
    rig.sec.error = None
    rig.start()
    rig.deliver(timedelta(minutes=1))
    assert [title.split(" ")[0] for title in rig.sec.titles] == ["CRITICAL", "HIGH"]
    rig.start()
    assert rig.deliver(timedelta(minutes=1)).sent == 0
    ids = [message.id for message, _ in rig.sec.taken]
    assert len(set(ids)) == 2


def test_81_one_dead_channel_is_told_on_the_other_and_silences_nobody(rig: Rig) -> None:
    rig.sec.error = DOWN
    rig.found(finding("fork", group="fork"))
    rig.routes = Routes(("sec", "siem"), {}, {})
    rig.start()
    rig.found(finding(number=2))
    for _ in range(5):
        rig.deliver(timedelta(minutes=5))
    assert "undeliverable-alert" in rig.kinds()
    told = [title for title in rig.siem.titles if "a channel does not take our alerts" in title]
    assert len(told) == 1
    assert any("unexpected branch" in title for title in rig.siem.titles)
    rig.sec.error = None
    rig.deliver(timedelta(hours=1))
    assert any("cannot be of one tree" in title for title in rig.sec.titles)
    assert rig.deliver().failed == {}


def test_82_a_refusal_is_told_at_once(rig: Rig) -> None:
    rig.sec.error = REVOKED
    rig.found(finding())
    result = rig.deliver()
    assert "invalid_auth" in result.failed["sec"]
    rig.deliver(timedelta(seconds=1))
    assert [message.severity for message, _ in rig.siem.taken] == ["high"]
    assert "invalid_auth" in plain(rig.siem.taken[0][0].fields[0].lines[0])


def test_82_a_probe_makes_the_same_finding_once_a_day(rig: Rig) -> None:
    rig.sec.error = REVOKED
    assert rig.deliverer.probe(rig.now) == {"sec": str(REVOKED), "siem": ""}
    rig.deliverer.probe(rig.now + timedelta(minutes=10))
    assert rig.kinds() == ["undeliverable-alert"]


def test_81_after_a_day_of_outage_lesser_incidents_come_as_one_digest(rig: Rig) -> None:
    rig.sec.error = DOWN
    many = [finding("gap", n, group=f"gap/{n}", watch="") for n in range(40)]
    rig.found(*many, finding(number=100), finding("fork", 101, group="fork"))
    for _ in range(20):
        rig.deliver(timedelta(hours=1))
    assert rig.sec.tried <= 21
    rig.sec.error = None
    result = rig.deliver(timedelta(hours=2))
    assert (result.sent, result.folded, result.pending) == (3, 39, 0)
    assert [title.split(" ")[0] for title in rig.sec.titles] == ["CRITICAL", "HIGH", "MEDIUM"]
    digest = rig.sec.taken[2][0]
    assert "40 incidents" in plain(digest.title)
    assert "and 25 more" in plain(digest.fields[0].lines[-1])


def test_88_a_flood_does_not_delay_the_one_that_matters(rig: Rig) -> None:
    rig.routes = Routes(("sec",), {})
    rig.start()
    rig.found(*(finding("untrusted-chain", n, group=f"cert/{n}") for n in range(300)), finding(number=1000))
    result = rig.deliver()
    assert (result.sent, result.folded) == (2, 299)
    assert "unexpected branch" in rig.sec.titles[0]
    assert "300 incidents" in rig.sec.titles[1]


def test_an_unacknowledged_critical_repeats_once_on_the_second_channel(rig: Rig) -> None:
    rig.found(finding("fork", group="fork"))
    rig.deliver()
    rig.deliver(timedelta(minutes=14))
    assert rig.siem.taken == []
    rig.deliver(timedelta(minutes=2))
    rig.deliver(timedelta(hours=5))
    assert [message.reason for message, _ in rig.siem.taken] == ["repeat"]
    assert rig.siem.titles[0].startswith("NOT ACKNOWLEDGED · CRITICAL")


def test_an_acknowledged_critical_is_not_repeated(rig: Rig) -> None:
    one = finding("fork", group="fork")
    rig.found(one)
    rig.deliver()
    rig.store.ack(one.id, who="ann", note="known", now=rig.now)
    rig.deliver(timedelta(hours=1))
    assert rig.siem.taken == []


def test_90_what_comes_after_an_acknowledgement_is_told_and_repeated_again(rig: Rig) -> None:
    one = finding("fork", group="fork")
    rig.found(one)
    rig.deliver()
    rig.store.ack(one.id, who="ann", note="known", now=rig.now)
    rig.now += timedelta(hours=1)
    rig.found(finding("fork", 2, group="fork"))
    rig.deliver()
    assert len(rig.sec.taken) == 2
    rig.deliver(timedelta(minutes=20))
    assert [message.reason for message, _ in rig.siem.taken] == ["repeat"]


def test_a_hit_that_turns_proven_changes_its_message_where_that_is_possible(rig: Rig) -> None:
    rig.found(finding())
    rig.deliver()
    rig.store.commit_batch(Batch(LOG, rig.now, settled=(0, 100)))
    rig.deliver(timedelta(minutes=1))
    message, thread = rig.sec.taken[-1]
    assert (message.reason, thread) == ("proven", "sec/1")
    assert plain(message.title).endswith("· PROVEN")
    rig.deliver(timedelta(hours=1))
    assert len(rig.sec.taken) == 2


def test_a_message_that_is_never_taken_does_not_hold_up_the_others(rig: Rig) -> None:
    rig.sec.poison = "cannot be of one tree"
    rig.found(finding("fork", group="fork"), finding(number=2), finding("gap", 3, group="gap", watch=""))
    rig.deliver()
    assert len(rig.sec.taken) == 2
    assert rig.deliver().pending >= 1


def test_a_dead_letter_is_kept_and_said(rig: Rig) -> None:
    rig.sec.error = DOWN
    rig.found(finding())
    rig.deliver()
    result = rig.deliver(GIVE_UP + timedelta(hours=1))
    assert result.dead == 1
    assert not result.ok
    assert [row.state for row in rig.store.outbox(incident=incident_key(finding()))] == ["dead"]
    rig.sec.error = None
    rig.store.outbox_revive(rig.now)
    rig.deliver(timedelta(hours=2))
    assert len(rig.sec.taken) == 1


def test_a_bug_in_one_channel_is_its_failure_only(rig: Rig) -> None:
    rig.sec.error = RuntimeError("a bug with the-token-itself in it")
    rig.found(finding())
    result = rig.deliver()
    assert "sec" in result.failed
    assert "the-token-itself" not in str(result.failed)


def test_54_no_stored_error_holds_a_secret(rig: Rig) -> None:
    rig.sec.error = Refused("bad answer about the-token-itself", code="slack-x")
    rig.found(finding())
    rig.deliver()
    stored = [row.last_error for row in rig.store.outbox()] + [one.finding.message for one in rig.store.findings()]
    assert "the-token-itself" not in "".join(stored)
    assert "bad answer" in "".join(stored)


def test_what_was_owed_to_a_channel_that_is_gone_goes_to_the_others(rig: Rig) -> None:
    rig.sec.error = DOWN
    rig.found(finding("fork", group="fork"))
    rig.deliver()
    rig.channels = {"siem": rig.siem}
    rig.routes = Routes(("siem",), {})
    rig.start()
    rig.deliver(timedelta(minutes=1))
    assert len(rig.siem.taken) == 1


def test_67_what_was_sent_is_not_sent_again_when_the_store_could_not_note_it(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = Unreachable("the database did not take it: disk is full", code="store-full", cause="protocol")

    def fails(*_: object) -> None:
        raise full

    rig.found(finding())
    with monkeypatch.context() as patch:
        patch.setattr(rig.store, "outbox_done", fails)
        for _ in range(5):
            with pytest.raises(Unreachable):
                rig.deliver(timedelta(minutes=1))
    assert len(rig.sec.taken) == 1
    rig.deliver(timedelta(minutes=1))
    assert len(rig.sec.taken) == 1
    assert rig.store.outbox(state="pending") == ()


def test_67_what_the_disk_does_not_take_is_told_by_network_without_the_store(rig: Rig) -> None:
    unsaved = [finding("store-fault", log="", group="x", watch=""), finding(number=2), finding(number=3)]
    for minute in range(30):
        rig.deliverer.tell_unsaved(unsaved, NOW + timedelta(minutes=minute))
    assert len(rig.sec.taken) == 2
    assert "our own state cannot be written" in "".join(rig.sec.titles)
    assert rig.store.outbox() == ()


def test_facts_that_trip_the_wording_still_make_an_alert(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    def trips(*_: object, **__: object) -> None:
        raise KeyError("a bug")

    monkeypatch.setattr("monitor.alerts.deliver.build_message", trips)
    rig.found(finding())
    rig.deliver()
    assert "unexpected-identity" in rig.sec.titles[0]


@pytest.mark.parametrize(
    ("failures", "asked", "seconds"),
    [
        (1, None, 5),
        (2, None, 10),
        (3, None, 20),
        (30, None, 900),
        (1, 77, 77),
        (1, 10**9, 3600),
    ],
)
def test_waits_double_and_honour_the_server(failures: int, asked: float | None, seconds: float) -> None:
    error = Unreachable("later", retry_after=asked)
    assert wait(error, failures, lambda: 1.0) == timedelta(seconds=seconds)
    assert wait(error, failures, lambda: 0.0) >= timedelta(seconds=seconds) / 2


def test_a_slow_channel_does_not_hold_up_the_others(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monitor.alerts.deliver._PASS_SECONDS", -1.0)
    rig.found(*(finding("fork", n, group=f"fork/{n}") for n in range(5)))
    assert rig.deliver().pending == 5
    monkeypatch.undo()
    assert rig.deliver().pending == 0


def test_nothing_is_lost_when_the_clock_jumps_back(rig: Rig) -> None:
    rig.sec.error = DOWN
    rig.found(finding())
    rig.deliver()
    rig.sec.error = None
    clock: Callable[[], datetime] = lambda: NOW - timedelta(days=30)  # noqa: E731 - a clock
    rig.deliverer.deliver(clock)
    rig.deliver(timedelta(minutes=1))
    assert rig.store.count(FindingFilter()) >= 1
    assert len(rig.sec.taken) == 1
