"""Which object on which token does this ``pkcs11:`` URI mean? (RFC 7512)

The URI may hold a PIN: it is kept out of every representation, and no message quotes the URI.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote, unquote_to_bytes

from verifier.errors import Refused

_MOST = 4096


@dataclass(frozen=True, slots=True)
class TokenUri:
    """The attributes that we use; None where the URI does not say. `slot` beats `token`, `id` beats `object`."""

    token: str | None = None
    slot: int | None = None
    id: bytes | None = None
    object: str | None = None
    module: str | None = None
    pin: str | None = field(default=None, repr=False)


def parse_uri(uri: str, env: Mapping[str, str]) -> TokenUri:
    """The parts of a URI, with cosign's variables for module and PIN; Refused where it names no token or no key."""
    if not uri.startswith("pkcs11:") or len(uri) > _MOST:
        raise _bad("it does not begin with pkcs11:")
    path, _, query = uri.removeprefix("pkcs11:").partition("?")
    attributes, options = _pairs(path, ";"), _pairs(query, "&")
    slot = attributes.get("slot-id")
    if slot is not None and not (slot.isascii() and slot.isdecimal()):
        raise _bad("slot-id is not a number")
    parsed = TokenUri(
        token=_text(attributes, "token"),
        slot=int(slot) if slot is not None else None,
        id=unquote_to_bytes(attributes["id"]) if "id" in attributes else None,
        object=_text(attributes, "object"),
        module=_text(options, "module-path") or env.get("COSIGN_PKCS11_MODULE_PATH"),
        pin=_text(options, "pin-value") or env.get("COSIGN_PKCS11_PIN"),
    )
    if parsed.id is None and parsed.object is None:
        raise _bad("it names no key: add id=%.. or object=..")
    if not parsed.module:
        raise _bad("it names no module: add ?module-path=.. or set COSIGN_PKCS11_MODULE_PATH")
    return parsed


def _pairs(text: str, separator: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for part in filter(None, text.split(separator)):
        name, equals, value = part.partition("=")
        if not equals or name in found:
            raise _bad("an attribute has no value, or stands twice")
        found[name] = value
    return found


def _text(attributes: Mapping[str, str], name: str) -> str | None:
    return unquote(attributes[name]) if name in attributes else None


def _bad(why: str) -> Refused:
    return Refused(f"the pkcs11: reference is not usable: {why}", code="key-reference", hint="see RFC 7512")
