"""Whose certificate is this, as far as its own bytes say?

Reading only: nothing here says that a trusted authority signed it (`chain.check_chain` does). Never blinded: what a
strict X.509 parser refuses is still read, and what is odd is named in `anomalies`.
"""

import functools
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from verifier import der, tbs
from verifier.errors import Malformed
from verifier.extensions import BY_OID_BYTES, FULCIO_ARC, POISON, SAN, SCT_LIST, Value, read_value
from verifier.names import Name, read_names

# Codes in `Identity.anomalies`; reports and the runbook explain each.
ANOMALIES: Mapping[str, str] = MappingProxyType(
    {
        "issuer-mismatch": "the two issuer extensions (.1 and .8) name different issuers",
        "issuer-encoding": "the issuer extension .8 is not a DER UTF8String",
        "extension-encoding": "a Fulcio extension is not encoded as specified",
        "extension-twice": "an extension occurs more than once",
        "extension-damaged": "an extension is not an OID, a flag and a value",
        "extensions-damaged": "the list of extensions cannot be read to its end",
        "san-twice": "there are several Subject Alternative Name extensions",
        "san-damaged": "the Subject Alternative Name cannot be read to its end",
        "san-encoding": "a name is not encoded as specified",
        "san-not-critical": "the subject is empty but the Subject Alternative Name is not critical",
        "no-san": "there is no name",
        "no-sct": "no signed certificate timestamp: the certificate was not shown to be in a CT log",
        "precertificate": "this is a precertificate, not a certificate",
        "negative-serial": "the serial number is negative",
        "validity-unreadable": "the validity period cannot be read",
        "trailing-bytes": "bytes follow the end of the certificate",
        "unknown-field": "there is a field that no X.509 version defines",
        "not-strict-x509": "a strict X.509 parser refuses this certificate",
    }
)

_SAN, _SCT, _POISON = der.oid_body(SAN), der.oid_body(SCT_LIST), der.oid_body(POISON)
_ISSUER_V1, _ISSUER = (der.oid_body(f"{FULCIO_ARC}.{arc}") for arc in (1, 8))
_EMPTY_NAME = b"\x30\x00"
# Longer ones are not kept in memory: an attacker chooses them.
_LONG_OID = 64


@dataclass(frozen=True, slots=True)
class Identity:
    """What a certificate says about its holder.

    `names` in order; `issuer` the OIDC issuer (.8, else .1); `extensions` canonical name -> text (the first of
    repeated ones; further values are in `repeated`); `raw_extensions` dotted OID -> content octets of every
    extension, first of each. `serial` and times are None where unreadable. Hashes are SHA-256 (32 bytes): of the
    SubjectPublicKeyInfo and of the bytes given.
    """

    names: tuple[Name, ...]
    issuer: str | None
    extensions: Mapping[str, str]
    raw_extensions: Mapping[str, bytes]
    anomalies: tuple[str, ...]
    not_before: datetime | None
    not_after: datetime | None
    serial: int | None
    key_sha256: bytes | None
    cert_sha256: bytes
    repeated: tuple[tuple[str, str], ...] = ()


def read_identity(cert_der: bytes, *, second_opinion: bool = True) -> Identity:
    """Identity in a certificate; Malformed only if names, key and extensions cannot be reached at all.

    `second_opinion` also asks a general X.509 parser whether it would take the certificate; not needed where a chain
    was checked, and slow to import.
    """
    parts = tbs.walk_certificate(cert_der)
    anomalies = set(parts.damage)
    if second_opinion and not _is_strict(parts):
        anomalies.add("not-strict-x509")
    if parts.values(_POISON):
        anomalies.add("precertificate")
    elif not parts.values(_SCT):
        anomalies.add("no-sct")
    return _identity(parts, anomalies)


def read_tbs_identity(tbs_der: bytes) -> Identity:
    """Identity in a bare TBSCertificate: what a CT log commits to (RFC 6962 section 3.2)."""
    parts = tbs.walk_tbs(tbs_der)
    return _identity(parts, set(parts.damage))


