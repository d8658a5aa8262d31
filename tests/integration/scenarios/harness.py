"""What does a scenario need? A fake log that lies, our whole program over real HTTP, and a clock moved by hand."""

import base64
import hashlib
import json
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cli import initialise, watchtower
from cli.config_file import LoadedConfig, load_config
from cli.parts import http_policy, open_store
from cli.passing import Pass, one_pass
from monitor.evidence import Check, export_evidence, verify_evidence
from monitor.findings import Finding
from monitor.machinery import Limits
from monitor.store import Condition, FindingFilter, LogRow, OutboxRow
from sandbox.entries import hashedrekord_v1, hashedrekord_v2
from sandbox.keys import SigningKey
from sandbox.rekor_v1 import SandboxV1
from sandbox.rekor_v2 import SandboxV2
from verifier.errors import SigwardenError
from verifier.fetch.http import Http, HttpPolicy
from verifier.note import NoteKey
from verifier.trust import TrustedRoot

Sandbox = SandboxV1 | SandboxV2

WATCHED, EVIL = "release@watched.example", "https://evil.example"
WATCH = f"""
[[watch]]
name = "release"
email = "{WATCHED}"
expect.issuer = "https://accounts.google.com"
"""
SETTINGS = """
[daemon]
stale_after = "30m"
withheld_after = "1h"
[channels]
desk = { type = "console" }
"""


