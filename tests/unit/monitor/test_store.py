"""Our state: what a transaction holds together, what is refused, what cannot be edited unnoticed."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from monitor.findings import Finding, Location, finding_id
from monitor.incidents import incident_key
from monitor.logs.log import LogSpec
from monitor.store import (
    Batch,
    Condition,
    FindingFilter,
    GapRow,
    HealthRow,
    NewCheckpoint,
    NewLog,
    Remembered,
    Store,
    Tell,
)
from monitor.store.open import store_url
from monitor.store.schema import METADATA, safe_text
from monitor.timeline import Timeline
from verifier.errors import Refused, Unreachable
from verifier.merkle import Frontier, hash_leaf

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
LOG = "log.test"


def frontier(size: int) -> Frontier:
    at = Frontier.empty()
    for number in range(size):
        at = at.append(hash_leaf(b"%d" % number))
    return at


def finding(number: int, kind: str = "unexpected-identity", **other: object) -> Finding:
    made = Finding(
        id=finding_id(kind, "w", number),
        kind=kind,
        severity="high",
        log=LOG,
        index=number,
        watch="w",
        identity="me@test",
        message="differs",
        proven=False,
        seen_at=NOW,
        group="run/1",
        locations=(Location(LOG, number),),
        facts={"run": "run/1", "ref": ["refs/heads/x"]},
        evidence={"body": b"body"},
    )
    return replace(made, **other)  # type: ignore[arg-type]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "state.db"


@pytest.fixture
def store(place: Path) -> Iterator[Store]:
    with Store(place, create=True) as made:
        made.bootstrap(NOW)
        made.add_log(NewLog(LogSpec("rekor-v2", LOG, "http://x"), "svc", Timeline.from_start(), None), NOW)
        yield made


def edit(place: Path, statement: str, *values: object) -> None:
    with sqlite3.connect(place) as connection:
        connection.execute(statement, values)
    connection.close()


def history(store: Store, count: int = 3) -> None:
    for size in range(1, count + 1):
        note = NewCheckpoint(size, frontier(size).root, b"text %d\n\nsig" % size, ("aa",), "grew")
        store.commit_batch(Batch(LOG, NOW, checkpoints=(note,)))


# --- a missing, foreign, newer, half-made or edited database (rows 69, 70, 73) ------------------------------------


def test_row_69_a_missing_database_is_refused(place: Path) -> None:
    with pytest.raises(Refused) as caught:
        Store(place)
    assert caught.value.code == "store-missing"
    assert not place.exists()


def test_row_69_an_emptied_database_is_refused(place: Path) -> None:
    place.touch()
    with pytest.raises(Refused) as caught:
        Store(place)
    assert caught.value.code == "store-missing"


def test_row_69_never_initialised(place: Path) -> None:
    with Store(place, create=True) as made, pytest.raises(Refused) as caught:
        made.require_bootstrap()
    assert caught.value.code == "not-bootstrapped"


def test_another_instance_is_refused(store: Store) -> None:
    store.require_bootstrap(store.instance)
    with pytest.raises(Refused) as caught:
        store.require_bootstrap("0123456789abcdef")
    assert caught.value.code == "other-instance"


def test_bootstrap_keeps_its_instance(store: Store) -> None:
    assert store.bootstrap(NOW) == store.instance


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE checkpoints SET root = zeroblob(32) WHERE seq = 2",
        "UPDATE checkpoints SET note = x'00' WHERE seq = 1",
        "UPDATE checkpoints SET size = 9 WHERE seq = 3",
        "UPDATE checkpoints SET seen_at = '2020-01-01T00:00:00.000000+00:00' WHERE seq = 1",
        "DELETE FROM checkpoints WHERE seq = 1",
        "DELETE FROM checkpoints WHERE seq = 3",
        "DELETE FROM checkpoints",
        "UPDATE verdicts SET verdict = 'OK'",
        "DELETE FROM verdicts",
    ],
)
def test_row_70_an_edited_history_is_refused(store: Store, place: Path, statement: str) -> None:
    history(store)
    store.end_tick(HealthRow(LOG, "TAMPER", NOW, None, None, None, 3, 3, 1, "x"), "x", ())
    Store(place).close()
    edit(place, statement)
    with pytest.raises(Refused) as caught:
        Store(place)
    assert caught.value.code == "state-tampered"


def test_row_70_an_edited_position_is_refused(store: Store, place: Path) -> None:
    timeline = Timeline.from_start().aimed(frontier(5).tree)
    main = timeline.main
    assert main is not None
    store.commit_batch(Batch(LOG, NOW, timeline=timeline.read_to(main, frontier(5))))
    edit(place, "UPDATE logs SET verified_size = 5, verified_root = zeroblob(32)")
    with pytest.raises(Refused) as caught:
        store.log(LOG)
    assert caught.value.code == "state-tampered"


def test_row_73_a_newer_schema_is_refused(store: Store, place: Path) -> None:
    edit(place, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(Refused) as caught:
        Store(place)
    assert caught.value.code == "store-schema"


def test_row_73_a_foreign_database_is_refused(place: Path) -> None:
    edit(place, "CREATE TABLE other (a)")
    with pytest.raises(Refused) as caught:
        Store(place, create=True)
    assert caught.value.code == "store-schema"


def test_row_73_a_migration_that_dies_leaves_nothing(place: Path) -> None:
    """Killed in the middle of creating the schema, the database is empty, and the next try works."""
    code = (
        "import os, sys\n"
        "from alembic import op\n"
        "made = []\n"
        "create = type(op.create_table) and op.create_table\n"
        "from monitor.store.migrations.versions import v0001_first\n"
        "def dying(*args, **kwargs):\n"
        "    made.append(1)\n"
        "    if len(made) == 8: os.kill(os.getpid(), 9)\n"
        "    return create(*args, **kwargs)\n"
        "op.create_table = dying\n"
        "from monitor.store import Store\n"
        "Store(sys.argv[1], create=True)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(place)], env={**os.environ, "PYTHONPATH": "."}, check=False)
    assert done.returncode == -9
    with Store(place, create=True) as made:
        assert made.logs() == ()


def test_the_migrations_make_the_tables_of_the_schema(store: Store) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.runtime.migration import MigrationContext

    with store._engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []


# --- one transaction ----------------------------------------------------------------------------------------------


def test_a_batch_is_all_or_nothing(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    from monitor.store import outbox

    def fails(*_: object) -> None:
        raise OSError("power cut")

    timeline = Timeline.from_start().aimed(frontier(5).tree)
    assert timeline.main is not None
    batch = Batch(LOG, NOW, timeline=timeline.read_to(timeline.main, frontier(5)), findings=(finding(1),))
    with monkeypatch.context() as patch, pytest.raises(OSError, match="power cut"):
        patch.setattr(outbox, "tell", fails)
        store.commit_batch(batch)
    row = store.log(LOG)
    assert row is not None
    assert (row.timeline.spans, store.findings()) == ((), ())
    assert len(store.commit_batch(batch)) == 1


def test_a_repeated_batch_changes_nothing(store: Store) -> None:
    batch = Batch(LOG, NOW, findings=(finding(1), finding(2)), tells=(Tell(finding(1).id, "slack"),))
    assert len(store.commit_batch(batch)) == 2
    before = (store.findings(), store.outbox(), store.incidents(), store.counters())
    assert store.commit_batch(batch) == ()
    assert (store.findings(), store.outbox(), store.incidents(), store.counters()) == before


def test_settled_findings_are_proven_and_void_ones_never(store: Store) -> None:
    store.commit_batch(Batch(LOG, NOW, findings=(finding(1), finding(2), finding(9)), void=None))
    store.commit_batch(Batch(LOG, NOW, void=(2, 5)))
    store.commit_batch(Batch(LOG, NOW, settled=(0, 5)))
    assert [one.finding.proven for one in store.findings()] == [True, False, False]
    store.commit_batch(Batch(LOG, NOW, findings=(finding(2),)))  # read again, and there after all
    store.commit_batch(Batch(LOG, NOW, settled=(0, 10)))
    assert [one.finding.proven for one in store.findings()] == [True, True, True]


def test_a_void_finding_that_is_found_elsewhere_moves(store: Store) -> None:
    store.commit_batch(Batch(LOG, NOW, findings=(finding(2),)))
    store.commit_batch(Batch(LOG, NOW, void=(2, 3)))
    store.commit_batch(Batch(LOG, NOW, findings=(finding(2, index=7, locations=(Location(LOG, 7),)),)))
    one = store.findings()[0].finding
    assert (one.index, one.locations) == (7, (Location(LOG, 7),))


def test_hostile_text_comes_back_as_it_was(store: Store) -> None:
    hostile = "a\x00b\n\x1b[31m\udc80\u202e<!channel>" + "x" * 5000
    made = finding(1, identity=hostile, message=hostile, group=hostile, facts={"k": hostile})
    store.commit_batch(Batch(LOG, NOW, findings=(made,), tells=(Tell(made.id, "slack"),)))
    back = store.finding(made.id).finding
    assert (back.identity, back.message, back.group, back.facts) == (hostile, hostile, hostile, {"k": hostile})
    assert store.incident(incident_key(made)).count == 1


def test_safe_text_is_printable_and_bounded() -> None:
    shown = safe_text("a\x00\x1b\udc80\u202e\n" + "é" * 3000)
    assert shown.isprintable()
    assert len(shown) == 2000
    assert shown.startswith(r"a\x00\x1b\udc80\u202e\n")


# --- findings, incidents, outbox ----------------------------------------------------------------------------------


def test_a_finding_by_prefix(store: Store) -> None:
    made = [finding(number) for number in range(40)]
    store.commit_batch(Batch(LOG, NOW, findings=tuple(made)))
    assert store.finding(made[3].id.lower()).finding.id == made[3].id
    assert store.finding(made[3].id[2:]).finding.evidence == {"body": b"body"}
    for prefix in ("F-", "", "%", "nothing"):
        with pytest.raises(Refused) as caught:
            store.finding(prefix)
        assert caught.value.code == "finding-unknown"


def test_one_incident_one_message_then_more_later(store: Store) -> None:
    def commit(number: int, at: datetime) -> None:
        made = finding(number)
        store.commit_batch(Batch(LOG, at, findings=(made,), tells=(Tell(made.id, "slack"),)))

    for number in range(120):
        commit(number, NOW)
    due = store.outbox_due(NOW)
    assert [(m.channel, m.reason) for m in due] == [("slack", "new")]
    assert store.incident(due[0].incident).count == 120
    store.outbox_done(due[0].id, NOW, "thread-1")
    commit(200, NOW)
    assert store.outbox_due(NOW) == ()
    later = store.outbox_due(NOW + timedelta(minutes=11))
    assert [m.reason for m in later] == ["more"]
    assert store.incident(later[0].incident).threads == {"slack": "thread-1"}


def test_the_worst_is_due_first(store: Store) -> None:
    flood = [finding(n, group=f"g{n}", severity="low") for n in range(50)]
    bad = finding(99, group="bad", severity="critical")
    tells = tuple(Tell(one.id, "slack") for one in (*flood, bad))
    store.commit_batch(Batch(LOG, NOW, findings=(*flood, bad), tells=tells))
    assert store.outbox_due(NOW, limit=1)[0].incident == incident_key(bad)


def test_failed_dead_and_revived_messages(store: Store) -> None:
    made = finding(1)
    store.commit_batch(Batch(LOG, NOW, findings=(made,), tells=(Tell(made.id, "slack"),)))
    message = store.outbox_due(NOW)[0]
    store.outbox_failed(message.id, "503", NOW + timedelta(minutes=1))
    assert store.outbox_due(NOW) == ()
    store.outbox_dead(message.id, NOW, "revoked")
    assert store.outbox_depth() == {("slack", "dead"): 1}
    assert store.outbox_revive(NOW) == 1
    assert store.outbox_due(NOW)[0].attempts == 0


def test_ack_closes_the_incident_and_news_open_it_again(store: Store) -> None:
    made = [finding(n) for n in range(3)]
    store.commit_batch(Batch(LOG, NOW, findings=tuple(made), tells=tuple(Tell(m.id, "slack") for m in made)))
    acked = store.ack(made[0].id, who="ann", note="known\nrun", now=NOW)
    assert (acked.acked_by, acked.ack_note) == ("ann", r"known\nrun")
    assert store.count(FindingFilter(acked=False)) == 0
    assert [one.state for one in store.incidents()] == ["acked"]
    more = finding(7)
    store.commit_batch(Batch(LOG, NOW, findings=(more,), tells=(Tell(more.id, "slack"),)))
    assert [one.state for one in store.incidents()] == ["open"]


def test_what_is_not_told_makes_a_quiet_incident(store: Store) -> None:
    store.commit_batch(Batch(LOG, NOW, findings=(finding(1, kind="expected-identity", severity="info"),)))
    assert [one.state for one in store.incidents()] == ["quiet"]
    assert store.outbox() == ()


def test_filters(store: Store) -> None:
    store.commit_batch(
        Batch(LOG, NOW, findings=(finding(1), finding(2, watch="v"), finding(3, kind="fork", severity="critical")))
    )
    counts = [
        store.count(FindingFilter(**which))
        for which in (
            {"kinds": ("fork",)},
            {"watch": "v"},
            {"severities": ("high", "critical")},
            {"since": NOW},
            {"until": NOW},
            {"after": store.last_seq() - 1},
            {"log": "other"},
            {"proven": True},
        )
    ]
    assert counts == [1, 1, 3, 3, 0, 1, 0, 0]
    assert [one.finding.index for one in store.findings(FindingFilter(newest_first=True, limit=2))] == [3, 2]


def test_the_past_for_the_judge(store: Store) -> None:
    store.commit_batch(Batch(LOG, NOW, findings=(finding(1), finding(2), finding(3, kind="lookalike"))))
    past = Remembered(store)
    assert past.count("w") == 2
    assert past.seen("w", "ref", "refs/heads/x") == 2
    assert past.seen("w", "ref", "refs/heads/y") == 0
    assert past.run_count("w", "run/1", frozenset({finding(1).id})) == 1


def test_proofs_are_capped_only_for_what_anybody_can_make(store: Store) -> None:
    spam = [finding(n, kind="untrusted-chain", severity="low") for n in range(50)]
    real = [finding(n, group="g") for n in range(50, 100)]
    store.commit_batch(Batch(LOG, NOW, findings=(*spam, *real)))
    store.commit_batch(Batch(LOG, NOW, settled=(0, 100)))
    wanted = [store.finding(one.finding).finding.kind for one in store.proofs_wanted(LOG, 1000)]
    assert (wanted.count("untrusted-chain"), wanted.count("unexpected-identity")) == (20, 50)


# --- the rest -----------------------------------------------------------------------------------------------------


def test_verdicts_are_kept_when_they_change_when_we_were_away_and_hourly(store: Store) -> None:
    def end(minutes: int, verdict: str, message: str) -> None:
        at = NOW + timedelta(minutes=minutes)
        store.end_tick(HealthRow(LOG, verdict, at, at, None, None, 1, 1, 0, ""), message, ())

    for minutes, verdict in ((0, "OK"), (1, "OK"), (2, "SUSPECT"), (3, "SUSPECT"), (4, "OK"), (5, "OK"), (130, "OK")):
        end(minutes, verdict, verdict)
    rows = store.verdicts(LOG)
    assert [row.verdict for row in rows] == ["OK", "SUSPECT", "OK", "OK"]
    assert rows[-1].previous_tick == NOW + timedelta(minutes=5)


def test_conditions_and_gaps(store: Store) -> None:
    condition = Condition(LOG, "stale-head", NOW, NOW, 1, "x")
    store.end_tick(HealthRow(LOG, "OK", NOW, NOW, None, None, 1, 1, 0, ""), "", (condition,))
    assert store.conditions(LOG) == (condition,)
    store.end_tick(HealthRow(LOG, "OK", NOW, NOW, None, None, 1, 1, 0, ""), "", ())
    assert store.conditions() == ()
    with pytest.raises(Refused):
        store.accept_gap(GapRow(LOG, 0, 5, NOW, "ann", "too old"))


def test_an_accepted_gap_is_kept_for_ever(store: Store) -> None:
    at = Timeline.from_start().restarted(frontier(9), "skipped")
    store.commit_batch(Batch(LOG, NOW, timeline=at))
    store.accept_gap(GapRow(LOG, 0, 9, NOW, "ann", "too old"))
    row = store.log(LOG)
    assert row is not None
    assert [(span.verdict, span.note) for span in row.timeline.spans] == [("gap", "too old")]
    assert store.gaps() == (GapRow(LOG, 0, 9, NOW, "ann", "too old"),)


def test_rules_history(store: Store) -> None:
    assert store.add_rules("a" * 64, "one", NOW) is None
    assert store.add_rules("a" * 64, "one", NOW + timedelta(1)) is None
    before = store.add_rules("b" * 64, "two", NOW + timedelta(2))
    assert before is not None
    assert before.text == "one"
    assert [row.text for row in store.rules()] == ["one", "two"]


def test_row_71_the_lease(store: Store, place: Path) -> None:
    store.acquire_lease(NOW, "one:1:x")
    with Store(place) as other:
        with pytest.raises(Refused) as caught:
            other.acquire_lease(NOW + timedelta(seconds=59), "two:2:x")
        assert caught.value.code == "lease-held"
        other.acquire_lease(NOW + timedelta(seconds=61), "two:2:x")
        with pytest.raises(Refused) as caught:
            store.commit_batch(Batch(LOG, NOW, findings=(finding(1),)))
        assert caught.value.code == "lease-lost"
        assert other.findings() == ()
        other.release_lease(NOW)
    store.acquire_lease(NOW, "one:1:x")


def test_row_71_a_dead_holder_of_this_machine_gives_way(store: Store, place: Path) -> None:
    code = (
        "import sys\nfrom datetime import datetime\nfrom monitor.store import Store\n"
        "Store(sys.argv[1]).acquire_lease(datetime.fromisoformat(sys.argv[2]))\n"
    )
    subprocess.run(
        [sys.executable, "-c", code, str(place), NOW.isoformat()], env={**os.environ, "PYTHONPATH": "."}, check=True
    )
    store.acquire_lease(NOW)


def test_row_74_a_lease_from_the_future_does_not_lock_us_out(store: Store, place: Path) -> None:
    store.acquire_lease(NOW + timedelta(days=365), "one:1:x")
    with Store(place) as other:
        other.acquire_lease(NOW, "two:2:x")


def test_row_67_a_full_disk_is_an_error_of_ours_and_heals(store: Store, place: Path) -> None:
    with store._engine.connect() as connection:
        pages = connection.execute(text("PRAGMA page_count")).scalar_one()
        connection.execute(text(f"PRAGMA max_page_count = {pages}"))
    huge = finding(1, evidence={"body": bytes(1 << 20)})
    with pytest.raises(Unreachable) as caught:
        store.commit_batch(Batch(LOG, NOW, findings=(huge,)))
    assert caught.value.code == "store-full"
    with store._engine.connect() as connection:
        connection.execute(text("PRAGMA max_page_count = 1073741823"))
    assert len(store.commit_batch(Batch(LOG, NOW, findings=(huge,)))) == 1


def test_two_writers_lose_no_update(place: Path, store: Store) -> None:
    from concurrent.futures import ThreadPoolExecutor

    def work(worker: int) -> None:
        with Store(place) as mine:
            for number in range(25):
                mine.commit_batch(Batch(LOG, NOW, findings=(finding(worker * 1000 + number),)))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    assert store.incidents()[0].count == 100
    assert sum(count for *_, count in store.counters()) == 100


@pytest.mark.parametrize(
    ("given", "driver"),
    [
        ("postgresql://u:p@h/d", "postgresql+psycopg"),
        ("postgres://u:p@h/d", "postgresql+psycopg"),
        ("sqlite:////x.db", "sqlite"),
    ],
)
def test_urls(given: str, driver: str) -> None:
    assert store_url(given).drivername == driver


def test_a_password_is_in_no_message() -> None:
    with pytest.raises(Refused) as caught:
        Store("nonsense://user:secret@host/db")
    assert "secret" not in str(caught.value)
