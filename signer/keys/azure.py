"""Which key is this in Azure Key Vault? (``azurekms://HOST/KEY[/VERSION]``)

Key Vault's REST API over our own HTTP: GET of the key (a JSON web key), POST sign of a digest, POST create. Elliptic
signatures come as r||s of fixed width. Tokens: the service principal or workload identity of the usual variables over
HTTP; every other way to log in through azure-identity (extra ``azure``).
"""

import base64
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from signer.answers import members_of, text_of
from signer.keys.key import SigningKey, der_signature
from signer.keys.remote import RemoteKey, ask, b64url, json_call, text_in
from verifier.errors import Malformed, Refused
from verifier.fetch.call import Call
from verifier.keys import PublicKey

if TYPE_CHECKING:
    from signer.keys import Access, Created

_REFERENCE = re.compile(
    r"azurekms://(?P<host>[A-Za-z0-9.-]+(?::[0-9]+)?)/(?P<key>[A-Za-z0-9-]{1,127})(?:/(?P<version>[0-9a-f]{32}))?",
    re.ASCII,
)
_VERSION = "api-version=7.4"
_CURVES: Mapping[str, ec.EllipticCurve] = {"P-256": ec.SECP256R1(), "P-384": ec.SECP384R1(), "P-521": ec.SECP521R1()}
# RSA with SHA-256 whatever its size: what verifiers of Sigstore expect
_ALGORITHMS = {"ecdsa-p256": "ES256", "ecdsa-p384": "ES384", "ecdsa-p521": "ES512", "rsa": "RS256"}
# (suffix of the vault's host, where its tokens come from): the public cloud and its sisters
_CLOUDS = (
    (".managedhsm.azure.net", "https://managedhsm.azure.net", "https://login.microsoftonline.com"),
    (".vault.usgovcloudapi.net", "https://vault.usgovcloudapi.net", "https://login.microsoftonline.us"),
    (".vault.azure.cn", "https://vault.azure.cn", "https://login.chinacloudapi.cn"),
    ("", "https://vault.azure.net", "https://login.microsoftonline.com"),
)
_MAX_ANSWER = 1 << 20


class _Vault:
    """One key of one vault."""

    def __init__(self, reference: str, access: "Access") -> None:
        match = _REFERENCE.fullmatch(reference)
        if match is None:
            raise Refused(
                "the reference is not usable: azurekms://HOST/KEY[/VERSION] is needed",
                code="key-reference",
                hint="for example azurekms://name.vault.azure.net/my-key",
            )
        self._http, self.key, self.version = access.http, match["key"], match["version"] or ""
        self._base = f"https://{match['host']}/keys/{self.key}"
        self._headers = {"Authorization": f"Bearer {_token(match['host'], access)}"}

    def call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """What the vault answers."""
        call = json_call(method, f"{self._base}{path}?{_VERSION}", self._headers, body)
        return members_of(ask(self._http, call, "Azure Key Vault"))

    def public(self) -> tuple[PublicKey, str]:
        """(the public half, the version that it is of)."""
        answer = self.call("GET", f"/{self.version}" if self.version else "")
        found = answer.get("key")
        if not isinstance(found, dict):
            raise Malformed("Azure Key Vault's answer has no key", code="service-reply")
        return _key_of(found), text_in(found, "kid").rpartition("/")[2]


def load(reference: str, access: "Access") -> SigningKey:
    """The key (its newest version, where none is named), ready to sign."""
    vault = _Vault(reference, access)
    public, version = vault.public()
    algorithm = _ALGORITHMS.get(public.kind)
    if algorithm is None:
        raise Refused(f"a {public.kind} key in Azure Key Vault is not supported", code="key-scheme")

    def sign(digest: bytes) -> bytes:
        answer = vault.call("POST", f"/{version}/sign", {"alg": algorithm, "value": b64url(digest)})
        raw = _unb64url(text_in(answer, "value"))
        return raw if public.kind == "rsa" else der_signature(raw)

    return RemoteKey(public, sign, "Azure Key Vault")


