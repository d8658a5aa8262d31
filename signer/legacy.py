"""How was a signature written before there were bundles? Files for readers that know only those (cosign.md 2.7)."""

import base64
import json

from signer.rekor import envelope_json
from verifier.bundle import Bundle
from verifier.dsse import Envelope
from verifier.entry import LogEntry
from verifier.errors import Refused
from verifier.keys import PublicKey
from verifier.pem import CERTIFICATE, encode_pem


def legacy_bundle(bundle: Bundle, key: PublicKey) -> bytes:
    """cosign's old JSON ``{base64Signature, cert, rekorBundle}``; Refused without the promise of a Rekor v1 log."""
    promised = [entry for entry in bundle.entries if entry.set is not None]
    if bundle.entries and not promised:
        raise Refused(
            "the old bundle format needs a Rekor v1 log, which promises a time",
            code="legacy",
            hint="use --bundle alone",
        )
    holder = encode_pem(CERTIFICATE, bundle.leaf) if bundle.leaf is not None else key.pem
    document = {"base64Signature": _b64(signature_file(bundle)), "cert": _b64(holder)}
    if promised:
        return json.dumps({**document, "rekorBundle": _promise(promised[0])}, separators=(",", ":")).encode()
    return json.dumps(document, separators=(",", ":")).encode()


def signature_file(bundle: Bundle) -> bytes:
    """The signature alone: raw bytes, or the envelope (JSON) of an attestation."""
    if isinstance(bundle.content, Envelope):
        return envelope_json(bundle.content).encode()
    return bundle.signature


def certificate_file(bundle: Bundle) -> bytes:
    """The certificate as cosign writes it: base64 of PEM; empty for a bare key."""
    return _b64(encode_pem(CERTIFICATE, bundle.leaf)).encode() if bundle.leaf is not None else b""


def timestamp_file(bundle: Bundle) -> bytes:
    """The first timestamp in cosign's JSON; empty where there is none."""
    if not bundle.timestamps:
        return b""
    return json.dumps({"SignedRFC3161Timestamp": _b64(bundle.timestamps[0])}, separators=(",", ":")).encode()


def _promise(entry: LogEntry) -> dict[str, object]:
    payload = {
        "body": _b64(entry.body),
        "integratedTime": entry.integrated_time,
        "logIndex": entry.global_index,
        "logID": entry.log_id.hex(),
    }
    return {"SignedEntryTimestamp": _b64(entry.set or b""), "Payload": payload}


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()
