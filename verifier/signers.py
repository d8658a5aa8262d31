"""Who signed, and over which digest, in the terms that every entry kind shares?"""

import binascii
from dataclasses import dataclass
from typing import Literal

from verifier import pem
from verifier.errors import Malformed
from verifier.wire import Digest002, Hash, Verifier002

SignerKind = Literal["certificate", "key", "pgp", "ssh", "minisign", "tsa"]
# Hex digits of each digest that Rekor's schemas know.
_HEX_SIZES = {"sha1": 40, "sha256": 64, "sha384": 96, "sha512": 128}
# HashAlgorithm of protobuf-specs, by name and by number.
_PROTO_NAMES: dict[str | int, str] = {}
for _number, _proto, _plain in (
    (1, "SHA2_256", "sha256"),
    (2, "SHA2_384", "sha384"),
    (3, "SHA2_512", "sha512"),
    (4, "SHA3_256", "sha3-256"),
    (5, "SHA3_384", "sha3-384"),
):
    _PROTO_NAMES[_number] = _PROTO_NAMES[_proto] = _plain
_PROTO_SIZES = {"sha256": 32, "sha384": 48, "sha512": 64, "sha3-256": 32, "sha3-384": 48}

# The URL-safe alphabet of base64, as the standard one.
_URL_SAFE = bytes.maketrans(b"-_", b"+/")

Digest = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Signer:
    """One verifier of an entry.

    `der` is the leaf certificate or SubjectPublicKeyInfo in DER, else the key in its own binary form (OpenPGP
    packets, SSH wire key, minisign ``alg || id || key``). `chain` holds further certificates as stored (unverified);
    `signature` the raw signature bytes, None where the kind records none.
    """

    kind: SignerKind
    der: bytes
    chain: tuple[bytes, ...] = ()
    signature: bytes | None = None


@dataclass(frozen=True, slots=True)
class Parsed:
    """What one kind's parser found.

    `digests` are (algorithm, lower-case hex) of what was signed, and `digest_of` says of what; `related` are further
    digests worth searching, as (of what, algorithm, hex).
    """

    signers: tuple[Signer, ...]
    digests: tuple[Digest, ...]
    digest_of: str
    related: tuple[tuple[str, str, str], ...] = ()


def pem_signer(text: bytes, signature: bytes | None = None) -> Signer:
    """Signer from the PEM text of a public key, or of certificates with the leaf first."""
    blocks = pem.parse_pem(text)
    label, first = blocks[0]
    if label == pem.CERTIFICATE and all(block.label == pem.CERTIFICATE for block in blocks):
        return Signer("certificate", first, tuple(block.data for block in blocks[1:]), signature)
    if len(blocks) == 1 and label == pem.PUBLIC_KEY:
        return Signer("key", first, (), signature)
    if len(blocks) == 1 and label == pem.RSA_KEY:
        return Signer("key", pem.spki_of_rsa(first), (), signature)
    raise Malformed("The verifier is neither a public key nor certificates.", code="body-verifier")


def proto_signer(verifier: Verifier002, signature: bytes) -> Signer:
    """Signer from a Rekor v2 verifier: exactly one of certificate and key."""
    certificate, key = verifier.x509_certificate, verifier.public_key
    if certificate and not key:
        return Signer("certificate", certificate.raw_bytes, (), signature)
    if key and not certificate:
        return Signer("key", key.raw_bytes, (), signature)
    raise Malformed("The verifier is not exactly one of certificate and key.", code="body-verifier")


def hex_digest(hashed: Hash) -> Digest:
    """A v1 digest, lower-cased: the log stores it as submitted, upper case included."""
    value = hashed.value.lower()
    if len(value) != _HEX_SIZES.get(hashed.algorithm) or not set(value) <= set("0123456789abcdef"):
        raise Malformed("A digest is not hex of its algorithm's length.", code="body-digest")
    return hashed.algorithm, value


def proto_digest(hashed: Digest002) -> Digest:
    """A v2 digest as (plain algorithm name, hex)."""
    name = _PROTO_NAMES.get(hashed.algorithm)
    if name is None or len(hashed.digest) != _PROTO_SIZES[name]:
        raise Malformed("A digest has an unknown algorithm or the wrong length.", code="body-digest")
    return name, hashed.digest.hex()


def envelope_base64(text: str | bytes) -> bytes:
    """Raw bytes of a signature in the base64 text of a DSSE envelope, which takes both alphabets (DSSE protocol.md)."""
    ascii_text = text.encode() if isinstance(text, str) else text
    try:
        return binascii.a2b_base64(ascii_text.translate(_URL_SAFE), strict_mode=True)
    except binascii.Error as error:
        raise Malformed("A signature is not base64.", code="body-signature") from error
