"""Which keys sign in the sandbox, and how do they sign notes, heads and promises?"""

import base64
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from nacl import bindings

PrivateKey = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey

_CURVES: dict[str, tuple[ec.EllipticCurve, hashes.HashAlgorithm]] = {
    "ecdsa-p256": (ec.SECP256R1(), hashes.SHA256()),
    "ecdsa-p384": (ec.SECP384R1(), hashes.SHA384()),
    "ecdsa-p521": (ec.SECP521R1(), hashes.SHA512()),
}
_CURVE_HASHES = {curve.name: hash_ for curve, hash_ in _CURVES.values()}
# Rekor v2 keyDetails and the hash that is signed, by kind (algorithm registry).
KEY_DETAILS: dict[str, tuple[str, str]] = {
    "ecdsa-p256": ("PKIX_ECDSA_P256_SHA_256", "sha256"),
    "ecdsa-p384": ("PKIX_ECDSA_P384_SHA_384", "sha384"),
    "ecdsa-p521": ("PKIX_ECDSA_P521_SHA_512", "sha512"),
    "rsa-2048": ("PKIX_RSA_PKCS1V15_2048_SHA256", "sha256"),
    "rsa-3072": ("PKIX_RSA_PKCS1V15_3072_SHA256", "sha256"),
    "rsa-4096": ("PKIX_RSA_PKCS1V15_4096_SHA256", "sha256"),
    "ed25519": ("PKIX_ED25519", "sha512"),
    "ed25519ph": ("PKIX_ED25519_PH", "sha512"),
}
_RSA: dict[tuple[int, str], rsa.RSAPrivateKey] = {}


@dataclass(frozen=True)
class SigningKey:
    """A private key of one of the kinds in KEY_DETAILS. Seeded keys sign deterministically (RSA is only cached)."""

    kind: str
    private: PrivateKey
    seeded: bool = False

    @staticmethod
    def make(kind: str = "ecdsa-p256", seed: str | None = None) -> "SigningKey":
        """A fresh key, or the key that belongs to `seed` for ever (for RSA: within this process)."""
        if kind in _CURVES:
            return SigningKey(kind, _curve_key(_CURVES[kind][0], seed), seed is not None)
        if kind.startswith("ed25519"):
            private = ed25519.Ed25519PrivateKey.generate()
            if seed is not None:
                private = ed25519.Ed25519PrivateKey.from_private_bytes(_bytes_of(seed, 32))
            return SigningKey(kind, private, seed is not None)
        bits = int(kind.removeprefix("rsa-"))
        slot = (bits, seed or "")
        if slot not in _RSA or seed is None:
            _RSA[slot] = rsa.generate_private_key(65537, bits)
        return SigningKey(kind, _RSA[slot], seed is not None)

    @cached_property
    def spki(self) -> bytes:
        """The public key, SPKI DER."""
        return self.private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

    @property
    def pem(self) -> bytes:
        """The public key, PEM."""
        return self.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    @property
    def raw(self) -> bytes:
        """The 32 bytes of an Ed25519 public key."""
        return self.private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    @property
    def details(self) -> str:
        """PublicKeyDetails name."""
        return KEY_DETAILS[self.kind][0]

    @property
    def hash_name(self) -> str:
        """The hash of what it signs, as hashlib names it."""
        return KEY_DETAILS[self.kind][1]

    def digest(self, data: bytes) -> bytes:
        """The hash of `data` that this key signs."""
        return hashlib.new(self.hash_name, data).digest()

    def sign(self, data: bytes, algorithm: hashes.HashAlgorithm | None = None) -> bytes:
        """ECDSA in DER with the curve's hash (or `algorithm`), RSA PKCS#1 v1.5 with SHA-256, Ed25519 or Ed25519ph."""
        private = self.private
        if isinstance(private, ec.EllipticCurvePrivateKey):
            chosen = algorithm or _CURVES[self.kind][1]
            return private.sign(data, ec.ECDSA(chosen, deterministic_signing=self.seeded))
        if isinstance(private, rsa.RSAPrivateKey):
            return private.sign(data, padding.PKCS1v15(), algorithm or hashes.SHA256())
        return _sign_ed25519ph(private, data) if self.kind == "ed25519ph" else private.sign(data)

    def check(self, data: bytes, signature: bytes) -> None:
        """InvalidSignature unless `signature` is of this key over `data`."""
        check_signature(self.private.public_key(), data, signature)


