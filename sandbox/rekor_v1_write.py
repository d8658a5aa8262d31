"""How does Rekor v1 take an entry? POST /api/v1/log/entries; the sandbox takes hashedrekord, dsse, intoto 0.0.2."""

import base64
import binascii
import hashlib
import json
from typing import Any

import rfc8785
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from sandbox.entries import pae
from sandbox.instance import Instance
from sandbox.rekor_v1_entries import Entries
from sandbox.rekor_v1_replies import error, json_reply, parameter_error
from sandbox.tree import leaf_hash
from sandbox.wire import Reply, Request
from verifier.ed25519ph import signature_holds

_MAX_REQUEST = 32 << 20
_KINDS = ["alpine", "cose", "dsse", "hashedrekord", "helm", "intoto", "jar", "rekord", "rfc3161", "rpm", "tuf"]
_PATH = "/api/v1/log/entries"
_HASHES: dict[str, hashes.HashAlgorithm] = {
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
}
_OWN_HASH = {"secp256r1": "sha256", "secp384r1": "sha384", "secp521r1": "sha512"}


def answer(log: Instance, entries: Entries, request: Request) -> Reply:
    """201 with the entry, 409 for what the active shard holds already, 400 and 422 for what is wrong."""
    if len(request.body) > _MAX_REQUEST:
        return error(413, f"Request Entity Too Large. Limit set to {_MAX_REQUEST}", newline=False)
    try:
        proposed = json.loads(request.body)
        kind, version, spec = proposed.get("kind"), proposed.get("apiVersion"), proposed.get("spec")
    except (ValueError, AttributeError) as fault:
        return error(500, str(fault), newline=False)
    if kind not in _KINDS:
        return parameter_error(422, f'invalid kind value: "{kind}"')
    if spec is None:
        return parameter_error(602, "spec in body is required")
    if (kind, version) not in _STORED:
        text = f"{kind} implementation for version '{version}' not found: unable to locate entry for version {version}"
        return error(400, f"error processing entry: {text}")
    try:
        stored: Any = {"apiVersion": version, "kind": kind, "spec": _STORED[kind, version](spec)}
    except (KeyError, TypeError, ValueError, binascii.Error, InvalidSignature) as fault:
        return error(400, f"error processing entry: verifying signature: {fault}")
    return _stored(log, entries, rfc8785.dumps(stored))


def _stored(log: Instance, entries: Entries, body: bytes) -> Reply:
    number = len(log.shards) - 1
    with log.shard.lock:
        known = entries.find(number, leaf_hash(body))
        if known is not None:
            name = entries.entry_id(number, known)
            text = f"an equivalent entry already exists in the transparency log with UUID {name}"
            conflict = error(409, text)
            return _with(conflict, ("Location", f"{_PATH}/{name}"))
        index = log.add(body)
        log.publish()
    name = entries.entry_id(number, index)
    reply = json_reply(entries.entry(number, index), status=201)
    return _with(reply, ("ETag", name), ("Location", f"{_PATH}/{name}"))


def _with(reply: Reply, *headers: tuple[str, str]) -> Reply:
    return Reply(reply.status, reply.body, (*reply.headers, *headers), chunked=reply.chunked)


def _key(pem: bytes) -> object:
    if b"CERTIFICATE" in pem:
        return x509.load_pem_x509_certificate(pem).public_key()
    return load_pem_public_key(pem)


def _check(key: object, signature: bytes, digest: bytes, name: str) -> None:
    prehashed = Prehashed(_HASHES[name])
    if isinstance(key, ec.EllipticCurvePublicKey):
        key.verify(signature, digest, ec.ECDSA(prehashed))
    elif isinstance(key, rsa.RSAPublicKey):
        key.verify(signature, digest, padding.PKCS1v15(), prehashed)
    elif isinstance(key, ed25519.Ed25519PublicKey) and name == "sha512":
        if not signature_holds(key.public_bytes_raw(), signature, digest):
            raise InvalidSignature
    else:
        raise TypeError("unsupported key")


def _hashedrekord(spec: dict[str, Any]) -> dict[str, Any]:
    data, signature = spec["data"]["hash"], spec["signature"]
    pem = base64.b64decode(signature["publicKey"]["content"], validate=True).strip() + b"\n"
    made = base64.b64decode(signature["content"], validate=True)
    _check(_key(pem), made, bytes.fromhex(data["value"]), data["algorithm"])
    key = {"content": base64.b64encode(pem).decode()}
    stored = {"algorithm": data["algorithm"], "value": data["value"]}
    return {"data": {"hash": stored}, "signature": {"content": signature["content"], "publicKey": key}}


def _dsse(spec: dict[str, Any]) -> dict[str, Any]:
    proposed = spec["proposedContent"]
    text = proposed["envelope"]
    envelope = json.loads(text)
    payload = base64.b64decode(envelope["payload"])
    signed = pae(envelope["payloadType"], payload)
    pems = [base64.b64decode(one).strip() + b"\n" for one in proposed["verifiers"]]
    rows = [{"signature": row["sig"], "verifier": _who(row["sig"], pems, signed)} for row in envelope["signatures"]]
    digests = {"envelopeHash": text.encode(), "payloadHash": payload}
    spec = {name: {"algorithm": "sha256", "value": hashlib.sha256(data).hexdigest()} for name, data in digests.items()}
    return spec | {"signatures": sorted(rows, key=lambda row: row["signature"])}


def _who(signature: str, pems: list[bytes], signed: bytes) -> str:
    """The verifier, base64 of PEM, under which a signature of an envelope holds."""
    made = base64.b64decode(signature)
    for pem in pems:
        key = _key(pem)
        try:
            if isinstance(key, ed25519.Ed25519PublicKey):
                key.verify(made, signed)
            else:
                name = _OWN_HASH[key.curve.name] if isinstance(key, ec.EllipticCurvePublicKey) else "sha256"
                _check(key, made, hashlib.new(name, signed).digest(), name)
        except InvalidSignature:
            continue
        return base64.b64encode(pem).decode()
    raise ValueError("could not verify envelope")


def _intoto(spec: dict[str, Any]) -> dict[str, Any]:
    """The payload is dropped; the envelope's hash is what the client says it is."""
    content = spec["content"]
    envelope = content["envelope"]
    payload = base64.b64decode(base64.b64decode(envelope["payload"]))
    signed = pae(envelope["payloadType"], payload)
    for row in envelope["signatures"]:
        _who(base64.b64decode(row["sig"]).decode(), [base64.b64decode(row["publicKey"])], signed)
    rows = [{"publicKey": row["publicKey"], "sig": row["sig"]} for row in envelope["signatures"]]
    kept = {"payloadType": envelope["payloadType"], "signatures": rows}
    digest = {"algorithm": "sha256", "value": hashlib.sha256(payload).hexdigest()}
    return {"content": {"envelope": kept, "hash": content["hash"], "payloadHash": digest}}


_STORED = {
    ("hashedrekord", "0.0.1"): _hashedrekord,
    ("dsse", "0.0.1"): _dsse,
    ("intoto", "0.0.2"): _intoto,
}
