"""How is a whole Sigstore had on this machine? ``sandbox up`` serves one; ``sandbox token`` logs anybody in there."""

import json
import signal
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import click

from cli.new_file import write_new
from cli.options import json_option, note, put, put_json
from verifier.errors import Refused

if TYPE_CHECKING:
    from sandbox.whole import WholeSigstore

_MARK = "sandbox.json"
_PUBLIC_MODE, _PRIVATE_MODE = 0o644, 0o600
_TOKEN_EVERY = 240.0  # a token lives for ten minutes
_LARGEST = 1 << 20


@click.group()
def sandbox() -> None:
    """A whole Sigstore on this machine: to try, to demonstrate, to drill. Nothing here leaves loopback."""


@sandbox.command("up")
@click.option("--dir", "folder", type=click.Path(file_okay=False, path_type=Path), help="Keep files here, for clients.")
@click.option("--port", type=click.IntRange(1024, 65529), help="Serve at this port and the six after it.")
@click.option("--seed", help="The same keys each time (they are no secrets then).")
@click.option("--ct", type=click.Choice(["rfc6962", "static"]), default="rfc6962", help="Form of the CT log.")
@click.option(
    "--user", default="tester@sandbox.test", show_default=True, help="Who logs in: an e-mail address or a URI."
)
@json_option
def up(folder: Path | None, port: int | None, seed: str | None, ct: Any, user: str, as_json: bool) -> int:
    """Serve identity provider, Fulcio, CT log, timestamp authority, Rekor v1 and v2, and TUF until Ctrl-C.

    It begins anew each time: logs are empty, and without --seed all keys are new.
    """
    from sandbox.outfit import TOKEN
    from sandbox.whole import WholeSigstore

    with _ended() as done, _folder(folder) as place:
        try:
            with WholeSigstore(seed=seed, user=user, ct_form=ct, port=port or 0) as sigstore:
                _write(sigstore, place)
                _tell(sigstore, place, as_json=as_json)
                while not done.wait(_TOKEN_EVERY):
                    write_new(str(place / TOKEN), sigstore.token().encode(), replace=True)
                    sigstore.forget()
        except OSError as error:
            hint = "another program has one of the ports" if port else ""
            raise Refused(f"the sandbox cannot be served: {error.strerror}", code="sandbox", hint=hint) from error
    note("The sandbox has ended, and with it everything in its logs.")
    return 0


@sandbox.command("token")
@click.argument("identity", required=False, default="")
@click.option(
    "--dir", "folder", type=click.Path(exists=True, file_okay=False, path_type=Path), required=True, help="Of `up`."
)
@click.option("--issuer", default="", help="Who the certificate shall say vouches for it.")
def token(identity: str, folder: Path, issuer: str) -> int:
    """Print an identity token of a running sandbox: for an e-mail address, a workflow's URI, or any URI."""
    from cli.version import VERSION
    from sandbox.oidc import MINT
    from verifier.fetch.http import Http, HttpPolicy, expect

    try:
        url = json.loads((folder / _MARK).read_bytes())["urls"]["oidc"]
    except (OSError, ValueError, KeyError, TypeError):
        raise Refused(f"no sandbox has written to {folder}", code="sandbox", hint="sandbox up --dir") from None
    query = urlencode({"identity": identity, "issuer": issuer})
    with Http(HttpPolicy(user_agent=f"sigwarden/{VERSION}", retries=0)) as http:
        put(expect(http.get(f"{url}{MINT}?{query}", max_bytes=_LARGEST), 200).body.decode("ascii"))
    return 0


@contextmanager
def _ended() -> Iterator[threading.Event]:
    """An event that Ctrl-C and SIGTERM set."""
    done = threading.Event()
    before = {number: signal.signal(number, lambda *_: done.set()) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield done
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _folder(folder: Path | None) -> Iterator[Path]:
    """The folder for the files; a temporary one where none is named."""
    if folder is None:
        with tempfile.TemporaryDirectory(prefix="sigwarden-sandbox-") as made:
            yield Path(made)
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Refused(f"{folder} cannot be made: {error.strerror}", code="output") from error
    yield folder.resolve()


def _write(sigstore: "WholeSigstore", folder: Path) -> None:
    from sandbox.outfit import CONFIG, MINE, PRIVATE, exports_of, files_of

    files = files_of(sigstore) | {"env": exports_of(sigstore, folder).encode()}
    files[_MARK] = json.dumps(_record(sigstore, folder), indent=1).encode() + b"\n"
    if (folder / CONFIG).exists() and MINE not in (folder / CONFIG).read_bytes():
        note(f"{folder / CONFIG} is yours: it stays as it is, with the addresses of before")
        del files[CONFIG]
    for name, data in files.items():
        mode = _PRIVATE_MODE if name in PRIVATE else _PUBLIC_MODE
        write_new(str(folder / name), data, mode=mode, replace=True)


def _record(sigstore: "WholeSigstore", folder: Path) -> dict[str, Any]:
    from sandbox.outfit import environment_of

    return {
        "type": "sandbox",
        "dir": str(folder),
        "user": sigstore.user,
        "urls": sigstore.urls,
        "environment": environment_of(sigstore, folder),
    }


def _tell(sigstore: "WholeSigstore", folder: Path, *, as_json: bool) -> None:
    from sandbox.outfit import examples_of

    if as_json:
        put_json(_record(sigstore, folder))
        sys.stdout.flush()
        return
    for name, url in sigstore.urls.items():
        put(f"# {name:<10}{url}")
    put(f"#\n# In another terminal:\n. {folder}/env")
    for line in examples_of(sigstore, folder):
        put(f"#   {line}")
    note("Serving until Ctrl-C.")
    sys.stdout.flush()
