"""What counts as seeing: the rules of freshness, clock and heartbeat."""

from dataclasses import replace
from datetime import timedelta

import pytest

from monitor.health import Check, Freshness, Health, check_clock, check_log
from monitor.store import HealthRow, LogRow
from monitor.timeline import Timeline
from tests.unit.monitor.told import LOG, NOW

TARGET = timedelta(minutes=15)
ROW = LogRow(LOG, "public v2", "rekor-v2", "https://log.test", None, 0, "active", Timeline(), None, NOW)
WELL = HealthRow(LOG, "OK", NOW, NOW, NOW, NOW, 100, 100, 0, "")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, ""),
        ({"verdict": "OPERATIONAL", "last_ok": NOW - timedelta(minutes=5)}, ""),
        ({"last_ok": NOW - timedelta(minutes=16), "verdict": "DEGRADED", "last_error": "timeout"}, "timeout"),
        ({"last_ok": None, "verdict": "DEGRADED"}, "ever"),
        ({"verdict": "TAMPER", "last_error": "two heads"}, "TAMPER: two heads"),
        ({"verdict": "SUSPECT"}, "SUSPECT"),
        ({"last_tick": NOW - timedelta(hours=1)}, "not looked at"),
        ({"head_time": NOW - timedelta(hours=3)}, "3 hours old"),
        ({"proven_to": 40, "last_growth": NOW - timedelta(minutes=1)}, ""),
        ({"proven_to": 40, "last_growth": NOW - timedelta(minutes=30)}, "60 entries below the signed head"),
    ],
)
def test_a_log_is_seen_if_it_meets_its_target(changes: dict[str, object], said: str) -> None:
    check = check_log(ROW, replace(WELL, **changes), NOW, TARGET)  # type: ignore[arg-type]
    assert check.ok == (not said)
    assert said in check.message


def test_a_log_never_read_is_not_seen() -> None:
    assert not check_log(ROW, None, NOW, TARGET).ok


def test_a_final_log_needs_no_new_head() -> None:
    old = replace(WELL, head_time=NOW - timedelta(days=300))
    assert check_log(replace(ROW, state="frozen"), old, NOW, TARGET).ok
    assert not check_log(ROW, old, NOW, TARGET).ok


def test_targets_are_by_origin_then_service() -> None:
    wide = Freshness(TARGET, {"public v2": timedelta(hours=1), LOG: timedelta(hours=2)})
    assert wide.of(ROW) == timedelta(hours=2)
    assert Freshness(TARGET).of(ROW) == TARGET


@pytest.mark.parametrize(
    ("skew", "ok"),
    [
        ({}, True),
        ({"a": 30.0}, True),
        ({"a": 61.0}, False),
        ({"a": -3600.0}, False),
        ({"a": 1.0, "b": 9e9, "c": 2.0}, True),
    ],
)
def test_74_one_server_with_a_wrong_clock_does_not_accuse_ours(skew: dict[str, float], ok: bool) -> None:
    assert check_clock(skew).ok is ok


def test_following_nothing_is_not_being_well() -> None:
    assert not Health(NOW, (Check("store", "store", True),)).ok
    assert Health(NOW, (Check("log", LOG, True),)).ok
    assert not Health(NOW, (Check("log", LOG, True), Check("channel", "sec", False, "x"))).ok
