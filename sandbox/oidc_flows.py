"""How does one log in at the sandbox's issuer? Browser with PKCE, device, client credentials; everybody is let in.

OAuth 2.0 (RFC 6749), PKCE (RFC 7636, S256 only), device grant (RFC 8628), native apps (RFC 8252: loopback redirects).
"""

import base64
import binascii
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import parse_qsl, unquote_plus, urlencode, urlsplit

from sandbox.claims import Claims
from sandbox.service import json_reply
from sandbox.wire import Reply, Request

_DEVICE = "urn:ietf:params:oauth:grant-type:device_code"
_OOB = "urn:ietf:wg:oauth:2.0:oob"
_CODE_LIFETIME = 300.0
_UNCACHED = (("Cache-Control", "no-store"), ("Pragma", "no-cache"))


class Mint(Protocol):
    """Who makes the tokens."""

    user: str | Claims
    now: Callable[[], float]

    @property
    def url(self) -> str:
        """Base URL."""

    def token(
        self, identity: str | Claims | None = None, *, audience: str = "sigstore", nonce: str | None = None
    ) -> str:
        """A signed token."""

    def secret(self, what: str) -> str:
        """An unguessable name."""


@dataclass(slots=True)
class Grant:
    """A code that was given out, and what it is good for; `waits` polls are answered with pending first."""

    client: str
    until: float
    redirect: str = ""
    challenge: str = ""
    nonce: str | None = None
    user: str | None = None
    waits: int = 0


class _Refused(Exception):
    """An OAuth error: its code is the first argument, a description the second."""


