"""A timestamp authority for tests: it makes tokens part by part, so that a test can bend exactly one of them."""

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from verifier import der

START = datetime(2026, 1, 1, tzinfo=UTC)
STAMPED = datetime(2026, 6, 1, 12, 0, 0, tzinfo=UTC)
SHA256 = der.encode(der.SEQUENCE, der.encode(der.OID, der.oid_body("2.16.840.1.101.3.4.2.1")))
ECDSA_SHA256 = der.encode(der.SEQUENCE, der.encode(der.OID, der.oid_body("1.2.840.10045.4.3.2")))


def oid(text: str) -> bytes:
    return der.encode(der.OID, der.oid_body(text))


def number(value: int) -> bytes:
    return der.encode(der.INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True))


def octets(data: bytes) -> bytes:
    return der.encode(der.OCTET_STRING, data)


def sequence(*parts: bytes) -> bytes:
    return der.encode(der.SEQUENCE, *parts)


@dataclass
class Pair:
    """A key and its certificate."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)


@dataclass
class CertificateShape:
    """What a certificate of the authority looks like; the default is an honest leaf."""

    name: str = "test tsa"
    start: datetime = START
    end: datetime = START + timedelta(days=3650)
    ca: bool = False
    path_length: int | None = None
    usages: list[ObjectIdentifier] | None = field(default_factory=lambda: [ExtendedKeyUsageOID.TIME_STAMPING])
    usage_critical: bool = True
    may_sign: bool = True
    unknown_critical: bool = False


def issue(shape: CertificateShape, issuer: Pair | None = None) -> Pair:
    """A new key in a certificate of this shape, signed by `issuer` or by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, shape.name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(shape.start)
        .not_valid_after(shape.end)
        .add_extension(x509.BasicConstraints(shape.ca, shape.path_length), critical=True)
        .add_extension(_key_usage(shape), critical=True)
    )
    if shape.usages is not None:
        builder = builder.add_extension(x509.ExtendedKeyUsage(shape.usages), critical=shape.usage_critical)
    if shape.unknown_critical:
        unknown = x509.UnrecognizedExtension(ObjectIdentifier("1.2.3.4.5"), b"\x05\x00")
        builder = builder.add_extension(unknown, critical=True)
    return Pair(key, builder.sign(issuer.key if issuer else key, hashes.SHA256()))


def _key_usage(shape: CertificateShape) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=shape.may_sign and not shape.ca,
        content_commitment=False,
        key_encipherment=not shape.may_sign,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=shape.ca and shape.may_sign,
        crl_sign=shape.ca,
        encipher_only=False,
        decipher_only=False,
    )


ROOT_SHAPE = CertificateShape(name="test root", ca=True, usages=None)


def authority(*chain: bytes, start: datetime = START, end: datetime | None = None) -> Any:
    """An entry of a trust root, as far as timestamps need it."""
    return SimpleNamespace(
        chain=chain, window=SimpleNamespace(contains=lambda time: start <= time and (end is None or time <= end))
    )


@dataclass
class TokenShape:
    """What a token says; every field can be bent. `None` parts are left out."""

    stamped: bytes = b"the signature"
    time: bytes = b"20260601120000Z"
    version: int = 1
    status: int = 0
    imprint: bytes | None = None
    hash_algorithm: bytes = SHA256
    tail: bytes = b""
    content_oid: str = "1.2.840.113549.1.9.16.1.4"
    signed_content_type: str = "1.2.840.113549.1.9.16.1.4"
    message_digest: bytes | None = None
    names_certificate: bytes | None = None
    extra_attributes: bytes = b""
    with_certificate_name: bool = True
    signature_algorithm: bytes = ECDSA_SHA256
    embedded: tuple[bytes, ...] = ()
    signers: int = 1
    sid: bytes | None = None
    after: bytes = b""


def attribute(name: str, value: bytes) -> bytes:
    return sequence(oid(name), der.encode(der.SET, value))


def make(signer: Pair, shape: TokenShape) -> bytes:
    """A DER TimeStampResp of this shape, signed by `signer`."""
    imprint = shape.imprint if shape.imprint is not None else hashlib.sha256(shape.stamped).digest()
    info = sequence(
        number(shape.version),
        oid("1.3.6.1.4.1.57264.2"),
        sequence(shape.hash_algorithm, octets(imprint)),
        number(7),
        der.encode(der.GENERALIZED_TIME, shape.time),
        shape.tail,
    )
    attributes = _attributes(signer, shape, info)
    signature = signer.key.sign(der.encode(der.SET, attributes), ec.ECDSA(hashes.SHA256()))
    sid = shape.sid or sequence(signer.certificate.issuer.public_bytes(), number(signer.certificate.serial_number))
    signer_info = sequence(
        number(1), sid, SHA256, der.encode(0xA0, attributes), shape.signature_algorithm, octets(signature)
    )
    signed = sequence(
        number(3),
        der.encode(der.SET, SHA256),
        sequence(oid(shape.content_oid), der.encode(0xA0, octets(info))),
        der.encode(0xA0, *shape.embedded) if shape.embedded else b"",
        der.encode(der.SET, *([signer_info] * shape.signers)),
    )
    token = sequence(oid("1.2.840.113549.1.7.2"), der.encode(0xA0, signed))
    return sequence(sequence(number(shape.status)), token) + shape.after


def _attributes(signer: Pair, shape: TokenShape, info: bytes) -> bytes:
    digest = shape.message_digest if shape.message_digest is not None else hashlib.sha256(info).digest()
    named = shape.names_certificate if shape.names_certificate is not None else signer.der
    parts = [
        attribute("1.2.840.113549.1.9.3", oid(shape.signed_content_type)),
        attribute("1.2.840.113549.1.9.4", octets(digest)),
    ]
    if shape.with_certificate_name:
        identifier = sequence(octets(hashlib.sha256(named).digest()))
        parts.append(attribute("1.2.840.113549.1.9.16.2.47", sequence(sequence(identifier))))
    return b"".join(parts) + shape.extra_attributes
