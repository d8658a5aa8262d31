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

from verifier import der, rfc5280
from verifier.errors import Malformed, Untrue
from verifier.rfc5280 import CERT_SIGN, DIGITAL_SIGNATURE, Card
from verifier.trust import Authority

# Fulcio needs three. Bounds so that a bag of cross-signed certificates cannot keep us busy.
MAX_PATH = 8
MAX_POOL = 16
MAX_SIGNATURES = 64
MAX_POOL_BYTES = 256 << 10

_CODE_SIGNING, _ANY_PURPOSE = der.oid_body("1.3.6.1.5.5.7.3.3"), der.oid_body("2.5.29.37.0")


@dataclass(frozen=True, slots=True)
class _Path:
    """Verified authorities, the issuing one first, and the time when all of them are valid (ends included)."""

    cards: tuple[Card, ...]
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
    return check_chain_at_all(leaf_der, cas, (at,), intermediates)


def check_chain_at_all(
    leaf_der: bytes, cas: Sequence[Authority], times: Sequence[datetime], intermediates: Sequence[bytes] = ()
) -> tuple[bytes, ...]:
    """Like `check_chain`, at each of several times: the chain of the last one. The leaf is verified once an issuer."""
    leaf = rfc5280.card(leaf_der)
    _check_leaf(leaf)
    if not times:
        raise rfc5280.untrue(leaf, "no time is known at which it was used", "certificate-time")
    signers: set[bytes] = set()
    chain: tuple[bytes, ...] = ()
    for at in times:
        path = _path_at(leaf, (cas, tuple(intermediates)), at, signers)
        chain = (leaf_der, *(card.der for card in path.cards))
    return chain


def _path_at(
    leaf: Card, trusted: tuple[Sequence[Authority], tuple[bytes, ...]], at: datetime, signers: set[bytes]
) -> _Path:
    """A path that holds at this time; `signers` collects issuers that were shown to have signed the leaf."""
    if not leaf.not_before <= at <= leaf.not_after:
        raise rfc5280.untrue(leaf, f"it was not valid at {at.isoformat()}", "certificate-time")
    failure = rfc5280.untrue(leaf, "no trusted certificate authority issued it", "certificate-chain")
    cas, intermediates = trusted
    for authority in cas:
        try:
            for path in _issuing_paths(authority, intermediates, leaf):
                _check_time(leaf, authority, path, at)
                if path.cards[0].der not in signers:
                    rfc5280.check_issued_by(leaf, path.cards[0])
                    signers.add(path.cards[0].der)
                return path
        except Untrue as error:
            failure = error
    raise failure


def _issuing_paths(authority: Authority, intermediates: tuple[bytes, ...], leaf: Card) -> Iterator[_Path]:
    if authority.kind != "ca" or not authority.chain:
        return
    for path in _ca_paths(authority.chain, intermediates):
        if path.cards[0].parts.subject == leaf.parts.issuer:
            yield path


def _check_time(leaf: Card, authority: Authority, path: _Path, at: datetime) -> None:
    if not authority.window.contains(at):
        raise rfc5280.untrue(leaf, f"its authority was not trusted at {at.isoformat()}", "certificate-time")
    if not path.not_before <= at <= path.not_after:
        raise rfc5280.untrue(
            leaf, f"a certificate of its authority was not valid at {at.isoformat()}", "certificate-time"
        )


@functools.lru_cache(maxsize=64)
def _ca_paths(chain: tuple[bytes, ...], intermediates: tuple[bytes, ...]) -> tuple[_Path, ...]:
    """Every path of authorities that ends at the last certificate of `chain`; what is not a usable CA is left out."""
    anchor, *others = reversed(chain)
    if len(others) + len(intermediates) > MAX_POOL or sum(map(len, (*others, *intermediates))) > MAX_POOL_BYTES:
        raise Untrue("There are too many certificates to build a chain from.", code="certificate-chain")
    pool = [card for data in dict.fromkeys((*others, *intermediates)) if (card := _ca_card(data)) and data != anchor]
    top = _ca_card(anchor)
    paths: list[_Path] = []
    growing: list[tuple[Card, ...]] = [(top,)] if top and _path_lengths_hold((top,)) else []
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


def _is_issued_by(card: Card, issuer: Card) -> bool:
    try:
        rfc5280.check_issued_by(card, issuer)
    except Untrue:
        return False
    return True


def _ca_card(data: bytes) -> Card | None:
    """The certificate, if it may issue code-signing certificates; None otherwise."""
    try:
        card = rfc5280.card(data)
        rfc5280.check_extensions(card)
        fits = rfc5280.fits(card, (_CODE_SIGNING, _ANY_PURPOSE))
        return card if fits and rfc5280.usage_allows(card, CERT_SIGN) and rfc5280.constraints(card)[0] else None
    except (Malformed, Untrue):
        return None


def _path_lengths_hold(cards: Sequence[Card]) -> bool:
    """Section 6.1.4 (l), (m): below each authority no more authorities than it allows, self-issued ones not counted."""
    below = 0
    for card in cards:
        limit = rfc5280.constraints(card)[1]
        if limit is not None and below > limit:
            return False
        below += card.parts.subject != card.parts.issuer
    return True


def _check_leaf(leaf: Card) -> None:
    rfc5280.check_extensions(leaf)
    if rfc5280.constraints(leaf)[0]:
        raise rfc5280.untrue(leaf, "it is an authority, not an end-entity certificate", "certificate-purpose")
    if _CODE_SIGNING not in (rfc5280.purposes(leaf) or ()):
        raise rfc5280.untrue(leaf, "it is not for code signing", "certificate-purpose")
    if not rfc5280.usage_allows(leaf, DIGITAL_SIGNATURE):
        raise rfc5280.untrue(leaf, "its key is not for signatures", "certificate-purpose")
