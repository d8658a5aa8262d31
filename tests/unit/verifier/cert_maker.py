"""Certificates for tests: byte for byte as wanted, or really signed."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache, cached_property

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from verifier import der
from verifier.extensions import FULCIO_ARC, SAN, SCT_LIST

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
EMAIL, DNS, URI = 0x81, 0x82, 0x86
_ECDSA_SHA256 = der.encode(der.SEQUENCE, der.encode(der.OID, der.oid_body("1.2.840.10045.4.3.2")))
_UNSIGNED = der.encode(der.BIT_STRING, b"\x00" + bytes(8))


@cache
def ec_key(name: str = "leaf") -> ec.EllipticCurvePrivateKey:
    """One P-256 key for each name, the same in every run."""
    return ec.derive_private_key(int.from_bytes(hashlib.sha256(name.encode()).digest()) >> 8, ec.SECP256R1())


@cache
def rsa_key() -> rsa.RSAPrivateKey:
    """One RSA key."""
    return rsa.generate_private_key(65537, 2048)


def spki(name: str = "leaf") -> bytes:
    """SubjectPublicKeyInfo of `ec_key`."""
    key = ec_key(name).public_key()
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def extension(oid: str, value: bytes, *, critical: bool = False) -> bytes:
    """One extension."""
    flag = der.encode(der.BOOLEAN, b"\xff") if critical else b""
    return der.encode(der.SEQUENCE, der.encode(der.OID, der.oid_body(oid)), flag, der.encode(der.OCTET_STRING, value))


def san(*names: tuple[int, bytes], critical: bool = True) -> bytes:
    """A Subject Alternative Name of (tag, content) pairs."""
    return extension(SAN, der.encode(der.SEQUENCE, *(der.encode(*name) for name in names)), critical=critical)


def fulcio(arc: int, text: str | bytes) -> bytes:
    """A Fulcio extension, encoded as specified."""
    data = text.encode() if isinstance(text, str) else text
    return extension(f"{FULCIO_ARC}.{arc}", data if arc < 8 else der.encode(der.UTF8_STRING, data))


def scts(data: bytes = b"\x00\x00") -> bytes:
    """An SCT list."""
    return extension(SCT_LIST, der.encode(der.OCTET_STRING, data))


def utc(text: str) -> bytes:
    """A UTCTime."""
    return der.encode(der.UTC_TIME, text.encode())


def raw_certificate(
    extensions: Sequence[bytes],
    *,
    serial: bytes = b"\x05",
    validity: bytes = utc("260102110000Z") + utc("260102130000Z"),
    subject: bytes = b"\x30\x00",
    tail: bytes = b"",
) -> bytes:
    """A version 3 certificate with these extensions and no real signature."""
    tbs = der.encode(
        der.SEQUENCE,
        b"\xa0\x03\x02\x01\x02",
        der.encode(der.INTEGER, serial),
        _ECDSA_SHA256,
        der.encode(der.SEQUENCE),
        der.encode(der.SEQUENCE, validity),
        subject,
        spki(),
        der.encode(0xA3, der.encode(der.SEQUENCE, *extensions)) if extensions else b"",
    )
    return der.encode(der.SEQUENCE, tbs, _ECDSA_SHA256, _UNSIGNED) + tail


def plain_certificate() -> bytes:
    """What Fulcio issues for an e-mail address."""
    return raw_certificate(
        [
            san((EMAIL, b"alice@example.test")),
            fulcio(1, "https://issuer.example"),
            fulcio(8, "https://issuer.example"),
            scts(),
        ]
    )


@dataclass
class Ca:
    """A certificate authority that signs whatever it is told."""

    name: str = "root"
    parent: "Ca | None" = None
    days: int = 30
    with_rsa: bool = False
    extra: Sequence[tuple[x509.ExtensionType, bool]] = field(
        default_factory=lambda: [(x509.BasicConstraints(ca=True, path_length=None), True)]
    )

    @property
    def key(self) -> ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey:
        """The signing key."""
        return rsa_key() if self.with_rsa else ec_key(self.name)

    @cached_property
    def der(self) -> bytes:
        """The authority's certificate, by its parent or by itself."""
        return (self.parent or self).sign(self.name, self.key, self.extra, days=self.days)

    def sign(
        self,
        subject: str,
        key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey,
        extensions: Sequence[tuple[x509.ExtensionType, bool]],
        *,
        days: int = 1,
        hashing: hashes.SHA256 | hashes.SHA384 | None = None,
    ) -> bytes:
        """Any certificate, valid `days` before and after noon."""
        builder = (
            x509.CertificateBuilder()
            .issuer_name(_name(self.name))
            .subject_name(_name(subject))
            .public_key(key.public_key())
            .serial_number(int.from_bytes(hashlib.sha256(subject.encode()).digest()[:8]) | 1)
            .not_valid_before(NOON - timedelta(days=days))
            .not_valid_after(NOON + timedelta(days=days))
        )
        for value, critical in extensions:
            builder = builder.add_extension(value, critical)
        return builder.sign(self.key, hashing or hashes.SHA256()).public_bytes(serialization.Encoding.DER)

    def leaf(self, *changes: tuple[x509.ExtensionType, bool], days: int = 1) -> bytes:
        """A code-signing certificate; an extension of a kind that it has replaces that one."""
        wanted: dict[object, tuple[x509.ExtensionType, bool]] = {value.oid: (value, flag) for value, flag in _LEAF}
        wanted |= {value.oid: (value, flag) for value, flag in changes}
        return self.sign("", ec_key("leaf"), list(wanted.values()), days=days)


def usage(*, digital: bool = False, cert_sign: bool = False) -> x509.KeyUsage:
    """A key usage with these bits."""
    return x509.KeyUsage(digital, False, False, False, False, cert_sign, False, False, False)


CODE_SIGNING = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING])
_LEAF: Sequence[tuple[x509.ExtensionType, bool]] = (
    (usage(digital=True), True),
    (CODE_SIGNING, False),
    (x509.SubjectAlternativeName([x509.RFC822Name("alice@example.test")]), True),
)


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)] if common else [])