def _is_strict(parts: tbs.Parts) -> bool:
    """Whether the full parser takes the certificate and all of its extensions.

    It only warns about a serial number below 1 as yet (RFC 5280 section 4.1.2.2 forbids it): not asked then.
    """
    if parts.serial < 1:
        return False
    from cryptography import x509

    try:
        _ = x509.load_der_x509_certificate(parts.data).extensions
    except Exception:  # any refusal of hostile bytes, whatever its type, is the answer
        return False
    return True


def _identity(parts: tbs.Parts, anomalies: set[str]) -> Identity:
    names = _names(parts, anomalies)
    values, repeated = _values(parts, anomalies)
    issuer = _issuer(values, anomalies)
    extensions = {BY_OID_BYTES[oid].name: value.text for oid, value in values.items()}
    if issuer is not None:
        extensions["issuer"] = issuer
    return Identity(
        names=names,
        issuer=issuer,
        extensions=MappingProxyType(extensions),
        raw_extensions=MappingProxyType(_raw(parts, anomalies)),
        anomalies=tuple(sorted(anomalies)),
        not_before=parts.not_before,
        not_after=parts.not_after,
        serial=parts.serial,
        key_sha256=hashlib.sha256(parts.spki).digest(),
        cert_sha256=hashlib.sha256(parts.data).digest(),
        repeated=repeated,
    )


def _names(parts: tbs.Parts, anomalies: set[str]) -> tuple[Name, ...]:
    """Names of every SAN extension: of two, a verifier may take either."""
    sans = [extension for extension in parts.extensions if extension.oid == _SAN]
    names: list[Name] = []
    for extension in sans:
        found, odd = read_names(extension.value)
        names.extend(found)
        anomalies.update(odd)
        if not extension.critical and parts.subject == _EMPTY_NAME:
            anomalies.add("san-not-critical")
    if len(sans) > 1:
        anomalies.add("san-twice")
    if not names:
        anomalies.add("no-san")
    return tuple(names)


def _values(parts: tbs.Parts, anomalies: set[str]) -> tuple[dict[bytes, Value], tuple[tuple[str, str], ...]]:
    """Fulcio extensions by OID (first of each), and the values of repeated ones."""
    values: dict[bytes, Value] = {}
    repeated: list[tuple[str, str]] = []
    for extension in parts.extensions:
        row = BY_OID_BYTES.get(extension.oid)
        if row is None:
            continue
        value = read_value(extension.value, row.encoding)
        if not value.as_specified:
            anomalies.add("issuer-encoding" if extension.oid == _ISSUER else "extension-encoding")
        if extension.oid in values:
            repeated.append((row.name, value.text))
        else:
            values[extension.oid] = value
    return values, tuple(repeated)


def _issuer(values: Mapping[bytes, Value], anomalies: set[str]) -> str | None:
    """The OIDC issuer: .8, else .1; .1 also where .8 is not encoded as specified."""
    new, old = values.get(_ISSUER), values.get(_ISSUER_V1)
    if new is None:
        return None if old is None else old.text
    if old is None:
        return new.text
    if new.text != old.text:
        anomalies.add("issuer-mismatch")
    return new.text if new.as_specified or not old.as_specified else old.text


def _raw(parts: tbs.Parts, anomalies: set[str]) -> dict[str, bytes]:
    raw: dict[str, bytes] = {}
    for extension in parts.extensions:
        oid = _dotted(extension.oid)
        if oid in raw:
            anomalies.add("extension-twice")
        else:
            raw[oid] = extension.value
    return raw


def _dotted(oid: bytes) -> str:
    """Dotted OID, or its hex where the bytes are no OID (so that it is shown, not lost)."""
    return oid.hex() if len(oid) > _LONG_OID else _short_dotted(oid)


@functools.lru_cache(maxsize=1024)
def _short_dotted(oid: bytes) -> str:
    try:
        return der.oid_text(oid)
    except Malformed:
        return oid.hex()
