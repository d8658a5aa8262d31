"""Which key is this at Google Cloud KMS? (``gcpkms://projects/P/locations/L/keyRings/R/cryptoKeys/K[/versions/N]``)

Cloud KMS's REST API (v1) over our own HTTP; google-auth (extra ``gcp``) finds the application default credentials.
Integrity of what crosses the wire is checked with CRC-32C both ways, as Google asks of clients.
"""

import base64
import importlib
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from signer.answers import members_of
from signer.keys.crc32c import crc32c
from signer.keys.key import SigningKey
from signer.keys.remote import RemoteKey, ask, json_call, text_in, usual_hash
from verifier.errors import Malformed, Refused, Untrue
from verifier.fetch.call import Call
from verifier.jsonstrict import b64, integer
from verifier.keys import PublicKey

if TYPE_CHECKING:
    from signer.keys import Access, Created
    from verifier.fetch.http import Http

_REFERENCE = re.compile(
    r"gcpkms://(?P<ring>(?P<place>projects/[^/]+/locations/[^/]+)/keyRings/(?P<ring_id>[^/]+))"
    r"/cryptoKeys/(?P<key_id>[^/]+)(?:/(?:versions|cryptoKeyVersions)/(?P<version>[0-9]+))?"
)
_API = "https://cloudkms.googleapis.com"
_SCOPE = "https://www.googleapis.com/auth/cloudkms"
# what the version's own algorithm must be for Sigstore's use of the key: prefix, and hash
_ALGORITHMS = re.compile(r"(?:EC_SIGN_P(?:256|384)|RSA_SIGN_PKCS1_[0-9]+)_SHA(256|384|512)")
_VERSION = re.compile(r".*/cryptoKeyVersions/[0-9]{1,9}", re.ASCII)
_MAX_ANSWER = 1 << 20


class _Service:
    """Cloud KMS for one reference."""

    def __init__(self, reference: str, access: "Access") -> None:
        match = _REFERENCE.fullmatch(reference)
        if match is None:
            raise Refused(
                "the reference is not usable",
                code="key-reference",
                hint="gcpkms://projects/P/locations/L/keyRings/R/cryptoKeys/K[/versions/N]",
            )
        self.match, self._http = match, access.http
        base = access.env.get("CLOUDSDK_API_ENDPOINT_OVERRIDES_CLOUDKMS") or _API
        self._base = f"{base.rstrip('/')}/v1"
        self.key = f"{match['ring']}/cryptoKeys/{match['key_id']}"
        self._headers = {"Authorization": f"Bearer {_token(access.http)}"}

    def call(self, method: str, path: str, body: Mapping[str, Any] | None = None, *allowed: int) -> dict[str, Any]:
        """What the API answers."""
        call = json_call(method, f"{self._base}/{path}", self._headers, body)
        return members_of(ask(self._http, call, "Google Cloud KMS", *allowed))

    def version(self) -> str:
        """The name of the version that signs: the one that is named, else the newest that is enabled."""
        if self.match["version"]:
            return str(f"{self.key}/cryptoKeyVersions/{self.match['version']}")
        found = self.call("GET", f"{self.key}/cryptoKeyVersions?filter=state%3DENABLED&pageSize=100")
        versions = found.get("cryptoKeyVersions")
        names = [one.get("name") for one in versions if isinstance(one, dict)] if isinstance(versions, list) else []
        numbered = [(int(name.rpartition("/")[2]), name) for name in map(str, names) if _VERSION.fullmatch(name)]
        if not numbered:
            raise Refused("the key at Google Cloud KMS has no enabled version", code="key-missing")
        return max(numbered)[1]

    def public(self, version: str) -> tuple[PublicKey, str]:
        """(the public half, the version's algorithm)."""
        answer = self.call("GET", f"{version}/publicKey")
        pem = text_in(answer, "pem").encode()
        if answer.get("name", version) != version or _crc(answer, "pemCrc32c", crc32c(pem)) != crc32c(pem):
            raise Malformed("Google Cloud KMS gave a damaged public key", code="service-reply")
        return PublicKey.from_pem(pem), text_in(answer, "algorithm")


