"""Do whole ticks follow real logs from every head to the next, and find in them what is there?"""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from monitor.assess import assess_all, unreadable_finding
from monitor.executors import InProcess
from monitor.findings import Finding
from monitor.follow import tick_service
from monitor.judge import Rules
from monitor.logs.discover import LogPin, discover
from monitor.logs.log import LogKind, LogSpec, Service
from monitor.logs.open import open_log
from monitor.machinery import Machinery, TickResult
from monitor.scan import RawHit, Unreadable
from monitor.store import FindingFilter, Remembered, Store
from monitor.watch import Watch, build_watches
from sandbox.replay_v1 import ReplayV1
from sandbox.static import StaticLog
from verifier.fetch.http import Http, HttpPolicy
from verifier.trust import TrustedRoot

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
WATCHES: list[dict[str, Any]] = [
    {"name": "release mail", "email": "release@watched.example", "expect": {"issuer": "https://accounts.google.com"}},
    {"name": "release workflow", "github_repo": "watched-org/watched-repo", "expect": "never"},
]


class Follower:
    """Store, watches and ticks of one log."""

    def __init__(self, service: Service, store: Store, http: Http, rules: Rules) -> None:
        self.service = service
        self.store = store
        self.http = http
        self.rules = rules
        self.executor = InProcess(http, rules.watches, open_log)

    def tick(self) -> tuple[TickResult, ...]:
        return tick_service(
            self.service,
            Machinery(
                store=self.store,
                executor=self.executor,
                open_log=lambda spec, _fresh: open_log(spec, self.http),
                judge=self._judge,
                now=lambda: NOW,
            ),
        )

    def found(self) -> dict[tuple[str, int], list[Finding]]:
        """Findings by log and index."""
        rows: dict[tuple[str, int], list[Finding]] = {}
        for stored in self.store.findings(FindingFilter()):
            one = stored.finding
            for place in one.locations:
                rows.setdefault((place.log, place.index), []).append(one)
        return rows

    def _judge(
        self, hits: Sequence[RawHit], unreadable: Sequence[Unreadable], spec: LogSpec, now: datetime
    ) -> list[Finding]:
        found = assess_all(hits, spec, self.rules, now)
        return found + [unreadable_finding(entry, spec, now) for entry in unreadable]


@contextmanager
def following(place: Path, trust: TrustedRoot, pin: LogPin, watches: tuple[Watch, ...]) -> Iterator[Follower]:
    with Store(place / "state.db", create=True) as store, Http(HttpPolicy()) as http:
        store.bootstrap(NOW)
        store.acquire_lease(NOW)
        (service,) = discover(trust, [], [pin], http)
        follower = Follower(service, store, http, Rules(watches, trust, Remembered(store)))
        try:
            yield follower
        finally:
            follower.executor.close()


def pin(kind: LogKind, url: str, origin: str) -> LogPin:
    return LogPin("real", kind, read_url=url, origin=origin)


def test_rekor_v2_from_every_head_to_the_next_and_expected_findings(real_data: Path, tmp_path: Path) -> None:
    folder = real_data / "logs" / "rekor-v2"
    expected: dict[str, Any] = json.loads((folder / "expected.json").read_text())
    trust = TrustedRoot.parse((folder / "trusted_root.json").read_bytes())
    watches = build_watches(expected["watches"])
    origin = "log2026-1.example.test"
    with StaticLog(folder) as log, following(tmp_path, trust, pin("rekor-v2", log.url, origin), watches) as follower:
        for size in log.sizes():
            log.present(size)
            (result,) = follower.tick()
            assert (result.size, result.proven_to, result.lag) == (size, size, 0), result.message
            assert result.verdict in ("OK", "OPERATIONAL"), result.message
        log.present("checkpoint.frozen")
        (result,) = follower.tick()
        assert result.verdict in ("OK", "OPERATIONAL"), result.message
        found = follower.found()
    compare(found, origin, expected["entries"])


