"""Fixtures for every test: where the real data is."""

import os
from pathlib import Path

import pytest

_BESIDE = Path(__file__).resolve().parent.parent.parent / "shared" / "real"


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real public records; skips with a reason where it is absent."""
    folder = Path(os.environ.get("SIGWARDEN_REAL_DATA", _BESIDE))
    if not folder.is_dir():
        pytest.skip(f"no real data at {folder}: set SIGWARDEN_REAL_DATA")
    return folder


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Bytes are named by their parameter: random keys would name tests differently in each worker."""
    return argname if isinstance(val, bytes) else None
