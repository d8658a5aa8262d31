"""How does a signature come into the log?

Entries of Rekor v1 (hashedrekord, dsse, intoto) and v2 (hashedrekord 0.0.2) are proposed, and the log's own entry comes
back with its proof. Where the log has the entry already (409) the existing one is fetched and used. What is returned is
a claim: `sign` proves it with the verifier.
"""

import base64
import hashlib
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from signer.answers import complaint_of, members_of
from signer.existing import existing_v1, existing_v2
from signer.services import Log
from signer.signed import Signed
from verifier.dsse import Envelope
from verifier.entry import LogEntry, entry_from_rest, entry_from_tle
from verifier.errors import Malformed, Refused, Unreachable
from verifier.fetch.call import Reply, expect
from verifier.keys import algorithm_for
from verifier.trust import TrustedRoot

if TYPE_CHECKING:
    from verifier.fetch.http import Http

_MAX_ANSWER = 64 << 20
_MAX_V2 = 65_535  # bytes of a canonical body in Rekor v2 (protocol.md 3.2)
_PATHS = {1: "/api/v1/log/entries", 2: "/api/v2/log/entries"}


def add_entry(http: "Http", log: Log, proposal: Mapping[str, Any], trust: TrustedRoot) -> LogEntry:
    """The log's entry for what `propose` made, new or existing.

    Unreachable where the log did not answer (no status, or 5xx: it may have the entry) or refused (4xx: it has not).
    """
    reply = http.post(
        log.url + _PATHS[log.version],
        json.dumps(proposal).encode(),
        content_type="application/json",
        max_bytes=_MAX_ANSWER,
    )
    if reply.status == 409:
        return existing_v1(http, log, reply) if log.version == 1 else existing_v2(http, log, reply, trust)
    _check_status(log, reply)
    members = members_of(reply)
    if log.version == 2:
        return entry_from_tle(members)
    if len(members) != 1:
        raise Malformed(f"{log.url} answered with {len(members)} entries, not one", code="rekor-reply")
    ((entry_id, entry),) = members.items()
    if not isinstance(entry, dict):
        raise Malformed(f"{log.url} answered with an entry that is no object", code="rekor-reply")
    return entry_from_rest(entry_id, entry)


def propose(log: Log, signed: Signed, kind: str = "dsse") -> dict[str, Any]:
    """The request body for this log; `kind` (dsse, intoto) is how v1 records an envelope. Refused if there is none."""
    if log.version == 2:
        return _v2(log, signed)
    if signed.envelope is None:
        return _hashedrekord(signed)
    return _PROPOSALS[kind](signed, signed.envelope)


def envelope_json(envelope: Envelope) -> str:
    """The text of an envelope as it is submitted; v1 records the hash of exactly this text."""
    signatures = [{"sig": _b64(envelope.signature)}]
    return json.dumps(
        {"payload": _b64(envelope.payload), "payloadType": envelope.payload_type, "signatures": signatures},
        separators=(",", ":"),
    )


def _hashedrekord(signed: Signed) -> dict[str, Any]:
    data = {"hash": {"algorithm": signed.hash_name, "value": signed.digest.hex()}}
    public = {"content": _b64(signed.verifier_pem)}
    spec = {"data": data, "signature": {"content": _b64(signed.signature), "publicKey": public}}
    return {"apiVersion": "0.0.1", "kind": "hashedrekord", "spec": spec}


def _dsse(signed: Signed, envelope: Envelope) -> dict[str, Any]:
    content = {"envelope": envelope_json(envelope), "verifiers": [_b64(signed.verifier_pem)]}
    return {"apiVersion": "0.0.1", "kind": "dsse", "spec": {"proposedContent": content}}


def _intoto(signed: Signed, envelope: Envelope) -> dict[str, Any]:
    """intoto 0.0.2: payload and signature are base64 of their base64 (protocol.md 2.2)."""
    signature = {"sig": _b64(_b64(envelope.signature).encode()), "publicKey": _b64(signed.verifier_pem)}
    wrapped = {
        "payload": _b64(_b64(envelope.payload).encode()),
        "payloadType": envelope.payload_type,
        "signatures": [signature],
    }
    digests = {
        "hash": {"algorithm": "sha256", "value": hashlib.sha256(envelope_json(envelope).encode()).hexdigest()},
        "payloadHash": {"algorithm": "sha256", "value": hashlib.sha256(envelope.payload).hexdigest()},
    }
    return {"apiVersion": "0.0.2", "kind": "intoto", "spec": {"content": {"envelope": wrapped, **digests}}}


_PROPOSALS = {"dsse": _dsse, "intoto": _intoto}


def _v2(log: Log, signed: Signed) -> dict[str, Any]:
    """One kind for everything: an envelope is the hash of its PAE (client-spec 4.4)."""
    row = algorithm_for(signed.key, signed.hash_name)
    if not row.rekor_v2:
        raise Refused(
            f"{log.url} takes no signatures of {row.name}",
            code="log-algorithm",
            hint="use P-256, P-384, P-521, RSA of 2048, 3072 or 4096 bits, or Ed25519ph",
        )
    if signed.certificate is None:
        verifier: Mapping[str, Any] = {"publicKey": {"rawBytes": _b64(signed.key.der)}}
    else:
        verifier = {"x509Certificate": {"rawBytes": _b64(signed.certificate)}}
        if len(signed.certificate) * 4 // 3 > _MAX_V2:
            raise Refused("the certificate is larger than an entry of Rekor v2 may be", code="log-size")
    signature = {"content": _b64(signed.signature), "verifier": {**verifier, "keyDetails": row.name}}
    return {"hashedRekordRequestV002": {"digest": _b64(signed.digest), "signature": signature}}


def _check_status(log: Log, reply: Reply) -> None:
    hints = {
        405: "the log was closed: its signing config is out of date, run 'initialize'",
        413: "the attestation is larger than this log takes; log it to Rekor v2, which keeps its hash alone",
    }
    try:
        expect(reply, 200, 201)
    except Unreachable as error:
        said = complaint_of(reply)
        raise Unreachable(
            f"{error.message}{': ' + said if said else ''}",
            code="rekor",
            cause=error.cause,
            status=error.status,
            retry_after=error.retry_after,
            hint=hints.get(reply.status, ""),
        ) from None


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()
