"""Whose signature is this supposed to be: a certificate's, or that of a key the caller named?"""

from dataclasses import dataclass

from verifier import tbs
from verifier.bundle import Bundle
from verifier.errors import Untrue
from verifier.keys import PublicKey
from verifier.policy import Policy

# Shorter RSA keys are in no Sigstore registry (protocol.md section 10), and can be factored.
_MIN_RSA_BITS = 2048


@dataclass(frozen=True, slots=True)
class Holder:
    """The key that must have signed, and the certificate it is in (DER; None for a key the caller gave)."""

    key: PublicKey
    certificate: bytes | None = None


def holder_of(bundle: Bundle, policy: Policy) -> Holder:
    """Who must have signed. The caller's key decides; a key inside a bundle is only compared (cosign.md 7, 1)."""
    holder = _with_key(bundle, policy.key) if policy.key is not None else _with_certificate(bundle)
    if holder.key.kind == "rsa" and holder.key.bits < _MIN_RSA_BITS:
        raise Untrue(
            f"an RSA key of {holder.key.bits} bits is too short to prove anything",
            code="key-weak",
            hint=f"sign with a key of at least {_MIN_RSA_BITS} bits",
        )
    return holder


def _with_certificate(bundle: Bundle) -> Holder:
    if bundle.leaf is None:
        raise Untrue(
            "the bundle was signed with a key, but the policy names an identity",
            code="material-mismatch",
            hint="give the public key with --key instead of an identity",
        )
    return Holder(key_of(bundle.leaf), bundle.leaf)


def key_of(certificate: bytes) -> PublicKey:
    """The public key in a certificate (DER)."""
    return PublicKey.from_der(tbs.walk_certificate(certificate).spki)


def _with_key(bundle: Bundle, key: PublicKey) -> Holder:
    if bundle.leaf is not None:
        raise Untrue(
            "the bundle was signed with a certificate, but the policy names a key",
            code="material-mismatch",
            hint="give the expected identity and issuer instead of --key",
        )
    if bundle.embedded_key is not None and PublicKey.from_der(bundle.embedded_key).fingerprints.isdisjoint(
        key.fingerprints
    ):
        raise Untrue(
            "the key in the bundle is not the given key",
            code="key-mismatch",
            hint="the artifact was signed with another key",
        )
    return Holder(key)
