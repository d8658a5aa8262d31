"""Do the commands of the Makefile that set a bare machine up mean something to the tools they call?"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def test_the_locked_dependencies_can_be_asked_for_as_the_makefile_asks(tmp_path: Path) -> None:
    uv = shutil.which("uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if uv is None:
        pytest.skip("no uv beside this interpreter")
    lines = [line for line in (ROOT / "Makefile").read_text().splitlines() if "$(UV) sync" in line]
    assert len(lines) == 1
    options = lines[0].split("$(UV) sync", 1)[1].split()
    assert "--frozen" in options
    env = {
        **os.environ,
        "UV_PROJECT_ENVIRONMENT": str(tmp_path / "env"),
        "UV_OFFLINE": "1",
        "UV_PYTHON": sys.executable,
    }
    tried = subprocess.run(
        [uv, "sync", *options, "--dry-run"], cwd=ROOT, env=env, capture_output=True, text=True, timeout=60, check=False
    )
    assert "Usage: uv" not in tried.stderr, tried.stderr
