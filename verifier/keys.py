"""Is this signature by that key, and how is the key called?

The algorithm follows from the key, never from what a bundle says about it. Bytes are attacker-controlled.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, cast

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, encode_dss_signature

from verifier import pem
from verifier.algorithms import ALGORITHMS, BY_CLI, BY_NAME, BY_NUMBER, Algorithm
from verifier.errors import Malformed, Untrue
from verifier.plain_keys import is_plain, plain_key

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from verifier.fingerprint import parse_fingerprint

__all__ = ["ALGORITHMS", "Algorithm", "PublicKey", "algorithm_for", "algorithm_named", "parse_fingerprint"]

MAX_KEY = 16 << 10  # bytes; the largest we know (ML-DSA-87, RSA-16384) are under 3 KiB
_HASHES: dict[str, type[hashes.HashAlgorithm]] = {
    "sha256": hashes.SHA256,
    "sha384": hashes.SHA384,
    "sha512": hashes.SHA512,
}
_CURVES = {"secp256r1": "ecdsa-p256", "secp384r1": "ecdsa-p384", "secp521r1": "ecdsa-p521"}
_DEFAULT_HASH = {"ecdsa-p256": "sha256", "ecdsa-p384": "sha384", "ecdsa-p521": "sha512", "rsa": "sha256"}
_ML_DSA = b"\x06\x09\x60\x86\x48\x01\x65\x03\x04\x03"  # OID 2.16.840.1.101.3.4.3.x (FIPS 204), x in one more byte
_ML_DSA_KINDS = {0x11: ("ml-dsa-44", 1312), 0x12: ("ml-dsa-65", 1952), 0x13: ("ml-dsa-87", 2592)}


class _Pure(Protocol):
    def verify(self, signature: bytes, data: bytes) -> None: ...


class _Writes(Protocol):
    def public_bytes(self, encoding: "Encoding", format: "PublicFormat") -> bytes: ...


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A public key: `der` is its SubjectPublicKeyInfo as given, `kind` e.g. ecdsa-p256, rsa, ed25519, ml-dsa-44.

    Keys of other kinds (DSA, other curves) load, so that they can be named and watched, but verify nothing.
    """

    der: bytes
    kind: str
    bits: int
    _key: object = field(compare=False, repr=False)

    def __reduce__(self) -> tuple[Callable[[bytes], "PublicKey"], tuple[bytes]]:
        return PublicKey.from_der, (self.der,)  # a loaded key cannot travel to a worker process, its bytes can

    @classmethod
    def from_der(cls, spki: bytes) -> "PublicKey":
        """From DER SubjectPublicKeyInfo; Malformed otherwise."""
        if len(spki) > MAX_KEY:
            raise Malformed(f"a public key of {len(spki)} bytes", code="public-key")
        try:
            key = plain_key(spki) or _general_key(spki)
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise Malformed("not a public key in DER, or of an unknown kind", code="public-key") from error
        return cls(spki, _kind(key, spki), int(getattr(key, "key_size", 0)), key)

    @classmethod
    def from_pkcs1_der(cls, data: bytes) -> "PublicKey":
        """From a bare PKCS#1 RSAPublicKey, as old trusted roots hold; `der` is then the SPKI form."""
        return cls.from_der(pem.spki_of_rsa(data))

    @classmethod
    def from_pem(cls, text: bytes) -> "PublicKey":
        """From PEM with exactly one block, PUBLIC KEY or RSA PUBLIC KEY."""
        if len(text) > 4 * MAX_KEY:
            raise Malformed(f"a PEM file of {len(text)} bytes for one key", code="public-key")
        blocks = pem.parse_pem(text)
        loaders = {pem.PUBLIC_KEY: cls.from_der, pem.RSA_KEY: cls.from_pkcs1_der}
        if len(blocks) != 1 or blocks[0].label not in loaders:
            labels = ", ".join(block.label for block in blocks)
            raise Malformed(f"PEM with {labels} where one PUBLIC KEY was expected", code="public-key")
        return loaders[blocks[0].label](blocks[0].data)

    @classmethod
    def from_raw(cls, kind: str, data: bytes) -> "PublicKey":
        """From the bare bytes of an ed25519 (32) or ml-dsa-44, -65, -87 key, as signed notes hold them."""
        if kind == "ed25519" and len(data) == 32:
            return cls.from_der(bytes.fromhex("302a300506032b6570032100") + data)
        for last, (name, size) in _ML_DSA_KINDS.items():
            if name == kind and len(data) == size:
                bits = b"\x03\x82" + (size + 1).to_bytes(2, "big") + b"\x00" + data
                return cls.from_der(
                    b"\x30\x82" + (len(bits) + 13).to_bytes(2, "big") + b"\x30\x0b" + _ML_DSA + bytes([last]) + bits
                )
        raise Malformed(f"{len(data)} bytes are no {kind} key", code="public-key")

    @property
    def pem(self) -> bytes:
        """The key as PEM, ``PUBLIC KEY``."""
        return pem.encode_pem(pem.PUBLIC_KEY, self.der)

    @property
    def sha256(self) -> bytes:
        """SHA-256 of the SPKI as given: the log ID of RFC 6962, and the fingerprint people write."""
        return hashlib.sha256(self.der).digest()

    @property
    def fingerprints(self) -> frozenset[bytes]:
        """SHA-256 of the SPKI as given and of its usual form (the point of an ECDSA key can be compressed)."""
        if is_plain(self.der):
            return frozenset((self.sha256,))
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

        usual = cast("_Writes", self._key).public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return frozenset((self.sha256, hashlib.sha256(usual).digest()))

    @property
    def raw(self) -> bytes:
        """The bare key bytes of an ed25519 or ml-dsa key (the end of its SPKI); Malformed for others."""
        if self.kind == "ed25519":
            return self.der[-32:]
        for name, size in _ML_DSA_KINDS.values():
            if name == self.kind:
                return self.der[-size:]
        raise Malformed(f"a key of kind {self.kind} has no bare form", code="public-key")

    def verify(
        self, signature: bytes, data: bytes, hash: str | None = None, *, allow_raw: bool = False, pss: bool = False
    ) -> None:
        """Raise Untrue (code ``signature``) unless `signature` is by this key over `data`.

        `hash` is a hashlib name; None means the usual one of the key (SHA-256 for RSA and P-256, 384 and 512 for
        P-384 and P-521, none for Ed25519 and ML-DSA; ``sha512`` makes Ed25519 into Ed25519ph). `allow_raw` also takes
        ECDSA r||s, which Rekor v2 accepts. `pss` checks RSA-PSS (salt of any length) in place of PKCS#1 v1.5.
        """
        if self.kind.startswith("ml-dsa-") or (self.kind == "ed25519" and hash is None):
            pure = cast(_Pure, self._key)
            _attempt(lambda: pure.verify(signature, data))
            return
        name = hash or _DEFAULT_HASH.get(self.kind, "sha256")
        _hash(name)  # refuses a name that we do not use, before hashlib would take it
        self.verify_digest(signature, hashlib.new(name, data).digest(), name, allow_raw=allow_raw, pss=pss)

    def verify_digest(
        self, signature: bytes, digest: bytes, hash: str, *, allow_raw: bool = False, pss: bool = False
    ) -> None:
        """Raise Untrue unless `signature` is by this key over data with this digest. See `verify`."""
        algorithm, key = _hash(hash), self._key
        if len(digest) != algorithm.digest_size:
            raise Malformed(f"a {hash} digest of {len(digest)} bytes", code="digest-size")
        prehashed = Prehashed(algorithm)
        if isinstance(key, rsa.RSAPublicKey):
            scheme = padding.PSS(padding.MGF1(algorithm), padding.PSS.AUTO) if pss else padding.PKCS1v15()
            _attempt(lambda: key.verify(signature, digest, scheme, prehashed))
        elif isinstance(key, ec.EllipticCurvePublicKey) and self.kind in _DEFAULT_HASH:
            form = signature
            if allow_raw and not _holds(lambda: key.verify(signature, digest, ec.ECDSA(prehashed))):
                form = _der_of_raw(signature, (key.key_size + 7) // 8)
            _attempt(lambda: key.verify(form, digest, ec.ECDSA(prehashed)))
        elif self.kind == "ed25519" and hash == "sha512":
            from verifier.ed25519ph import signature_holds

            if not signature_holds(self.raw, signature, digest):
                raise Untrue("the signature is not by this key over this data", code="signature")
        else:
            raise Untrue(f"a key of kind {self.kind} signs no {hash} digest", code="key-unsupported")


def algorithm_for(key: PublicKey, hash: str | None = None, *, pss: bool = False) -> Algorithm:
    """The registry's row for this key and prehash (None: the usual one); Malformed (``algorithm``) if none fits."""
    digest = hash or _DEFAULT_HASH.get(key.kind)
    scheme = ("pss" if pss else "pkcs1") if key.kind == "rsa" else None
    for row in ALGORITHMS:
        same = (row.kind, row.hash, row.padding) == (key.kind, digest, scheme)
        if same and row.cli and row.bits in (None, key.bits):
            return row
    raise Malformed(f"no registered algorithm for a {key.bits}-bit {key.kind} key with {digest}", code="algorithm")


def algorithm_named(name: str | int) -> Algorithm:
    """The row with this PublicKeyDetails name or number, or this command-line name; Malformed if there is none."""
    row = BY_NUMBER.get(name) if isinstance(name, int) else BY_NAME.get(name) or BY_CLI.get(name)
    if row is None:
        raise Malformed("an algorithm that is not in the registry", code="algorithm")
    return row


def _general_key(spki: bytes) -> object:
    """A key of any form that `cryptography` knows; its parser is slow to import, and seldom needed."""
    from cryptography.hazmat.primitives.serialization import load_der_public_key

    return load_der_public_key(spki)


def _kind(key: object, spki: bytes) -> str:
    if isinstance(key, rsa.RSAPublicKey):
        return "rsa"
    if isinstance(key, ec.EllipticCurvePublicKey):
        return _CURVES.get(key.curve.name, f"ecdsa-{key.curve.name}")
    if isinstance(key, ed25519.Ed25519PublicKey):
        return "ed25519"
    place = spki.find(_ML_DSA, 0, 32)
    if place >= 0 and spki[place + len(_ML_DSA)] in _ML_DSA_KINDS:
        return _ML_DSA_KINDS[spki[place + len(_ML_DSA)]][0]
    return type(key).__name__.lstrip("_").removesuffix("PublicKey").lower()


def _hash(name: str) -> hashes.HashAlgorithm:
    if name not in _HASHES:
        raise Malformed("a hash algorithm that no signature here uses", code="hash-unknown")
    return _HASHES[name]()


def _der_of_raw(signature: bytes, width: int) -> bytes:
    """The DER form of an r||s signature; the input where it cannot be one."""
    if len(signature) != 2 * width:
        return signature
    return encode_dss_signature(int.from_bytes(signature[:width], "big"), int.from_bytes(signature[width:], "big"))


def _holds(check: Callable[[], None]) -> bool:
    try:
        check()
    except (InvalidSignature, ValueError, UnsupportedAlgorithm):
        return False
    return True


def _attempt(check: Callable[[], None]) -> None:
    if not _holds(check):
        raise Untrue("the signature is not by this key over this data", code="signature")
