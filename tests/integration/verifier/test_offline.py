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


URL = "http://127.0.0.1:1/file"
WHO = ["--certificate-identity", "alice@example.com", "--certificate-oidc-issuer", "https://issuer.example"]
PIECES = ["verify-blob", "README.txt", "--signature", "bundles/byo.sig", "--certificate", "byo/leaf.pem", *WHO]
KEYED = ["verify-blob", "blobs/hello.txt", "--bundle", "bundles/legacy-key-tsa.bundle.json", "--key", "keys/cosign.pub"]
CREATE = ["trusted-root", "create", "--fulcio"]


@pytest.mark.parametrize(
    ("arguments", "environment"),
    [
        (["verify-blob", URL, *KEYED[2:]], {}),
        ([*KEYED[:3], URL, *KEYED[4:]], {}),
        ([*KEYED[:-1], URL], {}),
        ([*KEYED, "--trusted-root", URL], {}),
        ([*KEYED, "--rfc3161-timestamp", URL, "--use-signed-timestamps"], {}),
        ([*KEYED, "--use-signed-timestamps", "--timestamp-certificate-chain", URL], {}),
        ([*KEYED, "--certificate", URL], {}),
        ([*KEYED, "--signature", URL], {}),
        ([*PIECES[:3], URL, *PIECES[4:]], {}),
        ([*PIECES[:5], URL, *WHO], {}),
        ([*PIECES, "--certificate-chain", URL], {}),
        ([*PIECES, "--ca-roots", URL], {}),
        ([*PIECES, "--ca-roots", "byo/root.pem", "--ca-intermediates", URL], {}),
        ([*PIECES, "--sct", URL], {}),
        (KEYED, {"SIGSTORE_REKOR_PUBLIC_KEY": URL}),
        (PIECES, {"SIGSTORE_ROOT_FILE": URL}),
        (PIECES, {"SIGSTORE_CT_LOG_PUBLIC_KEY_FILE": URL}),
        (PIECES, {"SIGSTORE_TSA_CERTIFICATE_FILE": URL}),
        (["conformance", "verify-bundle", "--bundle", "bundles/keyless-email.sigstore.json", *WHO, URL], {}),
        ([*CREATE, f"url=https://f.example,certificate-chain={URL}"], {}),
    ],
)
def test_offline_refuses_an_url_wherever_a_file_is_read(
    arguments: list[str], environment: dict[str, str], real_data: Path, tmp_path: Path
) -> None:
    environment |= {"TUF_ROOT": str(tmp_path)}
    code, _, told = _python(_NO_SOCKETS, [*arguments, "--offline"], real_data / "cosign", **environment)
    assert code == 1
    assert f"{URL} cannot be read with --offline" in told
