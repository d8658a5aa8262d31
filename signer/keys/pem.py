"""Which private key is in this PEM, whatever tool wrote it?"""

from collections.abc import Callable

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
    load_pem_private_key,
    load_ssh_private_key,
)

from signer.keys.key import LocalKey, LocalPrivateKey
from signer.keys.sealed import is_sealed, open_sealed, seal
from verifier.errors import Malformed, Refused, Untrue

Password = Callable[[], bytes]
"""Asked for only when the key is encrypted."""

_LARGEST = 1 << 20


def read_private_key(pem: bytes, password: Password, derived: bytes | None = None) -> LocalKey:
    """A key out of cosign's format, PKCS#8 (encrypted or not), PKCS#1, SEC1 or OpenSSH.

    `derived` is what `sealed.derive` made of the file and its password, where that was done before.

    Raises Malformed for what is no private key, Untrue(code="key-password") for a wrong password.
    """
    if len(pem) > _LARGEST:
        raise Malformed("a private key is not larger than 1 MiB", code="key-format")
    if is_sealed(pem):
        return _local(lambda: load_der_private_key(open_sealed(pem, password(), derived), None))
    if b"BEGIN OPENSSH PRIVATE KEY" in pem:
        return _local(lambda: _maybe_encrypted(load_ssh_private_key, pem, password))
    if b"PRIVATE KEY-----" not in pem:
        raise Malformed("there is no private key in this file", code="key-format", hint="a PEM PRIVATE KEY is needed")
    return _local(lambda: _maybe_encrypted(load_pem_private_key, pem, password))


def seal_key(key: LocalKey, password: bytes) -> bytes:
    """cosign's encrypted key file for `key`."""
    return seal(key.private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()), password)


def _maybe_encrypted(load: Callable[[bytes, bytes | None], object], pem: bytes, password: Password) -> object:
    try:
        return load(pem, None)
    except TypeError:  # cryptography's word for "a password is needed"
        secret = password()
    except ValueError:
        if b"BEGIN OPENSSH" not in pem:
            raise
        secret = password()  # an encrypted OpenSSH key says ValueError
    try:
        return load(pem, secret or None)
    except (ValueError, TypeError):
        raise Untrue(
            "the password does not open this key", code="key-password", hint="set COSIGN_PASSWORD, or type it again"
        ) from None


def _local(load: Callable[[], object]) -> LocalKey:
    try:
        private = load()
    except (ValueError, UnsupportedAlgorithm):
        raise Malformed("the private key cannot be read", code="key-format") from None
    return LocalKey(_supported(private))


def _supported(private: object) -> LocalPrivateKey:
    if isinstance(private, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey):
        return private
    raise Refused("only RSA, ECDSA and Ed25519 keys sign here", code="key-scheme")
