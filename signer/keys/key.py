"""What is a signing key to us: a public half, and something that signs a message or its digest?"""

import hashlib
from typing import Protocol

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from verifier.errors import Refused
from verifier.keys import PublicKey

LocalPrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey

HASHES: dict[str, type[hashes.SHA256 | hashes.SHA384 | hashes.SHA512]] = {
    "sha256": hashes.SHA256,
    "sha384": hashes.SHA384,
    "sha512": hashes.SHA512,
}
_CURVE_HASH = {"secp256r1": "sha256", "secp384r1": "sha384", "secp521r1": "sha512"}


class SigningKey(Protocol):
    """A key that signs. Signatures are DER ECDSA, PKCS#1 v1.5 bytes or 64-byte Ed25519, as everywhere in Sigstore."""

    @property
    def public(self) -> PublicKey:
        """The public half."""

    @property
    def hash_name(self) -> str | None:
        """The hash that its scheme uses (sha256, sha384, sha512); None for pure Ed25519, which signs the message."""

    def sign(self, message: bytes) -> bytes:
        """The signature over `message`."""

    def sign_digest(self, digest: bytes) -> bytes:
        """The signature over a message given by its digest of `hash_name`. Refused where the scheme has none."""


class LocalKey:
    """A private key in memory: RSA with SHA-256, P-256/384/521 with their SHA-2, Ed25519 pure."""

    def __init__(self, private: LocalPrivateKey) -> None:
        self._private = private
        self.public = PublicKey.from_der(
            private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        )
        self.hash_name = _hash_of(private)

    def __repr__(self) -> str:
        return f"LocalKey({self.public.kind})"

    @property
    def private(self) -> LocalPrivateKey:
        """The private key itself, for writing a key file."""
        return self._private

    def sign(self, message: bytes) -> bytes:
        """The signature over `message`."""
        if isinstance(self._private, ed25519.Ed25519PrivateKey):
            return self._private.sign(message)
        assert self.hash_name is not None
        return self.sign_digest(hashlib.new(self.hash_name, message).digest())

    def sign_digest(self, digest: bytes) -> bytes:
        """The signature over a digest. Pure Ed25519 has none: Refused."""
        if isinstance(self._private, ed25519.Ed25519PrivateKey) or self.hash_name is None:
            raise Refused("an Ed25519 key signs the message itself, not a digest", code="key-scheme")
        prehashed = utils.Prehashed(HASHES[self.hash_name]())
        if isinstance(self._private, ec.EllipticCurvePrivateKey):
            return self._private.sign(digest, ec.ECDSA(prehashed))
        return self._private.sign(digest, padding.PKCS1v15(), prehashed)


def _hash_of(private: LocalPrivateKey) -> str | None:
    """The hash of the scheme that cosign would choose for this key; Refused for a curve that Sigstore does not know."""
    if isinstance(private, ed25519.Ed25519PrivateKey):
        return None
    if isinstance(private, rsa.RSAPrivateKey):
        return "sha256"
    name = private.curve.name
    if name not in _CURVE_HASH:
        raise Refused(f"keys on the curve {name} are not used in Sigstore", code="key-scheme")
    return _CURVE_HASH[name]
