"""A database that vanishes or is replaced under a running monitor is noticed at the next transaction."""

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from monitor.health import Freshness, read_health
from monitor.store import Store
from verifier.errors import Unreachable

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    path = tmp_path / "state.db"
    with Store(path, create=True) as store:
        store.bootstrap(NOW)
    return path


def remove(path: Path) -> None:
    for one in path.parent.glob(f"{path.name}*"):
        one.unlink()


def test_a_deleted_file_takes_no_more_transactions_and_is_not_made_anew(place: Path) -> None:
    with Store(place) as store:
        store.set_meta("a", "1")
        remove(place)
        with pytest.raises(Unreachable) as caught:
            store.set_meta("a", "2")
        assert caught.value.code == "store-gone"
        assert "deleted while it was open" in caught.value.message
        with pytest.raises(Unreachable):
            store.get_meta("a")
        store._engine.dispose()  # a pool without connections opens a new one, which would make the file
        with pytest.raises(Unreachable):
            store.get_meta("a")
    assert not place.exists()


def test_a_backup_put_in_its_place_is_not_written_to(place: Path, tmp_path: Path) -> None:
    backup = tmp_path / "backup"
    shutil.copy(place, backup)
    with Store(place) as store:
        store.set_meta("a", "1")
        remove(place)
        backup.rename(place)
        with pytest.raises(Unreachable, match="replaced while it was open"):
            store.set_meta("a", "2")
    with Store(place) as store:
        assert store.get_meta("a") is None


def test_health_names_it_so_no_heartbeat_is_sent(place: Path) -> None:
    with Store(place) as store:
        remove(place)
        health = read_health(store, NOW, Freshness(timedelta(days=1)), write=True)
    assert not health.ok
    assert "deleted" in health.faults[0].message


def test_an_untouched_file_is_no_trouble(place: Path) -> None:
    with Store(place) as store:
        for n in range(3):
            store.set_meta("a", str(n))
            store._engine.dispose()
        assert store.get_meta("a") == "2"
