"""What is a signing key to us: a public half, and something that signs a message or its digest?"""

import hashlib
from collections.abc import Callable, Mapping
from typing import Protocol

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from signer.keys.ed25519ph import sign_prehashed
from verifier.algorithms import BY_CLI
from verifier.errors import Malformed, Refused
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


def der_signature(raw: bytes) -> bytes:
    """The DER form of an ECDSA signature that a provider gives as r||s of equal widths."""
    half = len(raw) // 2
    if not raw or len(raw) % 2:
        raise Malformed(f"{len(raw)} bytes are no ECDSA signature", code="signature")
    return utils.encode_dss_signature(int.from_bytes(raw[:half], "big"), int.from_bytes(raw[half:], "big"))


class PrehashedEd25519:
    """An Ed25519 key that signs as Ed25519ph: a log can check the signature, and a file of any size is streamed."""

    hash_name = "sha512"

    def __init__(self, key: LocalKey, private: ed25519.Ed25519PrivateKey) -> None:
        self.public = key.public
        self._private = private

    def __repr__(self) -> str:
        return "PrehashedEd25519"

    def sign(self, message: bytes) -> bytes:
        """The signature over `message`."""
        return self.sign_digest(hashlib.sha512(message).digest())

    def sign_digest(self, digest: bytes) -> bytes:
        """The signature over a message with this SHA-512 digest."""
        return sign_prehashed(self._private.private_bytes_raw(), self.public.raw, digest)


def prehashing(key: SigningKey) -> SigningKey:
    """The same key, signing digests; Refused where its provider signs whole messages only."""
    if key.hash_name is not None:
        return key
    if isinstance(key, LocalKey) and isinstance(key.private, ed25519.Ed25519PrivateKey):
        return PrehashedEd25519(key, key.private)
    raise Refused(
        "this key signs messages, not digests: its signature cannot be put into a log",
        code="key-scheme",
        hint="use an ECDSA or RSA key, or sign without a log",
    )


_GENERATORS: Mapping[str, Callable[[int | None], LocalPrivateKey]] = {
    "ecdsa-p256": lambda _bits: ec.generate_private_key(ec.SECP256R1()),
    "ecdsa-p384": lambda _bits: ec.generate_private_key(ec.SECP384R1()),
    "ecdsa-p521": lambda _bits: ec.generate_private_key(ec.SECP521R1()),
    "rsa": lambda bits: rsa.generate_private_key(65537, bits or 2048),
    "ed25519": lambda _bits: ed25519.Ed25519PrivateKey.generate(),
}
DEFAULT_ALGORITHM = "ecdsa-sha2-256-nistp256"


def generate(algorithm: str = DEFAULT_ALGORITHM) -> LocalKey:
    """A new key for an algorithm by its command-line name (protocol.md 10), as ``--signing-algorithm`` takes it."""
    row = BY_CLI.get(algorithm)
    if row is None or row.kind not in _GENERATORS or row.padding == "pss":
        known = ", ".join(name for name, one in BY_CLI.items() if one.kind in _GENERATORS and one.padding != "pss")
        raise Refused(f"unknown signing algorithm '{algorithm}'", code="key-scheme", hint=f"one of {known}")
    return LocalKey(_GENERATORS[row.kind](row.bits))


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
