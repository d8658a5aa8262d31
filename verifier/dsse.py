"""What is in this signed envelope, and what does it say about the artifact?

DSSE envelopes (secure-systems-lab/dsse, protocol.md 5.3) and in-toto statements v0.1 and v1. The payload is parsed only
after its signature verified, and everything in it stays attacker-controlled up to then.
"""

import string
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from verifier import jsonstrict
from verifier.artifact import LENGTHS, Artifact
from verifier.errors import Malformed, Untrue

IN_TOTO = "application/vnd.in-toto+json"
STATEMENT_TYPES = frozenset({"https://in-toto.io/Statement/v0.1", "https://in-toto.io/Statement/v1"})

# Limits of sigstore-go (pkg/verify): subjects of one statement, digests of one subject.
MAX_SUBJECTS = 1024
MAX_DIGESTS = 32
# An SBOM attestation of a large image is tens of MiB of JSON; a payload above this is an attack on our memory.
MAX_PAYLOAD = 128 << 20
_HEX = frozenset(string.hexdigits)


@dataclass(frozen=True, slots=True)
class Envelope:
    """A DSSE envelope with exactly one signature (raw bytes, as everything here)."""

    payload: bytes = field(repr=False)
    payload_type: str
    signature: bytes
    key_id: str = ""

    @property
    def pae(self) -> bytes:
        """The bytes that are signed."""
        return pae(self.payload_type, self.payload)


@dataclass(frozen=True, slots=True)
class Subject:
    """What a statement is about: a name and digests, algorithm to lower-case hex."""

    name: str
    digests: Mapping[str, str]
    annotations: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class Statement:
    """An in-toto statement; `predicate` is decoded JSON of any shape."""

    type: str
    subjects: tuple[Subject, ...]
    predicate_type: str
    predicate: Any = field(repr=False)


def pae(payload_type: str, payload: bytes) -> bytes:
    """DSSE pre-authentication encoding; both lengths are counted in bytes."""
    kind = payload_type.encode("utf-8", "surrogatepass")
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def envelope_from_json(value: Any) -> Envelope:
    """An envelope from decoded protobuf JSON; Malformed unless it has exactly one signature and nothing unknown."""
    members = _object(value, "dsseEnvelope", {"payload", "payloadType", "signatures"})
    signatures = members.get("signatures")
    if not isinstance(signatures, list) or len(signatures) != 1:
        count = len(signatures) if isinstance(signatures, list) else 0
        raise Malformed(f"the envelope has {count} signatures, not one", code="envelope-signatures")
    signature = _object(signatures[0], "signature", {"sig", "keyid"})
    payload = jsonstrict.b64(_text(members.get("payload"), "payload"))
    if len(payload) > MAX_PAYLOAD:
        raise Malformed(f"the payload has more than {MAX_PAYLOAD} bytes", code="envelope-payload")
    raw = jsonstrict.b64(_text(signature.get("sig"), "sig"))
    if not raw:
        raise Malformed("the envelope's signature is empty", code="envelope-signatures")
    key_id = signature.get("keyid")
    return Envelope(
        payload, _text(members.get("payloadType"), "payloadType"), raw, "" if key_id is None else _text(key_id, "keyid")
    )


def parse_statement(envelope: Envelope) -> Statement:
    """The in-toto statement in a verified envelope; Malformed if it is none (protocol.md 5.6 F)."""
    if envelope.payload_type != IN_TOTO:
        raise Untrue(
            f"the payload type is '{envelope.payload_type[:100]}', not {IN_TOTO}",
            code="payload-type",
            hint="only in-toto statements can be verified against an artifact",
        )
    value = jsonstrict.loads(envelope.payload, max_bytes=MAX_PAYLOAD)
    if not isinstance(value, dict):
        raise _bad_statement("it is not a JSON object")
    kind, predicate_type = value.get("_type"), value.get("predicateType")
    if kind not in STATEMENT_TYPES:
        raise _bad_statement(f"its _type is {str(kind)[:100]!r}")
    if not isinstance(predicate_type, str) or not predicate_type:
        raise _bad_statement("it has no predicateType")
    subjects = value.get("subject")
    if not isinstance(subjects, list) or not subjects:
        raise _bad_statement("it has no subject")
    if len(subjects) > MAX_SUBJECTS:
        raise _bad_statement(f"it has more than {MAX_SUBJECTS} subjects")
    return Statement(kind, tuple(_subject(one) for one in subjects), predicate_type, value.get("predicate"))


def check_subject(statement: Statement, artifact: Artifact) -> Subject:
    """The subject that is `artifact`: a digest equal, and none of those we know different.

    Only SHA-256, SHA-384 and SHA-512 count: a weaker digest beside them proves nothing.
    """
    for subject in statement.subjects:
        pairs = [(artifact.digest_or_none(name), digest) for name, digest in subject.digests.items() if name in LENGTHS]
        known = [(ours.hex(), digest) for ours, digest in pairs if ours is not None]
        if known and all(ours == digest for ours, digest in known):
            return subject
    raise Untrue(
        "no matching subject digest found: the statement is not about this artifact",
        code="subject-digest",
        hint="check that the file is the one that was attested",
    )


def _subject(value: Any) -> Subject:
    if not isinstance(value, dict):
        raise _bad_statement("a subject is not an object")
    digests, annotations = value.get("digest"), value.get("annotations", {})
    if not isinstance(digests, dict) or not digests or len(digests) > MAX_DIGESTS:
        raise _bad_statement(f"a subject has no digest, or more than {MAX_DIGESTS}")
    name = value.get("name", "")
    if not isinstance(name, str) or not isinstance(annotations, dict):
        raise _bad_statement("a subject's name is no text, or its annotations are no object")
    return Subject(
        name,
        MappingProxyType({algorithm: _digest(algorithm, text) for algorithm, text in digests.items()}),
        MappingProxyType(annotations),
    )


def _digest(algorithm: str, text: Any) -> str:
    """Lower-case text of a digest; those we compare must be hex of the right length."""
    if not isinstance(text, str):
        raise _bad_statement(f"the {algorithm[:50]} digest of a subject is no text")
    if algorithm in LENGTHS and (len(text) != 2 * LENGTHS[algorithm] or not _HEX.issuperset(text)):
        raise _bad_statement(f"the {algorithm} digest of a subject is not {2 * LENGTHS[algorithm]} hex digits")
    return text.lower()


def _object(value: Any, name: str, allowed: set[str]) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Malformed(f"'{name}' is not an object", code="envelope-shape")
    unknown = value.keys() - allowed
    if unknown:
        raise Malformed(f"'{name}' has an unknown member '{min(unknown)[:50]}'", code="envelope-shape")
    return value


def _text(value: Any, name: str) -> str:
    if not isinstance(value, str):
        raise Malformed(f"'{name}' of the envelope is missing or no text", code="envelope-shape")
    return value


def _bad_statement(why: str) -> Malformed:
    return Malformed(f"the signed payload is not an in-toto statement: {why}", code="statement")
