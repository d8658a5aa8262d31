"""What is in a leaf, in the words that watches and expectations use?

Everything here comes from bytes that anybody may have written: nothing says yet that it is true.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from monitor.opaque import Opaque, search
from verifier import key_names
from verifier.bodies import Body, Signer, read_bodies
from verifier.certificate import Identity, Name, read_identity
from verifier.errors import Malformed

# Signers whose `der` is a certificate: of a signature, and of a timestamp authority inside its token.
CERTIFIED = frozenset({"certificate", "tsa"})
# Characters of a run's address that tell runs apart.
_RUN_LENGTH = 2_000


@dataclass(frozen=True, slots=True)
class Subject:
    """One signer of one reading of an entry.

    `identity` is None for a bare key, and for a certificate that cannot be read at all. `keys` are the fingerprints of
    the key as its kind has them (`key_names`), `certificate` the SHA-256 of the certificate: lower-case hex.
    `claims` are addresses that an OpenPGP key names for itself.
    `body` is the place of the reading in `Facts.bodies`, -1 for what was found in opaque bytes.
    """

    signer: Signer
    identity: Identity | None
    keys: frozenset[str]
    certificate: str
    body: int = 0
    claims: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[Name, ...]:
        """Names of the certificate, none for a bare key."""
        return self.identity.names if self.identity else ()

    def texts(self, field: str) -> tuple[str, ...]:
        """Every value of an extension by canonical name; for ``issuer`` both issuer extensions. Distinct, in order."""
        if self.identity is None:
            return ()
        fields = ("issuer", "issuer-v1") if field == "issuer" else (field,)
        values = [self.identity.extensions[name] for name in fields if name in self.identity.extensions]
        values += [text for name, text in self.identity.repeated if name in fields]
        return tuple(dict.fromkeys(values))


@dataclass(frozen=True, slots=True)
class Facts:
    """What one leaf holds.

    `bodies`: every reading (several only where a key occurs twice). `digests`: ``algorithm:hex``. `problem`: why the
    body, or a certificate in it, could not be read. `searched`: the bytes, and what they hold in base64, to be
    searched for watched literals where there is a problem.
    """

    data: bytes
    bodies: tuple[Body, ...]
    subjects: tuple[Subject, ...]
    digests: frozenset[str]
    problem: Malformed | None = None
    searched: tuple[bytes, ...] = ()

    @property
    def digest_of(self) -> str:
        """Of what the digests are: artifact, payload, ..."""
        return self.bodies[0].digest_of if self.bodies else ""


def read_facts(data: bytes) -> Facts:
    """Facts of a Rekor body: every reading, every signer. Never raises: `problem` says what could not be read."""
    try:
        bodies = tuple(read_bodies(data))
    except Malformed as problem:
        found = search(data)
        return Facts(data, (), _found(found), frozenset(), problem, found.layers)
    subjects = [subject_of(signer, at) for at, body in enumerate(bodies) for signer in body.signers]
    digests = frozenset(f"{algorithm}:{value}" for body in bodies for algorithm, value in _digests(body))
    unread = _unread(subjects)
    if unread is None:
        return Facts(data, bodies, tuple(subjects), digests)
    found = search(data)
    return Facts(data, bodies, (*subjects, *_found(found)), digests, unread, found.layers)


def run_of(subject: Subject) -> str:
    """The CI run that signed, else its certificate, else its key."""
    for text in subject.texts("run-invocation-uri"):
        return f"run/{text[:_RUN_LENGTH]}"
    if subject.certificate:
        return f"certificate/{subject.certificate}"
    return f"key/{min(subject.keys, default='')}"


def subject_of(signer: Signer, body: int = 0) -> Subject:
    """What one signer is."""
    fingerprint = hashlib.sha256(signer.der).hexdigest()
    if signer.kind in CERTIFIED:
        return _certificate(signer, fingerprint, body)
    keys = frozenset(value.hex() for value in key_names.fingerprints(signer))
    return Subject(signer, None, keys, "", body, key_names.emails(signer))


def _found(opaque: Opaque) -> tuple[Subject, ...]:
    """The certificates and keys in opaque bytes, as signers whose signature is unknown."""
    signers = [Signer("certificate", der) for der in opaque.certificates] + [Signer("key", der) for der in opaque.keys]
    return tuple(subject_of(signer, -1) for signer in signers)


def _certificate(signer: Signer, fingerprint: str, body: int) -> Subject:
    try:
        identity = read_identity(signer.der)
    except Malformed:
        return Subject(signer, None, frozenset(), fingerprint, body)
    keys = frozenset(value.hex() for value in key_names.fingerprints(signer)) - {fingerprint}
    return Subject(signer, identity, keys, fingerprint, body)


def _unread(subjects: Iterable[Subject]) -> Malformed | None:
    """Why not every name is known: then watched literals anywhere in the bytes count (row 39)."""
    for subject in subjects:
        if subject.signer.kind not in CERTIFIED:
            continue
        if subject.identity is None:
            return Malformed("a certificate in the entry cannot be read", code="certificate-unreadable")
        if "san-damaged" in subject.identity.anomalies:
            return Malformed("the names of a certificate cannot be read to their end", code="san-damaged")
    return None


def _digests(body: Body) -> list[tuple[str, str]]:
    return [*body.digests, *((algorithm, value) for _, algorithm, value in body.related)]
