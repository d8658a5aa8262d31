"""Trust roots by TUF: fetched and checked, kept for offline use, and every misbehaviour of a repository named."""

import os
import socket
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from cli import tuf_instance
from cli.app import run
from cli.tuf_instance import initialize, signing_config_bytes, trusted_root_bytes
from tests.integration.verifier.tuf_repository import TufRepository
from verifier.errors import Malformed, Refused, Unreachable, Untrue
from verifier.fetch.tuf_cache import SIGNING_CONFIG, TRUSTED_ROOT, shipped
from verifier.trust import TrustedRoot

ROOT = shipped("production", TRUSTED_ROOT)
CONFIG = shipped("production", SIGNING_CONFIG)


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TufRepository]:
    monkeypatch.setenv("TUF_ROOT", str(tmp_path / "cache"))
    monkeypatch.delenv("TUF_MIRROR", raising=False)
    with TufRepository(tmp_path / "repository") as made:
        made.publish({TRUSTED_ROOT: ROOT, SIGNING_CONFIG: CONFIG})
        yield made


def begin(repository: TufRepository) -> None:
    initialize(repository.url, repository.root_bytes, staging=False)


def ask() -> bytes:
    """The trust root as a command would get it, with the cache a day old."""
    folder = tuf_instance._chosen(staging=False).folder
    os.utime(folder / "checked", (time.time() - 90_000,) * 2)
    return trusted_root_bytes(staging=False, offline=False)


def test_what_was_initialised_is_used_online_and_offline(repository: TufRepository) -> None:
    begin(repository)
    assert ask() == ROOT
    assert trusted_root_bytes(staging=False, offline=True) == ROOT
    assert signing_config_bytes(staging=False, offline=True) == CONFIG


def test_a_fresh_cache_is_not_asked_again(repository: TufRepository) -> None:
    begin(repository)
    repository.publish({TRUSTED_ROOT: ROOT + b"\n", SIGNING_CONFIG: CONFIG})
    assert trusted_root_bytes(staging=False, offline=False) == ROOT
    assert ask() == ROOT + b"\n"


def test_a_new_root_is_followed(repository: TufRepository) -> None:
    begin(repository)
    repository.rotate_root()
    repository.publish({TRUSTED_ROOT: ROOT + b"\n"})
    assert ask() == ROOT + b"\n"


def test_an_unreachable_mirror_leaves_the_cache_in_use(
    repository: TufRepository, capsys: pytest.CaptureFixture[str]
) -> None:
    begin(repository)
    (repository.folder / "timestamp.json").unlink()
    assert ask() == ROOT
    assert "the trust root in the cache is used" in capsys.readouterr().err


def test_frozen_metadata_is_named(repository: TufRepository) -> None:
    begin(repository)
    repository.expire()
    repository.publish({TRUSTED_ROOT: ROOT})
    with pytest.raises(Untrue) as caught:
        ask()
    assert caught.value.code == "tuf-expired"
    assert "clock" in caught.value.hint


def test_a_rollback_is_named(repository: TufRepository) -> None:
    repository.publish({TRUSTED_ROOT: ROOT}, version=5)
    begin(repository)
    repository.publish({TRUSTED_ROOT: ROOT + b"old"}, version=4)
    with pytest.raises(Untrue) as caught:
        ask()
    assert caught.value.code == "tuf-rollback"


def test_metadata_that_nobody_signed_is_named(repository: TufRepository) -> None:
    begin(repository)
    repository.damage("timestamp.json")
    with pytest.raises(Untrue) as caught:
        ask()
    assert caught.value.code == "tuf-signature"


def test_a_target_that_is_not_the_signed_one_is_named(repository: TufRepository) -> None:
    begin(repository)
    repository.publish({TRUSTED_ROOT: ROOT + b"\n"})
    for path in (repository.folder / "targets").glob(f"*.{TRUSTED_ROOT}"):
        path.write_bytes(b"x" * len(ROOT + b"\n"))
    with pytest.raises(Untrue) as caught:
        ask()
    assert caught.value.code == "tuf-hash"


