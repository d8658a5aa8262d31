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

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID

from verifier import tbs
from verifier.errors import Malformed, Untrue
from verifier.keys import PublicKey
from verifier.moment import Moment
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
_UNDERSTOOD = frozenset({ExtensionOID.BASIC_CONSTRAINTS, ExtensionOID.KEY_USAGE, ExtensionOID.EXTENDED_KEY_USAGE})
_CA_EKUS = frozenset({ExtendedKeyUsageOID.TIME_STAMPING, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE})


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
    if not _is_ca(_load(chain[0])):
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


def _is_named(token: Token, der: bytes) -> bool:
    """Whether the signer identifier means this certificate (RFC 5652 section 5.3)."""
    certificate = _load(der)
    if token.signer.key_id is not None:
        try:
            identifier = certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
        except (x509.ExtensionNotFound, ValueError):
            return False
        return identifier.digest == token.signer.key_id
    same_issuer = certificate.issuer.public_bytes() == token.signer.issuer
    return same_issuer and certificate.serial_number == token.signer.serial


def _check_names_signer(token: Token, leaf: bytes) -> None:
    """Each signing-certificate attribute must mean the signer, or a certificate could be swapped (RFC 5035)."""
    serial = _load(leaf).serial_number
    for one in token.certificate_hashes:
        digest = hashlib.new(one.algorithm, leaf, usedforsecurity=one.algorithm != "sha1").digest()
        if digest != one.digest or one.serial not in (None, serial):
            raise Untrue("the timestamp's signed attributes name another certificate", code="timestamp-signer")


def _check_signature(token: Token, leaf: bytes) -> None:
    kind, name = _ALGORITHMS.get(token.signature_algorithm, ("", None))
    key = _key(leaf)
    if not kind or not key.kind.startswith(kind):
        raise Untrue(
            f"the timestamp's signature algorithm {token.signature_algorithm} is not supported with its key",
            code="timestamp-algorithm",
        )
    try:
        key.verify(token.signature, token.attributes, name or token.digest_hash)
    except Untrue as error:
        raise Untrue("the timestamp's signature does not verify", code="timestamp-signature") from error


def _check_valid(certificate: x509.Certificate, time: datetime) -> None:
    """Validity at the stamped time, with the resolution of certificates: a second."""
    second = time.replace(microsecond=0)
    if not certificate.not_valid_before_utc <= second <= certificate.not_valid_after_utc:
        raise Untrue(
            f"a certificate of the timestamp authority was not valid at {second:%Y-%m-%dT%H:%M:%SZ}",
            code="timestamp-certificate-expired",
        )


@functools.lru_cache(maxsize=256)
def _load(der: bytes) -> x509.Certificate:
    """A certificate of which every part that is asked for later can be read: the parser is lazy."""
    if tbs.walk_certificate(der).serial < 1:
        raise Malformed("a timestamp certificate has no positive serial number", code="timestamp-certificate")
    try:
        certificate = x509.load_der_x509_certificate(der)
        _ = certificate.extensions, certificate.issuer.public_bytes(), certificate.subject.public_bytes()
        _ = certificate.not_valid_before_utc, certificate.not_valid_after_utc, _key_bytes(certificate)
    except Exception as error:  # any refusal of hostile bytes, whatever its type
        raise Malformed("a timestamp certificate cannot be read", code="timestamp-certificate") from error
    return certificate


def _key_bytes(certificate: x509.Certificate) -> bytes:
    return certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


@functools.lru_cache(maxsize=64)
def _key(der: bytes) -> PublicKey:
    return PublicKey.from_der(_key_bytes(_load(der)))


def _is_ca(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False


@functools.lru_cache(maxsize=64)
def _path(leaf: bytes, issuers: tuple[bytes, ...]) -> tuple[x509.Certificate, ...]:
    """Leaf to anchor in the order of the trust root, everything checked but the time (RFC 5280 section 6.1).

    The last certificate is the anchor: trusted as it is, so its own signature is not looked at; its validity is.
    """
    _check_leaf(_load(leaf))
    path = (_load(leaf), *(_load(one) for one in issuers))
    for certificate in path:
        if any(one.critical and one.oid not in _UNDERSTOOD for one in certificate.extensions):
            raise Untrue("a timestamp certificate has an unknown critical extension", code="timestamp-chain")
    for below, (child, parent) in enumerate(itertools.pairwise(path)):
        _check_issuer(parent, below)
        try:
            child.verify_directly_issued_by(parent)
        except (InvalidSignature, ValueError, TypeError) as error:
            raise Untrue(
                "the timestamp certificate was not issued by the trusted authority", code="timestamp-chain"
            ) from error
    return path


def _check_leaf(leaf: x509.Certificate) -> None:
    """Not a CA; exactly the usage timeStamping, critical (RFC 3161 section 2.3); may sign."""
    try:
        usage = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage)
    except x509.ExtensionNotFound:
        raise Untrue("the timestamp certificate has no extended key usage", code="timestamp-usage") from None
    only = list(usage.value) == [ExtendedKeyUsageOID.TIME_STAMPING]
    if _is_ca(leaf) or not usage.critical or not only or not _may(leaf, "digital_signature"):
        raise Untrue("the timestamp certificate may not be used for timestamps alone", code="timestamp-usage")


def _check_issuer(certificate: x509.Certificate, below: int) -> None:
    """A CA that may sign certificates, for timestamps, with `below` intermediates between it and the leaf."""
    try:
        constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
    except x509.ExtensionNotFound:
        constraints = x509.BasicConstraints(ca=False, path_length=None)
    if not constraints.ca or not _may(certificate, "key_cert_sign"):
        raise Untrue("a certificate in the timestamp chain is no CA", code="timestamp-chain")
    if constraints.path_length is not None and constraints.path_length < below:
        raise Untrue("the timestamp chain is longer than its CA allows", code="timestamp-chain")
    try:
        usages = set(certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value)
    except x509.ExtensionNotFound:
        return
    if not usages & _CA_EKUS:
        raise Untrue("a CA in the timestamp chain may not issue for timestamps", code="timestamp-usage")


def _may(certificate: x509.Certificate, use: str) -> bool:
    """Whether key usage, where there is one, allows `use`."""
    try:
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return True
    return bool(getattr(usage, use))
