"""What is the Ed25519ph signature over this SHA-512 digest?

RFC 8032 section 5.1.6 with dom2(1, ""). `cryptography` has none and libsodium's own call wants the message, which we
hashed while it streamed by; so the formula is written out on libsodium's constant-time scalar functions.
"""

from hashlib import sha512

from nacl import bindings

_DOMAIN = b"SigEd25519 no Ed25519 collisions\x01\x00"


def sign_prehashed(seed: bytes, public: bytes, digest: bytes) -> bytes:
    """64 bytes for the key with this 32-byte seed and public key, over a message with this SHA-512 digest."""
    expanded = sha512(seed).digest()
    scalar = bytearray(expanded[:32])
    scalar[0] &= 0xF8
    scalar[31] = (scalar[31] & 0x7F) | 0x40
    nonce = _reduced(expanded[32:] + digest)
    point = bindings.crypto_scalarmult_ed25519_base_noclamp(nonce)
    challenge = _reduced(point + public + digest)
    product = bindings.crypto_core_ed25519_scalar_mul(challenge, bytes(scalar))
    return point + bindings.crypto_core_ed25519_scalar_add(nonce, product)


def _reduced(data: bytes) -> bytes:
    return bindings.crypto_core_ed25519_scalar_reduce(sha512(_DOMAIN + data).digest())
