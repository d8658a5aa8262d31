"""The same store on a real PostgreSQL, started for this test. Skipped where there is none."""

import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from monitor import executors
from monitor.findings import Finding, Location, finding_id
from monitor.incidents import incident_key
from monitor.store import Batch, FindingFilter, NewCheckpoint, Store, Tell
from tests.unit.monitor.fakes import ORIGIN, World, fake_log, fake_scan
from verifier.errors import Refused

pytestmark = pytest.mark.integration

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def _binary(name: str) -> str | None:
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return shutil.which(name) or (str(found[-1]) if found else None)


def _as_server(folder: Path) -> list[str]:
    """PostgreSQL refuses to run as root: then as the user that its package made."""
    if os.geteuid() != 0:
        return []
    try:
        user = pwd.getpwnam("postgres")
    except KeyError:
        pytest.skip("PostgreSQL does not run as root, and there is no user postgres")
    os.chown(folder, user.pw_uid, user.pw_gid)
    folder.chmod(0o700)
    return ["runuser", "-u", "postgres", "--"]


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The URL of an empty server, without a database name."""
    pytest.importorskip("psycopg")
    initdb, control = _binary("initdb"), _binary("pg_ctl")
    if initdb is None or control is None:
        pytest.skip("no PostgreSQL here")
    with TemporaryDirectory(prefix="sigwarden-pg", dir="/tmp") as made:  # a socket's path has to be short
        folder = Path(made)
        prefix = _as_server(folder)
        data = str(folder / "data")
        subprocess.run(
            [*prefix, initdb, "-D", data, "-A", "trust", "-N", "-U", "postgres"], check=True, capture_output=True
        )
        options = f"-k {folder} -h '' -p 5432"
        start = [*prefix, control, "-D", data, "-w", "-l", str(folder / "log"), "-o", options, "start"]
        subprocess.run(start, check=True, capture_output=True)
        try:
            yield f"postgresql://postgres@/{{}}?host={folder}"
        finally:
            subprocess.run([*prefix, control, "-D", data, "-m", "immediate", "stop"], check=True, capture_output=True)


@pytest.fixture
def url(server: str, request: pytest.FixtureRequest) -> str:
    """A fresh database."""
    import psycopg

    name = f"t{abs(hash(request.node.name))}"
    with psycopg.connect(server.format("postgres"), autocommit=True) as c:
        c.execute(f'CREATE DATABASE "{name}" ENCODING utf8 TEMPLATE template0'.encode())
    return server.format(name)


def finding(number: int, text: str = "me@test") -> Finding:
    return Finding(
        id=finding_id("unexpected-identity", "w", number),
        kind="unexpected-identity",
        severity="high",
        log=ORIGIN,
        index=number,
        watch="w",
        identity=text,
        message=text,
        proven=False,
        seen_at=NOW,
        group=text,
        locations=(Location(ORIGIN, number),),
        facts={"run": text, "k": text},
        evidence={"body": b"\x00body"},
    )


def test_a_log_is_followed(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(executors, "scan_leaves", fake_scan)
    with Store(url, create=True) as store:
        store.bootstrap(NOW)
        world = World(store, fake_log(300))
        world.follow_from_start()
        store.acquire_lease(NOW)
        assert world.tick().verdict == "OK"
        world.log.tree.leaves += [b"watched 1", b"x", b"watched 1"]
        world.log.tree.grow(1000)
        result = world.tick()
        assert (result.verdict, result.proven_to, len(result.findings)) == ("OK", 1303, 1)
        world.log.served[1303] = b"lie"
        world.log.tree.grow(10)
        assert [one.kind for one in world.tick().findings] == ["root-mismatch"]
        found = store.finding(result.findings[0].id).finding
        assert found.proven
        assert "inclusion-proof" in found.evidence
        assert [place.index for place in found.locations] == [300, 302]
    with Store(url) as again:  # its chained history holds
        assert again.count(FindingFilter(kinds=("root-mismatch",))) == 1


def test_hostile_text(url: str) -> None:
    hostile = "a\x00b\n\udc80\u202e" + "x" * 9000
    with Store(url, create=True) as store:
        one = finding(1, hostile)
        store.commit_batch(Batch(ORIGIN, NOW, findings=(one,), tells=(Tell(one.id, "slack"),)))
        back = store.finding(one.id).finding
        assert (back.identity, back.group, back.facts["k"], back.evidence) == (hostile, hostile, hostile, one.evidence)
        assert store.incident(incident_key(one)).count == 1
        assert store.outbox_due(NOW)[0].channel == "slack"


def test_a_repeated_batch_and_two_writers(url: str) -> None:
    with Store(url, create=True) as store:
        assert len(store.commit_batch(Batch(ORIGIN, NOW, findings=(finding(1), finding(1))))) == 1
        assert store.commit_batch(Batch(ORIGIN, NOW, findings=(finding(1),))) == ()

    def work(worker: int) -> None:
        with Store(url) as mine:
            for number in range(20):
                one = replace(finding(worker * 1000 + number + 10), group="g")
                note = NewCheckpoint(one.index or 0, bytes(32), b"%d\n\nsig" % (one.index or 0), (), "grew")
                mine.commit_batch(Batch(ORIGIN, NOW, findings=(one,), checkpoints=(note,)))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    with Store(url) as store:
        assert sorted(one.count for one in store.incidents()) == [1, 80]
        assert [row.seq for row in store.checkpoints()] == list(range(1, 81))


def test_edited_history_lease_and_schema(url: str) -> None:
    import psycopg

    with Store(url, create=True) as store, Store(url) as other:
        store.commit_batch(Batch(ORIGIN, NOW, checkpoints=(NewCheckpoint(1, bytes(32), b"x\n\ny", (), "grew"),)))
        store.acquire_lease(NOW, "one:1:x")
        with pytest.raises(Refused) as caught:
            other.acquire_lease(NOW, "two:2:x")
        assert caught.value.code == "lease-held"
    with psycopg.connect(url, autocommit=True) as c:
        c.execute("UPDATE checkpoints SET size = 2")
    with pytest.raises(Refused) as caught:
        Store(url)
    assert caught.value.code == "state-tampered"
    with psycopg.connect(url, autocommit=True) as c:
        c.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(Refused) as caught:
        Store(url)
    assert caught.value.code == "store-schema"


def test_an_empty_database_is_refused(url: str) -> None:
    with pytest.raises(Refused) as caught:
        Store(url)
    assert caught.value.code == "store-missing"
