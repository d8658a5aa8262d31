"""Which file does a signer hand out? Sigstore bundles (v0.3) around entries of the fake logs."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from sandbox.ca import Certified
from sandbox.entries import IN_TOTO, b64, hashedrekord_v1, hashedrekord_v2, key_of, pae
from sandbox.keys import SigningKey
from sandbox.rekor_v1 import SandboxV1
from sandbox.rekor_v2 import SandboxV2
from sandbox.rekor_v2_write import entry as entry_v2
from sandbox.tsa import TSA

MEDIA_TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json"
Entry = Mapping[str, Any]


def entry_v1(log: SandboxV1, index: int, number: int = -1) -> dict[str, Any]:
    """TransparencyLogEntry JSON of a v1 entry by shard and in-tree index, as bundles carry it."""
    ((_, rest),) = log.entries.entry(number % len(log.shards), index).items()
    proof, shard = rest["verification"]["inclusionProof"], log.shards[number]
    body = shard.bodies[index]
    kind = json.loads(body)
    return {
        "logIndex": str(rest["logIndex"]),
        "logId": {"keyId": b64(bytes.fromhex(rest["logID"]))},
        "kindVersion": {"kind": kind["kind"], "version": kind["apiVersion"]},
        "integratedTime": str(rest["integratedTime"]),
        "inclusionPromise": {"signedEntryTimestamp": rest["verification"]["signedEntryTimestamp"]},
        "inclusionProof": {
            "logIndex": str(proof["logIndex"]),
            "rootHash": b64(bytes.fromhex(proof["rootHash"])),
            "treeSize": str(proof["treeSize"]),
            "hashes": [b64(bytes.fromhex(text)) for text in proof["hashes"]],
            "checkpoint": {"envelope": proof["checkpoint"]},
        },
        "canonicalizedBody": b64(body),
    }


def bundle(
    signer: Certified | SigningKey, content: Mapping[str, Any], entries: Sequence[Entry], stamps: Sequence[bytes] = ()
) -> bytes:
    """A bundle of ready parts; `content` is a messageSignature or dsseEnvelope member, `stamps` RFC 3161 replies."""
    if isinstance(signer, Certified):
        material: dict[str, Any] = {"certificate": {"rawBytes": b64(signer.der)}}
    else:
        material = {"publicKey": {"hint": b64(hashlib.sha256(signer.spki).digest())}}
    material["tlogEntries"] = [dict(entry) for entry in entries]
    if stamps:
        rows = [{"signedTimestamp": b64(stamp)} for stamp in stamps]
        material["timestampVerificationData"] = {"rfc3161Timestamps": rows}
    return json.dumps({"mediaType": MEDIA_TYPE, "verificationMaterial": material, **content}).encode()


def message(signer: Certified | SigningKey, artifact: bytes, signature: bytes) -> dict[str, Any]:
    """The messageSignature member."""
    key = key_of(signer)
    name = {"sha256": "SHA2_256", "sha384": "SHA2_384", "sha512": "SHA2_512"}[key.hash_name]
    digest = {"algorithm": name, "digest": b64(key.digest(artifact))}
    return {"messageSignature": {"messageDigest": digest, "signature": b64(signature)}}


def sign_blob(
    log: SandboxV1 | SandboxV2, signer: Certified | SigningKey, artifact: bytes, tsa: TSA | None = None
) -> bytes:
    """Sign, stamp (Rekor v2 proves no time), log, publish: the bundle."""
    signature = key_of(signer).sign(artifact)
    made = hashedrekord_v1 if isinstance(log, SandboxV1) else hashedrekord_v2
    index = log.add(made(signer, artifact, signature))
    return bundle(signer, message(signer, artifact, signature), [_published(log, index)], _stamps(tsa, signature))


def attest_v2(log: SandboxV2, signer: Certified | SigningKey, payload: bytes, tsa: TSA | None = None) -> bytes:
    """A DSSE envelope, logged as Rekor v2 does it (hashedrekord over the PAE): the bundle."""
    signed = pae(IN_TOTO, payload)
    signature = key_of(signer).sign(signed)
    index = log.add(hashedrekord_v2(signer, signed, signature))
    envelope = {"payload": b64(payload), "payloadType": IN_TOTO, "signatures": [{"sig": b64(signature)}]}
    return bundle(signer, {"dsseEnvelope": envelope}, [_published(log, index)], _stamps(tsa, signature))


def bundle_v1(log: SandboxV1, signer: Certified | SigningKey, text: str, body: bytes) -> bytes:
    """A DSSE envelope with its finished v1 body (dsse 0.0.1 or intoto 0.0.2): the bundle."""
    return bundle(signer, {"dsseEnvelope": json.loads(text)}, [_published(log, log.add(body))])


def _stamps(tsa: TSA | None, signature: bytes) -> list[bytes]:
    return [] if tsa is None else [tsa.stamp(signature)]


def _published(log: SandboxV1 | SandboxV2, index: int) -> Entry:
    log.publish()
    return entry_v1(log, index) if isinstance(log, SandboxV1) else entry_v2(log, index)
