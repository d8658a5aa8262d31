"""Fixtures of the scenarios: a followed log of each protocol."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.scenarios.harness import World, followed, hurry, make_world


@pytest.fixture
def policy(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What overrides the HTTP policy; a test may change it at any time."""
    held: dict[str, Any] = {}
    hurry(monkeypatch, held)
    return held


def _world(folder: Path, version: str) -> Iterator[World]:
    made = make_world(folder, version)
    try:
        yield followed(made)
    finally:
        made.log.__exit__()


@pytest.fixture(params=["v1", "v2"])
def world(request: pytest.FixtureRequest, tmp_path: Path, policy: dict[str, Any]) -> Iterator[World]:
    """A log of 300 bystanders, followed from its first leaf and read once; of each protocol."""
    yield from _world(tmp_path, request.param)


@pytest.fixture
def v1(tmp_path: Path, policy: dict[str, Any]) -> Iterator[World]:
    """The same, Rekor v1 only."""
    yield from _world(tmp_path, "v1")


@pytest.fixture
def v2(tmp_path: Path, policy: dict[str, Any]) -> Iterator[World]:
    """The same, Rekor v2 only."""
    yield from _world(tmp_path, "v2")


@pytest.fixture(params=["v1", "v2"])
def empty(request: pytest.FixtureRequest, tmp_path: Path, policy: dict[str, Any]) -> Iterator[World]:
    """A log without an entry, followed from its start; of each protocol."""
    made = make_world(tmp_path, request.param, size=0)
    try:
        yield made
    finally:
        made.log.__exit__()
