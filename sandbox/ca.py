"""Who issues certificates in the sandbox: a Fulcio-like CA, its rogue twin, and nobody at all?"""

import hashlib
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Protocol

from sandbox import der, sct
from sandbox.certificates import Issuer, ca_extensions, key_id_extensions, pem_of, seal
from sandbox.keys import SigningKey
from sandbox.subjects import Subject, subject_of

LIFETIME = timedelta(minutes=10)
_CA_LIFETIME = timedelta(days=3650)
_CODE_SIGNING = "1.3.6.1.5.5.7.3.3"


class CtLog(Protocol):
    """The log that is told of each precertificate."""

    def take(self, submission: sct.Submission, *, secret: bool = False) -> sct.Sct:
        """Its promise; `secret` is one that it will not keep."""


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

    Where the CA has a CT log, the SCT is the log's answer to the precertificate; with `secret` the log signs it and
    keeps nothing. `serial` None is random (or counted, where the CA is seeded); `extra` are whole extensions.
    """

    key_kind: str = "ecdsa-p256"
    not_before: datetime | None = None
    lifetime: timedelta = LIFETIME
    sct: bool = True
    secret: bool = False
    leaf_index: int | None = None
    serial: int | None = None
    extra: tuple[bytes, ...] = ()
    code_signing: bool = True


HONEST = Profile()


class CA:
    """A P-384 root and intermediate that issue ten-minute certificates; `ct` is the key of its CT log.

    `log` is that log itself, if there is one: it is told of each precertificate before the certificate is issued. With
    `seed` every key and serial is the same each time. `now` gives the time of issue.
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
        self._count, self._lock = 0, threading.Lock()
        self.log: CtLog | None = None
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
        """The certificate for a key that exists."""
        return Certified(self.certify(subject, key.spki, profile), key, self.chain)

    def certify(self, subject: Subject, spki: bytes, profile: Profile = HONEST) -> bytes:
        """The certificate alone, DER, for a public key."""
        start = (profile.not_before or self.now()).replace(microsecond=0)
        serial = self._serial() if profile.serial is None else profile.serial
        extensions = self._leaf_extensions(subject, spki, profile)
        validity = (start, start + profile.lifetime)

        def tbs(*more: bytes) -> bytes:
            return self._issuer.tbs(serial, validity, der.sequence(), spki, [*extensions, *more])

        if not profile.sct:
            return seal(tbs(), self._key)
        promised = self._promise(tbs, start, profile)
        return seal(tbs(sct.list_extension([promised])), self._key)

    def self_signed(self, identity: str | Subject, issuer: str | None = None, profile: Profile = HONEST) -> Certified:
        """The same leaf, signed by its own key: it proves nothing."""
        key = SigningKey.make(profile.key_kind, self._seed_of(f"self {self._count}"))
        start = (profile.not_before or self.now()).replace(microsecond=0)
        extensions = self._leaf_extensions(subject_of(identity, issuer), key.spki, profile)
        tbs = Issuer(der.sequence(), key).tbs(
            self._serial(), (start, start + profile.lifetime), der.sequence(), key.spki, extensions
        )
        return Certified(seal(tbs, key), key)

    def _leaf_extensions(self, subject: Subject, spki: bytes, profile: Profile) -> list[bytes]:
        usage = [der.extension("2.5.29.37", der.sequence(der.oid(_CODE_SIGNING)))] if profile.code_signing else []
        return [
            der.extension("2.5.29.15", der.bits(b"\x80", 7), critical=True),
            *usage,
            *key_id_extensions(spki, self._key.spki),
            *subject.extensions(),
            *profile.extra,
        ]

    def _promise(self, tbs: Callable[..., bytes], start: datetime, profile: Profile) -> sct.Sct:
        """An SCT for the TBS without the extension that will hold it: by the log, or by its key alone."""
        issuer = hashlib.sha256(self._key.spki).digest()
        if self.log is None or profile.leaf_index is not None:
            submission = sct.Submission(b"", (), tbs(), issuer)
            more = b"" if profile.leaf_index is None else sct.leaf_index(profile.leaf_index)
            return sct.promise(self.ct, submission.entry, int(start.timestamp() * 1000), more)
        precertificate = seal(tbs(sct.poison()), self._key)
        return self.log.take(sct.Submission(precertificate, self.chain, tbs(), issuer), secret=profile.secret)

    def _seed_of(self, what: str) -> str | None:
        return None if self.seed is None else f"{self.seed}/{what}"

    def _serial(self) -> int:
        """159 bits, positive; counted through a hash so that seeded CAs repeat themselves and threads never collide."""
        with self._lock:
            self._count += 1
            count = self._count
        source = f"{self.seed or id(self)}/{count}/{self.created}".encode()
        return int.from_bytes(hashlib.sha256(source).digest()[:20], "big") >> 1 | 1


def without_sct(profile: Profile = HONEST) -> Profile:
    """The same profile with no SCT: a certificate that was issued without being logged."""
    return replace(profile, sct=False)
