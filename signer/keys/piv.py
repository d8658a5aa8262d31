"""Which key is in this security key? (``--sk``, ``--slot``): a PIV token, reached through its PKCS#11 module."""

from typing import TYPE_CHECKING
from urllib.parse import quote

from signer.keys.key import SigningKey
from verifier.errors import Refused

if TYPE_CHECKING:
    from signer.keys import Access

# Object IDs of YubiKey's PKCS#11 module (ykcs11) for the PIV slots that cosign names.
SLOTS = {
    "signature": ("9c", 2),
    "authentication": ("9a", 1),
    "card-authentication": ("9e", 4),
    "key-management": ("9d", 3),
}
_MODULES = ("libykcs11.so.2", "libykcs11.so", "libykcs11.dylib")


def load_piv(slot: str, access: "Access") -> SigningKey:
    """The key in a PIV slot, by cosign's name or by its number; the PIN is asked for when it signs."""
    from signer.keys.pkcs11 import load

    number = next((number for name, number in SLOTS.values() if name == slot.lower()), None)
    number = SLOTS[slot][1] if slot in SLOTS else number
    if number is None:
        raise Refused(f"unknown slot '{slot}'", code="key-slot", hint=f"one of {', '.join(SLOTS)}")
    module = access.env.get("COSIGN_PKCS11_MODULE_PATH") or _found()
    return load(f"pkcs11:id=%{number:02x}?module-path={quote(module, safe='/')}", access)


def _found() -> str:
    import ctypes

    for name in _MODULES:
        try:
            ctypes.CDLL(name)
        except OSError:
            continue
        return name
    raise Refused(
        "no PKCS#11 module for security keys was found",
        code="key-module",
        hint="install ykcs11 (yubico-piv-tool), or set COSIGN_PKCS11_MODULE_PATH",
    )
