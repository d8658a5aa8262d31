"""Which key is in the CI variables of this project or group? (``gitlab://PROJECT``, or a group)

``COSIGN_PRIVATE_KEY``, ``COSIGN_PUBLIC_KEY`` and ``COSIGN_PASSWORD`` over GitLab's REST API (v4); the project is tried
first, then the group.
"""

from typing import TYPE_CHECKING
from urllib.parse import quote

from signer.answers import members_of
from signer.keys.key import SigningKey, generate
from signer.keys.pem import read_private_key, seal_key
from signer.keys.remote import ask, json_call
from verifier.errors import Refused
from verifier.keys import PublicKey

if TYPE_CHECKING:
    from signer.keys import Access, Created

PRIVATE, PUBLIC, PASSWORD = "COSIGN_PRIVATE_KEY", "COSIGN_PUBLIC_KEY", "COSIGN_PASSWORD"
_HOST = "https://gitlab.com"


class _Variables:
    """The CI variables that a reference means."""

    def __init__(self, reference: str, access: "Access") -> None:
        self._id = quote(reference.removeprefix("gitlab://"), safe="")
        token = access.env.get("GITLAB_TOKEN")
        if not token or not self._id:
            raise Refused("GITLAB_TOKEN is not set", code="key-credentials", hint="an access token with the scope api")
        self._http, self._headers = access.http, {"PRIVATE-TOKEN": token}
        host = (access.env.get("GITLAB_HOST") or _HOST).rstrip("/")
        self._base = host if "://" in host else f"https://{host}"

    def _url(self, kind: str, name: str = "") -> str:
        return f"{self._base}/api/v4/{kind}/{self._id}/variables" + (f"/{name}" if name else "")

    def read(self, name: str) -> str | None:
        """A variable's value, None where there is none."""
        for kind in ("projects", "groups"):
            reply = ask(self._http, json_call("GET", self._url(kind, name), self._headers), "GitLab", 404)
            if reply.status != 404:
                value = members_of(reply).get("value")
                return value if isinstance(value, str) else ""  # a password may be empty
        return None

    def kind(self) -> str:
        """``projects`` or ``groups``: which of them the reference means."""
        for kind in ("projects", "groups"):
            call = json_call("GET", self._url(kind), self._headers)
            if ask(self._http, call, "GitLab", 404, 403).status == 200:
                return kind
        raise Refused("GitLab shows no such project or group with this token", code="key-reference")

    def write(self, kind: str, name: str, value: str, *, masked: bool) -> None:
        """Make or replace a variable; a masked one is not shown in job logs."""
        body = {"key": name, "value": value, "masked": masked, "protected": False, "variable_type": "env_var"}
        exists = ask(self._http, json_call("GET", self._url(kind, name), self._headers), "GitLab", 404).status == 200
        method, url = ("PUT", self._url(kind, name)) if exists else ("POST", self._url(kind))
        ask(self._http, json_call(method, url, self._headers, body), "GitLab")


def load(reference: str, access: "Access") -> SigningKey:
    """The private key, opened with the password that is beside it (or asked for)."""
    variables = _Variables(reference, access)
    pem = variables.read(PRIVATE)
    if pem is None:
        raise Refused(f"GitLab has no variable {PRIVATE} there", code="key-missing", hint="generate-key-pair makes it")
    stored = variables.read(PASSWORD)
    return read_private_key(pem.encode(), access.password if stored is None else stored.encode)


def public(reference: str, access: "Access") -> PublicKey:
    """The public key."""
    pem = _Variables(reference, access).read(PUBLIC)
    if pem is None:
        raise Refused(f"GitLab has no variable {PUBLIC} there", code="key-missing")
    return PublicKey.from_pem(pem.encode())


def create(reference: str, access: "Access") -> "Created":
    """A new key pair in three variables."""
    from signer.keys import Created

    variables = _Variables(reference, access)
    kind = variables.kind()
    if variables.read(PRIVATE) is not None:
        access.confirm(f"The variable {PRIVATE} already exists. Overwrite?")
    password, key = access.password(), generate()
    variables.write(kind, PASSWORD, password.decode("utf-8", "surrogateescape"), masked=_maskable(password))
    variables.write(kind, PRIVATE, seal_key(key, password).decode(), masked=False)  # several lines cannot be masked
    variables.write(kind, PUBLIC, key.public.pem.decode(), masked=False)
    lines = tuple(f"{what} written to the variable {name}" for what, name in _LINES)
    return Created(key.public, lines)


_LINES = (("Password", PASSWORD), ("Private key", PRIVATE), ("Public key", PUBLIC))


def _maskable(value: bytes) -> bool:
    """GitLab's rule for masked variables: at least eight characters of a plain set, on one line."""
    text = value.decode("ascii", "replace")
    return len(text) >= 8 and all(one.isascii() and (one.isalnum() or one in "+/=@:.~-_") for one in text)