def check_signature(key: object, data: bytes, signature: bytes) -> None:
    """InvalidSignature unless the signature holds with the key's default hash; TypeError for other kinds of keys."""
    if isinstance(key, ec.EllipticCurvePublicKey):
        key.verify(signature, data, ec.ECDSA(_CURVE_HASHES[key.curve.name]))
    elif isinstance(key, rsa.RSAPublicKey):
        key.verify(signature, data, padding.PKCS1v15(), hashes.SHA256())
    elif isinstance(key, ed25519.Ed25519PublicKey):
        key.verify(signature, data)
    else:
        raise TypeError("unsupported key")


def _bytes_of(seed: str, length: int) -> bytes:
    return hashlib.shake_256(b"sigwarden sandbox key\0" + seed.encode()).digest(length)


def _curve_key(curve: ec.EllipticCurve, seed: str | None) -> ec.EllipticCurvePrivateKey:
    if seed is None:
        return ec.generate_private_key(curve)
    # One bit below the order of each curve: never zero in practice, never too large.
    return ec.derive_private_key(int.from_bytes(_bytes_of(seed, 66)) >> (66 * 8 - curve.key_size + 1), curve)


def _sign_ed25519ph(private: ed25519.Ed25519PrivateKey, data: bytes) -> bytes:
    public = private.public_key().public_bytes_raw()
    state = bindings.crypto_sign_ed25519ph_state()
    bindings.crypto_sign_ed25519ph_update(state, data)
    return bindings.crypto_sign_ed25519ph_final_create(state, private.private_bytes_raw() + public)


class NoteSigner(Protocol):
    """Whatever adds one signature line to a note."""

    @property
    def name(self) -> str:
        """The name in the line."""

    @property
    def full_id(self) -> bytes:
        """32 bytes whose first four are the key id."""

    def line(self, text: bytes) -> bytes:
        """The signature line over the note's text, newline included."""


def note_line(name: str, key_id: bytes, blob: bytes) -> bytes:
    """``— <name> <base64(key id and signature)>`` and a newline (C2SP signed-note)."""
    return f"— {name} {base64.b64encode(key_id[:4] + blob).decode()}\n".encode()


@dataclass(frozen=True)
class RekorV1NoteSigner:
    """The flavour of Rekor v1: key id from the SPKI alone, whatever the kind of key."""

    name: str
    key: SigningKey

    @property
    def pem(self) -> bytes:
        """The public key, PEM."""
        return self.key.pem

    @cached_property
    def full_id(self) -> bytes:
        """SHA-256 of the SPKI."""
        return hashlib.sha256(self.key.spki).digest()

    def line(self, text: bytes) -> bytes:
        """See NoteSigner."""
        return note_line(self.name, self.full_id, self.key.sign(text))


@dataclass(frozen=True)
class HeldNotes:
    """A Rekor v1 log whose private key nobody has: it repeats the signature lines that it was given, by text."""

    name: str
    pem: bytes
    full_id: bytes
    lines: dict[bytes, bytes]

    def line(self, text: bytes) -> bytes:
        """See NoteSigner; raises KeyError for a head that was never recorded."""
        return self.lines[text]


@dataclass(frozen=True)
class C2spNoteSigner:
    """A log key by the note specification: Ed25519 (type 1) or ECDSA (type 2)."""

    name: str
    key: SigningKey

    @cached_property
    def full_id(self) -> bytes:
        """The C2SP key id before it is cut to four bytes; Rekor v2's log id."""
        if self.key.kind == "ed25519":
            return hashlib.sha256(self.name.encode() + b"\n\x01" + self.key.raw).digest()
        return hashlib.sha256(self.key.spki).digest()

    @property
    def vkey(self) -> str:
        """The verifier key in text form."""
        payload = b"\x01" + self.key.raw if self.key.kind == "ed25519" else b"\x02" + self.key.spki
        return f"{self.name}+{self.full_id[:4].hex()}+{base64.b64encode(payload).decode()}"

    def line(self, text: bytes) -> bytes:
        """See NoteSigner."""
        return note_line(self.name, self.full_id, self.key.sign(text))


@dataclass(frozen=True)
class Witness:
    """A cosigner, cosignature/v1 (C2SP tlog-cosignature): Ed25519 with the time it saw the head."""

    name: str
    key: SigningKey
    now: Callable[[], float]

    @property
    def full_id(self) -> bytes:
        """Type 4."""
        return hashlib.sha256(self.name.encode() + b"\n\x04" + self.key.raw).digest()

    @property
    def vkey(self) -> str:
        """The verifier key in text form."""
        payload = b"\x04" + self.key.raw
        return f"{self.name}+{self.full_id[:4].hex()}+{base64.b64encode(payload).decode()}"

    def line(self, text: bytes) -> bytes:
        """See NoteSigner."""
        seen = int(self.now())
        signature = self.key.sign(b"cosignature/v1\ntime %d\n" % seen + text)
        return note_line(self.name, self.full_id, seen.to_bytes(8, "big") + signature)