class Flows:
    """`clients` maps client ids to secrets (a public client has an empty one); others are public and welcome."""

    def __init__(self, mint: Mint) -> None:
        self._mint = mint
        self.clients: dict[str, str] = {"machine": "sandbox-secret"}
        self._grants: dict[str, Grant] = {}
        self.honest()

    def honest(self) -> None:
        """Let everybody in again."""
        self.denial = ""
        self.false_state: str | None = None
        self.waits = 0
        self.slow = False

    # -- lies ----------------------------------------------------------------------------------------------------------

    def deny(self, error: str = "access_denied") -> None:
        """The person says no, in the browser and on the device."""
        self.denial = error

    def wrong_state(self, state: str = "somebody-else") -> None:
        """The browser comes back with another state than the client's."""
        self.false_state = state

    def pending(self, polls: int, *, slow_down: bool = False) -> None:
        """The person takes `polls` polls to approve a device; the answers may ask to slow down."""
        self.waits, self.slow = polls, slow_down

    # -- answers -------------------------------------------------------------------------------------------------------

    @property
    def grants(self) -> dict[str, Callable[[dict[str, str], str], dict[str, Any]]]:
        """What the token endpoint takes, by grant type."""
        return {"authorization_code": self._by_code, _DEVICE: self._by_device, "client_credentials": self._by_secret}

    def respond(self, request: Request) -> Reply:
        """The answer to any path but discovery and the key set."""
        if request.path == "/auth" and request.method in ("GET", "POST"):
            return self._authorize(dict(request.query) | _form(request))
        if request.path == "/token" and request.method == "POST":
            return self._token(request)
        if request.path == "/device/code" and request.method == "POST":
            return self._device(_form(request))
        if request.path == "/device":
            return Reply(200, b"This device is let in.\n", (), "text/plain; charset=utf-8")
        return Reply(404, b"Not Found\n", (), "text/plain; charset=utf-8")

    def _authorize(self, asked: dict[str, str]) -> Reply:
        redirect, state = asked.get("redirect_uri", ""), asked.get("state", "")
        if not asked.get("client_id") or not _is_loopback(redirect):
            return _error("invalid_request", "client_id and a redirect_uri on loopback are needed", 400)
        back = self.false_state if self.false_state is not None else state
        if fault := self.denial or _fault_of(asked):
            return _back(redirect, {"error": fault, "state": back})
        code = self._grant(
            "code",
            Grant(
                asked["client_id"],
                self._mint.now() + _CODE_LIFETIME,
                redirect,
                asked["code_challenge"],
                asked.get("nonce"),
                asked.get("login_hint"),
            ),
        )
        if redirect == _OOB:
            return Reply(200, code.encode() + b"\n", _UNCACHED, "text/plain; charset=utf-8")
        return _back(redirect, {"code": code, "state": back})

    def _device(self, asked: dict[str, str]) -> Reply:
        if not asked.get("client_id"):
            return _error("invalid_client", "client_id is needed", 401)
        grant = Grant(asked["client_id"], self._mint.now() + _CODE_LIFETIME, waits=self.waits)
        grant.challenge = asked.get("code_challenge", "")
        code = self._grant("device", grant)
        page = f"{self._mint.url}/device"
        words = f"{code[:4]}-{code[4:8]}".upper()
        answer = {"device_code": code, "user_code": words, "verification_uri": page, "expires_in": int(_CODE_LIFETIME)}
        answer |= {"verification_uri_complete": f"{page}?user_code={words}", "interval": 1}
        return json_reply(answer, headers=_UNCACHED)

    def _token(self, request: Request) -> Reply:
        form = _form(request)
        try:
            client = self._client(request, form)
            grant = self.grants.get(form.get("grant_type", ""))
            if grant is None:
                raise _Refused("unsupported_grant_type", "this grant is not supported")
            return json_reply(grant(form, client), headers=_UNCACHED)
        except _Refused as refused:
            error, description = refused.args
            return _error(error, description, 401 if error == "invalid_client" else 400)

    def _client(self, request: Request, form: dict[str, str]) -> str:
        """Who asks, by Basic credentials or in the form (RFC 6749, 2.3.1)."""
        name, secret = form.get("client_id", ""), form.get("client_secret", "")
        scheme, _, basic = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "basic":
            try:
                name, _, secret = base64.b64decode(basic, validate=True).decode().partition(":")
            except (binascii.Error, UnicodeDecodeError):
                raise _Refused("invalid_client", "the credentials cannot be read") from None
            name, secret = unquote_plus(name), unquote_plus(secret)
        if not name or secret != self.clients.get(name, secret):
            raise _Refused("invalid_client", "unknown client or wrong secret")
        return name

    def _by_code(self, form: dict[str, str], client: str) -> dict[str, Any]:
        grant = self._redeem(form.get("code", ""), client, form)
        if form.get("redirect_uri") != grant.redirect:
            raise _Refused("invalid_grant", "redirect_uri is another one than before")
        return self._tokens(grant.user, client, grant.nonce)

    def _by_device(self, form: dict[str, str], client: str) -> dict[str, Any]:
        code = form.get("device_code", "")
        waiting = self._grants.get(code)
        if self.denial:
            raise _Refused(self.denial, "the person said no")
        if waiting is not None and waiting.waits > 0:
            waiting.waits -= 1
            raise _Refused("slow_down" if self.slow else "authorization_pending", "not yet")
        self._redeem(code, client, form)
        return self._tokens(None, client, None)

    def _by_secret(self, form: dict[str, str], client: str) -> dict[str, Any]:
        """A machine's own token: its name is the subject."""
        if not self.clients.get(client):
            raise _Refused("unauthorized_client", "a public client has no credentials")
        audience = form.get("audience") or "sigstore"
        token = self._mint.token({"sub": f"https://sandbox.test/machines/{client}"}, audience=audience)
        return _tokens(token)

    def _tokens(self, user: str | None, client: str, nonce: str | None) -> dict[str, Any]:
        return _tokens(self._mint.token(user, audience=client, nonce=nonce))

    def _redeem(self, code: str, client: str, form: dict[str, str]) -> Grant:
        """The grant of a code, once; PKCE is checked (RFC 7636, 4.6)."""
        grant = self._grants.pop(code, None)
        if grant is None or grant.client != client:
            raise _Refused("invalid_grant", "the code is unknown or used")
        if grant.until < self._mint.now():
            raise _Refused("expired_token" if not grant.redirect else "invalid_grant", "the code has expired")
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        if grant.challenge and base64.urlsafe_b64encode(digest).rstrip(b"=").decode() != grant.challenge:
            raise _Refused("invalid_grant", "code_verifier does not fit the challenge")
        return grant

    def _grant(self, what: str, grant: Grant) -> str:
        code = self._mint.secret(what)
        self._grants[code] = grant
        return code


def _fault_of(asked: dict[str, str]) -> str:
    """What is wrong with an authorization request; PKCE is not optional here."""
    if asked.get("response_type") != "code":
        return "unsupported_response_type"
    if "openid" not in asked.get("scope", "").split():
        return "invalid_scope"
    if asked.get("code_challenge_method") != "S256" or len(asked.get("code_challenge", "")) != 43:
        return "invalid_request"
    return ""


def _is_loopback(url: str) -> bool:
    parts = urlsplit(url)
    return url == _OOB or (parts.scheme == "http" and parts.hostname in ("localhost", "127.0.0.1", "::1"))


def _back(redirect: str, values: dict[str, str]) -> Reply:
    query = urlencode({name: value for name, value in values.items() if value})
    separator = "&" if urlsplit(redirect).query else "?"
    return Reply(303, b"", (("Location", f"{redirect}{separator}{query}"), *_UNCACHED), "text/plain")


def _error(code: str, description: str, status: int) -> Reply:
    return json_reply({"error": code, "error_description": description}, status, _UNCACHED)


def _tokens(token: str) -> dict[str, Any]:
    """As Dex answers: the access token is a JWT of the same claims."""
    return {"access_token": token, "token_type": "bearer", "expires_in": 599, "id_token": token}


def _form(request: Request) -> dict[str, str]:
    if request.method != "POST":
        return {}
    return dict(parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True))
