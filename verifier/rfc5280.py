"""Is this certificate in order, what may it do, and did that key sign it?

The parts of RFC 5280 that both chains need, those of signers and those of timestamp authorities: on the byte-exact
walk of `tbs`, without a general X.509 library. Attacker-controlled.
"""

import functools
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from verifier import der, tbs
from verifier.errors import Malformed, Untrue
from verifier.extensions import BASIC_CONSTRAINTS, EXTENDED_KEY_USAGE, KEY_USAGE, SAN
from verifier.keys import PublicKey

DIGITAL_SIGNATURE, CERT_SIGN = 0, 5
_CONSTRAINTS, _USAGE, _PURPOSE = (der.oid_body(oid) for oid in (BASIC_CONSTRAINTS, KEY_USAGE, EXTENDED_KEY_USAGE))
_NAME_CONSTRAINTS = der.oid_body("2.5.29.30")
# Critical extensions whose meaning is checked here, or does not restrict (policies: none is asked for).
_UNDERSTOOD = frozenset({_CONSTRAINTS, _USAGE, _PURPOSE, der.oid_body(SAN), der.oid_body("2.5.29.32")})


def _algorithm(oid: str, *, null: bool) -> bytes:
    return der.encode(der.SEQUENCE, der.encode(der.OID, der.oid_body(oid)), b"\x05\x00" if null else b"")


# Whole AlgorithmIdentifier -> kind of key, hash (RFC 5758, RFC 4055, RFC 8410). SHA-1 and MD5 are left out on purpose.
_SIGNATURES: dict[bytes, tuple[str, str | None]] = {
    _algorithm("1.2.840.10045.4.3.2", null=False): ("ecdsa", "sha256"),
    _algorithm("1.2.840.10045.4.3.3", null=False): ("ecdsa", "sha384"),
    _algorithm("1.2.840.10045.4.3.4", null=False): ("ecdsa", "sha512"),
    _algorithm("1.2.840.113549.1.1.11", null=True): ("rsa", "sha256"),
    _algorithm("1.2.840.113549.1.1.12", null=True): ("rsa", "sha384"),
    _algorithm("1.2.840.113549.1.1.13", null=True): ("rsa", "sha512"),
    _algorithm("1.3.101.112", null=False): ("ed25519", None),
}


@dataclass(frozen=True, slots=True)
class Card:
    """One proper certificate: its parts byte for byte, and its validity (both ends inclusive)."""

    parts: tbs.Parts
    not_before: datetime
    not_after: datetime
    signature: bytes

    @property
    def der(self) -> bytes:
        """The whole certificate."""
        return self.parts.data


@functools.lru_cache(maxsize=64)
def card(data: bytes) -> Card:
    """The certificate; Malformed unless it is X.509 version 3 in strict DER, with nothing odd about it."""
    parts = tbs.walk_certificate(data)
    if parts.damage or parts.version != 3 or parts.serial < 1 or parts.not_before is None or parts.not_after is None:
        why = ", ".join(parts.damage) or "its version, serial number or validity"
        raise Malformed(f"The certificate is not a proper X.509 version 3 certificate: {why}.", code="certificate")
    _, algorithm, signature = der.exactly(data, der.outer(data), 3)
    if der.whole(data, algorithm) != parts.algorithm:
        raise Malformed("The certificate names two signature algorithms.", code="certificate")
    bits = der.content(data, der.expect(signature, der.BIT_STRING))
    if bits[:1] != b"\x00":
        raise Malformed("The certificate's signature is no whole number of bytes.", code="certificate")
    return Card(parts, parts.not_before, parts.not_after, bits[1:])


@functools.lru_cache(maxsize=256)
def key_in(spki: bytes) -> PublicKey:
    """The key of a SubjectPublicKeyInfo; authorities sign often, so they are kept."""
    return PublicKey.from_der(spki)


def check_issued_by(one: Card, issuer: Card) -> None:
    """Section 6.1.3 (a)(1), (a)(4): `issuer`'s name is in the certificate, and its key signed it."""
    kind, hashing = _SIGNATURES.get(one.parts.algorithm, ("", None))
    if not kind:
        raise untrue(one, "it is signed with a weak or unknown algorithm", "certificate-signature")
    if one.parts.issuer != issuer.parts.subject:
        raise untrue(one, "it names another authority", "certificate-signature")
    try:
        key = key_in(issuer.parts.spki)
        if not key.kind.startswith(kind):
            raise untrue(one, "its signature is of another kind than its authority's key", "certificate-signature")
        key.verify(one.signature, one.parts.tbs_bytes, hashing)
    except (Malformed, Untrue) as error:
        raise untrue(one, "its signature is not by the authority that it names", "certificate-signature") from error


def check_extensions(one: Card) -> None:
    """Section 4.2: no extension twice, no critical one that we do not understand; name constraints we do not do."""
    seen: set[bytes] = set()
    for extension in one.parts.extensions:
        if extension.oid in seen:
            raise untrue(one, "it has an extension twice", "certificate-purpose")
        seen.add(extension.oid)
        if extension.oid == _NAME_CONSTRAINTS or (extension.critical and extension.oid not in _UNDERSTOOD):
            raise untrue(one, "it has a critical extension that we do not understand", "certificate-purpose")


def constraints(one: Card) -> tuple[bool, int | None]:
    """basicConstraints (section 4.2.1.9): whether it is an authority, and how many may follow it."""
    for value in one.parts.values(_CONSTRAINTS):
        found = der.children(value, der.outer(value))
        is_ca = bool(found) and found[0].tag == der.BOOLEAN and der.content(value, found[0]) == b"\xff"
        limit = int.from_bytes(der.content(value, found[1]), "big") if is_ca and len(found) == 2 else None
        return is_ca, limit
    return False, None


def usage_allows(one: Card, bit: int) -> bool:
    """keyUsage (section 4.2.1.3): absent allows all."""
    for value in one.parts.values(_USAGE):
        bits = der.content(value, der.outer(value, der.BIT_STRING))
        return len(bits) > 1 and bool(bits[1] & 0x80 >> bit)
    return True


def purposes(one: Card) -> tuple[bytes, ...] | None:
    """extendedKeyUsage (section 4.2.1.12): the purposes (content octets of their OIDs), None if not restricted."""
    for value in one.parts.values(_PURPOSE):
        return tuple(der.content(value, item) for item in der.each(value, der.outer(value)))
    return None


def purpose_is_critical(one: Card) -> bool:
    """Whether extendedKeyUsage is there and critical."""
    return any(extension.critical for extension in one.parts.extensions if extension.oid == _PURPOSE)


def fits(one: Card, wanted: Collection[bytes]) -> bool:
    """Whether an authority may issue for one of these purposes: unrestricted, or one of them named."""
    named = purposes(one)
    return named is None or not set(named).isdisjoint(wanted)


def untrue(one: Card, why: str, code: str) -> Untrue:
    """The refusal of a certificate, with the certificate as evidence."""
    return Untrue(f"The certificate is not trusted: {why}.", code=code, evidence={"certificate": one.der})
