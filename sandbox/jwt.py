"""How is an identity token signed, published and read? JWS with ES256 or RS256 (RFC 7515, 7517, 7518), no others."""

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from sandbox.keys import SigningKey

ALGORITHMS = {"ecdsa-p256": "ES256", "rsa-2048": "RS256", "rsa-3072": "RS256"}
_HALF = 32


@dataclass(frozen=True, slots=True)
class Jwt:
    """A token taken apart, its signature not looked at."""

    header: Mapping[str, Any]
    claims: Mapping[str, Any]
    signed: bytes
    signature: bytes


def b64url(data: bytes) -> str:
    """base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64url(text: str) -> bytes:
    """The bytes of base64url; ValueError otherwise."""
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)


def key_id(key: SigningKey) -> str:
    """The name of a key in tokens and key sets."""
    return hashlib.sha256(key.spki).hexdigest()[:16]


def sign(claims: Mapping[str, Any], key: SigningKey) -> str:
    """The compact form of a token with these claims."""
    header = {"alg": ALGORITHMS[key.kind], "kid": key_id(key), "typ": "JWT"}
    parts = [b64url(json.dumps(part, separators=(",", ":")).encode()) for part in (header, claims)]
    signed = ".".join(parts)
    signature = key.sign(signed.encode())
    if key.kind == "ecdsa-p256":
        r, s = decode_dss_signature(signature)
        signature = r.to_bytes(_HALF, "big") + s.to_bytes(_HALF, "big")
    return f"{signed}.{b64url(signature)}"


def read(token: str) -> Jwt:
    """A token taken apart; ValueError where it is none."""
    parts = token.split(".")
    if len(parts) != 3:
        raise ValueError("a token has three parts")
    try:
        header, claims = (json.loads(unb64url(part)) for part in parts[:2])
        signature = unb64url(parts[2])
    except (binascii.Error, UnicodeDecodeError) as error:
        raise ValueError("a part of the token cannot be decoded") from error
    if not isinstance(header, dict) or not isinstance(claims, dict):
        raise ValueError("a part of the token is no object")  # noqa: TRY004 - one error for every malformed token
    return Jwt(header, claims, f"{parts[0]}.{parts[1]}".encode(), signature)


def check(token: Jwt, key: SigningKey) -> None:
    """InvalidSignature unless `key` signed it, with the key's own algorithm whatever the header says."""
    if token.header.get("alg") != ALGORITHMS.get(key.kind):
        raise InvalidSignature("another algorithm than the key's")
    signature = token.signature
    if key.kind == "ecdsa-p256":
        if len(signature) != 2 * _HALF:
            raise InvalidSignature("an ES256 signature has 64 bytes")
        signature = _der(signature)
    key.check(token.signed, signature)


def jwk(key: SigningKey) -> dict[str, str]:
    """The public key as a member of a key set."""
    row = {"use": "sig", "kid": key_id(key), "alg": ALGORITHMS[key.kind]}
    public = key.private.public_key()
    if isinstance(public, ec.EllipticCurvePublicKey):
        point = public.public_numbers()
        x, y = (b64url(part.to_bytes(_HALF, "big")) for part in (point.x, point.y))
        return row | {"kty": "EC", "crv": "P-256", "x": x, "y": y}
    assert isinstance(public, rsa.RSAPublicKey)
    numbers = public.public_numbers()
    n, e = (b64url(part.to_bytes((part.bit_length() + 7) // 8, "big")) for part in (numbers.n, numbers.e))
    return row | {"kty": "RSA", "n": n, "e": e}


def _der(raw: bytes) -> bytes:
    return encode_dss_signature(int.from_bytes(raw[:_HALF], "big"), int.from_bytes(raw[_HALF:], "big"))