class Clock:
    """The time, which goes on when told to. It begins now, so that servers' Date headers fit."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.now

    def timestamp(self) -> float:
        """For the sandbox."""
        return self.now.timestamp()

    def on(self, minutes: float) -> None:
        """Minutes pass."""
        self.now += timedelta(minutes=minutes)


@dataclass
class World:
    """One fake log (and its successors), a folder with our configuration and state, and passes over it."""

    folder: Path
    log: Sandbox
    clock: Clock
    watch: str = WATCH
    settings: str = SETTINGS
    policy: dict[str, Any] = field(default_factory=dict)
    more_logs: list[SandboxV2] = field(default_factory=list)
    url: str = ""

    # -- our side ------------------------------------------------------------------------------------------------------

    @property
    def is_v1(self) -> bool:
        """Which protocol."""
        return isinstance(self.log, SandboxV1)

    def write(self) -> None:
        """Write configuration and trust root as they are now."""
        (self.folder / "trust.json").write_bytes(self.log.trusted_root)
        tables = [self._log_table("acme", self.log)]
        tables += [self._log_table(f"more{n}", one) for n, one in enumerate(self.more_logs)]
        (self.folder / "sigwarden.toml").write_text("\n".join([self.settings, *tables, self.watch]))

    def _log_table(self, name: str, log: Sandbox) -> str:
        common = 'trusted_root = "trust.json", from = 0, freshness = "365d"'
        url = self.url or (log.url if isinstance(log, SandboxV1) else log.read_url)
        if isinstance(log, SandboxV1):
            return f'[logs.{name}]\nv1 = {{ url = "{url}", origin = "{log.host}", {common} }}'
        return f'[logs.{name}]\nv2 = {{ read_url = "{url}", origin = "{log.origin}", {common} }}'

    @property
    def config(self) -> LoadedConfig:
        """The configuration as it stands on disk."""
        return load_config(self.folder / "sigwarden.toml")

    def begin(self, start: str = "0") -> int:
        """``sigwarden monitor init --from START --yes``."""
        self.write()
        return initialise.initialise(self.folder / "sigwarden.toml", start, "", as_json=True, yes=True)

    def once(
        self,
        *,
        after: float = 1,
        limits: Limits | None = None,
        between: Callable[[], None] = lambda: None,
        stop: threading.Event | None = None,
    ) -> Pass:
        """What ``sigwarden monitor once`` does, `after` minutes later; `between` happens once all is loaded."""
        self.clock.on(after)
        config = self.config
        with open_store(config) as store:
            tower = watchtower.build(config, store, clock=self.clock)
            try:
                store.acquire_lease(self.clock())
                between()
                return one_pass(tower, limits or Limits(), stop)
            finally:
                store.release_lease(self.clock())
                tower.close()

    # -- the log's side ------------------------------------------------------------------------------------------------

    def grow(self, count: int) -> None:
        """The log takes `count` bystanders and signs a head."""
        self.log.fill(count)
        self.log.publish()

    def other_body(self) -> bytes:
        """An entry of the right kind that is not in the log."""
        key = SigningKey.make("ecdsa-p256", "somebody else")
        return (hashedrekord_v1 if self.is_v1 else hashedrekord_v2)(key, b"never logged")

    def hit(self, issuer: str = EVIL) -> int:
        """Somebody signs in our name, by default with an issuer that is not ours; its in-tree index."""
        return self.log.sign_blob(WATCHED, issuer)

    # -- what came of it -----------------------------------------------------------------------------------------------

    def row(self, origin: str = "") -> LogRow:
        """Where we stand in a log."""
        with open_store(self.config) as store:
            row = store.log(origin or self.log.origin)
        assert row is not None
        return row

    @property
    def proven(self) -> int:
        """How far the log is proven."""
        return self.row().timeline.proven_to

    def finding(self, kind: str) -> Finding:
        """The only stored finding of a kind, with its evidence."""
        with open_store(self.config) as store:
            (one,) = store.findings(FindingFilter(kinds=(kind,)))
            return store.finding(one.finding.id).finding

    def kinds(self) -> list[str]:
        """Kinds of all that was ever stored, sorted."""
        with open_store(self.config) as store:
            return sorted(one.finding.kind for one in store.findings())

    def owed(self, kind: str) -> tuple[OutboxRow, ...]:
        """The messages that were owed about a kind."""
        with open_store(self.config) as store:
            keys = {one.incident for one in store.findings(FindingFilter(kinds=(kind,)))}
            return tuple(row for row in store.outbox() if row.incident in keys)

    def conditions(self) -> tuple[Condition, ...]:
        """What is not right now."""
        with open_store(self.config) as store:
            return store.conditions(self.log.origin)

    def keys(self) -> tuple[NoteKey, ...]:
        """The keys of the log as somebody else knows them."""
        trust = TrustedRoot.parse(self.log.trusted_root)
        if isinstance(self.log, SandboxV1):
            return tuple(NoteKey.v1(self.log.host, one.key) for one in trust.tlogs)
        return tuple(NoteKey.c2sp(self.log.origin, one.key) for one in trust.tlogs)


def make_world(folder: Path, version: str, *, size: int = 300, start: str = "0", **log: Any) -> World:
    """A log of `size` bystanders, followed from its start and read once. The sandbox is started, not stopped."""
    clock = Clock()
    made: Sandbox
    if version == "v1":
        made = SandboxV1(seed="scenario", now=clock.timestamp, base_url="https://rekor.sandbox.test", **log)
    else:
        made = SandboxV2(seed="scenario", now=clock.timestamp, base_url="https://log.sandbox.test", **log)
    world = World(folder, made.__enter__(), clock)
    if size:
        world.grow(size)
    else:
        made.publish()
    assert world.begin(start) == 0
    return world


def followed(world: World) -> World:
    """The first pass, which must find an honest log."""
    expect(world.once(), "OK", exit_code=0)
    return world


def patient(world_policy: dict[str, Any]) -> Any:
    """A stand-in for `http_policy`: the configured one with what a test sets."""

    def made(config: LoadedConfig) -> HttpPolicy:
        return replace(http_policy(config), **({"retries": 1} | world_policy))

    return made


def hurry(monkeypatch: pytest.MonkeyPatch, policy: dict[str, Any]) -> None:
    """Waits between attempts cost nothing, and `policy` (which the test may change) overrides the configuration."""
    monkeypatch.setattr(Http, "_pause", lambda _self, _seconds: None)
    monkeypatch.setattr(watchtower, "http_policy", patient(policy))
    monkeypatch.setattr(initialise, "http_policy", patient(policy))


IMPATIENT: dict[str, Any] = {"idle_timeout": 0.25, "total_timeout": 0.5, "connect_timeout": 0.5, "retries": 0}


def said(done: Pass) -> str:
    """A pass in words, for a failing test."""
    ticks = [f"{tick.verdict} {tick.origin}: {tick.message}" for tick in done.ticks]
    return "\n".join([*ticks, *(f"{one.kind}: {one.message}" for one in done.findings)])


def expect(done: Pass, verdict: str, *kinds: str, exit_code: int) -> None:
    """The pass came to this verdict with exactly these new findings and this exit code."""
    found = sorted(one.kind for one in done.findings)
    assert (done.verdict, found, done.exit_code) == (verdict, sorted(kinds), exit_code), said(done)


def suspects(world: World, kind: str) -> Finding:
    """The stored finding is told, says that it is not proven, and its file can be checked as far as it goes."""
    finding = world.finding(kind)
    assert not finding.proven
    assert [row.state for row in world.owed(kind)] == ["sent"]
    verify_evidence(export_evidence(finding, world.keys()), world.keys())
    return finding


def convicts(world: World, kind: str) -> tuple[Check, ...]:
    """The stored finding is told, and its evidence holds for somebody who has the log's key; changed, it does not.

    Changed means: one bit of any note or proof, with the file's own checksum put right.
    """
    finding = world.finding(kind)
    assert finding.proven
    assert finding.severity == "critical"
    assert [row.state for row in world.owed(kind)] == ["sent"]
    data = export_evidence(finding, world.keys())
    checks = verify_evidence(data, world.keys())
    assert not checks[-1].said.startswith(kind), "the evidence claims nothing that can be checked"
    for name in ("checkpoint", "older-checkpoint", "proof", "leaf-hash", "inclusion-proof"):
        if finding.evidence.get(name):
            with pytest.raises(SigwardenError):
                verify_evidence(_changed(data, name), world.keys())
    with pytest.raises(SigwardenError):
        verify_evidence(data[:40] + bytes((data[40] ^ 1,)) + data[41:], world.keys())
    return checks


def _changed(data: bytes, name: str) -> bytes:
    """The file with one bit of one blob flipped, and its checksum made to fit."""
    held = json.loads(data)
    held.pop("sha256")
    blob = bytearray(base64.b64decode(held["evidence"][name]))
    blob[len(blob) // 2] ^= 1
    held["evidence"][name] = base64.b64encode(blob).decode()
    digest = hashlib.sha256(_encoded(held)).hexdigest()
    return _encoded(held | {"sha256": digest})


def _encoded(held: dict[str, Any]) -> bytes:
    return json.dumps(held, separators=(",", ":"), sort_keys=True).encode() + b"\n"


def places(findings: Sequence[Finding]) -> list[int | None]:
    """Where they are."""
    return [one.index for one in findings]
