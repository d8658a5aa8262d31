"""Does a trusted authority say that this signature existed then?

RFC 3161 as Sigstore uses it (protocol.md 7.3): the stamp covers the raw signature bytes; the authority's own
certificate is pinned by the trust root where it lists one; its chain is evaluated at the stamped time, never at the
present.
"""

import functools
import hashlib
import itertools
from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType

from verifier import der, rfc5280
from verifier.errors import Malformed, Untrue
from verifier.extensions import SUBJECT_KEY_ID
from verifier.moment import Moment
from verifier.rfc5280 import CERT_SIGN, DIGITAL_SIGNATURE, Card
from verifier.timestamp_token import Token, parse_timestamp
from verifier.trust import Authority

# Signature algorithm OID -> kind of key it needs, and its hash (None: that of the signer's digestAlgorithm).
_ALGORITHMS: Mapping[str, tuple[str, str | None]] = MappingProxyType(
    {
        "1.2.840.10045.4.3.2": ("ecdsa", "sha256"),
        "1.2.840.10045.4.3.3": ("ecdsa", "sha384"),
        "1.2.840.10045.4.3.4": ("ecdsa", "sha512"),
        "1.2.840.113549.1.1.1": ("rsa", None),
        "1.2.840.113549.1.1.11": ("rsa", "sha256"),
        "1.2.840.113549.1.1.12": ("rsa", "sha384"),
        "1.2.840.113549.1.1.13": ("rsa", "sha512"),
    }
)
_TIME_STAMPING, _ANY_PURPOSE = der.oid_body("1.3.6.1.5.5.7.3.8"), der.oid_body("2.5.29.37.0")
_KEY_ID = der.oid_body(SUBJECT_KEY_ID)


def check_timestamp(data: bytes, stamped: bytes, authorities: Sequence[Authority]) -> Moment:
    """The moment that a TimeStampResp proves for the bytes `stamped`; Malformed or Untrue otherwise.

    Tried against each authority whose window holds the stamped time (both ends inclusive); the first that fits wins.
    """
    token = parse_timestamp(data)
    if hashlib.new(token.imprint_hash, stamped).digest() != token.imprint:
        raise Untrue("the timestamp is for another signature", code="timestamp-imprint")
    if hashlib.new(token.digest_hash, token.content).digest() != token.message_digest:
        raise Untrue("the timestamp's content is not what was signed", code="timestamp-digest")
    failure = Untrue(
        f"no trusted timestamp authority covers {token.time:%Y-%m-%dT%H:%M:%SZ}",
        code="timestamp-authority",
        hint="the trust root lists none, or its validity period does not contain that time",
    )
    for authority in authorities:
        if not authority.window.contains(token.time):
            continue
        try:
            return _check_with(token, authority)
        except Untrue as error:
            failure = error
    raise failure


def _check_with(token: Token, authority: Authority) -> Moment:
    leaf, issuers = _signer(token, authority.chain)
    _check_names_signer(token, leaf)
    _check_signature(token, leaf)
    for certificate in _path(leaf, issuers):
        _check_valid(certificate, token.time)
    return Moment(token.time, "timestamp", hashlib.sha256(leaf).hexdigest())


def _signer(token: Token, chain: Sequence[bytes]) -> tuple[bytes, tuple[bytes, ...]]:
    """The signing certificate and what issued it, in order.

    Pinned: where the trust root lists the leaf, an embedded one must be the same bytes. Otherwise the embedded
    certificate that the signer identifier names, not the first that is no CA (GHSA-xm5m-wgh2-rrg3).
    """
    if not chain:
        raise Untrue("the trust root lists a timestamp authority without certificates", code="timestamp-chain")
    embedded = [one for one in token.certificates if _is_named(token, one)]
    if not rfc5280.constraints(_load(chain[0]))[0]:
        leaf = chain[0]
        if token.certificates and leaf not in embedded:
            raise Untrue(
                "the timestamp was signed by a certificate other than the trusted one", code="timestamp-signer"
            )
        if not _is_named(token, leaf):
            raise Untrue("the timestamp names another signer than the trusted one", code="timestamp-signer")
        return leaf, tuple(chain[1:])
    if len(embedded) != 1:
        raise Untrue(
            "the timestamp does not contain its signer's certificate, nor does the trust root",
            code="timestamp-signer",
            hint="add the authority's leaf certificate to the chain in the trust root",
        )
    return embedded[0], tuple(chain)


