"""Did a trusted certificate authority issue this certificate, at that time?

A small RFC 5280 section 6 verifier for code-signing certificates, because general ones refuse what Sigstore uses: a
critical SAN with an otherName, anchors that are not self-signed, authorities with a validity window of their own. The
hybrid model: every certificate and the authority must be valid at the one time asked about. Certificates are
attacker-controlled.
"""

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

from verifier import der, tbs
from verifier.errors import Malformed, Untrue
from verifier.extensions import BASIC_CONSTRAINTS, EXTENDED_KEY_USAGE, KEY_USAGE, SAN
from verifier.trust import Authority

# Fulcio needs three. Bounds so that a bag of cross-signed certificates cannot keep us busy.
MAX_PATH = 8
MAX_POOL = 16
MAX_SIGNATURES = 64
MAX_POOL_BYTES = 256 << 10

_CONSTRAINTS, _USAGE, _PURPOSE = (der.oid_body(oid) for oid in (BASIC_CONSTRAINTS, KEY_USAGE, EXTENDED_KEY_USAGE))
_NAME_CONSTRAINTS = der.oid_body("2.5.29.30")
# Critical extensions whose meaning is checked here, or does not restrict (policies: none is asked for).
_UNDERSTOOD = frozenset({_CONSTRAINTS, _USAGE, _PURPOSE, der.oid_body(SAN), der.oid_body("2.5.29.32")})
_CODE_SIGNING, _ANY_PURPOSE = der.oid_body("1.3.6.1.5.5.7.3.3"), der.oid_body("2.5.29.37.0")
_DIGITAL_SIGNATURE, _CERT_SIGN = 0, 5
_WEAK_HASHES = frozenset({"md5", "sha1"})


@dataclass(frozen=True, slots=True)
class _Card:
    """One certificate, parsed twice: for its signature, and byte for byte."""

    parsed: x509.Certificate
    parts: tbs.Parts
    not_before: datetime
    not_after: datetime

    @property
    def der(self) -> bytes:
        return self.parts.data


@dataclass(frozen=True, slots=True)
class _Path:
    """Verified authorities, the issuing one first, and the time when all of them are valid (ends included)."""

    cards: tuple[_Card, ...]
    not_before: datetime
    not_after: datetime


def check_chain(
    leaf_der: bytes, cas: Sequence[Authority], at: datetime, intermediates: Sequence[bytes] = ()
) -> tuple[bytes, ...]:
    """The chain from the leaf to a trusted anchor (DER, leaf first), all of it valid at `at`.

    `intermediates` are extra, untrusted certificates that may help to build a path. The last certificate of an
    authority is its anchor. Untrue with code `certificate-chain`, `certificate-time`, `certificate-purpose` or
    `certificate-signature`; Malformed if the leaf cannot be parsed. The CA part is cached: a hit costs one signature
    verification.
    """
    leaf = _card(leaf_der)
    _check_leaf(leaf)
    if not leaf.not_before <= at <= leaf.not_after:
        raise _untrue(leaf, f"it was not valid at {at.isoformat()}", "certificate-time")
    failure = _untrue(leaf, "no trusted certificate authority issued it", "certificate-chain")
    for authority in cas:
        try:
            for path in _issuing_paths(authority, tuple(intermediates), leaf):
                _check_time(leaf, authority, path, at)
                _check_signature(leaf, path.cards[0])
                return (leaf_der, *(card.der for card in path.cards))
        except Untrue as error:
            failure = error
    raise failure


def _issuing_paths(authority: Authority, intermediates: tuple[bytes, ...], leaf: _Card) -> Iterator[_Path]:
    if authority.kind != "ca" or not authority.chain:
        return
    for path in _ca_paths(authority.chain, intermediates):
        if path.cards[0].parts.subject == leaf.parts.issuer:
            yield path


def _check_time(leaf: _Card, authority: Authority, path: _Path, at: datetime) -> None:
    if not authority.window.contains(at):
        raise _untrue(leaf, f"its authority was not trusted at {at.isoformat()}", "certificate-time")
    if not path.not_before <= at <= path.not_after:
        raise _untrue(leaf, f"a certificate of its authority was not valid at {at.isoformat()}", "certificate-time")


