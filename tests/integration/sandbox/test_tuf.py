"""The sandbox's TUF repository, by python-tuf, by sigstore-python, and by ``sigwarden initialize``."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sigstore.models import ClientTrustConfig
from tuf.api.metadata import Metadata
from tuf.api.serialization.json import CanonicalJSONSerializer

from cli.app import run
from sandbox.tuf import SandboxTUF, canonical
from sandbox.whole import WholeSigstore
from sandbox.wire import Request
from verifier.errors import SigwardenError, Unreachable, Untrue
from verifier.fetch.http import Http, HttpPolicy
from verifier.fetch.tuf import Repository

pytestmark = pytest.mark.integration
NAME = "trusted_root.json"


@pytest.fixture
def tuf() -> Iterator[SandboxTUF]:
    with SandboxTUF(seed="tuf") as tuf:
        tuf.publish({NAME: b"one"})
        yield tuf


def fetch(tuf: SandboxTUF, folder: Path) -> bytes:
    with Http(HttpPolicy(user_agent="test", retries=0)) as http:
        return Repository(tuf.url, folder, tuf.first_root).refresh(http, (NAME,))[NAME]


def test_the_root_is_what_python_tuf_would_write(tuf: SandboxTUF) -> None:
    root: Metadata[Any] = Metadata.from_bytes(tuf.first_root)
    assert CanonicalJSONSerializer().serialize(root.signed) == canonical(json.loads(tuf.first_root)["signed"])
    root.verify_delegate("root", root)


def test_targets_change_and_the_root_rotates(tuf: SandboxTUF, tmp_path: Path) -> None:
    assert fetch(tuf, tmp_path) == b"one"
    tuf.publish({NAME: b"two"})
    assert fetch(tuf, tmp_path) == b"two"
    tuf.rotate_root()
    tuf.publish({NAME: b"three"})
    assert fetch(tuf, tmp_path) == b"three"
    assert json.loads(tuf.files["/2.root.json"])["signed"]["version"] == 2


@pytest.mark.parametrize(
    "lie",
    [
        SandboxTUF.expire,
        SandboxTUF.roll_back,
        SandboxTUF.usurp_root,
        lambda tuf: tuf.damage("snapshot"),
        lambda tuf: tuf.damage("targets"),
        lambda tuf: tuf.swap_target(NAME, b"evil"),
    ],
)
def test_a_lying_repository_is_not_believed(tuf: SandboxTUF, tmp_path: Path, lie: object) -> None:
    tuf.publish({NAME: b"two"})
    assert fetch(tuf, tmp_path) == b"two"
    tuf.publish({NAME: b"three"})
    assert callable(lie)
    lie(tuf)
    with pytest.raises(SigwardenError) as caught:
        fetch(tuf, tmp_path)
    assert not isinstance(caught.value, Unreachable)


def test_a_lost_file_is_told_from_a_lie(tuf: SandboxTUF, tmp_path: Path) -> None:
    tuf.status(503, only="/timestamp.json")
    with pytest.raises(Unreachable):
        fetch(tuf, tmp_path)
    tuf.honest()
    assert fetch(tuf, tmp_path) == b"one"


def test_a_timestamp_is_renewed_in_time() -> None:
    now = 1.75e9
    tuf = SandboxTUF(seed="tuf", now=lambda: now)
    with tuf:
        tuf.publish({NAME: b"one"})
        first = tuf.files["/timestamp.json"]
        tuf.respond(_get("/timestamp.json"))
        assert tuf.files["/timestamp.json"] == first
        now += 2 * 24 * 3600
        tuf.respond(_get("/timestamp.json"))
        assert json.loads(tuf.files["/timestamp.json"])["signed"]["version"] == 2


def _get(path: str) -> Request:
    return Request("GET", path, path, (), {}, b"", 0)


def test_initialize_takes_its_root(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TUF_ROOT", str(tmp_path / "tuf"))
    root = tmp_path / "root.json"
    with WholeSigstore(seed="tuf") as sigstore:
        root.write_bytes(sigstore.tuf.first_root)
        assert run(["initialize", "--mirror", sigstore.tuf.url, "--root", str(root)]) == 0
        held = sorted(path.name for path in (tmp_path / "tuf").rglob("*") if path.is_file())
    assert any(NAME in name for name in held)
    capsys.readouterr()


def test_another_client_takes_its_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    root = tmp_path / "root.json"
    with WholeSigstore(seed="tuf") as sigstore:
        root.write_bytes(sigstore.tuf.first_root)
        config = ClientTrustConfig.from_tuf(sigstore.tuf.url, bootstrap_root=root)
        assert config.signing_config.get_fulcio().url == sigstore.fulcio.url


def test_a_false_first_root_is_refused(tuf: SandboxTUF, tmp_path: Path) -> None:
    with SandboxTUF(seed="another") as other, pytest.raises(Untrue), Http(HttpPolicy(user_agent="test")) as http:
        Repository(tuf.url, tmp_path, other.first_root).refresh(http, (NAME,))
