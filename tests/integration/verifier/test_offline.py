"""``--offline`` opens no socket, and the program starts without what it does not need."""

import subprocess
import sys
from pathlib import Path

import pytest

_NO_SOCKETS = """
import socket, sys

class Refusing(socket.socket):
    def __new__(cls, *args, **kwargs):
        raise SystemExit("a socket was opened")

socket.socket = Refusing
socket.create_connection = socket.getaddrinfo = lambda *a, **k: sys.exit("the network was asked")
from cli.app import run
code = run(sys.argv[1:])
bad = sorted(name for name in sys.modules if name.partition(".")[0] in ("httpx", "httpcore", "tuf", "urllib3"))
sys.exit(f"loaded {bad}" if bad else code)
"""

_MODULES = """
import sys
sys.argv = ["sigwarden", *sys.argv[1:]]
try:
    from cli.main import main
    main()
except SystemExit:
    pass
print(" ".join(sorted({name.partition(".")[0] for name in sys.modules})), file=sys.stderr)
"""


def _python(code: str, arguments: list[str], folder: Path | None = None, **environment: str) -> tuple[int, str, str]:
    import os

    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return done.returncode, done.stdout, done.stderr


def test_offline_opens_no_socket(real_data: Path, tmp_path: Path) -> None:
    folder = real_data / "bundles" / "production"
    arguments = [
        "verify-blob",
        "bundle_v3_github.whl",
        "--offline",
        "--certificate-identity-regexp",
        "^https://github.com/trailofbits/rfc8785.py/",
        "--certificate-oidc-issuer",
        "https://token.actions.githubusercontent.com",
    ]
    code, _, told = _python(_NO_SOCKETS, arguments, folder, TUF_ROOT=str(tmp_path))
    assert code == 0, told
    assert "Verified OK" in told


def test_offline_refuses_what_needs_the_network(tmp_path: Path) -> None:
    arguments = ["verify-blob", "https://example.com/file", "--offline", "--key", "https://example.com/key.pub"]
    code, _, told = _python(_NO_SOCKETS, arguments, tmp_path)
    assert code == 1
    assert "cannot be read with --offline" in told


@pytest.mark.parametrize("arguments", [["--help"], ["version"], ["version", "--json"], []])
def test_help_and_version_load_nothing_but_python(arguments: list[str]) -> None:
    _, out, told = _python(_MODULES, arguments)
    loaded = set(told.split())
    assert out
    assert not loaded & {"click", "cryptography", "msgspec", "pydantic", "json", "re2", "verifier", "platformdirs"}


def test_the_help_of_a_command_loads_no_cryptography() -> None:
    _, out, told = _python(_MODULES, ["verify-blob", "--help"])
    assert "--certificate-identity" in out
    assert not set(told.split()) & {"cryptography", "msgspec", "pydantic", "re2", "tuf", "httpx"}
