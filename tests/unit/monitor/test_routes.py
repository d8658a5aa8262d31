"""Who is told."""

from datetime import timedelta

import pytest

from monitor.alerts.routes import Repeat, Routes
from tests.unit.monitor.told import finding

ROUTES = Routes(
    channels=("sec", "siem", "tty"),
    by_severity={"critical": ("sec", "siem"), "low": ()},
    watches={"retired key": ("tty",)},
)


@pytest.mark.parametrize(
    ("kind", "watch", "channels"),
    [
        ("fork", "", ("sec", "siem")),
        ("unexpected-identity", "widget", ("sec", "siem", "tty")),
        ("unexpected-identity", "retired key", ("tty",)),
        ("lookalike", "widget", ()),
        ("trust-changed", "", ()),
        ("expected-identity", "widget", ()),
        ("expected-identity", "retired key", ()),
        ("undeliverable-alert", "", ("sec", "siem", "tty")),
    ],
)
def test_routes(kind: str, watch: str, channels: tuple[str, ...]) -> None:
    assert ROUTES.of(finding(kind, watch=watch)) == channels


def test_info_goes_where_it_is_sent_and_only_there() -> None:
    assert Routes(("sec", "tty"), {"info": ("tty",)}).channels_for("", "info") == ("tty",)


def test_what_is_repeated_is_at_least_as_bad() -> None:
    repeat = Repeat("high", timedelta(minutes=15), ("siem",))
    assert [repeat.concerns(one) for one in ("critical", "high", "medium")] == [True, True, False]
