"""Who issues certificates in the sandbox: a Fulcio-like CA, its rogue twin, and nobody at all?"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from sandbox import der
from sandbox.certificates import Issuer, ca_extensions, key_id_extensions, pem_of, seal
from sandbox.keys import SigningKey
from sandbox.subjects import Subject, subject_of

LIFETIME = timedelta(minutes=10)
_CA_LIFETIME = timedelta(days=3650)
_CODE_SIGNING = "1.3.6.1.5.5.7.3.3"
_SCT_LIST = "1.3.6.1.4.1.11129.2.4.2"


@dataclass(frozen=True, slots=True)
class Certified:
    """A certificate, the key it certifies, and the CAs above it (nearest first)."""

    der: bytes
    key: SigningKey
    chain: tuple[bytes, ...] = ()

    @property
    def pem(self) -> bytes:
        """The leaf in PEM, with a final newline, as Rekor keeps it."""
        return pem_of(self.der)


@dataclass(frozen=True, slots=True)
class Profile:
    """How a leaf is issued. `sct` embeds one of the CA's CT key; `leaf_index` gives it static-ct's extension.

    `serial` None is random (or counted, where the CA is seeded); `extra` are whole extensions.
    """

    key_kind: str = "ecdsa-p256"
    not_before: datetime | None = None
    lifetime: timedelta = LIFETIME
    sct: bool = True
    leaf_index: int | None = None
    serial: int | None = None
    extra: tuple[bytes, ...] = ()
    code_signing: bool = True


HONEST = Profile()


class CA:
    """A P-384 root and intermediate that issue ten-minute certificates; `ct` is the key of its CT log.

    With `seed` every key and serial is the same each time. `now` gives the time of issue.
    """

    def __init__(
        self,
        *,
        seed: str | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        organization: str = "sandbox.test",
        created: datetime = datetime(2025, 12, 2, tzinfo=UTC),
        key_kind: str = "ecdsa-p384",
    ) -> None:
        self.seed, self.now, self.created, self.organization = seed, now, created, organization
        self._count = 0
        self.ct = SigningKey.make("ecdsa-p256", self._seed_of("ct"))
        self._root_key = SigningKey.make(key_kind, self._seed_of("root"))
        self._key = SigningKey.make(key_kind, self._seed_of("intermediate"))
        root = Issuer(der.name(organization, "sandbox-root"), self._root_key)
        self._issuer = Issuer(der.name(organization, "sandbox-intermediate"), self._key)
        validity = (created, created + _CA_LIFETIME)
        spki, above = self._key.spki, self._root_key.spki
        self.root = seal(
            root.tbs(self._serial(), validity, root.name, above, ca_extensions(above, None, None)), self._root_key
        )
        self.intermediate = seal(
            root.tbs(self._serial(), validity, self._issuer.name, spki, ca_extensions(spki, above, 0, _CODE_SIGNING)),
            self._root_key,
        )

    @property
    def chain(self) -> tuple[bytes, bytes]:
        """Intermediate and root, the order of a trusted root."""
        return self.intermediate, self.root

    def rogue(self) -> "CA":
        """A CA with the same names and other keys, that nobody trusts."""
        seed = None if self.seed is None else self.seed + " rogue"
        return CA(seed=seed, now=self.now, organization=self.organization, created=self.created)

    def certificate(
        self,
        identity: str | Subject,
        issuer: str | None = None,
        profile: Profile = HONEST,
        key: SigningKey | None = None,
    ) -> Certified:
        """A leaf for `identity` (text or Subject); the key is made unless given."""
        key = key or SigningKey.make(profile.key_kind, self._seed_of(f"leaf {self._count}"))
        return self.issue(subject_of(identity, issuer), key, profile)

    def issue(self, subject: Subject, key: SigningKey, profile: Profile = HONEST) -> Certified:
        """The certificate alone, for a key that exists."""
        start = (profile.not_before or self.now()).replace(microsecond=0)
        serial = self._serial() if profile.serial is None else profile.serial
        extensions = self._leaf_extensions(subject, key, profile)
        validity = (start, start + profile.lifetime)
        empty = der.sequence()
        tbs = self._issuer.tbs(serial, validity, empty, key.spki, extensions)
        if profile.sct:
            extensions.append(self._sct_extension(tbs, start, profile.leaf_index))
            tbs = self._issuer.tbs(serial, validity, empty, key.spki, extensions)
        return Certified(seal(tbs, self._key), key, self.chain)

    def self_signed(self, identity: str | Subject, issuer: str | None = None, profile: Profile = HONEST) -> Certified:
        """The same leaf, signed by its own key: it proves nothing."""
        key = SigningKey.make(profile.key_kind, self._seed_of(f"self {self._count}"))
        start = (profile.not_before or self.now()).replace(microsecond=0)
        extensions = self._leaf_extensions(subject_of(identity, issuer), key, profile)
        tbs = Issuer(der.sequence(), key).tbs(
            self._serial(), (start, start + profile.lifetime), der.sequence(), key.spki, extensions
        )
        return Certified(seal(tbs, key), key)

    def _leaf_extensions(self, subject: Subject, key: SigningKey, profile: Profile) -> list[bytes]:
        usage = [der.extension("2.5.29.37", der.sequence(der.oid(_CODE_SIGNING)))] if profile.code_signing else []
        return [
            der.extension("2.5.29.15", der.bits(b"\x80", 7), critical=True),
            *usage,
            *key_id_extensions(key.spki, self._key.spki),
            *subject.extensions(),
            *profile.extra,
        ]

    def _sct_extension(self, tbs: bytes, start: datetime, leaf_index: int | None) -> bytes:
        """RFC 6962, 3.2 and 3.3: an SCT over the TBS without the extension that will hold it."""
        stamp = int(start.timestamp() * 1000).to_bytes(8, "big")
        more = b"" if leaf_index is None else b"\x00\x00\x05" + leaf_index.to_bytes(5, "big")
        more = len(more).to_bytes(2, "big") + more
        issuer = hashlib.sha256(self._key.spki).digest()
        signature = self.ct.sign(b"\0\0" + stamp + b"\0\x01" + issuer + len(tbs).to_bytes(3, "big") + tbs + more)
        sct = b"\0" + hashlib.sha256(self.ct.spki).digest() + stamp + more + b"\x04\x03"
        sct += len(signature).to_bytes(2, "big") + signature
        rows = len(sct).to_bytes(2, "big") + sct
        return der.extension(_SCT_LIST, der.tlv(der.OCTET_STRING, len(rows).to_bytes(2, "big") + rows))

    def _seed_of(self, what: str) -> str | None:
        return None if self.seed is None else f"{self.seed}/{what}"

    def _serial(self) -> int:
        """159 bits, positive; counted through a hash so that seeded CAs repeat themselves and threads never collide."""
        self._count += 1
        source = f"{self.seed or id(self)}/{self._count}/{self.created}".encode()
        return int.from_bytes(hashlib.sha256(source).digest()[:20], "big") >> 1 | 1


def without_sct(profile: Profile = HONEST) -> Profile:
    """The same profile with no SCT: a certificate that was issued without being logged."""
    return replace(profile, sct=False)