def public(reference: str, access: "Access") -> PublicKey:
    """The public half."""
    return _Vault(reference, access).public()[0]


def create(reference: str, access: "Access") -> "Created":
    """A new P-256 key."""
    from signer.keys import Created

    vault = _Vault(reference, access)
    answer = vault.call("POST", "/create", {"kty": "EC", "crv": "P-256", "key_ops": ["sign", "verify"]})
    found = answer.get("key")
    return Created(_key_of(found if isinstance(found, dict) else {}))


def _key_of(found: Mapping[str, Any]) -> PublicKey:
    """A JSON web key (RFC 7518 section 6) of kind EC or RSA, in an HSM or not."""
    kind = text_in(found, "kty").removesuffix("-HSM")
    try:
        if kind == "EC" and found.get("crv") in _CURVES:
            x, y = (_number(found, name) for name in ("x", "y"))
            key: Any = ec.EllipticCurvePublicNumbers(x, y, _CURVES[found["crv"]]).public_key()
        elif kind == "RSA":
            key = rsa.RSAPublicNumbers(_number(found, "e"), _number(found, "n")).public_key()
        else:
            raise Refused("the key in Azure Key Vault is of a kind that Sigstore does not use", code="key-scheme")
    except ValueError:
        raise Malformed("Azure Key Vault's public key cannot be read", code="service-reply") from None
    return PublicKey.from_der(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))


def _number(found: Mapping[str, Any], name: str) -> int:
    return int.from_bytes(_unb64url(text_in(found, name)), "big")


def _unb64url(text: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except ValueError:
        raise Malformed("Azure Key Vault's answer is not base64url", code="service-reply") from None


def _token(host: str, access: "Access") -> str:
    """An access token for the vault."""
    bare = host.partition(":")[0]
    resource, login = next((row[1], row[2]) for row in _CLOUDS if bare.endswith(row[0]))
    env = access.env
    tenant, client = env.get("AZURE_TENANT_ID"), env.get("AZURE_CLIENT_ID")
    proof = _proof(env)
    if not (tenant and client and proof):
        return _other_token(f"{resource}/.default")
    authority = (env.get("AZURE_AUTHORITY_HOST") or login).rstrip("/")
    authority = authority if "://" in authority else f"https://{authority}"
    form = {"grant_type": "client_credentials", "client_id": client, "scope": f"{resource}/.default", **proof}
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    content = urlencode(form).encode()
    call = Call("POST", f"{authority}/{tenant}/oauth2/v2.0/token", _MAX_ANSWER, headers=headers, content=content)
    return text_of(ask(access.http, call, "Azure's login"), "access_token")


def _proof(env: Mapping[str, str]) -> dict[str, str]:
    """What proves who we are: a client secret, or the token of a workload identity."""
    if env.get("AZURE_CLIENT_SECRET"):
        return {"client_secret": env["AZURE_CLIENT_SECRET"]}
    path = env.get("AZURE_FEDERATED_TOKEN_FILE")
    if not path:
        return {}
    try:
        assertion = Path(path).read_text("ascii").strip()
    except (OSError, UnicodeDecodeError):
        raise Refused("AZURE_FEDERATED_TOKEN_FILE cannot be read", code="key-credentials") from None
    kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    return {"client_assertion_type": kind, "client_assertion": assertion}


def _other_token(scope: str) -> str:
    try:
        from azure.core.exceptions import ClientAuthenticationError
        from azure.identity import DefaultAzureCredential
    except ImportError:
        raise Refused(
            "there are no Azure credentials in the environment",
            code="key-extra",
            hint="set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET, or install sigwarden[azure]",
        ) from None
    try:
        return str(DefaultAzureCredential().get_token(scope).token)
    except ClientAuthenticationError:
        raise Refused("no way to log in to Azure works here", code="key-credentials", hint="see 'az login'") from None