def _is_named(token: Token, certificate: bytes) -> bool:
    """Whether the signer identifier means this certificate (RFC 5652 section 5.3)."""
    parts = _load(certificate).parts
    if token.signer.key_id is not None:
        return any(value == der.encode(der.OCTET_STRING, token.signer.key_id) for value in parts.values(_KEY_ID))
    return parts.issuer == token.signer.issuer and parts.serial == token.signer.serial


def _check_names_signer(token: Token, leaf: bytes) -> None:
    """Each signing-certificate attribute must mean the signer, or a certificate could be swapped (RFC 5035)."""
    serial = _load(leaf).parts.serial
    for one in token.certificate_hashes:
        digest = hashlib.new(one.algorithm, leaf, usedforsecurity=one.algorithm != "sha1").digest()
        if digest != one.digest or one.serial not in (None, serial):
            raise Untrue("the timestamp's signed attributes name another certificate", code="timestamp-signer")


def _check_signature(token: Token, leaf: bytes) -> None:
    kind, name = _ALGORITHMS.get(token.signature_algorithm, ("", None))
    key = rfc5280.key_in(_load(leaf).parts.spki)
    if not kind or not key.kind.startswith(kind):
        raise Untrue(
            f"the timestamp's signature algorithm {token.signature_algorithm} is not supported with its key",
            code="timestamp-algorithm",
        )
    try:
        key.verify(token.signature, token.attributes, name or token.digest_hash)
    except Untrue as error:
        raise Untrue("the timestamp's signature does not verify", code="timestamp-signature") from error


def _check_valid(certificate: Card, time: datetime) -> None:
    """Validity at the stamped time, with the resolution of certificates: a second."""
    second = time.replace(microsecond=0)
    if not certificate.not_before <= second <= certificate.not_after:
        raise Untrue(
            f"a certificate of the timestamp authority was not valid at {second:%Y-%m-%dT%H:%M:%SZ}",
            code="timestamp-certificate-expired",
        )


@functools.lru_cache(maxsize=64)
def _load(certificate: bytes) -> Card:
    try:
        return rfc5280.card(certificate)
    except Malformed as error:
        raise Malformed(f"a timestamp certificate: {error.message}", code="timestamp-certificate") from error


@functools.lru_cache(maxsize=64)
def _path(leaf: bytes, issuers: tuple[bytes, ...]) -> tuple[Card, ...]:
    """Leaf to anchor in the order of the trust root, everything checked but the time (RFC 5280 section 6.1).

    The last certificate is the anchor: trusted as it is, so its own signature is not looked at; its validity is.
    """
    path = (_load(leaf), *(_load(one) for one in issuers))
    try:
        for certificate in path:
            rfc5280.check_extensions(certificate)
        _check_leaf(path[0])
        for below, (child, parent) in enumerate(itertools.pairwise(path)):
            _check_issuer(parent, below)
            rfc5280.check_issued_by(child, parent)
    except Malformed as error:
        raise Malformed(f"a timestamp certificate: {error.message}", code="timestamp-certificate") from error
    except Untrue as error:
        code = error.code if error.code.startswith("timestamp-") else "timestamp-chain"
        raise Untrue(f"the timestamp authority's chain does not hold: {error.message}", code=code) from error
    return path


def _check_leaf(leaf: Card) -> None:
    """Not a CA; exactly the usage timeStamping, critical (RFC 3161 section 2.3); may sign."""
    is_ca, _ = rfc5280.constraints(leaf)
    only = rfc5280.purposes(leaf) == (_TIME_STAMPING,) and rfc5280.purpose_is_critical(leaf)
    if is_ca or not only or not rfc5280.usage_allows(leaf, DIGITAL_SIGNATURE):
        raise Untrue("its certificate may not be used for timestamps alone", code="timestamp-usage")


def _check_issuer(certificate: Card, below: int) -> None:
    """A CA that may sign certificates, for timestamps, with `below` intermediates between it and the leaf."""
    is_ca, limit = rfc5280.constraints(certificate)
    if not is_ca or not rfc5280.usage_allows(certificate, CERT_SIGN):
        raise Untrue("one of its certificates is no CA", code="timestamp-chain")
    if limit is not None and limit < below:
        raise Untrue("it is longer than its CA allows", code="timestamp-chain")
    if not rfc5280.fits(certificate, (_TIME_STAMPING, _ANY_PURPOSE)):
        raise Untrue("a CA in it may not issue for timestamps", code="timestamp-usage")
