"""Files that appear as a whole or not at all."""

import io
import os
from pathlib import Path

import pytest

from cli.new_file import check_new, write_new
from verifier.errors import Refused


@pytest.fixture(params=["nameless", "named"], autouse=True)
def kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """With the system's nameless files, and without."""
    if request.param == "named":
        monkeypatch.delattr(os, "O_TMPFILE", raising=False)
    return str(request.param)


def test_a_new_file_is_private(tmp_path: Path) -> None:
    path = tmp_path / "b"
    assert check_new(str(path), yes=False) is False
    write_new(str(path), b"data")
    assert path.read_bytes() == b"data"
    assert path.stat().st_mode & 0o777 == 0o600
    write_new(str(tmp_path / "c"), b"x", mode=0o644)
    assert (tmp_path / "c").stat().st_mode & 0o777 == 0o644
    assert sorted(one.name for one in tmp_path.iterdir()) == ["b", "c"]


def test_a_name_that_was_taken_meanwhile_is_left(tmp_path: Path) -> None:
    path = tmp_path / "b"
    path.write_text("theirs")
    with pytest.raises(Refused, match="appeared while we worked"):
        write_new(str(path), b"ours")
    assert path.read_text() == "theirs"
    write_new(str(path), b"ours", replace=True)
    assert path.read_bytes() == b"ours"
    assert [one.name for one in tmp_path.iterdir()] == ["b"]


def test_a_link_is_replaced_and_not_followed(tmp_path: Path) -> None:
    (tmp_path / "target").write_text("precious")
    (tmp_path / "link").symlink_to(tmp_path / "target")
    with pytest.raises(Refused):
        write_new(str(tmp_path / "link"), b"ours")
    write_new(str(tmp_path / "link"), b"ours", replace=True)
    assert (tmp_path / "target").read_text() == "precious"
    assert (tmp_path / "link").read_bytes() == b"ours"


def test_a_full_disk_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writes = iter([3])

    def full(descriptor: int, data: bytes) -> int:
        for count in writes:
            return os.pwrite(descriptor, bytes(data[:count]), 0)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("cli.new_file.os.write", full)
    with pytest.raises(Refused, match="No space left"):
        write_new(str(tmp_path / "b"), b"data")
    assert not list(tmp_path.iterdir())


def test_questions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(tmp_path / "b")
    Path(path).write_text("x")
    assert check_new(path, yes=True) is True
    for answer, good in (("y\n", True), ("YES\n", True), ("n\n", False), ("", False), ("\n", False), ("yep\n", False)):
        monkeypatch.setattr("sys.stdin", io.StringIO(answer))
        if good:
            assert check_new(path, yes=False) is True
        else:
            with pytest.raises(Refused, match="user declined the prompt"):
                check_new(path, yes=False)
    assert capsys.readouterr().out == ""
    with pytest.raises(Refused, match="standard input"):
        check_new(path, yes=False, stdin_taken=True)


def test_places_that_cannot_be_written(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none" / "b"):
        with pytest.raises(Refused):
            check_new(str(path), yes=True)