def compare(found: dict[tuple[str, int], list[Finding]], origin: str, expected: dict[str, Any]) -> None:
    """Every labelled entry gives a kind that is allowed for it, every other entry none."""
    wrong = []
    for text, row in expected.items():
        kinds = {one.kind for one in found.get((origin, int(text)), []) if one.watch} or {"none"}
        if not kinds <= {*row["one_of"], "anomaly"} or kinds == {"anomaly"}:
            wrong.append(f"{text} {row['label']}: {sorted(kinds)}, allowed {row['one_of']}")
    others = {index: rows for (_, index), rows in found.items() if str(index) not in expected}
    wrong += [f"{index}: {one.kind} {one.message}" for index, rows in others.items() for one in rows if one.watch]
    assert not wrong, "\n".join(wrong)
    assert all(one.proven for rows in found.values() for one in rows)


def test_rekor_v1_through_all_its_moments_and_shards(real_data: Path, tmp_path: Path) -> None:
    folder = real_data / "logs" / "rekor-v1"
    trust = TrustedRoot.parse((folder / "trusted_root.json").read_bytes())
    host = "rekor.sigwarden.test"
    with (
        ReplayV1(folder, recorded=False) as log,
        following(tmp_path, trust, pin("rekor-v1", log.url, host), build_watches(WATCHES)) as follower,
    ):
        for moment in range(len(log.heads)):
            log.present(moment)
            for result in follower.tick():
                assert (result.proven_to, result.lag) == (result.size, 0), result.message
                assert result.verdict in ("OK", "OPERATIONAL"), result.message
        rows = {row.origin: row for row in follower.store.logs()}
        added = [one.finding for one in follower.store.findings(FindingFilter(kinds=("shard-added",)))]
        lies = [
            one.finding for one in follower.store.findings(FindingFilter()) if one.finding.cls in ("TAMPER", "SUSPECT")
        ]
    trees = [f"{host} - {tree}" for tree in (3602521990660858284, 3167690404367068825, 7643377304694971807)]
    assert [rows[origin].timeline.proven_to for origin in trees] == [396, 281, 803]
    assert sorted(one.log for one in added) == sorted(trees)
    assert lies == []


def test_every_public_or_made_name_in_rekor_v1_is_found_where_it_is(real_data: Path, tmp_path: Path) -> None:
    """The manifest says which SAN stands where; a watch for each finds exactly these entries."""
    folder = real_data / "logs" / "rekor-v1"
    trust = TrustedRoot.parse((folder / "trusted_root.json").read_bytes())
    rows = [json.loads(line) for line in (folder / "manifest.jsonl").read_text().splitlines()]
    named = [row for row in rows if row.get("san")]
    names = sorted({row["san"] for row in named})
    watches = build_watches([{"name": f"w{number}", "san": name} for number, name in enumerate(names)])
    with (
        ReplayV1(folder, recorded=False) as log,
        following(tmp_path, trust, pin("rekor-v1", log.url, "rekor.sigwarden.test"), watches) as follower,
    ):
        assert all(result.lag == 0 for result in follower.tick())
        found = follower.found()
    assert len(named) > 450
    wrong = [fault for row in named for fault in faults(row, found, f"w{names.index(row['san'])}")]
    assert not wrong, "\n".join(wrong)


def faults(row: dict[str, Any], found: dict[tuple[str, int], list[Finding]], watch: str) -> Iterator[str]:
    """What a finding says otherwise than the manifest: name, issuer, whether its CA is trusted."""
    place = (f"rekor.sigwarden.test - {row['treeID']}", row["inTreeIndex"])
    hits = [one for one in found.get(place, []) if one.watch == watch]
    where = f"{row['index']} {row['label']}"
    if not hits:
        yield f"{where}: {row['san']!a} is not found"
    for one in hits:
        trusted = row["ca"] == "main" and "expired" not in row["label"]
        if (one.kind == "untrusted-chain") == trusted and one.kind != "anomaly":
            yield f"{where}: {one.kind}, and its CA is {row['ca']}"
        if row.get("issuer") not in (one.facts["issuer"] or [None]):
            yield f"{where}: issuer {one.facts['issuer']!a}, not {row.get('issuer')!a}"
