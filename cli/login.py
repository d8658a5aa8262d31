"""As whom do we sign? An identity token: given, of the machine, or of a person who logs in.

In cosign's order: ``--identity-token``, the machine's own identity, then a login. Everything said here goes to standard
error; no token, code or secret is ever printed, nor passed to another program (the browser gets the login URL alone).
"""

import os
import sys
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli.app import printable
from cli.inputs import read_input
from cli.prompt import confirm
from signer.services import DEFAULT_ISSUER
from signer.token import Token, looks_like_token, read_token
from verifier.errors import Refused

if TYPE_CHECKING:
    from verifier.fetch.http import Http

_MAX_TOKEN = 64 << 10
_PRIVACY = (
    "The signature, with the identity that you log in with (such as your e-mail address), will be part of a "
    "transparency log that everybody can read and nobody can change. It cannot be removed later. For the public "
    "instance of Sigstore see https://lfprojects.org/policies/hosted-project-tools-terms-of-use/ and "
    "https://lfprojects.org/policies/hosted-project-tools-immutable-records/. By typing 'y' you confirm that the "
    "personal data in it is your own, and that you agree."
)


def log_in(flags: Mapping[str, Any], http: "Http", issuer: str | None, now: datetime) -> Token:
    """The token to sign with, checked; asks the privacy question before a person logs in for a public record."""
    audience = flags["oidc_client_id"]
    given = flags["identity_token"]
    if given:
        return read_token(_given(given), now, audience)
    flow = flags["fulcio_auth_flow"]
    if flow == "token":
        raise Refused("the token flow needs --identity-token", code="usage")
    if flow is None and not flags["oidc_disable_ambient_providers"]:
        from signer.identity import Place, ambient_token

        found = ambient_token(Place(os.environ, http), audience, flags["oidc_provider"] or "")
        if found is not None:
            return read_token(found[1], now, audience)
    if not flags["yes"] and flags["tlog_upload"] and flow != "client_credentials":
        confirm(_PRIVACY, stdin_taken=flags["stdin_taken"])
    return read_token(_interactive(flags, http, issuer or DEFAULT_ISSUER, flow), now, audience)


def _given(value: str) -> str:
    """A JWT itself, or a file with one."""
    if not _is_file(value):
        if looks_like_token(value):
            return value
        raise Refused(
            "--identity-token is neither a JWT nor a file", code="token-format", hint="the value is not shown here"
        )
    return read_input(value, limit=_MAX_TOKEN).decode("ascii", "replace")


def _is_file(value: str) -> bool:
    try:
        return Path(value).is_file()
    except (OSError, ValueError):  # a token is longer than a name may be
        return False


def _interactive(flags: Mapping[str, Any], http: "Http", issuer: str, flow: str | None) -> str:
    import time

    from signer.oauth import Client, Person, browser_token, client_token, device_token, discover

    client = Client(flags["oidc_client_id"], _secret(flags["oidc_client_secret_file"]), flags["oidc_redirect_url"])
    endpoints = discover(http, issuer)
    if flow == "client_credentials":
        return client_token(http, endpoints, client)
    person = Person(_say, _browse, _ask, time.monotonic)
    if flow == "device" or (flow is None and not (sys.stdin and sys.stdin.isatty())):
        if flow is None:
            _say("Non-interactive mode detected, using device flow.\n")
        return device_token(http, endpoints, client, person)
    _say("Retrieving signed certificate...\n")
    return browser_token(http, endpoints, client, person)


def _secret(path: str | None) -> str:
    if not path:
        return ""
    return read_input(path, limit=_MAX_TOKEN).decode("utf-8", "replace").strip()


def _say(text: str) -> None:
    """Text of ours around words of the issuer: no control character of those reaches the terminal."""
    sys.stderr.write("\n".join(printable(line) for line in text.split("\n")))
    sys.stderr.flush()


def _ask(question: str) -> str:
    sys.stderr.write(question)
    sys.stderr.flush()
    return sys.stdin.readline() if sys.stdin else ""


def _browse(url: str) -> bool:
    import webbrowser

    try:
        return webbrowser.open(url)
    except webbrowser.Error:
        return False
