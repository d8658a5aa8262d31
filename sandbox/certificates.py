"""How is an X.509 certificate put together and signed, whoever issues it?"""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sandbox import der
from sandbox.keys import SigningKey

SIGNATURE_OIDS = {
    "ecdsa-p256": der.sequence(der.oid("1.2.840.10045.4.3.2")),
    "ecdsa-p384": der.sequence(der.oid("1.2.840.10045.4.3.3")),
    "ecdsa-p521": der.sequence(der.oid("1.2.840.10045.4.3.4")),
    "ed25519": der.sequence(der.oid("1.3.101.112")),
}
_RSA_SHA256 = der.sequence(der.oid("1.2.840.113549.1.1.11"), b"\x05\x00")


def pem_of(certificate: bytes) -> bytes:
    """PEM of one DER certificate."""
    text = base64.b64encode(certificate)
    rows = b"\n".join(text[at : at + 64] for at in range(0, len(text), 64))
    return b"-----BEGIN CERTIFICATE-----\n" + rows + b"\n-----END CERTIFICATE-----\n"


def key_id(spki: bytes) -> bytes:
    """SHA-1 of the key, as RFC 5280 suggests for key identifiers; a name, not a safeguard."""
    return hashlib.sha1(spki, usedforsecurity=False).digest()


def key_id_extensions(spki: bytes, above: bytes | None) -> list[bytes]:
    """Subject and, where there is an issuer, authority key identifier."""
    out = [der.extension("2.5.29.14", der.tlv(der.OCTET_STRING, key_id(spki)))]
    if above is not None:
        out.append(der.extension("2.5.29.35", der.sequence(der.tlv(0x80, key_id(above)))))
    return out


def seal(tbs: bytes, key: SigningKey) -> bytes:
    """The certificate: what is signed, how, and the signature."""
    return der.sequence(tbs, SIGNATURE_OIDS.get(key.kind, _RSA_SHA256), der.bits(key.sign(tbs)))


@dataclass(frozen=True, slots=True)
class Issuer:
    """A distinguished name and the key that signs under it."""

    name: bytes
    key: SigningKey

    def tbs(
        self, serial: int, validity: tuple[datetime, datetime], subject: bytes, spki: bytes, extensions: Sequence[bytes]
    ) -> bytes:
        """What is signed."""
        return der.sequence(
            b"\xa0\x03\x02\x01\x02",
            der.integer(serial),
            SIGNATURE_OIDS.get(self.key.kind, _RSA_SHA256),
            self.name,
            der.sequence(*(der.moment(end) for end in validity)),
            subject,
            spki,
            der.tlv(0xA3, der.sequence(*extensions)) if extensions else b"",
        )


def ca_extensions(spki: bytes, above: bytes | None, path_length: int | None, purpose: str | None = None) -> list[bytes]:
    """The extensions of a CA; `purpose` is an EKU."""
    constraint = [der.TRUE] if path_length is None else [der.TRUE, der.integer(path_length)]
    out = [
        der.extension("2.5.29.15", der.bits(b"\x06", 1), critical=True),
        der.extension("2.5.29.19", der.sequence(*constraint), critical=True),
        *key_id_extensions(spki, above),
    ]
    if purpose is not None:
        out.append(der.extension("2.5.29.37", der.sequence(der.oid(purpose))))
    return out
