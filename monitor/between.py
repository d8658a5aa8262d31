"""When did an entry appear that carries no time of its own? Between two heads that we saw."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from monitor.findings import Finding
from monitor.store import CheckpointRow


def with_heads(findings: Iterable[Finding], heads: Sequence[CheckpointRow], now: datetime) -> list[Finding]:
    """The findings, those without a time of signing with the two heads around their leaf (facts ``time``).

    `heads` are those of their log, in the order in which they were seen; `now` stands for the head being read.
    """
    return [_placed(one, heads, now) for one in findings]


def _placed(one: Finding, heads: Sequence[CheckpointRow], now: datetime) -> Finding:
    time = one.facts.get("time")
    if one.index is None or not isinstance(time, Mapping) or "at" in time:
        return one
    before = next((head.seen_at for head in heads if head.size > one.index), now)
    after = [head.seen_at for head in heads if head.size <= one.index and head.seen_at <= before]
    around: dict[str, Any] = {"before": _iso(before)} | ({"after": _iso(max(after))} if after else {})
    return replace(one, facts={**one.facts, "time": {**time, **around}})


def _iso(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")
