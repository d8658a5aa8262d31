"""Who hands out identity tokens in the sandbox? One OIDC issuer with the browser, device and client credentials flows.

Everybody is let in at once: nothing here protects anything. Tokens can also be minted in the name of the public issuers
(GitHub Actions, GitLab, Google); only the sandbox's own Fulcio believes them.
"""

import hashlib
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from sandbox import jwt
from sandbox.claims import Claims, claims_of
from sandbox.keys import SigningKey
from sandbox.oidc_flows import Flows
from sandbox.service import Service, json_reply
from sandbox.wire import Reply, Request

LIFETIME = 60.0 * 10
AUDIENCE = "sigstore"
MINT = "/sandbox/token"
"""``GET ?identity=…&issuer=…``: a token for anybody, which no real issuer would give."""


@dataclass(frozen=True, slots=True)
class Tale:
    """What is wrong with the tokens at the moment; `shift` moves their times by seconds."""

    shift: float = 0.0
    change: dict[str, Any] = field(default_factory=dict)
    stranger: bool = False
    dropped: tuple[str, ...] = ()


class SandboxOIDC(Service):
    """``with SandboxOIDC() as oidc: oidc.token("me@corp.test")``. `user` is whoever logs in: text, or claims."""

    def __init__(
        self,
        *,
        seed: str | None = None,
        now: Callable[[], float] = time.time,
        user: str | Claims = "tester@sandbox.test",
        key_kind: str = "ecdsa-p256",
        latency: float = 0.0,
        port: int = 0,
    ) -> None:
        super().__init__(latency=latency, port=port)
        self.seed, self.now, self.user = seed, now, user
        self.key = SigningKey.make(key_kind, None if seed is None else f"{seed}/oidc")
        self.old_keys: list[SigningKey] = []
        self.tale = Tale()
        self.flows = Flows(self)
        self._count = 0

    # -- tokens --------------------------------------------------------------------------------------------------------

    @property
    def issuer(self) -> str:
        """The ``iss`` of its tokens, unless their claims name another."""
        return self.url

    @property
    def keys(self) -> tuple[SigningKey, ...]:
        """The keys whose tokens count."""
        return self.key, *self.old_keys

    def token(
        self,
        identity: str | Claims | None = None,
        *,
        issuer: str | None = None,
        audience: str = AUDIENCE,
        nonce: str | None = None,
    ) -> str:
        """A signed ID token for an identity (None: `user`); `issuer` is who the certificate shall say vouches."""
        claims = claims_of(self.user if identity is None else identity, issuer)
        start = int(self.now() + self.tale.shift)
        self._count += 1
        made: dict[str, Any] = {
            "iss": claims.get("iss") or self.issuer,
            "aud": audience,
            "iat": start,
            "nbf": start,
            "exp": start + int(LIFETIME),
            "jti": self.secret("jti"),
            **({"nonce": nonce} if nonce else {}),
            **claims,
            **self.tale.change,
        }
        for name in self.tale.dropped:
            made.pop(name, None)
        return jwt.sign(made, SigningKey.make(self.key.kind, "stranger") if self.tale.stranger else self.key)

    def secret(self, what: str) -> str:
        """An unguessable name (a counted one where the issuer is seeded)."""
        self._count += 1
        if self.seed is None:
            return secrets.token_hex(16)
        return hashlib.sha256(f"{self.seed}/{what}/{self._count}".encode()).hexdigest()[:32]

    def rotate_key(self) -> None:
        """Sign with a new key; the old one stays in the key set."""
        self.old_keys.append(self.key)
        seed = None if self.seed is None else f"{self.seed}/oidc {len(self.old_keys)}"
        self.key = SigningKey.make(self.key.kind, seed)

    # -- lies ----------------------------------------------------------------------------------------------------------

    def honest(self) -> None:
        """Hand out good tokens again."""
        super().honest()
        self.tale = Tale()
        self.flows.honest()

    def expired(self, seconds: float = 60.0) -> None:
        """Tokens that ran out `seconds` ago."""
        self.tale = replace(self.tale, shift=-LIFETIME - seconds)

    def early(self, seconds: float = 3600.0) -> None:
        """Tokens of tomorrow: not valid yet."""
        self.tale = replace(self.tale, shift=seconds)

    def wrong_audience(self, audience: str = "somebody-else") -> None:
        """Tokens for another client."""
        self.claim(aud=audience)

    def unverified_email(self) -> None:
        """Tokens whose e-mail address nobody verified."""
        self.claim(email_verified=False)

    def claim(self, **claims: Any) -> None:
        """Put claims into every token; None leaves one out."""
        gone = tuple(name for name, value in claims.items() if value is None)
        kept = {name: value for name, value in claims.items() if value is not None}
        self.tale = replace(self.tale, change=self.tale.change | kept, dropped=self.tale.dropped + gone)

    def forged(self) -> None:
        """Tokens signed by a key that is not in the key set."""
        self.tale = replace(self.tale, stranger=True)

    # -- answers -------------------------------------------------------------------------------------------------------

    def respond(self, request: Request) -> Reply:
        """Discovery, key set, and the flows."""
        if request.path == "/.well-known/openid-configuration":
            return json_reply(self._discovery())
        if request.path == "/keys":
            return json_reply({"keys": [jwt.jwk(key) for key in self.keys]})
        if request.path == MINT:
            token = self.token(request.value("identity") or None, issuer=request.value("issuer") or None)
            return Reply(200, token.encode(), (("Cache-Control", "no-store"),), "application/jwt")
        return self.flows.respond(request)

    def _discovery(self) -> dict[str, Any]:
        url = self.url
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{url}/auth",
            "token_endpoint": f"{url}/token",
            "jwks_uri": f"{url}/keys",
            "device_authorization_endpoint": f"{url}/device/code",
            "grant_types_supported": list(self.flows.grants),
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": sorted({jwt.ALGORITHMS[key.kind] for key in self.keys}),
            "code_challenge_methods_supported": ["S256"],
            "scopes_supported": ["openid", "email", "profile"],
            "claims_supported": ["iss", "sub", "aud", "iat", "exp", "email", "email_verified"],
        }
