"""How does an artifact become a bundle that verifies?

signature -> timestamp -> log entry -> bundle -> verified by our own verifier (protocol.md 6.6). The signature is
checked with the public key before anybody else sees it; the timestamp is there before the entry is; a bundle that we
cannot verify is never returned.
"""

import base64
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from signer.journal import Journal
from signer.keys.key import SigningKey, prehashing
from signer.services import Log, Services
from signer.signed import Signed
from verifier.artifact import Artifact
from verifier.bundle import V03, Bundle, MessageSignature
from verifier.certificate import read_identity
from verifier.dsse import IN_TOTO, Envelope, pae
from verifier.entry import LogEntry
from verifier.errors import Unreachable, Untrue
from verifier.patterns import Pattern
from verifier.policy import IdentityRule, Policy
from verifier.trust import TrustedRoot
from verifier.verification import Verified, verify

if TYPE_CHECKING:
    from verifier.fetch.http import Http


@dataclass(frozen=True, slots=True)
class Credential:
    """Who signs: a key, and the certificate for it (DER; None for a key that people know).

    `sct` False: the certificate is from an authority of the signer's own, which logs nowhere.
    """

    key: SigningKey = field(repr=False)
    certificate: bytes | None = None
    chain: tuple[bytes, ...] = ()
    sct: bool = True


@dataclass(frozen=True, slots=True)
class Workshop:
    """What all signatures of one call share. `entry_kind` is how Rekor v1 records an envelope (dsse, intoto)."""

    http: "Http"
    services: Services
    trust: TrustedRoot
    journal: Journal
    entry_kind: str = "dsse"


@dataclass(frozen=True, slots=True)
class Work:
    """One thing to sign: the artifact under its name for people, and the statement about it where it is attested.

    `about_artifact` False: the statement was given whole, and may be about something else.
    """

    name: str
    artifact: Artifact
    statement: bytes | None = None
    about_artifact: bool = True


def needs(key: SigningKey, services: Services, *, attest: bool, pure: bool = False) -> tuple[frozenset[str], bool]:
    """Which digests of the artifact signing will ask for, and whether its bytes: known before it is read once.

    `pure`: an Ed25519 key signs the message itself, as cosign does where no log and no bundle is involved.
    """
    if attest:
        return frozenset({"sha256"}), False
    if key.hash_name is None and pure and not services.logs:
        return frozenset({"sha256"}), True
    return frozenset({"sha256", prehashing(key).hash_name or "sha256"}), False


def sign(work: Work, credential: Credential, shop: Workshop, now: datetime) -> Bundle:
    """The finished bundle, verified. Raises what the failing step raises; the shop's journal knows what was logged."""
    content, signed = _content(work, credential, shop)
    stamps = tuple(_stamp(url, signed, shop) for url in shop.services.tsas)
    entries = tuple(_add(work, log, signed, shop) for log in shop.services.logs)
    bundle = Bundle(
        version="0.3",
        media_type=V03,
        content=content,
        certificates=(credential.certificate,) if credential.certificate is not None else (),
        key_hint="" if credential.certificate else base64.b64encode(credential.key.public.sha256).decode(),
        entries=entries,
        timestamps=stamps,
    )
    check_bundle(bundle, work, credential, shop, now)
    return bundle


def check_bundle(bundle: Bundle, work: Work, credential: Credential, shop: Workshop, now: datetime) -> Verified:
    """What our own verifier says about a bundle, read back from its encoding; Untrue where it does not hold."""
    policy = Policy(
        identities=() if credential.certificate is None else (_own_identity(credential.certificate),),
        key=credential.key.public if credential.certificate is None else None,
        logs=max(1, len({log.url for log in shop.services.logs})),
        insecure_ignore_logs=not shop.services.logs,
        insecure_ignore_scts=not credential.sct,
        insecure_ignore_subject=not work.about_artifact,
        insecure_clock=None if shop.services.logs else now,
    )
    return verify(Bundle.parse(bundle.encode()), work.artifact, shop.trust, policy)


def _own_identity(certificate: bytes) -> IdentityRule:
    """The signer as the certificate names it: who that is was checked when the certificate came."""
    identity = read_identity(certificate)
    names = tuple(name.value for name in identity.names)
    if not names:
        raise Untrue("the certificate names nobody", code="certificate-name")
    issuer = Pattern(identity.issuer) if identity.issuer else Pattern.regex("^$")
    return IdentityRule((Pattern(names[0]),), (issuer,))


def _content(work: Work, credential: Credential, shop: Workshop) -> tuple[MessageSignature | Envelope, Signed]:
    if work.statement is not None:
        return _envelope(work.statement, credential, shop.services.logs)
    return _message(work.artifact, credential, shop.services.logs)


def _message(artifact: Artifact, credential: Credential, logs: Sequence[Log]) -> tuple[MessageSignature, Signed]:
    key = credential.key
    if key.hash_name is None and artifact.content is not None and not logs:
        return _pure_message(artifact, artifact.content, credential)
    key = prehashing(key)
    name = key.hash_name or "sha256"
    digest = artifact.digest(name)
    signature = key.sign_digest(digest)
    _check_own(lambda: key.public.verify_digest(signature, digest, name))
    signed = Signed(signature, name, digest, key.public, credential.certificate)
    return MessageSignature(signature, name, digest), signed


def _pure_message(artifact: Artifact, content: bytes, credential: Credential) -> tuple[MessageSignature, Signed]:
    key, digest = credential.key, artifact.digest("sha256")
    signature = key.sign(content)
    _check_own(lambda: key.public.verify(signature, content))
    signed = Signed(signature, "sha256", digest, key.public, credential.certificate)
    return MessageSignature(signature, "sha256", digest), signed


def _envelope(payload: bytes, credential: Credential, logs: Sequence[Log]) -> tuple[Envelope, Signed]:
    """An envelope; a Rekor v2 log wants a signature over a digest, elsewhere Ed25519 signs the PAE itself."""
    data = pae(IN_TOTO, payload)
    key = prehashing(credential.key) if any(log.version == 2 for log in logs) else credential.key
    signature = key.sign(data)
    _check_own(lambda: key.public.verify(signature, data, key.hash_name))
    name = key.hash_name or "sha512"
    envelope = Envelope(payload, IN_TOTO, signature)
    digest = hashlib.new(name, data).digest()
    return envelope, Signed(signature, name, digest, key.public, credential.certificate, envelope)


def _check_own(check: Callable[[], None]) -> None:
    """A signature that our own public key does not confirm leaves this process as an error (a KMS may be wrong)."""
    try:
        check()
    except Untrue as error:
        raise Untrue(
            "the key gave a signature that its own public key does not confirm",
            code="signature-own",
            hint="the key's provider may hold another version of it than the public key it showed",
        ) from error


# What speaks to services is loaded where there are any: signing with a key alone should cost its derivation.


def _stamp(url: str, signed: Signed, shop: Workshop) -> bytes:
    from signer.tsa import request_timestamp

    return request_timestamp(shop.http, url, signed.signature, shop.trust)


def _add(work: Work, log: Log, signed: Signed, shop: Workshop) -> LogEntry:
    """The entry, with every step in the journal: an answer that never came is told differently from a refusal."""
    from signer.rekor import add_entry, propose

    proposal = propose(log, signed, shop.entry_kind)
    shop.journal.begin(work.name, log.url, signed.digest)
    try:
        entry = add_entry(shop.http, log, proposal, shop.trust)
    except Unreachable as error:
        if error.status is not None and error.status < 500:
            shop.journal.refused(work.name, log.url)
        raise
    shop.journal.logged(work.name, log.url, entry)
    return entry