def _check_signature(card: _Card, issuer: _Card) -> None:
    try:
        hashing = card.parsed.signature_hash_algorithm
        if hashing is not None and hashing.name in _WEAK_HASHES:
            raise _untrue(card, f"it is signed over {hashing.name}", "certificate-signature")
        card.parsed.verify_directly_issued_by(issuer.parsed)
    except (InvalidSignature, ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise _untrue(card, "its signature is not by the authority that it names", "certificate-signature") from error


@functools.lru_cache(maxsize=64)
def _ca_paths(chain: tuple[bytes, ...], intermediates: tuple[bytes, ...]) -> tuple[_Path, ...]:
    """Every path of authorities that ends at the last certificate of `chain`; what is not a usable CA is left out."""
    anchor, *others = reversed(chain)
    if len(others) + len(intermediates) > MAX_POOL or sum(map(len, (*others, *intermediates))) > MAX_POOL_BYTES:
        raise Untrue("There are too many certificates to build a chain from.", code="certificate-chain")
    pool = [card for data in dict.fromkeys((*others, *intermediates)) if (card := _ca_card(data)) and data != anchor]
    top = _ca_card(anchor)
    paths: list[_Path] = []
    growing: list[tuple[_Card, ...]] = [(top,)] if top and _path_lengths_hold((top,)) else []
    budget = MAX_SIGNATURES
    while growing and budget > 0:
        cards = growing.pop()
        paths.append(_Path(cards, max(c.not_before for c in cards), min(c.not_after for c in cards)))
        for card in pool:
            if card in cards or len(cards) >= MAX_PATH or card.parts.issuer != cards[0].parts.subject:
                continue
            budget -= 1
            if _path_lengths_hold((card, *cards)) and _is_issued_by(card, cards[0]):
                growing.append((card, *cards))
    return tuple(sorted(paths, key=lambda path: len(path.cards)))


def _is_issued_by(card: _Card, issuer: _Card) -> bool:
    try:
        _check_signature(card, issuer)
    except Untrue:
        return False
    return True


def _ca_card(data: bytes) -> _Card | None:
    """The certificate, if it may issue code-signing certificates; None otherwise."""
    try:
        card = _card(data)
        _check_extensions(card)
        purposes = _purposes(card.parts)
        fits = purposes is None or purposes & {_CODE_SIGNING, _ANY_PURPOSE}
        return card if fits and _usage_allows(card.parts, _CERT_SIGN) and _constraints(card.parts)[0] else None
    except (Malformed, Untrue):
        return None


def _path_lengths_hold(cards: Sequence[_Card]) -> bool:
    """Section 6.1.4 (l), (m): below each authority no more authorities than it allows, self-issued ones not counted."""
    below = 0
    for card in cards:
        limit = _constraints(card.parts)[1]
        if limit is not None and below > limit:
            return False
        below += card.parts.subject != card.parts.issuer
    return True


def _check_leaf(leaf: _Card) -> None:
    _check_extensions(leaf)
    if _constraints(leaf.parts)[0]:
        raise _untrue(leaf, "it is an authority, not an end-entity certificate", "certificate-purpose")
    if _CODE_SIGNING not in (_purposes(leaf.parts) or ()):
        raise _untrue(leaf, "it is not for code signing", "certificate-purpose")
    if not _usage_allows(leaf.parts, _DIGITAL_SIGNATURE):
        raise _untrue(leaf, "its key is not for signatures", "certificate-purpose")


def _check_extensions(card: _Card) -> None:
    """Section 4.2: no extension twice, no critical one that we do not understand; name constraints we do not do."""
    seen: set[bytes] = set()
    for extension in card.parts.extensions:
        if extension.oid in seen:
            raise _untrue(card, "it has an extension twice", "certificate-purpose")
        seen.add(extension.oid)
        if extension.oid == _NAME_CONSTRAINTS or (extension.critical and extension.oid not in _UNDERSTOOD):
            raise _untrue(card, "it has a critical extension that we do not understand", "certificate-purpose")


def _card(data: bytes) -> _Card:
    parts = tbs.walk_certificate(data)
    if parts.damage or parts.version != 3 or parts.serial < 1 or parts.not_before is None or parts.not_after is None:
        why = ", ".join(parts.damage) or "its version, serial number or validity"
        raise Malformed(f"The certificate is not a proper X.509 version 3 certificate: {why}.", code="certificate")
    outer = der.read(data, parts.tbs.end, len(data))
    if der.whole(data, outer) != parts.algorithm:
        raise Malformed("The certificate names two signature algorithms.", code="certificate")
    try:
        parsed = x509.load_der_x509_certificate(data)
    except (ValueError, TypeError, UnsupportedAlgorithm, x509.InvalidVersion) as error:
        raise Malformed("The certificate is not X.509.", code="certificate") from error
    return _Card(parsed, parts, parts.not_before, parts.not_after)


def _constraints(parts: tbs.Parts) -> tuple[bool, int | None]:
    """basicConstraints (section 4.2.1.9): whether it is an authority, and how many may follow it."""
    for value in parts.values(_CONSTRAINTS):
        found = der.children(value, der.outer(value))
        is_ca = bool(found) and found[0].tag == der.BOOLEAN and der.content(value, found[0]) == b"\xff"
        limit = int.from_bytes(der.content(value, found[1]), "big") if is_ca and len(found) == 2 else None
        return is_ca, limit
    return False, None


def _usage_allows(parts: tbs.Parts, bit: int) -> bool:
    """keyUsage (section 4.2.1.3): absent allows all."""
    for value in parts.values(_USAGE):
        bits = der.content(value, der.outer(value, der.BIT_STRING))
        return len(bits) > 1 and bool(bits[1] & 0x80 >> bit)
    return True


def _purposes(parts: tbs.Parts) -> set[bytes] | None:
    """extendedKeyUsage (section 4.2.1.12): the purposes, None if not restricted."""
    for value in parts.values(_PURPOSE):
        return {der.content(value, item) for item in der.each(value, der.outer(value))}
    return None


def _untrue(card: _Card, why: str, code: str) -> Untrue:
    return Untrue(f"The certificate is not trusted: {why}.", code=code, evidence={"certificate": card.der})
