"""A server that hangs up, or a reader that has read enough, ends no process of ours without a word."""

import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from cli.app import run

pytestmark = pytest.mark.integration


def test_a_command_leaves_sigpipe_ignored(capsys: pytest.CaptureFixture[str]) -> None:
    """With its default the second send would kill this process."""
    assert run(["version"]) == 0
    assert signal.getsignal(signal.SIGPIPE) == signal.SIG_IGN
    one, other = socket.socketpair()
    with one:
        other.close()
        with pytest.raises(BrokenPipeError):
            one.sendall(b"x")


@pytest.mark.parametrize("command", [["env"], ["completion", "bash"], ["--help"]])
def test_a_reader_that_stops_sees_no_traceback(command: list[str], tmp_path: Path) -> None:
    line = f"{sys.executable} -m cli.main {' '.join(command)} 2>{tmp_path}/err | true"
    subprocess.run(["sh", "-c", line], check=True)
    said = (tmp_path / "err").read_text()
    assert "Traceback" not in said
    assert "BrokenPipe" not in said
