"""What does an honest log write down? Bodies of every kind that a monitor must read, in canonical JSON."""

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

import rfc8785

from sandbox.ca import Certified
from sandbox.keys import SigningKey

IN_TOTO = "application/vnd.in-toto+json"
_HASHES = {"sha256": "SHA2_256", "sha384": "SHA2_384", "sha512": "SHA2_512"}
Signer = Certified | SigningKey


def b64(data: bytes) -> str:
    """Standard base64, padded."""
    return base64.b64encode(data).decode()


def _body(kind: str, version: str, spec: Any) -> bytes:
    return rfc8785.dumps({"apiVersion": version, "kind": kind, "spec": spec})


def key_of(signer: Signer) -> SigningKey:
    """The key behind a certificate or a bare key."""
    return signer.key if isinstance(signer, Certified) else signer


def pem_of(signer: Signer) -> bytes:
    """PEM of the certificate or of the public key, as Rekor v1 keeps verifiers."""
    return signer.pem


def verifier_v2(signer: Signer) -> dict[str, Any]:
    """The `verifier` member of Rekor v2."""
    certificate = isinstance(signer, Certified)
    raw = {"rawBytes": b64(signer.der if isinstance(signer, Certified) else signer.spki)}
    return {"keyDetails": key_of(signer).details, "x509Certificate" if certificate else "publicKey": raw}


def hashedrekord_v2(signer: Signer, artifact: bytes, signature: bytes | None = None) -> bytes:
    """hashedrekord 0.0.2 (rekor-tiles): what `signer` signs is hashed with its own key's hash."""
    key = key_of(signer)
    made = signature if signature is not None else key.sign(artifact)
    data = {"algorithm": _HASHES[key.hash_name], "digest": b64(key.digest(artifact))}
    spec = {"data": data, "signature": {"content": b64(made), "verifier": verifier_v2(signer)}}
    return _body("hashedrekord", "0.0.2", {"hashedRekordV002": spec})


def dsse_v2(signers: Sequence[Signer], payload: bytes, payload_type: str = IN_TOTO) -> bytes:
    """dsse 0.0.2, which the server no longer takes but old shards hold; signatures sorted by their bytes."""
    signed = pae(payload_type, payload)
    rows = [(key_of(signer).sign(signed), verifier_v2(signer)) for signer in signers]
    signatures = [
        {"content": b64(made), "verifier": verifier} for made, verifier in sorted(rows, key=lambda row: row[0])
    ]
    digest = {"algorithm": "SHA2_256", "digest": b64(hashlib.sha256(payload).digest())}
    return _body("dsse", "0.0.2", {"dsseV002": {"payloadHash": digest, "signatures": signatures}})


def hashedrekord_v1(signer: Signer, artifact: bytes, signature: bytes | None = None) -> bytes:
    """hashedrekord 0.0.1 of Rekor v1."""
    key = key_of(signer)
    made = signature if signature is not None else key.sign(artifact)
    data = {"hash": {"algorithm": key.hash_name, "value": key.digest(artifact).hex()}}
    verifier = {"content": b64(pem_of(signer))}
    return _body("hashedrekord", "0.0.1", {"data": data, "signature": {"content": b64(made), "publicKey": verifier}})


def pae(payload_type: str, payload: bytes) -> bytes:
    """DSSE's pre-authentication encoding; lengths in bytes."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def statement(artifact: bytes, predicate_type: str = "https://slsa.dev/provenance/v1") -> bytes:
    """A small in-toto statement about one artifact."""
    subject = [{"name": "artifact", "digest": {"sha256": hashlib.sha256(artifact).hexdigest()}}]
    made = {"_type": "https://in-toto.io/Statement/v1", "subject": subject, "predicateType": predicate_type}
    return json.dumps(made | {"predicate": {}}).encode()


def envelope(signers: Sequence[Signer], payload: bytes, payload_type: str = IN_TOTO) -> str:
    """A DSSE envelope as text."""
    signed = pae(payload_type, payload)
    signatures = [{"sig": b64(key_of(signer).sign(signed)), "keyid": ""} for signer in signers]
    return json.dumps({"payload": b64(payload), "payloadType": payload_type, "signatures": signatures})


def dsse_v1(signers: Sequence[Signer], text: str) -> bytes:
    """dsse 0.0.1 for an envelope of the same signers in the same order; signatures sorted by their base64 text."""
    parsed = json.loads(text)
    rows = [
        {"signature": row["sig"], "verifier": b64(pem_of(signer))}
        for row, signer in zip(parsed["signatures"], signers, strict=True)
    ]
    spec = {
        "envelopeHash": _sha256(text.encode()),
        "payloadHash": _sha256(base64.b64decode(parsed["payload"])),
        "signatures": sorted(rows, key=lambda row: row["signature"]),
    }
    return _body("dsse", "0.0.1", spec)


def intoto_v1(signer: Signer, text: str) -> bytes:
    """intoto 0.0.1: hashes and key, no signature."""
    content = {"hash": _sha256(text.encode()), "payloadHash": _sha256(base64.b64decode(json.loads(text)["payload"]))}
    return _body("intoto", "0.0.1", {"content": content, "publicKey": b64(pem_of(signer))})


def intoto_v2(signers: Sequence[Signer], text: str) -> bytes:
    """intoto 0.0.2: signatures in base64 twice, the payload dropped."""
    parsed = json.loads(text)
    rows = [
        {"publicKey": b64(pem_of(signer)), "sig": b64(row["sig"].encode())}
        for row, signer in zip(parsed["signatures"], signers, strict=True)
    ]
    content = {
        "envelope": {"payloadType": parsed["payloadType"], "signatures": rows},
        "hash": _sha256(text.encode()),
        "payloadHash": _sha256(base64.b64decode(parsed["payload"])),
    }
    return _body("intoto", "0.0.2", {"content": content})


def opaque(kind: str, version: str, spec: Mapping[str, Any]) -> bytes:
    """A body of any other kind."""
    return _body(kind, version, dict(spec))


def _sha256(data: bytes) -> dict[str, str]:
    return {"algorithm": "sha256", "value": hashlib.sha256(data).hexdigest()}
