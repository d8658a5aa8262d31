"""Which key is in this transit engine? (``hashivault://NAME``, ``openbao://NAME``)

Plain HTTP to HashiCorp Vault or OpenBao (transit secrets engine): GET keys/NAME, POST sign/NAME/<hash> of a digest with
ASN.1 signatures, POST keys/NAME to make one. The version that signed must be the version whose public key we hold.
"""

import base64
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from signer.answers import members_of
from signer.keys.key import SigningKey
from signer.keys.remote import RemoteKey, ask, json_call, text_in
from verifier.errors import Malformed, Refused
from verifier.jsonstrict import b64
from verifier.keys import PublicKey

if TYPE_CHECKING:
    from signer.keys import Access, Created

_REFERENCE = re.compile(r"(hashivault|openbao)://(\w(?:[\w.-]*\w)?)", re.ASCII)
_SIGNATURE = re.compile(r"[a-z]+:v([0-9]+):([A-Za-z0-9+/=_-]+)", re.ASCII)
_HASHES = {"ecdsa-p256": "sha2-256", "ecdsa-p384": "sha2-384", "ecdsa-p521": "sha2-512", "rsa": "sha2-256"}
# prefix of variables, default address, name of the token file
_KINDS = {
    "hashivault": ("VAULT", "https://127.0.0.1:8200", ".vault-token"),
    "openbao": ("BAO", "https://127.0.0.1:8200", ".vault-token"),
}


class _Engine:
    """The transit engine that variables name."""

    def __init__(self, reference: str, access: "Access") -> None:
        match = _REFERENCE.fullmatch(reference)
        if match is None:
            raise Refused(
                "the reference is not usable: hashivault://NAME or openbao://NAME is needed", code="key-reference"
            )
        prefix, address, file = _KINDS[match[1]]
        env = access.env
        self.name, self._access = match[2], access
        base = (env.get(f"{prefix}_ADDR") or env.get("VAULT_ADDR") or address).rstrip("/")
        mount = (env.get("TRANSIT_SECRET_ENGINE_PATH") or "transit").strip("/")
        self._url = f"{base}/v1/{mount}"
        token = env.get(f"{prefix}_TOKEN") or env.get("VAULT_TOKEN") or _token_file(env, file)
        self._headers = {"X-Vault-Token": token, "X-Vault-Request": "true"}
        namespace = env.get(f"{prefix}_NAMESPACE") or env.get("VAULT_NAMESPACE")
        if namespace:
            self._headers["X-Vault-Namespace"] = namespace

    def get(self, path: str) -> dict[str, Any]:
        """What the engine answers to a read."""
        return members_of(ask(self._access.http, json_call("GET", f"{self._url}/{path}", self._headers), "the vault"))

    def post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """What the engine answers to a write (nothing, for some)."""
        call = json_call("POST", f"{self._url}/{path}", self._headers, body)
        reply = ask(self._access.http, call, "the vault")
        return members_of(reply) if reply.body else {}

    def newest(self) -> tuple[PublicKey, int]:
        """The public key of the newest version, and its number."""
        data = self.get(f"keys/{self.name}").get("data")
        version = data.get("latest_version") if isinstance(data, dict) else None
        if not isinstance(data, dict) or not isinstance(version, int):
            raise Malformed("the vault's answer names no newest version of the key", code="service-reply")
        text = text_in(data, "keys", str(version), "public_key")
        if text.startswith("-----BEGIN"):
            return PublicKey.from_pem(text.encode()), version
        return PublicKey.from_raw("ed25519", b64(text, "the vault's public key")), version


def load(reference: str, access: "Access") -> SigningKey:
    """The newest version of the key."""
    engine = _Engine(reference, access)
    public, version = engine.newest()

    def sign(data: bytes) -> bytes:
        body: dict[str, Any] = {"input": base64.b64encode(data).decode(), "key_version": version}
        path = f"sign/{engine.name}"
        if public.kind != "ed25519":
            path += f"/{_HASHES[public.kind]}"
            body |= {"prehashed": True, "marshaling_algorithm": "asn1", "signature_algorithm": "pkcs1v15"}
        match = _SIGNATURE.fullmatch(text_in(engine.post(path, body), "data", "signature"))
        if match is None or int(match[1]) != version:
            raise Malformed("the vault signed with another version of the key than was asked for", code="service-reply")
        return b64(match[2], "the vault's signature")

    return RemoteKey(public, sign, "the vault")


def public(reference: str, access: "Access") -> PublicKey:
    """The public half of the newest version."""
    return _Engine(reference, access).newest()[0]


def create(reference: str, access: "Access") -> "Created":
    """A new P-256 key."""
    from signer.keys import Created

    engine = _Engine(reference, access)
    engine.post(f"keys/{engine.name}", {"type": "ecdsa-p256"})
    return Created(engine.newest()[0])


def _token_file(env: Mapping[str, str], name: str) -> str:
    try:
        return (Path(env.get("HOME") or "~").expanduser() / name).read_text("ascii").strip()
    except (OSError, UnicodeDecodeError, RuntimeError):
        raise Refused(
            "there is no token for the vault", code="key-credentials", hint="set VAULT_TOKEN or BAO_TOKEN, or log in"
        ) from None
