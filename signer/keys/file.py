"""Which key is in this file, variable or URL? (``path``, ``env://``, ``http(s)://``)"""

from typing import TYPE_CHECKING

from signer.keys.key import SigningKey
from signer.keys.pem import read_private_key
from verifier.errors import Malformed
from verifier.keys import PublicKey

if TYPE_CHECKING:
    from signer.keys import Access


def load(reference: str, access: "Access") -> SigningKey:
    """The private key; its password is asked for if it is encrypted."""
    data = access.read(reference)
    if b"PRIVATE KEY-----" not in data and b"PUBLIC KEY-----" in data:
        raise Malformed(f"{reference} holds a public key: it cannot sign", code="key-format")
    return read_private_key(data, access.password)


def public(reference: str, access: "Access") -> PublicKey:
    """The public key, from a file of either half."""
    data = access.read(reference)
    if b"PRIVATE KEY-----" in data:
        return read_private_key(data, access.password).public
    return PublicKey.from_pem(data)
