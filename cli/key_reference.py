"""Which public key does ``--key`` mean?

A PEM file, an URL or ``env://VARIABLE``; other schemes (KMS, Kubernetes, ...) are asked for by the signer's table of
key providers, which knows them for signing too.
"""

from cli.inputs import read_input
from verifier.errors import Malformed, Refused
from verifier.keys import PublicKey

_PLAIN = ("env://", "http://", "https://")
_LARGEST = 64 << 10


def load_public_key(reference: str, *, offline: bool = False) -> PublicKey:
    """The public key behind a reference; Malformed for a private key or a certificate, naming which."""
    if "://" in reference and not reference.startswith(_PLAIN):
        return _from_provider(reference)
    data = read_input(reference, offline=offline, limit=_LARGEST)
    if b"PRIVATE KEY-----" in data:
        raise Malformed(
            f"loading public key: {reference} holds a private key",
            code="key-private",
            hint="give its public half: 'public-key --key' prints it",
        )
    if b"-----BEGIN CERTIFICATE-----" in data:
        raise Malformed(
            f"loading public key: {reference} holds a certificate",
            code="key-certificate",
            hint="verify with --certificate-identity and --certificate-oidc-issuer instead of --key",
        )
    return PublicKey.from_pem(data)


def _from_provider(reference: str) -> PublicKey:
    scheme = reference.partition("://")[0]
    raise Refused(
        f"keys at {scheme}:// cannot be used for verification yet",
        code="key-scheme",
        hint="fetch the public key with the provider's own tool, and give the PEM file",
    )
