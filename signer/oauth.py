"""How does a person, or a service with a secret, get an identity token?

OpenID Connect for signing (protocol.md 6.5): authorization code with PKCE S256, a random state that is compared and a
loopback listener (`callback`); the device grant (RFC 8628); client credentials. Codes, verifiers, secrets and tokens
are in no message.
"""

import base64
import hashlib
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode, urlsplit

from signer.answers import members_of
from signer.callback import Listener
from signer.token import claims_of
from verifier.errors import Malformed, Refused, Unreachable, Untrue
from verifier.fetch.call import Call, Reply, expect

if TYPE_CHECKING:
    from verifier.fetch.http import Http

SCOPE = "openid email"
DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
OUT_OF_BAND = "urn:ietf:wg:oauth:2.0:oob"
_LARGEST = 1 << 20
_SECONDS = 120.0
_SLOWER = 5.0  # RFC 8628 section 3.5: what slow_down adds
_SLOWEST, _LONGEST = 60.0, 1800.0


@dataclass(frozen=True, slots=True)
class Client:
    """Who we are to the issuer. `redirect` is where the browser comes back to; port 0 is any free one."""

    id: str = "sigstore"
    secret: str = field(default="", repr=False)
    redirect: str = "http://localhost:0/auth/callback"


@dataclass(frozen=True, slots=True)
class Endpoints:
    """What the issuer's discovery document names; `device` is empty where there is no device flow."""

    issuer: str
    authorization: str
    token: str
    device: str = ""


@dataclass(frozen=True, slots=True)
class Person:
    """How to reach the person: `say` shows text, `browse` opens a URL (False: it could not), `ask` reads a line."""

    say: Callable[[str], None]
    browse: Callable[[str], bool]
    ask: Callable[[str], str]
    clock: Callable[[], float]


def discover(http: "Http", issuer: str) -> Endpoints:
    """The issuer's endpoints (OpenID Connect Discovery 1.0); Untrue if the document is another issuer's."""
    url = f"{issuer.rstrip('/')}/.well-known/openid-configuration"
    members = members_of(expect(http.get(url, max_bytes=_LARGEST), 200))
    if str(members.get("issuer", "")).rstrip("/") != issuer.rstrip("/"):
        raise Untrue("the identity provider's discovery document names another issuer", code="oidc-issuer")
    found = {name: _endpoint(members, f"{name}_endpoint", issuer) for name in ("authorization", "token")}
    device = _endpoint(members, "device_authorization_endpoint", issuer, needed=False)
    return Endpoints(issuer, found["authorization"], found["token"], device)


def browser_token(http: "Http", endpoints: Endpoints, client: Client, person: Person) -> str:
    """The token of a person who logs in with a browser on this machine (or elsewhere, and types the code)."""
    verifier, challenge = _pkce()
    state, nonce = secrets.token_urlsafe(32), secrets.token_urlsafe(32)

    def url(redirect: str) -> str:
        query = {
            "response_type": "code",
            "client_id": client.id,
            "redirect_uri": redirect,
            "scope": SCOPE,
            "state": state,
            "nonce": nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        return f"{endpoints.authorization}{'&' if '?' in endpoints.authorization else '?'}{urlencode(query)}"

    with Listener(client.redirect, state) as listener:
        redirect = listener.redirect
        person.say(f"Your browser will now be opened to:\n{url(redirect)}\n")
        if person.browse(url(redirect)):
            code = listener.wait(_SECONDS)
        else:
            redirect = OUT_OF_BAND
            person.say(f"Go to the following link in a browser:\n\n\t {url(redirect)}\n")
            code = person.ask("Enter verification code: ").strip()
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect, "code_verifier": verifier}
    token = _token_of(_post_form(http, endpoints.token, form, client))
    # an access token in place of an ID token has no nonce; PKCE has bound the code to us already
    if claims_of(token).get("nonce", nonce) != nonce:
        raise Untrue("the identity token was made for another login", code="oidc-nonce")
    return token


