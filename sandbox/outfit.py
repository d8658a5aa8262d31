"""Which files does a client of a running sandbox need? Trust, services, keys, a token, a configuration to watch it."""

import json
import shlex
from pathlib import Path

from sandbox.certificates import pem_of
from sandbox.claims import claims_of
from sandbox.instance import pem_of as log_pem
from sandbox.subjects import GOOGLE
from sandbox.whole import WholeSigstore

TOKEN = "token"  # noqa: S105 - the name of a file
PRIVATE = frozenset({TOKEN})

MINE = b"# Written by `sigwarden sandbox up`, anew each time; without this line the file is yours, and stays."
CONFIG = "sigwarden.toml"
_CONFIG = """\
# The sandbox begins anew each time: give it a fresh database then.
contact = "sandbox@sandbox.test"

[logs.sandbox]
trusted_root = "trusted_root.json"
v1 = {{ url = "{rekor_v1}", origin = "127.0.0.1", from = 0, every = "2s" }}
v2 = {{ read_url = "{rekor_v2}", write_url = "{rekor_v2}", origin = "localhost", from = 0, every = "2s" }}

[channels]
tty = {{ type = "console" }}

[[watch]]
name = "tester"
san = {user}
expect = "never"                                # every signature is news here, and so is that of `sigwarden drill`
"""


def files_of(sigstore: WholeSigstore) -> dict[str, bytes]:
    """Name to content; the token is good for ten minutes, everything else as long as the sandbox runs."""
    user = sigstore.user
    return {
        "trusted_root.json": sigstore.trusted_root,
        "signing_config.json": sigstore.signing_config,
        "signing_config_rekor_v1.json": sigstore.signing_config_for(1),
        "client_trust.json": sigstore.client_trust(2),
        "root.json": sigstore.tuf.first_root,
        "rekor_v1.pub": log_pem(sigstore.rekor_v1.shard),
        "rekor_v2.pub": sigstore.rekor_v2.signer.key.pem,
        "ct.pub": sigstore.ct.key.pem,
        "fulcio.pem": b"".join(pem_of(one) for one in sigstore.ca.chain),
        "tsa.pem": b"".join(pem_of(one) for one in sigstore.tsa.authority.chain),
        CONFIG: MINE + b"\n" + _CONFIG.format(**sigstore.urls, user=json.dumps(user)).encode(),
        TOKEN: sigstore.token().encode(),
    }


def environment_of(sigstore: WholeSigstore, folder: Path) -> dict[str, str]:
    """The variables that turn sigwarden and cosign to the sandbox, where `folder` holds the files."""
    return {
        "TUF_ROOT": str(folder / "tuf"),
        "TUF_MIRROR": sigstore.tuf.url,
        "TUF_ROOT_JSON": str(folder / "root.json"),
        "SIGWARDEN_CONFIG": str(folder / CONFIG),
    }


def exports_of(sigstore: WholeSigstore, folder: Path) -> str:
    """The same as lines for a shell; the token is read from its file, which stays fresh."""
    rows = [f"export {name}={shlex.quote(value)}" for name, value in environment_of(sigstore, folder).items()]
    rows.append(f'export SIGSTORE_ID_TOKEN="$(cat {shlex.quote(str(folder / TOKEN))})"')
    return "".join(row + "\n" for row in rows)


def examples_of(sigstore: WholeSigstore, folder: Path) -> tuple[str, ...]:
    """Command lines to try, after the environment is set."""
    where = shlex.quote(str(folder))
    issuer = claims_of(sigstore.user).get("iss", GOOGLE)
    who = f"--certificate-identity {shlex.quote(sigstore.user)} --certificate-oidc-issuer {issuer}"
    return (
        "echo hello > hello.txt",
        "sigwarden sign-blob hello.txt --bundle hello.sigstore.json",
        f"sigwarden verify-blob hello.txt --bundle hello.sigstore.json {who}",
        "sigwarden monitor init --yes && sigwarden monitor once",
        "sigwarden drill --log sandbox.v2",
        f"sigwarden sandbox token --dir {where} https://github.com/acme/widget/.github/workflows/ci.yml@refs/heads/main",
        f'sigstore --trust-config {where}/client_trust.json sign --identity-token "$(cat {where}/{TOKEN})" hello.txt',
        f"cosign initialize --mirror {sigstore.tuf.url} --root {where}/root.json",
    )
