"""How is cosign's encrypted private key file read and written?

PEM ``ENCRYPTED SIGSTORE PRIVATE KEY`` around JSON: scrypt (N, r, p, salt) makes a 32-byte key, NaCl secretbox
(XSalsa20-Poly1305) holds the PKCS#8 DER. Format: go-securesystemslib ``encrypted``, as cosign uses it.
"""

import base64
import binascii
import hashlib
import re
import secrets
from typing import Any

from verifier.errors import Malformed, Untrue
from verifier.jsonstrict import b64, loads

_PEM = re.compile(
    rb"-----BEGIN ENCRYPTED (SIGSTORE|COSIGN) PRIVATE KEY-----\s+"
    rb"([A-Za-z0-9+/=\s]+?)"
    rb"-----END ENCRYPTED \1 PRIVATE KEY-----"
)
_LARGEST = 1 << 20
_COSTS = frozenset({32768, 65536, 131072})
"""The only scrypt costs that readers accept (r = 8, p = 1): a hostile file could ask for any amount of memory."""
_COST = 65536
_LINE = 64
_NONCE = 24  # bytes: XSalsa20


def is_sealed(pem: bytes) -> bool:
    """Whether this is such a file (of either PEM name)."""
    return _PEM.search(pem) is not None


def derive(pem: bytes, password: bytes) -> bytes:
    """The key that `password` makes for this file: nearly all the time that opening it takes, and none of the check.

    Loads nothing outside the standard library, so that it can begin before the rest is there.
    """
    cost, salt, _, _ = _contents(pem)
    return _stretch(password, salt, cost)


def open_sealed(pem: bytes, password: bytes, derived: bytes | None = None) -> bytes:
    """The PKCS#8 DER inside; `derived` is what `derive` made of the same two, if that was done before.

    Raises Malformed, or Untrue(code="key-password") when the password does not open it.
    """
    from nacl.exceptions import CryptoError
    from nacl.secret import SecretBox

    _, _, nonce, ciphertext = _contents(pem)
    try:
        return SecretBox(derived or derive(pem, password)).decrypt(ciphertext, nonce)
    except CryptoError:
        raise Untrue(
            "the password does not open this key",
            code="key-password",
            hint="set COSIGN_PASSWORD, or type the password that the key was made with",
        ) from None


def seal(pkcs8: bytes, password: bytes) -> bytes:
    """The file that holds `pkcs8` (DER) under `password`; members in cosign's order."""
    from nacl.secret import SecretBox

    salt, nonce = secrets.token_bytes(32), secrets.token_bytes(_NONCE)
    box = SecretBox(_stretch(password, salt, _COST)).encrypt(pkcs8, nonce)
    text = (
        f'{{"kdf":{{"name":"scrypt","params":{{"N":{_COST},"r":8,"p":1}},"salt":"{_text(salt)}"}},'
        f'"cipher":{{"name":"nacl/secretbox","nonce":"{_text(nonce)}"}},"ciphertext":"{_text(box.ciphertext)}"}}'
    )
    encoded = _text(text.encode())
    lines = [encoded[start : start + _LINE] for start in range(0, len(encoded), _LINE)]
    name = "ENCRYPTED SIGSTORE PRIVATE KEY"
    return f"-----BEGIN {name}-----\n{chr(10).join(lines)}\n-----END {name}-----\n".encode()


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _stretch(password: bytes, salt: bytes, cost: int) -> bytes:
    # scrypt needs 128 * N * r bytes; OpenSSL wants the limit said, with room for its own
    return hashlib.scrypt(password, salt=salt, n=cost, r=8, p=1, dklen=32, maxmem=128 * 8 * cost + (1 << 20))


def _contents(pem: bytes) -> tuple[int, bytes, bytes, bytes]:
    match = _PEM.search(pem) if len(pem) <= _LARGEST else None
    if match is None:
        raise Malformed("this is not an encrypted sigstore private key", code="key-format")
    try:
        return _members(loads(binascii.a2b_base64(match.group(2)), max_bytes=_LARGEST))
    except binascii.Error:
        raise Malformed("the encrypted key is not base64", code="key-format") from None


def _members(document: Any) -> tuple[int, bytes, bytes, bytes]:
    """Cost, salt, nonce and ciphertext of the JSON, each checked."""
    try:
        kdf, cipher, params = document["kdf"], document["cipher"], document["kdf"]["params"]
        names = (kdf["name"], cipher["name"])
        cost, block, lanes = params["N"], params["r"], params["p"]
        salt, nonce, ciphertext = b64(kdf["salt"]), b64(cipher["nonce"]), b64(document["ciphertext"])
    except (KeyError, TypeError):
        raise Malformed("the encrypted key lacks a member (kdf, cipher, ciphertext)", code="key-format") from None
    if names != ("scrypt", "nacl/secretbox"):
        raise Malformed("the encrypted key uses another scheme than scrypt with nacl/secretbox", code="key-format")
    if cost not in _COSTS or isinstance(cost, bool) or (block, lanes) != (8, 1):
        raise Malformed("the encrypted key asks for scrypt costs that no tool writes", code="key-format")
    if len(salt) != 32 or len(nonce) != _NONCE:
        raise Malformed("the encrypted key has a salt or nonce of the wrong length", code="key-format")
    return cost, salt, nonce, ciphertext
