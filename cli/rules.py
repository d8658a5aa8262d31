"""Did the rules or the trust change since we last looked? Both are history that a report must show."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from cli.config_file import LoadedConfig
from cli.secret_sources import is_source
from cli.watches import rules_sha256, rules_text
from cli.watchtower import Watchtower, utc_now
from monitor.findings import Finding, finding_id
from monitor.selectors import strings
from monitor.store import Batch, Store, Tell
from monitor.trouble import log_finding
from monitor.watch import build_watches
from monitor.weakening import compare_watches
from verifier.errors import SigwardenError

_TRUST = "trust:sha256"


def note_changes(tower: Watchtower) -> tuple[Finding, ...]:
    """Store this version of rules and trust; what they changed becomes findings, told like any other."""
    found = [*_rules(tower.config, tower.store), *_trust(tower)]
    if not found:
        return ()
    tells = tuple(Tell(one.id, channel) for one in found for channel in tower.routes.of(one))
    return tower.store.commit_batch(Batch("", utc_now(), findings=tuple(found), tells=tells))


def _rules(config: LoadedConfig, store: Store) -> list[Finding]:
    """One finding for each watch that became wider, or is gone."""
    now = utc_now()
    before = store.add_rules(rules_sha256(config), rules_text(config), now)
    if before is None:
        return []
    try:
        old = build_watches([_comparable(table) for table in json.loads(before.text)])
        new = build_watches([_comparable(table) for table in config.file.watch])
    except (SigwardenError, ValueError):
        return [_weakened("", "the rules changed and the old ones can no longer be read", before.sha256, config)]
    return [_weakened(change.watch, change.message, before.sha256, config) for change in compare_watches(old, new)]


def _weakened(watch: str, message: str, before: str, config: LoadedConfig) -> Finding:
    now = utc_now()
    after = rules_sha256(config)
    return Finding(
        id=finding_id("watch-weakened", watch, message, before, after),
        kind="watch-weakened",
        severity="medium",
        log="",
        index=None,
        watch=watch,
        identity="",
        message=message,
        proven=True,
        seen_at=now,
        group=f"rules/{after}",
        facts={"rules_before": before, "rules_after": after, "config": str(config.path)},
    )


def _comparable(table: Mapping[str, Any]) -> dict[str, Any]:
    """The table with names in place of what files and commands hold: what they hold is not part of the rules."""
    changed = {key: _named(key, value) for key, value in table.items() if key != "key_file"}
    if "key_file" in table:
        named = [hashlib.sha256(name.encode()).hexdigest() for name in strings(table["key_file"], "key_file")]
        changed["key_fingerprint"] = named
    expect = changed.get("expect")
    if isinstance(expect, Mapping):
        changed["expect"] = _comparable(expect)
    elif isinstance(expect, list):
        changed["expect"] = [_comparable(block) if isinstance(block, Mapping) else block for block in expect]
    return changed


def _named(key: str, value: Any) -> Any:
    if key in ("digests", "artifact") and isinstance(value, str) and is_source(value):
        return [f"sha256:{hashlib.sha256(value.encode()).hexdigest()}"]
    return value


def _trust(tower: Watchtower) -> list[Finding]:
    """A finding when the trust roots have other bytes than at the last look."""
    digest = hashlib.sha256()
    for name, root in sorted(tower.trust.instances.items()):
        digest.update(
            name.encode() + hashlib.sha256(repr((root.tlogs, root.ctlogs, root.cas, root.tsas)).encode()).digest()
        )
    now, before = digest.hexdigest(), tower.store.get_meta(_TRUST)
    if now == before:
        return []
    tower.store.set_meta(_TRUST, now)
    if before is None:
        return []
    message = f"the trust root changed ({before[:12]} to {now[:12]}): keys, authorities or their windows are others now"
    return [log_finding("trust-changed", "", (before, now), message, utc_now(), facts={"before": before, "after": now})]
