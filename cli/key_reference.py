"""Which public key does ``--key`` mean?

A PEM file, an URL or ``env://VARIABLE``; other schemes (KMS, Kubernetes, tokens, ...) are asked for by the signer's
table of key providers, which knows them for signing too.
"""

from cli.inputs import read_input
from verifier.errors import Malformed, Refused
from verifier.keys import PublicKey

_PLAIN = ("env://", "http://", "https://")
_LARGEST = 64 << 10


def load_public_key(reference: str, *, offline: bool = False) -> PublicKey:
    """The public key behind a reference; Malformed for a private key or a certificate, naming which."""
    if reference.startswith("pkcs11:") or ("://" in reference and not reference.startswith(_PLAIN)):
        return _from_provider(reference, offline=offline)
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


def _from_provider(reference: str, *, offline: bool) -> PublicKey:
    """The public half of a key that a provider holds; it is asked for over the network."""
    if offline and not reference.startswith("pkcs11:"):
        raise Refused(
            "the key of this reference is fetched over the network, and --offline forbids it",
            code="offline",
            hint="save it while online with 'public-key', and give the PEM file",
        )
    from cli.signer_of import access_of
    from cli.version import VERSION
    from signer.keys import load_public
    from verifier.fetch.http import Http, HttpPolicy

    with Http(HttpPolicy(user_agent=f"sigwarden/{VERSION}")) as http:
        return load_public(reference, access_of(http))
