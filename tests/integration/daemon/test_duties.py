"""Delivery, health, heartbeat and pages together, on a real store."""

import json
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from monitor.alerts.deliver import Deliverer
from monitor.alerts.routes import Routes
from monitor.duties import Duties, Sight
from monitor.health import Freshness, read_health
from monitor.heartbeat import Heartbeat
from monitor.metrics import Requests, Sources
from monitor.secrets import Secret
from monitor.store import Batch, Store, Tell
from monitor.web import Page, Web
from tests.integration.alerts.stand_in import StandIn, stand_in
from tests.integration.alerts.test_deliver import REVOKED, Recorder
from tests.integration.daemon.rig import store_with_log, tick
from tests.unit.monitor.told import LOG, NOW, finding
from verifier.errors import Refused, Unreachable
from verifier.fetch.http import Http, HttpPolicy


class Rig:
    """Duties on a store with one log and two channels, and a heartbeat service."""

    def __init__(self, where: Path, server: StandIn) -> None:
        self.store = store_with_log(where)
        self.now = NOW
        self.sec, self.siem = Recorder("sec"), Recorder("siem")
        self.routes = Routes(("sec", "siem"))
        self.skew: dict[str, float] = {}
        self.job_errors: dict[str, str] = {}
        self.server = server
        self.http = Http(HttpPolicy(secret_urls=True, retries=0))
        self.restart()

    def restart(self) -> None:
        """A new process on the same store."""
        heartbeat = Heartbeat(Secret(f"{self.server.url}/ping/hidden"), self.http)
        deliverer = Deliverer(self.store, {"sec": self.sec, "siem": self.siem}, self.routes, jitter=lambda: 1.0)
        sight = Sight(Freshness(), lambda: self.skew, lambda: self.job_errors)
        self.duties = Duties(self.store, deliverer, self.routes, sight, lambda: self.now, heartbeat)

    def beats(self) -> int:
        """How often the heartbeat service was called."""
        return len(self.server.taken)

    def kinds(self) -> list[str]:
        """Kinds of the findings stored."""
        return [one.finding.kind for one in self.store.findings()]


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    with stand_in() as server:
        made = Rig(tmp_path / "state.db", server)
        yield made
        made.http.close()
        made.store.close()


def test_the_heartbeat_beats_while_all_is_well(rig: Rig) -> None:
    assert rig.duties.check().ok
    assert rig.beats() == 1


def test_a_log_that_is_late_stops_the_heartbeat_and_is_a_finding_once(rig: Rig) -> None:
    for minute in range(16, 30):
        rig.now = NOW + timedelta(minutes=minute)
        tick(rig.store, rig.now, verdict="DEGRADED")
        assert not rig.duties.check().ok
    assert rig.beats() == 0
    assert rig.kinds() == ["behind"]
    rig.duties.deliver()
    assert "older than its target" in rig.siem.titles[0]
    tick(rig.store, rig.now)
    assert rig.duties.check().ok
    assert rig.beats() == 1


def test_a_restart_is_no_news_until_the_first_look_is_overdue(rig: Rig) -> None:
    rig.now = NOW + timedelta(days=2)
    rig.restart()
    assert not rig.duties.check().ok
    assert rig.kinds() == []
    rig.now += timedelta(minutes=16)
    assert not rig.duties.check().ok
    assert rig.kinds() == ["behind"]


def test_nobody_looking_stops_the_heartbeat_too(rig: Rig) -> None:
    rig.now = NOW + timedelta(hours=1)
    assert not rig.duties.check().ok
    assert rig.beats() == 0


def test_82_a_revoked_token_stops_the_heartbeat_and_is_told_elsewhere(rig: Rig) -> None:
    rig.sec.error = REVOKED
    assert not rig.duties.check().ok
    assert rig.beats() == 0
    rig.duties.deliver()
    assert len(rig.siem.taken) == 1
    seen_elsewhere = read_health(rig.store, rig.now, Freshness())
    assert "invalid_auth" in next(check.message for check in seen_elsewhere.faults)
    rig.sec.error = None
    rig.now += timedelta(minutes=11)
    tick(rig.store, rig.now)
    assert rig.duties.check().ok


def test_81_a_channel_that_fails_between_probes_is_seen(rig: Rig) -> None:
    rig.duties.check()
    rig.sec.error = Unreachable("no connection")
    one = finding()
    rig.store.commit_batch(Batch(LOG, rig.now, findings=(one,), tells=(Tell(one.id, "sec"),)))
    rig.duties.deliver()
    assert not rig.duties.check().ok


def test_74_a_wrong_clock_is_a_finding(rig: Rig) -> None:
    rig.skew = {"https://log.test": 4000.0}
    assert not rig.duties.check().ok
    assert rig.kinds() == ["clock-skew"]


def test_84_a_failing_job_is_a_failed_check(rig: Rig) -> None:
    rig.job_errors = {"poll public v2": "an error of our own: KeyError"}
    health = rig.duties.check()
    assert [check.name for check in health.faults] == ["poll public v2"]
    assert rig.beats() == 0


