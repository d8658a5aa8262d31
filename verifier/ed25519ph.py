"""Does an Ed25519ph signature hold for this SHA-512 digest?

RFC 8032 section 5.1: prehashed Ed25519. `cryptography` has none, and libsodium's own call wants the whole message,
while a log entry has only its digest; so the equation [S]B = R + [k]A is written out on libsodium's curve functions.
"""

from hashlib import sha512

from nacl import bindings
from nacl.exceptions import CryptoError

_DOMAIN = b"SigEd25519 no Ed25519 collisions\x01\x00"  # dom2(1, ""): prehashed, empty context
_ORDER = 2**252 + 27742317777372353535851937790883648493


def signature_holds(public_key: bytes, signature: bytes, digest: bytes) -> bool:
    """Whether `signature` (64 bytes) is that of `public_key` (32 bytes) over a message with this SHA-512 digest.

    Strict: S below the group order (no malleability), key and R in the main subgroup and not of small order.
    """
    if len(public_key) != 32 or len(signature) != 64 or len(digest) != 64:
        return False
    point, scalar = signature[:32], signature[32:]
    if int.from_bytes(scalar, "little") >= _ORDER:
        return False
    challenge = bindings.crypto_core_ed25519_scalar_reduce(sha512(_DOMAIN + point + public_key + digest).digest())
    try:
        if not bindings.crypto_core_ed25519_is_valid_point(public_key):
            return False
        left = bindings.crypto_scalarmult_ed25519_base_noclamp(scalar)
        return left == bindings.crypto_core_ed25519_add(
            point, bindings.crypto_scalarmult_ed25519_noclamp(challenge, public_key)
        )
    except CryptoError:  # a scalar of zero, or a point off the curve
        return False
