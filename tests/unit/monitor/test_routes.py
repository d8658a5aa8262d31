"""Who is told, and when."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from monitor.alerts.routes import Repeat, Routes, plan
from monitor.incidents import group
from tests.unit.monitor.told import NOW, finding

ROUTES = Routes(
    channels=("sec", "siem", "tty"),
    by_severity={"critical": ("sec", "siem")},
    watches={"retired key": ("tty",)},
    repeat=Repeat("critical", timedelta(minutes=15), ("siem",)),
)


def told(kind: str, **changes: Any) -> list[tuple[str, str, timedelta]]:
    incident = group([finding(kind, **changes)])[0]
    return [(row.channel, row.reason, row.due - NOW) for row in plan(None, incident, ROUTES, NOW)]


def test_a_new_critical_is_told_now_and_repeated_if_nobody_answers() -> None:
    none, quarter = timedelta(), timedelta(minutes=15)
    assert told("fork") == [("sec", "new", none), ("siem", "new", none), ("siem", "repeat", quarter)]


def test_a_severity_that_no_route_names_goes_everywhere_but_info_nowhere() -> None:
    assert [row[0] for row in told("unexpected-identity")] == ["sec", "siem", "tty"]
    assert told("trust-changed") == []


def test_a_watch_may_name_its_own_channels() -> None:
    assert [row[0] for row in told("unexpected-identity", watch="retired key")] == ["tty"]


def test_what_is_low_waits_for_company() -> None:
    assert {row[2] for row in told("lookalike")} == {timedelta(minutes=10)}


@pytest.mark.parametrize(
    ("changes", "reasons"),
    [
        ({}, set()),
        ({"count": 7}, {"update"}),
        ({"count": 7, "proven": 7}, {"update"}),
        ({"proven": 1}, {"proven"}),
        ({"severity": "critical"}, {"new", "repeat"}),
    ],
)
def test_a_known_incident_is_told_again_only_if_it_changed(changes: dict[str, Any], reasons: set[str]) -> None:
    before = group([finding()])[0]
    after = replace(before, **changes)
    assert {row.reason for row in plan(before, after, ROUTES, NOW)} == reasons


def test_growth_is_collected_before_it_is_told() -> None:
    before = group([finding()])[0]
    rows = plan(before, replace(before, count=9), ROUTES, NOW)
    assert {row.due for row in rows} == {NOW + timedelta(minutes=2)}
