"""How does an entry get into a log by hand? ``log upload``; the log's answer is proven before it is called done."""

import base64
import json
from collections.abc import Mapping
from typing import Any

from cli.inputs import read_artifact, read_input
from cli.lookup.options import Where, open_http
from cli.lookup.query import by_hash
from cli.lookup.search import signature_bytes
from cli.lookup.trust import prove, trusted_logs
from cli.options import put, put_json
from signer.rekor import add_entry, propose
from signer.services import Log
from signer.signed import Signed
from verifier.errors import Refused
from verifier.jsonstrict import loads
from verifier.keys import PublicKey, algorithm_for
from verifier.pem import CERTIFICATE, parse_pem
from verifier.tbs import walk_certificate
from verifier.trust import TrustedRoot

_LARGEST = 64 << 20


def upload(where: Where, kind: str, pieces: Mapping[str, str | None]) -> None:
    """Propose an entry, prove what comes back, and say where it is."""
    trusted = trusted_logs(where.trusted_root, where.rekor_public_key, staging=where.staging)
    log = Log(where.url, 2 if where.is_v2 else 1)
    proposal = _proposal(log, kind, pieces)
    with open_http(where) as http:
        entry = add_entry(http, log, proposal, TrustedRoot(tlogs=trusted.logs))
    proven = prove(entry, trusted)
    index = entry.index if entry.global_index is None else entry.global_index
    place = f"{log.url}/api/v1/log/entries/{proven.entry_id}" if log.version == 1 else proven.checkpoint.origin
    if where.style == "default":
        put(f"Created entry at index {index}, available at: {place}")
    else:
        put_json({"Index": index, "Location": place, "UUID": proven.entry_id})


def _proposal(log: Log, kind: str, pieces: Mapping[str, str | None]) -> Mapping[str, Any]:
    if pieces["entry"]:
        proposal = loads(read_input(pieces["entry"], limit=_LARGEST), max_bytes=_LARGEST)
        if not isinstance(proposal, dict):
            raise Refused("--entry is no JSON object", code="usage")
        return proposal
    if kind in ("dsse", "intoto"):
        return _of_envelope(log, kind, pieces)
    if kind != "hashedrekord":
        raise Refused(
            f"an entry of kind {kind} is not made from pieces here",
            code="usage",
            hint="give the whole proposed entry with --entry FILE",
        )
    if not pieces["signature"] or not pieces["public_key"] or not (pieces["artifact"] or pieces["artifact_hash"]):
        raise Refused("--artifact (or --artifact-hash), --signature and --public-key are needed", code="usage")
    certificate, key = _verifier(pieces["public_key"])
    name = algorithm_for(key).hash or "sha512"  # a log takes Ed25519 over the SHA-512 only
    digest = _digest(pieces, name)
    return propose(log, Signed(signature_bytes(pieces["signature"]), name, digest, key, certificate))


def _digest(pieces: Mapping[str, str | None], name: str) -> bytes:
    if pieces["artifact"]:
        return read_artifact(pieces["artifact"], ((name,), False)).digest(name)
    text = str(pieces["artifact_hash"])
    by_hash(text)  # refuses what is no digest
    return bytes.fromhex(text.rpartition(":")[2])


def _of_envelope(log: Log, kind: str, pieces: Mapping[str, str | None]) -> Mapping[str, Any]:
    """dsse and intoto 0.0.1 take the envelope as its exact text."""
    if not pieces["artifact"] or not pieces["public_key"]:
        raise Refused("--artifact (the envelope) and --public-key are needed", code="usage")
    if log.version == 2:
        raise Refused("Rekor v2 takes hashedrekord only", code="usage", hint="attest-blob signs and logs an envelope")
    text = read_input(pieces["artifact"], limit=_LARGEST).decode("utf-8", "strict")
    pem = base64.b64encode(read_input(pieces["public_key"], limit=1 << 20)).decode()
    json.loads(text)
    if kind == "dsse":
        spec: dict[str, Any] = {"proposedContent": {"envelope": text, "verifiers": [pem]}}
    else:
        spec = {"content": {"envelope": text}, "publicKey": pem}
    return {"apiVersion": "0.0.1", "kind": kind, "spec": spec}


def _verifier(reference: str) -> tuple[bytes | None, PublicKey]:
    """The certificate, if it is one, and its key."""
    data = read_input(reference, limit=1 << 20)
    block = parse_pem(data)[0]
    if block.label == CERTIFICATE:
        return block.data, PublicKey.from_der(walk_certificate(block.data).spki)
    return None, PublicKey.from_pem(data)