def device_token(http: "Http", endpoints: Endpoints, client: Client, person: Person) -> str:
    """The token of a person who logs in on another device (RFC 8628)."""
    if not endpoints.device:
        raise Refused(
            "the identity provider has no device flow", code="oidc-flow", hint="use --fulcio-auth-flow normal"
        )
    verifier, challenge = _pkce()
    form = {"scope": SCOPE, "code_challenge": challenge, "code_challenge_method": "S256"}
    asked = members_of(expect(_post_form(http, endpoints.device, form, client), 200))
    code, user_code, page = (_member(asked, name) for name in ("device_code", "user_code", "verification_uri"))
    complete = asked.get("verification_uri_complete")
    seconds = _number(asked.get("expires_in"), 300, _LONGEST)
    person.say(f"Enter the verification code {user_code} in your browser at: {complete or page}\n")
    person.say(f"Code will be valid for {int(seconds)} seconds\n")
    pause, end = _number(asked.get("interval"), _SLOWER, _SLOWEST), person.clock() + seconds
    form = {"grant_type": DEVICE_GRANT, "device_code": code, "code_verifier": verifier}
    while person.clock() < end:
        http.sleep(pause)
        reply = _post_form(http, endpoints.token, form, client)
        problem = _problem(reply)
        if not problem:
            token = _token_of(reply)
            person.say("Token received!\n")
            return token
        if problem not in ("authorization_pending", "slow_down"):
            break
        pause += _SLOWER if problem == "slow_down" else 0
    raise Refused("nobody confirmed the login in time, or it was refused", code="oidc-denied")


def client_token(http: "Http", endpoints: Endpoints, client: Client) -> str:
    """The token of a service that has a client secret (RFC 6749 section 4.4)."""
    if not client.secret:
        raise Refused(
            "the client_credentials flow needs a client secret", code="oidc-flow", hint="--oidc-client-secret-file"
        )
    form = {"grant_type": "client_credentials", "scope": SCOPE}
    return _token_of(_post_form(http, endpoints.token, form, client))


def _pkce() -> tuple[str, str]:
    """(verifier, its S256 challenge): RFC 7636 section 4."""
    verifier = secrets.token_urlsafe(64)
    digest = hashlib.sha256(verifier.encode()).digest()
    return verifier, base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _post_form(http: "Http", url: str, form: Mapping[str, str], client: Client) -> Reply:
    """One POST; a secret goes into the Authorization header (RFC 6749 section 2.3.1), never into the form."""
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    fields = dict(form)
    if client.secret:
        pair = f"{quote(client.id, safe='')}:{quote(client.secret, safe='')}".encode()
        headers["Authorization"] = f"Basic {base64.b64encode(pair).decode()}"
    else:
        fields["client_id"] = client.id
    call = Call("POST", url, _LARGEST, accept="application/json", headers=headers, content=urlencode(fields).encode())
    return http.send(call)


def _token_of(reply: Reply) -> str:
    """The identity token in the answer of a token endpoint; some issuers give it as the access token."""
    problem = _problem(reply)
    if problem:
        raise Refused(f"the identity provider refused: {problem}", code="oidc-denied")
    expect(reply, 200)
    members = members_of(reply)
    for name in ("id_token", "access_token"):
        if isinstance(members.get(name), str) and members[name]:
            return str(members[name])
    raise Malformed("the identity provider's answer holds no token", code="service-reply")


def _problem(reply: Reply) -> str:
    """The OAuth error code of an answer (RFC 6749 section 5.2), empty for a good one; descriptions may hold secrets."""
    if 200 <= reply.status < 300:
        return ""
    try:
        code = members_of(reply).get("error")
    except Malformed:
        code = None
    if isinstance(code, str) and code.replace("_", "").isalnum() and len(code) <= 40:
        return code
    raise Unreachable(
        f"the identity provider answered {reply.status}", code="oidc", cause="status", status=reply.status
    )


def _endpoint(members: Mapping[str, Any], name: str, issuer: str, *, needed: bool = True) -> str:
    value = members.get(name)
    if value is None and not needed:
        return ""
    parts = urlsplit(value) if isinstance(value, str) else None
    # a secure issuer that sends the code or the secret over plain HTTP is a mistake or an attack
    schemes = ("https",) if issuer.startswith("https://") else ("http", "https")
    if parts is None or parts.scheme not in schemes or not parts.hostname:
        raise Malformed(f"the identity provider's {name} is no usable URL", code="oidc-discovery")
    return str(value)


def _member(members: Mapping[str, Any], name: str) -> str:
    value = members.get(name)
    if not isinstance(value, str) or not value:
        raise Malformed(f"the identity provider's answer has no '{name}'", code="service-reply")
    return value


def _number(value: Any, default: float, most: float) -> float:
    usable = isinstance(value, int | float) and not isinstance(value, bool) and value > 0
    return min(float(value), most) if usable else default