def test_64_a_lag_that_keeps_growing_is_told(rig: Rig) -> None:
    for minute in range(40):
        rig.now = NOW + timedelta(minutes=minute)
        tick(rig.store, rig.now, size=10_000 + 2_000 * minute, proven=1_000 * minute)
        rig.duties.check()
    assert "backlog" in rig.kinds()


def test_64_a_lag_that_shrinks_is_no_news(rig: Rig) -> None:
    for minute in range(40):
        rig.now = NOW + timedelta(minutes=minute)
        tick(rig.store, rig.now, size=100_000, proven=1_000 * minute)
        rig.duties.check()
    assert "backlog" not in rig.kinds()


def test_67_a_store_that_takes_nothing_stops_the_heartbeat_and_is_told_by_network(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = Unreachable("the database did not take it: database or disk is full", code="store-full", cause="protocol")

    def fails(*_: object, **__: object) -> None:
        raise full

    for name in ("set_meta", "commit_batch", "outbox_done", "outbox_failed", "outbox_add"):
        monkeypatch.setattr(rig.store, name, fails)
    for _ in range(3):
        assert not rig.duties.check().ok
    assert rig.beats() == 0
    assert len(rig.sec.taken) == len(rig.siem.taken) == 1
    assert "our own state" in rig.sec.titles[0]


def pages(rig: Rig, path: str) -> tuple[int, str]:
    """A page of the duties over HTTP."""
    requests = Requests(Counter({("https://u:p@log.test", "200"): 7, ("https://log.test", "timeout"): 2}), 4096, 1)
    sources = Sources(rig.store, rig.duties.health, lambda: requests, version="0.1.0")
    found = rig.duties.pages(sources)
    web = Web("127.0.0.1:0", found.get)
    web.start()
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{web.port}{path}", timeout=10) as reply:
            return reply.status, reply.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()
    finally:
        web.stop()


def test_ready_says_what_is_not_well(rig: Rig) -> None:
    rig.duties.check()
    assert pages(rig, "/readyz")[0] == 200
    rig.now += timedelta(hours=1)
    rig.duties.check()
    status, body = pages(rig, "/readyz")
    assert status == 503
    assert "not looked at" in next(check["message"] for check in json.loads(body)["checks"] if not check["ok"])


def test_metrics_are_what_the_store_holds(rig: Rig) -> None:
    hostile = 'x"}\n\x1bevil 1'
    tick(rig.store, NOW, size=120, proven=0)
    many = [finding(number=n, watch=hostile) for n in range(3)]
    rig.store.commit_batch(Batch(LOG, NOW, findings=tuple(many), tells=(Tell(many[0].id, "sec"),)))
    rig.duties.check()
    status, body = pages(rig, "/metrics")
    assert status == 200
    lines = body.splitlines()
    for line in (
        f'sigwarden_log_size{{log="{LOG}"}} 120.0',
        f'sigwarden_log_lag_entries{{log="{LOG}"}} 120.0',
        f'sigwarden_log_verdict{{log="{LOG}",verdict="OK"}} 1.0',
        'sigwarden_http_requests_total{host="https://log.test",status="200"} 7.0',
        'sigwarden_http_requests_total{host="https://log.test",status="timeout"} 2.0',
        'sigwarden_outbox_messages{channel="sec",state="pending"} 1.0',
        'sigwarden_incidents_open{severity="high"} 1.0',
        "sigwarden_healthy 1.0",
    ):
        assert line in lines
    assert any(line.startswith("sigwarden_findings_total{") and line.endswith("3.0") for line in lines)
    assert "u:p@" not in body
    assert "\x1b" not in body


def test_a_store_that_cannot_be_read_is_a_metric_not_a_crash(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise Refused("gone", code="store-missing")

    monkeypatch.setattr(rig.store, "logs", fails)
    status, body = pages(rig, "/metrics")
    assert status == 200
    assert "sigwarden_store_readable 0.0" in body
    assert "sigwarden_healthy 0.0" in body


def test_other_paths_and_broken_pages_are_answered(rig: Rig) -> None:
    def broken() -> Page:
        raise KeyError("secret")

    web = Web("127.0.0.1:0", lambda path: broken if path == "/broken" else None)
    web.start()
    try:
        for path, status in (("/broken", 500), ("/../etc/passwd", 404), ("/%0a", 404)):
            with pytest.raises(urllib.error.HTTPError) as caught:
                urllib.request.urlopen(f"http://127.0.0.1:{web.port}{path}", timeout=10)
            with caught.value as error:
                assert error.code == status
                assert b"secret" not in error.read()
    finally:
        web.stop()


@pytest.mark.parametrize("listen", ["127.0.0.1", "x:y", "127.0.0.1:99999", ":", "256.1.1.1:80", "host.invalid:1"])
def test_an_address_that_cannot_be_listened_on_is_refused(listen: str) -> None:
    with pytest.raises(Refused):
        Web(listen, lambda _path: None).start()


def test_what_is_kept_about_channels_survives(rig: Rig, tmp_path: Path) -> None:
    rig.sec.error = REVOKED
    rig.duties.check()
    with Store(tmp_path / "state.db") as other:
        assert not read_health(other, rig.now, Freshness()).ok
