"""Does a log entry's body, as it reads, name this signature by this signer over this content?

The general half of `binding`: every kind that records a signature, in every spelling of its key. The body is attacker-
controlled until it is compared.
"""

import hashlib
from collections.abc import Callable

from verifier.artifact import LENGTHS, Artifact
from verifier.bodies import Body, Signer, read_body
from verifier.bundle import Bundle
from verifier.dsse import Envelope
from verifier.entry import LogEntry
from verifier.errors import Malformed, Untrue
from verifier.holder import Holder


def check_parsed_body(entry: LogEntry, bundle: Bundle, holder: Holder, artifact: Artifact) -> Body:
    """The entry's body, if it is about this bundle; Untrue or Malformed otherwise."""
    body = read_body(entry.body)
    if (body.kind, body.version) != (entry.kind, entry.version):
        raise Untrue(
            f"the entry is labelled {entry.kind} {entry.version}, but its body is {body.kind} {body.version}",
            code="entry-kind",
        )
    if not body.canonical:
        raise Malformed("the entry's body is not canonical JSON: no Rekor server wrote it", code="body-canonical")
    _check_signer(body, bundle, holder)
    if isinstance(bundle.content, Envelope):
        _check_envelope_digest(entry, body, bundle.content)
    else:
        _check_artifact_digest(body, artifact)
    return body


def _check_signer(body: Body, bundle: Bundle, holder: Holder) -> None:
    """Some signer in the entry has this signature *and* this certificate or key."""
    signed = [signer for signer in body.signers if signer.signature == bundle.signature]
    if not signed:
        raise Untrue(
            "the log entry is for another signature",
            code="binding-signature",
            hint="the bundle carries an entry that belongs to something else",
        )
    if not any(_is_holder(signer, holder) for signer in signed):
        raise Untrue("the log entry names another key or certificate than the signer's", code="binding-signer")


def _is_holder(signer: Signer, holder: Holder) -> bool:
    if holder.certificate is not None:
        return signer.kind == "certificate" and signer.der == holder.certificate
    return signer.kind == "key" and hashlib.sha256(signer.der).digest() in holder.key.fingerprints


def _check_artifact_digest(body: Body, artifact: Artifact) -> None:
    if body.kind not in ("hashedrekord", "rekord"):
        raise Untrue(f"a {body.kind} entry cannot stand for the signature of an artifact", code="binding-kind")
    _check_digest(body, artifact.digest)


def _check_envelope_digest(entry: LogEntry, body: Body, envelope: Envelope) -> None:
    """v1 logs record the payload's hash, v2 logs the hash of the DSSE PAE (client-spec 4.4)."""
    if body.digest_of == "payload":
        _check_digest(body, lambda algorithm: hashlib.new(algorithm, envelope.payload).digest())
    elif entry.is_v2:
        _check_digest(body, lambda algorithm: hashlib.new(algorithm, envelope.pae).digest())
    else:
        raise Untrue(f"a {body.kind} {body.version} entry cannot stand for an envelope", code="binding-kind")


def _check_digest(body: Body, digest: Callable[[str], bytes]) -> None:
    if len(body.digests) != 1:
        raise Untrue("the log entry does not record what was signed", code="binding-digest")
    ((algorithm, value),) = body.digests
    if algorithm not in LENGTHS or digest(algorithm).hex() != value:
        raise Untrue(
            f'matching bundle to payload: the log entry is for another artifact (its {algorithm} is "{value}")',
            code="binding-digest",
            hint="the bundle carries an entry that belongs to something else, or the file was changed",
        )
