"""When was this signed? An RFC 3161 timestamp authority."""

import hashlib
import itertools
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from sandbox import der, trust
from sandbox.certificates import SIGNATURE_OIDS, Issuer, ca_extensions, key_id_extensions, seal
from sandbox.keys import SigningKey

_LIFETIME = timedelta(days=3650)
_TIME_STAMPING = "1.3.6.1.5.5.7.3.8"
_POLICY = "1.3.6.1.4.1.57264.2"
_SIGNED_DATA, _TST_INFO = "1.2.840.113549.1.7.2", "1.2.840.113549.1.9.16.1.4"
_CONTENT_TYPE, _MESSAGE_DIGEST = "1.2.840.113549.1.9.3", "1.2.840.113549.1.9.4"
_SIGNING_CERTIFICATE_V2 = "1.2.840.113549.1.9.16.2.47"
_SHA256 = der.sequence(der.oid("2.16.840.1.101.3.4.2.1"))
HASHES = {
    "sha256": "2.16.840.1.101.3.4.2.1",
    "sha384": "2.16.840.1.101.3.4.2.2",
    "sha512": "2.16.840.1.101.3.4.2.3",
}


class TSA:
    """A P-256 signer under its own root; `now` is its clock, which may be wrong."""

    def __init__(
        self,
        *,
        seed: str | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        created: datetime = datetime(2025, 12, 2, tzinfo=UTC),
        organization: str = "sandbox.test",
    ) -> None:
        self.now, self.organization = now, organization
        keys = [
            SigningKey.make("ecdsa-p256", None if seed is None else f"{seed}/tsa {part}") for part in ("root", "leaf")
        ]
        root_key, self.key = keys
        self._root = Issuer(der.name(organization, "sandbox-tsa-root"), root_key)
        self._serials = itertools.count(2)
        validity = (created, created + _LIFETIME)
        spki = root_key.spki
        self.root = seal(self._root.tbs(1, validity, self._root.name, spki, ca_extensions(spki, None, 0)), root_key)
        extensions = [
            der.extension("2.5.29.15", der.bits(b"\x80", 7), critical=True),
            der.extension("2.5.29.37", der.sequence(der.oid(_TIME_STAMPING)), critical=True),
            *key_id_extensions(self.key.spki, spki),
        ]
        name = der.name(organization, "sandbox-tsa")
        self.leaf = seal(self._root.tbs(2, validity, name, self.key.spki, extensions), root_key)

    @property
    def chain(self) -> tuple[bytes, bytes]:
        """Signer and root, the order of a trusted root."""
        return self.leaf, self.root

    def member(self, uri: str = "https://tsa.sandbox.test/api/v1/timestamp") -> dict[str, Any]:
        """The authority as a member of `timestampAuthorities`."""
        return trust.authority(uri, self.chain, self.organization)

    def stamp(self, signature: bytes, *, embedded: bool = True, nonce: int | None = None) -> bytes:
        """A TimeStampResp over the raw signature's bytes."""
        return self.stamp_digest(hashlib.sha256(signature).digest(), embedded=embedded, nonce=nonce)

    def stamp_digest(
        self, digest: bytes, *, embedded: bool = True, nonce: int | None = None, algorithm: str = "sha256"
    ) -> bytes:
        """A TimeStampResp over a digest; `embedded` puts the signer's certificate in."""
        imprint = der.sequence(der.oid(HASHES[algorithm]))
        info = der.sequence(
            der.integer(1),
            der.oid(_POLICY),
            der.sequence(imprint, der.tlv(der.OCTET_STRING, digest)),
            der.integer(next(self._serials)),
            der.tlv(0x18, self.now().astimezone(UTC).strftime("%Y%m%d%H%M%SZ").encode()),
            b"" if nonce is None else der.integer(nonce),
        )
        signed = der.sequence(
            der.integer(3),
            der.tlv(der.SET, _SHA256),
            der.sequence(der.oid(_TST_INFO), der.tlv(0xA0, der.tlv(der.OCTET_STRING, info))),
            der.tlv(0xA0, self.leaf) if embedded else b"",
            der.tlv(der.SET, self._signer_info(info)),
        )
        content = der.sequence(der.oid(_SIGNED_DATA), der.tlv(0xA0, signed))
        return der.sequence(der.sequence(der.integer(0)), content)

    def _signer_info(self, info: bytes) -> bytes:
        certificate = der.sequence(der.tlv(der.OCTET_STRING, hashlib.sha256(self.leaf).digest()))
        values = (
            (_CONTENT_TYPE, der.oid(_TST_INFO)),
            (_MESSAGE_DIGEST, der.tlv(der.OCTET_STRING, hashlib.sha256(info).digest())),
            (_SIGNING_CERTIFICATE_V2, der.sequence(der.sequence(certificate))),
        )
        # DER wants a SET OF in the order of its encodings (X.690, 11.6).
        attributes = b"".join(sorted(der.sequence(der.oid(kind), der.tlv(der.SET, value)) for kind, value in values))
        return der.sequence(
            der.integer(1),
            der.sequence(self._root.name, der.integer(2)),
            _SHA256,
            der.tlv(0xA0, attributes),
            SIGNATURE_OIDS[self.key.kind],
            der.tlv(der.OCTET_STRING, self.key.sign(der.tlv(der.SET, attributes))),
        )
