"""What does this identity token say, and may we use it?

A JWT is checked before it is sent anywhere: expired, meant for somebody else, an unverified e-mail. Its signature is
the certificate authority's to check. The token itself is a secret: it is in no representation and no error.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from verifier.errors import Malformed, Refused, Untrue
from verifier.jsonstrict import loads

AUDIENCE = "sigstore"
_LARGEST = 64 << 10  # Fulcio refuses larger ones (GHSA-f83f-xpx7-ffpw)
_LEEWAY = timedelta(minutes=1)  # clocks of two honest machines
_SHAPE = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Token:
    """An identity token: `subject` is the text that proves possession of the key (e-mail, else ``sub``).

    `name` is how the name in the certificate must end, as far as the claims tell (empty: they do not); `issuer` is who
    vouches, `expires` when it stops to count; `raw` is the secret itself.
    """

    raw: str = field(repr=False)
    subject: str
    name: str
    issuer: str
    expires: datetime


def looks_like_token(text: str) -> bool:
    """Whether `text` has the shape of a JWT."""
    return len(text) <= _LARGEST and _SHAPE.fullmatch(text) is not None


def read_token(text: str, now: datetime, audience: str = AUDIENCE) -> Token:
    """The token in `text`; Malformed, or Untrue (``token-*``): expired, not yet valid, for another audience."""
    raw = text.strip()
    if not looks_like_token(raw):
        raise Malformed(
            "the identity token is not a JWT", code="token-format", hint="three base64url parts with dots between"
        )
    claims = claims_of(raw)
    expires = _time(claims, "exp")
    if expires is None:
        raise Malformed("the identity token has no expiry (exp)", code="token-format")
    if expires + _LEEWAY < now:
        raise Untrue("the identity token has expired", code="token-expired", hint="get a fresh one")
    starts = _time(claims, "nbf") or _time(claims, "iat")
    if starts is not None and starts - _LEEWAY > now:
        raise Untrue("the identity token is not valid yet", code="token-early", hint="check this machine's clock")
    _check_audience(claims.get("aud"), audience)
    return Token(raw, _subject(claims), _name(claims), _text(claims, "iss"), expires)


def claims_of(raw: str) -> Mapping[str, Any]:
    """The claims of a JWT, unverified; Malformed otherwise."""
    part = raw.partition(".")[2].partition(".")[0]
    try:
        data = base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)
        claims = loads(data, max_bytes=_LARGEST)
    except (binascii.Error, Malformed):
        raise Malformed("the claims of the identity token cannot be read", code="token-format") from None
    if not isinstance(claims, dict):
        raise Malformed("the claims of the identity token are no object", code="token-format")
    return claims


def _time(claims: Mapping[str, Any], name: str) -> datetime | None:
    value = claims.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Malformed(f"the claim '{name}' of the identity token is no time", code="token-format")
    try:
        return datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError):
        raise Malformed(f"the claim '{name}' of the identity token is out of range", code="token-format") from None


def _check_audience(value: Any, audience: str) -> None:
    given = [value] if isinstance(value, str) else value if isinstance(value, list) else []
    if audience not in given:
        raise Untrue(
            f"the identity token is not for the audience '{audience}'",
            code="token-audience",
            hint=f"ask the provider for a token with the audience {audience}, or set --oidc-client-id",
        )


def _subject(claims: Mapping[str, Any]) -> str:
    """What Fulcio asks to be signed: the e-mail where the token has one (then verified), else ``sub``."""
    if claims.get("email"):
        # some issuers write the boolean as text
        if claims.get("email_verified") not in (True, "true"):
            raise Refused(
                "the issuer has not verified the e-mail address in the identity token",
                code="token-email",
                hint="verify the address with the identity provider first",
            )
        return _text(claims, "email")
    return _text(claims, "sub")


def _name(claims: Mapping[str, Any]) -> str:
    """Fulcio's rules for the name, where they are the same on all instances (protocol.md 6.3)."""
    if claims.get("email"):
        return _text(claims, "email")
    for claim, before in (("job_workflow_ref", "/"), ("ci_config_ref_uri", "https://")):
        if isinstance(claims.get(claim), str):
            return before + str(claims[claim])
    return ""


def _text(claims: Mapping[str, Any], name: str) -> str:
    value = claims.get(name)
    if not isinstance(value, str) or not value:
        raise Malformed(f"the identity token has no '{name}'", code="token-format")
    return value
