"""How is the key of this signer called: by which fingerprints, by which addresses?

The spellings that people put into a watch, for every kind of signer (protocol.md 2.3). Unverified: user ids of
OpenPGP keys are anybody's claim.
"""

import hashlib
from collections.abc import Callable

from verifier import pgp, tbs
from verifier.errors import Malformed
from verifier.keys import PublicKey
from verifier.signers import Signer


def fingerprints(signer: Signer) -> frozenset[bytes]:
    """Every fingerprint: SHA-256 of the SubjectPublicKeyInfo (in each of its encodings), of the certificate, of an SSH
    wire key; OpenPGP fingerprints of primary key and subkeys; the eight-byte id of a minisign key. Never raises."""
    try:
        return _READERS[signer.kind](signer.der)
    except Malformed:
        return frozenset((hashlib.sha256(signer.der).digest(),))


def emails(signer: Signer) -> tuple[str, ...]:
    """E-mail addresses in the user ids of an OpenPGP key; none for other kinds (names of certificates: `identity`)."""
    if signer.kind != "pgp":
        return ()
    try:
        return pgp.read_keys(signer.der).emails
    except Malformed:
        return ()


def _certificate(data: bytes) -> frozenset[bytes]:
    return _spki(tbs.walk_certificate(data).spki) | {hashlib.sha256(data).digest()}


def _spki(data: bytes) -> frozenset[bytes]:
    try:
        return PublicKey.from_der(data).fingerprints
    except Malformed:
        return frozenset((hashlib.sha256(data).digest(),))


def _pgp(data: bytes) -> frozenset[bytes]:
    return frozenset(pgp.read_keys(data).fingerprints)


def _ssh(data: bytes) -> frozenset[bytes]:
    return frozenset((hashlib.sha256(data).digest(),))


def _minisign(data: bytes) -> frozenset[bytes]:
    """Two bytes algorithm, eight key id (shown in the other byte order), 32 Ed25519 key."""
    return PublicKey.from_raw("ed25519", data[10:]).fingerprints | {data[2:10][::-1]}


_READERS: dict[str, Callable[[bytes], frozenset[bytes]]] = {
    "certificate": _certificate,
    "tsa": _certificate,
    "key": _spki,
    "pgp": _pgp,
    "ssh": _ssh,
    "minisign": _minisign,
}
