"""How does a secret stay out of logs, errors, reports and pages?

A `Secret` does not show itself; a `Redactor` removes known secrets, and what looks like one, from text that leaves.
"""

import base64
import hmac
import json
import re
from collections.abc import Iterable
from typing import NoReturn
from urllib.parse import quote, quote_plus, urlsplit

HIDDEN = "[hidden]"
_SHORTEST = 6
"""Shorter values would blot out ordinary words."""

_SHAPES = (
    (re.compile(r"\bxox[a-z]-[A-Za-z0-9-]{8,}"), HIDDEN),
    (re.compile(r"\bxapp-[A-Za-z0-9-]{8,}"), HIDDEN),
    (re.compile(r"(hooks\.slack(?:-gov)?\.com/)[A-Za-z0-9/_%.-]+"), rf"\1{HIDDEN}"),
    (re.compile(r"\bwhsec_[A-Za-z0-9+/=_-]+"), HIDDEN),
    (re.compile(r"(?i)(\b(?:bearer|basic)\s+)[A-Za-z0-9._~+/=-]{8,}"), rf"\1{HIDDEN}"),
    (re.compile(r"://[^\s/@\"']+@"), f"://{HIDDEN}@"),
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL), HIDDEN),
)


class Secret:
    """A value that is shown only by `reveal`."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The value itself; call it where it is used and nowhere else."""
        return self._value

    def __repr__(self) -> str:
        return f"Secret({HIDDEN})"

    def __str__(self) -> str:
        return HIDDEN

    def __format__(self, spec: str) -> str:
        return format(HIDDEN, spec)

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._value.encode("utf-8", "surrogatepass"), other._bytes())

    def __hash__(self) -> int:
        return hash(("Secret", self._value))

    def _bytes(self) -> bytes:
        return self._value.encode("utf-8", "surrogatepass")

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret is not pickled: it would travel in clear")


class Redactor:
    """Removes secrets from text: the ones it was told, as written and as commonly encoded, and known shapes."""

    def __init__(self, secrets: Iterable[Secret] = ()) -> None:
        self._known: tuple[str, ...] = ()
        self.add(*secrets)

    def add(self, *secrets: Secret) -> None:
        """Remember more secrets; older ones stay hidden, so a reload cannot expose what was in use before."""
        spellings = set(self._known)
        for secret in secrets:
            spellings |= _spellings(secret.reveal())
        self._known = tuple(sorted(spellings, key=lambda text: (-len(text), text)))

    def __call__(self, text: str) -> str:
        """`text` without secrets."""
        for known in self._known:
            if known in text:
                text = text.replace(known, HIDDEN)
        for shape, replacement in _SHAPES:
            text = shape.sub(replacement, text)
        return text

    def __repr__(self) -> str:
        return f"Redactor({len(self._known)} spellings)"


def _spellings(value: str) -> set[str]:
    """The value as it is, quoted for URLs, inside JSON, in base64, and the telling part of a URL."""
    raw = value.encode("utf-8", "surrogatepass")
    found = {value, value.strip(), quote(raw, safe=""), quote_plus(raw), json.dumps(value)[1:-1]}
    found |= {base64.b64encode(raw).decode().rstrip("="), base64.urlsafe_b64encode(raw).decode().rstrip("=")}
    if "://" in value:
        found |= _url_parts(value)
    return {text for text in found if len(text) >= _SHORTEST}


def _url_parts(value: str) -> set[str]:
    try:
        parts = urlsplit(value)
        password = parts.password or ""
    except ValueError:
        return set()
    path = parts.path.strip("/")
    return {password, path, f"{path}?{parts.query}" if parts.query else ""}
