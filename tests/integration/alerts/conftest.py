"""Servers for the tests of channels."""

from collections.abc import Iterator

import pytest

from tests.integration.alerts.stand_in import StandIn, stand_in


@pytest.fixture
def server() -> Iterator[StandIn]:
    """A stand-in for Slack or a webhook receiver."""
    with stand_in() as running:
        yield running
