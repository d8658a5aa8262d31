"""What did one verification show, as plain data?

One dictionary for ``-o json`` and for every format of the verification report; members are only ever added. All of it
is proven, or is said to be a claim; times are RFC 3339 in UTC.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from verifier.artifact import Artifact
from verifier.bundle import Bundle
from verifier.certificate import Identity, read_identity
from verifier.errors import Malformed, SigwardenError
from verifier.inclusion import ProvenEntry
from verifier.moment import Moment
from verifier.policy import Policy
from verifier.verification import Verified


@dataclass(frozen=True, slots=True)
class Case:
    """One file's verification: what was given, what was demanded, and the proof or the error."""

    name: str
    bundle: Bundle | None
    artifact: Artifact | None
    policy: Policy
    verified: Verified | None
    error: SigwardenError | None


def facts_of(case: Case) -> dict[str, Any]:
    """Everything about a case, ready for JSON."""
    proven = case.verified
    return {
        "file": case.name,
        "verified": proven is not None,
        "error": _error(case.error),
        "artifact": {name: digest.hex() for name, digest in (case.artifact.digests if case.artifact else {}).items()},
        "bundle": {"version": case.bundle.version, "signed": _signed(case.bundle)} if case.bundle else None,
        "certificate": _certificate(case, proven),
        "key": {"kind": proven.key.kind, "sha256": proven.key.sha256.hex()} if proven else None,
        "times": [_moment(one) for one in proven.moments] if proven else [],
        "log_entries": [_entry(one) for one in proven.entries] if proven else [],
        "statement": _statement(proven) if proven else None,
        "policy": _policy(case),
        "warnings": list(proven.warnings) if proven else [],
    }


def _error(error: SigwardenError | None) -> dict[str, str] | None:
    if error is None:
        return None
    return {"code": error.code, "message": error.message, "hint": error.hint}


def _signed(bundle: Bundle) -> str:
    return "attestation" if hasattr(bundle.content, "payload") else "artifact"


def _certificate(case: Case, proven: Verified | None) -> dict[str, Any] | None:
    """The certificate; `trusted` tells proof from claim."""
    identity = proven.identity if proven else _claimed(case.bundle)
    if identity is None:
        return None
    return {
        "trusted": proven is not None,
        "subject": [{"kind": name.kind, "value": name.value} for name in identity.names],
        "issuer": identity.issuer,
        "valid_from": _time(identity.not_before),
        "valid_to": _time(identity.not_after),
        "serial": f"{identity.serial:x}" if identity.serial is not None else None,
        "sha256": identity.cert_sha256.hex(),
        "extensions": dict(identity.extensions),
        "anomalies": list(identity.anomalies),
        "ct_logs": [sct.log_id.hex() for sct in proven.scts] if proven else [],
    }


def _claimed(bundle: Bundle | None) -> Identity | None:
    """What an unverified certificate says, if anything can be read."""
    if bundle is None or bundle.leaf is None:
        return None
    try:
        return read_identity(bundle.leaf)
    except Malformed:
        return None


def _moment(moment: Moment) -> dict[str, str]:
    return {"time": _time(moment.time) or "", "source": moment.source, "authority": moment.authority}


def _entry(proven: ProvenEntry) -> dict[str, Any]:
    entry, checkpoint = proven.entry, proven.checkpoint
    leaf = entry.leaf_hash.hex()
    tree = checkpoint.origin.rpartition(" - ")[2] if checkpoint and not entry.is_v2 else ""
    inclusion = None
    if checkpoint is not None:
        inclusion = {
            "status": "VERIFIED",
            "origin": checkpoint.origin,
            "index": entry.index,
            "tree_size": checkpoint.size,
            "root_hash": checkpoint.root.hex(),
        }
    return {
        "log": proven.log.base_url,
        "log_id": entry.log_id.hex(),
        "kind": f"{entry.kind} {entry.version}",
        "uuid": f"{int(tree):016x}{leaf}" if tree.isdecimal() else leaf,
        "log_index": _proven_index(proven),
        "integrated_time": _time(proven.moment.time) if proven.moment else None,
        "promise": "VERIFIED" if proven.moment else None,
        "inclusion_proof": inclusion,
    }


def _proven_index(proven: ProvenEntry) -> int | None:
    """The number of the entry: on v2 its place in the tree; on v1 the promise alone signs it, the proof does not."""
    entry = proven.entry
    if entry.global_index is None:
        return entry.index
    return entry.global_index if proven.moment else None


def _statement(proven: Verified) -> dict[str, Any] | None:
    statement, subject = proven.statement, proven.subject
    if statement is None:
        return None
    return {
        "type": statement.type,
        "predicate_type": statement.predicate_type,
        "subject": {"name": subject.name, "digest": dict(subject.digests)} if subject else None,
    }


def _policy(case: Case) -> list[dict[str, str]]:
    """What was required, and what met it; "not met" where verification failed before or at it."""
    policy, proven = case.policy, case.verified
    rows: list[tuple[str, str, str]] = []
    if policy.key is not None:
        rows.append(("public key", policy.key.sha256.hex(), proven.key.sha256.hex() if proven else ""))
    if policy.identities:
        rule = proven.rule if proven else None
        names = [name.value for name in proven.identity.names] if proven and proven.identity else []
        rows += [
            ("identity", _alternatives(policy, "san"), ", ".join(names)),
            (
                "issuer",
                _alternatives(policy, "issuer"),
                (proven.identity.issuer or "") if rule and proven and proven.identity else "",
            ),
        ]
        for name, pattern in policy.identities[0].extensions.items():
            met = proven.identity.extensions.get(name, "") if proven and proven.identity else ""
            rows.append((name, str(pattern), met))
    rows += _proof_rows(policy, proven)
    if policy.predicate_type is not None:
        statement = proven.statement if proven else None
        rows.append(("predicate type", policy.predicate_type, statement.predicate_type if statement else ""))
    return [{"check": check, "required": required, "met": met or "not met"} for check, required, met in rows]


def _alternatives(policy: Policy, part: str) -> str:
    texts = [" and ".join(str(pattern) for pattern in getattr(rule, part)) for rule in policy.identities]
    return " or ".join(dict.fromkeys(texts))


def _proof_rows(policy: Policy, proven: Verified | None) -> list[tuple[str, str, str]]:
    logs = len({one.log.log_id for one in proven.entries}) if proven else 0
    times = len({one.authority for one in proven.moments}) if proven else 0
    stamps = len({one.authority for one in proven.moments if one.source == "timestamp"}) if proven else 0
    scts = len({one.log_id for one in proven.scts}) if proven else 0
    rows = [_count("transparency logs", policy.logs, logs, proven, ignored=policy.insecure_ignore_logs)]
    if policy.key is None:
        rows.append(
            _count("certificate transparency logs", policy.scts, scts, proven, ignored=policy.insecure_ignore_scts)
        )
        rows.append(_count("proven times", policy.times, times, proven, ignored=False))
    if policy.timestamps:
        rows.append(_count("signed timestamps", policy.timestamps, stamps, proven, ignored=False))
    return rows


def _count(check: str, required: int, met: int, proven: Verified | None, *, ignored: bool) -> tuple[str, str, str]:
    if ignored:
        return check, "not required (insecure)", str(met)
    return check, f"at least {required}", str(met) if proven else ""


def _time(time: datetime | None) -> str | None:
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if time is not None else None