def load(reference: str, access: "Access") -> SigningKey:
    """The key, ready to sign."""
    service = _Service(reference, access)
    version = service.version()
    public, algorithm = service.public(version)
    name = usual_hash(public)
    match = _ALGORITHMS.fullmatch(algorithm)
    if match is None or f"sha{match[1]}" != name:
        raise Refused(
            f"the key at Google Cloud KMS signs with {algorithm}, which Sigstore does not use for such keys",
            code="key-scheme",
            hint="make one with EC_SIGN_P256_SHA256, EC_SIGN_P384_SHA384 or RSA_SIGN_PKCS1_..._SHA256",
        )

    def sign(digest: bytes) -> bytes:
        body = {"digest": {name: base64.b64encode(digest).decode()}, "digestCrc32c": str(crc32c(digest))}
        answer = service.call("POST", f"{version}:asymmetricSign", body)
        signature = b64(text_in(answer, "signature"), "Google's signature")
        if answer.get("verifiedDigestCrc32c") is not True or _crc(answer, "signatureCrc32c", -1) != crc32c(signature):
            raise Untrue("the digest or the signature was damaged on the way to Google Cloud KMS", code="key-provider")
        return signature

    return RemoteKey(public, sign, "Google Cloud KMS")


def public(reference: str, access: "Access") -> PublicKey:
    """The public half."""
    service = _Service(reference, access)
    return service.public(service.version())[0]


def create(reference: str, access: "Access") -> "Created":
    """A new P-256 key; its key ring too, where there is none."""
    from signer.keys import Created

    service = _Service(reference, access)
    match = service.match
    if match["version"]:
        raise Refused("a new key has no version yet: leave it out of the reference", code="key-reference")
    service.call("POST", f"{match['place']}/keyRings?keyRingId={match['ring_id']}", {}, 409)
    template = {"algorithm": "EC_SIGN_P256_SHA256"}
    body = {"purpose": "ASYMMETRIC_SIGN", "versionTemplate": template}
    made = service.call("POST", f"{match['ring']}/cryptoKeys?cryptoKeyId={match['key_id']}", body)
    text_in(made, "name")
    return Created(service.public(f"{service.key}/cryptoKeyVersions/1")[0])


def _crc(answer: Mapping[str, Any], name: str, default: int) -> int:
    return integer(answer[name], name) if name in answer else default


def _token(http: "Http") -> str:
    """An access token of the application default credentials."""
    try:
        auth: Any = importlib.import_module("google.auth")
        failures: Any = importlib.import_module("google.auth.exceptions")
    except ImportError:
        raise Refused(
            "keys at Google Cloud KMS need the package google-auth", code="key-extra", hint="install sigwarden[gcp]"
        ) from None
    try:
        credentials, _ = auth.default(scopes=[_SCOPE], request=_Request(http))
        credentials.refresh(_Request(http))
    except failures.GoogleAuthError as error:
        raise Refused(
            f"there are no usable Google credentials ({type(error).__name__})",
            code="key-credentials",
            hint="see 'gcloud auth application-default login'",
        ) from None
    return str(credentials.token)


class _Answer:
    """An answer as google-auth wants it."""

    def __init__(self, status: int, headers: Mapping[str, str], data: bytes) -> None:
        self.status, self.headers, self.data = status, headers, data


class _Request:
    """google-auth's way to the network: ours, with its caps and checks."""

    def __init__(self, http: "Http") -> None:
        self._http = http

    def __call__(
        self,
        url: str,
        method: str = "GET",
        body: bytes | str | None = None,
        headers: Mapping[str, str] | None = None,
        **_ignored: Any,
    ) -> _Answer:
        content = body.encode() if isinstance(body, str) else body
        reply = self._http.send(Call(method, url, _MAX_ANSWER, headers=dict(headers or {}), content=content))
        return _Answer(reply.status, reply.headers, reply.body)