def test_another_repository_behind_the_same_address_is_refused(repository: TufRepository, tmp_path: Path) -> None:
    begin(repository)
    other = TufRepository(tmp_path / "other")
    other.publish({TRUSTED_ROOT: b"{}"}, version=9)
    for name in ("timestamp.json", "9.snapshot.json", "9.targets.json"):
        (repository.folder / name).write_bytes((other.folder / name).read_bytes())
    with pytest.raises(Untrue) as caught:
        ask()
    assert caught.value.code == "tuf-signature"


def test_a_root_of_another_repository_is_refused_at_once(repository: TufRepository, tmp_path: Path) -> None:
    other = TufRepository(tmp_path / "other")
    with pytest.raises(Untrue) as caught:
        initialize(repository.url, other.root_bytes, staging=False)
    assert caught.value.code == "tuf-signature"


def test_a_damaged_cache_is_noticed(repository: TufRepository) -> None:
    begin(repository)
    folder = tuf_instance._chosen(staging=False).folder
    (folder / "targets" / TRUSTED_ROOT).write_bytes(b"{}")
    with pytest.raises(Malformed) as caught:
        trusted_root_bytes(staging=False, offline=True)
    assert caught.value.code == "tuf-cache"


def test_offline_without_a_cache_uses_what_was_shipped_or_says_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TUF_ROOT", str(tmp_path))
    for staging, name in ((False, "production"), (True, "staging")):
        assert trusted_root_bytes(staging=staging, offline=True) == shipped(name, TRUSTED_ROOT)
    assert "came with version" in capsys.readouterr().err
    monkeypatch.setenv("TUF_MIRROR", "https://tuf.example")
    with pytest.raises(Refused) as caught:
        trusted_root_bytes(staging=False, offline=True)
    assert caught.value.code == "tuf-root"


def test_a_dead_mirror_without_a_cache_is_unreachable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TUF_ROOT", str(tmp_path))
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        mirror = f"http://127.0.0.1:{reserved.getsockname()[1]}"
    monkeypatch.setenv("TUF_MIRROR", mirror)
    monkeypatch.setenv("TUF_ROOT_JSON", str(_root_file(tmp_path)))
    with pytest.raises(Unreachable):
        trusted_root_bytes(staging=False, offline=False)


def _root_file(folder: Path) -> Path:
    path = folder / "root.json"
    path.write_bytes(shipped("production", "root.json"))
    return path


def test_the_checksum_of_the_first_root_is_compared(
    repository: TufRepository, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import hashlib

    path = tmp_path / "first.json"
    path.write_bytes(repository.root_bytes)
    digest = hashlib.sha256(repository.root_bytes).hexdigest()
    arguments = ["initialize", "--mirror", repository.url, "--root", str(path), "--root-checksum"]
    assert run([*arguments, f"sha256:{digest}"]) == 0
    assert run([*arguments, digest]) == 0
    assert run([*arguments, digest[:-1] + ("0" if digest[-1] != "0" else "1")]) == 1
    assert "another checksum" in capsys.readouterr().err


def test_a_cache_that_cannot_be_written_costs_only_the_cache(
    repository: TufRepository, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    begin(repository)
    monkeypatch.setattr(os, "access", lambda *_: False)
    folder = tuf_instance._chosen(staging=False).folder
    os.utime(folder / "checked", (0, 0))
    assert trusted_root_bytes(staging=False, offline=False) == ROOT
    assert "for this command only" in capsys.readouterr().err


def test_what_is_shipped_can_be_read() -> None:
    for instance in ("production", "staging"):
        root = TrustedRoot.parse(shipped(instance, TRUSTED_ROOT))
        assert root.tlogs
        assert root.cas
        assert b'"root"' in shipped(instance, "root.json")
    assert replace(TrustedRoot()).tlogs == ()
