"""Is this bundle a signature of this artifact by somebody the policy accepts?

`verify` reads as the list of what a Sigstore verifier must check (protocol.md 5.6). Each step raises `Untrue` or
`Malformed` with a stable code; nothing after it runs.
"""

from dataclasses import dataclass

from verifier import rfc5280
from verifier.artifact import Artifact
from verifier.binding import check_binding
from verifier.bundle import Bundle
from verifier.chain import check_chain_at_all
from verifier.dsse import Envelope, Statement, Subject, check_subject, parse_statement
from verifier.errors import Untrue
from verifier.holder import Holder, holder_of
from verifier.identity import Identity, read_identity
from verifier.inclusion import ProvenEntry, check_entries
from verifier.keys import PublicKey
from verifier.moment import Moment
from verifier.moments import check_moments
from verifier.policy import IdentityRule, Policy, check_identity
from verifier.sct import Sct, check_detached_sct, check_sct
from verifier.signature import check_envelope, check_message
from verifier.trust import TrustedRoot


@dataclass(frozen=True, slots=True)
class Verified:
    """What is now known to be true; made by `verify` alone.

    `identity` and `rule` for a certificate, `key` for a key; `moments` every proven time; `chain` leaf to anchor (DER);
    `statement` and `subject` for an attestation; `warnings` are things that did not count, for a person to read.
    """

    key: PublicKey
    identity: Identity | None
    rule: IdentityRule | None
    moments: tuple[Moment, ...]
    entries: tuple[ProvenEntry, ...]
    chain: tuple[bytes, ...]
    scts: tuple[Sct, ...]
    statement: Statement | None
    subject: Subject | None
    warnings: tuple[str, ...]


def verify(bundle: Bundle, artifact: Artifact, trust: TrustedRoot, policy: Policy) -> Verified:
    """Everything that is proven about the artifact's signature, or an error that names the check that failed."""
    warnings: list[str] = list(policy.checked().warnings)
    holder = holder_of(bundle, policy)
    entries = check_entries(bundle, trust, policy, warnings)
    moments = check_moments(bundle, entries, holder, (trust, policy), warnings)
    chain, scts = check_certificate(bundle, holder, moments, trust, policy)
    for one in entries:
        check_binding(one.entry, bundle, holder, artifact)
    statement, subject = check_content(bundle, holder, artifact, policy)
    identity = read_identity(holder.certificate, second_opinion=False) if holder.certificate is not None else None
    rule = check_identity(identity, policy) if identity is not None else None
    return Verified(
        holder.key, identity, rule, moments, entries, chain, scts, statement, subject, tuple(dict.fromkeys(warnings))
    )


def check_certificate(
    bundle: Bundle, holder: Holder, moments: tuple[Moment, ...], trust: TrustedRoot, policy: Policy
) -> tuple[tuple[bytes, ...], tuple[Sct, ...]]:
    """The chain of the signer's certificate, valid at *every* proven time, and its certificate timestamps.

    Protocol.md 5.6 D and E. Empty for a key.
    """
    if holder.certificate is None:
        return (), ()
    # The chains of 0.1 and 0.2 bundles are ignored: intermediates come from the trust root (protocol.md 5.6 D).
    extra = bundle.certificates[1:] if bundle.version in ("0.3", "legacy") else ()
    chain = check_chain_at_all(holder.certificate, trust.cas, [moment.time for moment in moments], extra)
    for one in bundle.entries:
        _check_integrated_time(one.integrated_time, holder.certificate)
    if policy.insecure_ignore_scts:
        return chain, ()
    if bundle.detached_sct is not None:
        scts: tuple[Sct, ...] = (check_detached_sct(bundle.detached_sct, holder.certificate, trust.ctlogs),)
    else:
        scts = check_sct(holder.certificate, chain[1], trust.ctlogs)
    if len({sct.log_id for sct in scts}) < policy.scts:
        raise Untrue(
            f"not enough certificate timestamps of trusted CT logs: {len(scts)} < {policy.scts}", code="sct-threshold"
        )
    return chain, scts


def check_content(
    bundle: Bundle, holder: Holder, artifact: Artifact, policy: Policy
) -> tuple[Statement | None, Subject | None]:
    """The signature over the artifact, or over a statement about it (protocol.md 5.6 F)."""
    if not isinstance(bundle.content, Envelope):
        if policy.predicate_type is not None:
            raise Untrue("the bundle signs the artifact itself: there is no attestation", code="no-attestation")
        check_message(bundle.content, holder.key, artifact)
        return None, None
    check_envelope(bundle.content, holder.key)
    statement = parse_statement(bundle.content)
    if policy.predicate_type is not None and statement.predicate_type != policy.predicate_type:
        raise Untrue(
            f"invalid predicate type, expected {policy.predicate_type} got {statement.predicate_type}",
            code="predicate-type",
            hint="--type names the kind of attestation that is wanted",
        )
    return statement, None if policy.insecure_ignore_subject else check_subject(statement, artifact)


def _check_integrated_time(seconds: int | None, certificate: bytes) -> None:
    """A v1 entry's time, promised or not, must lie within the certificate's validity (protocol.md 5.6 B 6)."""
    if not seconds:
        return
    card = rfc5280.card(certificate)
    if not card.not_before.timestamp() <= seconds <= card.not_after.timestamp():
        raise Untrue(
            "the entry was logged when the signer's certificate was not valid",
            code="certificate-expired",
            hint="the signature was made, or logged, too late",
        )
