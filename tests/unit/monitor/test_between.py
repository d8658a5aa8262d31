"""An entry without a time of its own is placed between the heads that we saw around it."""

from datetime import UTC, datetime, timedelta
from typing import Any

from monitor.between import with_heads
from monitor.findings import Finding
from monitor.store import CheckpointRow

START = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)


def head(size: int, minute: int) -> CheckpointRow:
    return CheckpointRow(minute, "log", size, b"r" * 32, b"note", (), "grew", START + timedelta(minutes=minute))


def finding(index: int | None, **time: Any) -> Finding:
    return Finding(
        "F-1", "unexpected-identity", "high", "log", index, "w", "x", "m", False, START, "g", facts={"time": time}
    )


HEADS = [head(10, 1), head(20, 2), head(20, 3), head(30, 4)]
NOW = START + timedelta(minutes=9)


def placed(index: int | None, **time: Any) -> dict[str, Any]:
    [one] = with_heads([finding(index, **time)], HEADS, NOW)
    return dict(one.facts["time"])


def test_between_the_last_head_without_it_and_the_first_with_it() -> None:
    assert placed(25) == {"after": "2026-11-23T02:03:00Z", "before": "2026-11-23T02:04:00Z"}
    assert placed(10) == {"after": "2026-11-23T02:01:00Z", "before": "2026-11-23T02:02:00Z"}


def test_below_the_first_head_only_the_end_is_known() -> None:
    assert placed(9) == {"before": "2026-11-23T02:01:00Z"}


def test_beyond_the_stored_heads_it_is_now() -> None:
    assert placed(30) == {"after": "2026-11-23T02:04:00Z", "before": "2026-11-23T02:09:00Z"}


def test_a_proven_time_and_findings_about_a_log_stay_as_they_are() -> None:
    assert placed(25, at="2026-11-23T02:03:30Z") == {"at": "2026-11-23T02:03:30Z"}
    assert placed(None) == {}
