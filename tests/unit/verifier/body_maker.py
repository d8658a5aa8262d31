"""Bodies of every entry kind for tests, in canonical form."""

import base64
import hashlib
import json
from typing import Any

from tests.unit.verifier.cert_maker import plain_certificate, spki
from verifier import pem

DIGEST = hashlib.sha256(b"artifact").hexdigest()
SIGNATURE = b"the signature"
KEY = spki()
CERTIFICATE = plain_certificate()
KEY_PEM = pem.encode_pem(pem.PUBLIC_KEY, KEY)
CERTIFICATE_PEM = pem.encode_pem(pem.CERTIFICATE, CERTIFICATE)
HASH = {"algorithm": "sha256", "value": DIGEST}
HASH_V2 = {"algorithm": "SHA2_256", "digest": base64.b64encode(bytes.fromhex(DIGEST)).decode()}


def b64(data: bytes) -> str:
    """Standard base64."""
    return base64.b64encode(data).decode()


def jcs(value: object) -> bytes:
    """Canonical JSON, for ASCII keys."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def body(kind: str, version: str, spec: object) -> bytes:
    """A body."""
    return jcs({"apiVersion": version, "kind": kind, "spec": spec})


def v2_signature(*, certificate: bool = True, details: str = "PKIX_ECDSA_P256_SHA_256") -> dict[str, Any]:
    """Signature and verifier of Rekor v2."""
    raw = {"rawBytes": b64(CERTIFICATE if certificate else KEY)}
    return {
        "content": b64(SIGNATURE),
        "verifier": {"keyDetails": details, ("x509Certificate" if certificate else "publicKey"): raw},
    }


def hashedrekord(verifier: bytes = CERTIFICATE_PEM, hashed: dict[str, str] = HASH) -> bytes:
    """hashedrekord 0.0.1."""
    signature = {"content": b64(SIGNATURE), "publicKey": {"content": b64(verifier)}}
    return body("hashedrekord", "0.0.1", {"data": {"hash": hashed}, "signature": signature})


def hashedrekord_v2(*, certificate: bool = True, name: str = "hashedRekordV002") -> bytes:
    """hashedrekord 0.0.2."""
    return body("hashedrekord", "0.0.2", {name: {"data": HASH_V2, "signature": v2_signature(certificate=certificate)}})


def dsse(*verifiers: bytes) -> bytes:
    """dsse 0.0.1."""
    signatures = [{"signature": b64(SIGNATURE), "verifier": b64(one)} for one in verifiers]
    return body("dsse", "0.0.1", {"envelopeHash": HASH, "payloadHash": HASH, "signatures": signatures})


def dsse_v2(name: str = "dsseV002", member: str = "payloadHash") -> bytes:
    """dsse 0.0.2."""
    return body("dsse", "0.0.2", {name: {member: HASH_V2, "signatures": [v2_signature()]}})


def intoto(*, payload_hash: bool = True) -> bytes:
    """intoto 0.0.1."""
    content = {"hash": HASH} | ({"payloadHash": HASH} if payload_hash else {})
    return body("intoto", "0.0.1", {"content": content, "publicKey": b64(CERTIFICATE_PEM)})


def intoto_v2(**more: object) -> bytes:
    """intoto 0.0.2."""
    signature = {"publicKey": b64(CERTIFICATE_PEM), "sig": b64(b64(SIGNATURE).encode())}
    envelope = {"payloadType": "application/vnd.in-toto+json", "signatures": [signature]} | more
    return body("intoto", "0.0.2", {"content": {"envelope": envelope, "hash": HASH, "payloadHash": HASH}})


def rekord(form: str, key: bytes, signature: bytes) -> bytes:
    """rekord 0.0.1."""
    signed = {"content": b64(signature), "format": form, "publicKey": {"content": b64(key)}}
    return body("rekord", "0.0.1", {"data": {"hash": HASH}, "signature": signed})


def everything() -> list[bytes]:
    """One body of many kinds."""
    return [
        hashedrekord(),
        hashedrekord(KEY_PEM),
        hashedrekord(CERTIFICATE_PEM * 3),
        hashedrekord_v2(),
        hashedrekord_v2(certificate=False),
        hashedrekord_v2(name="hashedRekordV0_0_2"),
        dsse(KEY_PEM, CERTIFICATE_PEM),
        dsse_v2(),
        dsse_v2("dsseV0_0_2", "data"),
        intoto(),
        intoto(payload_hash=False),
        intoto_v2(),
        intoto_v2(payload=b64(b"kept by some old entries")),
        rekord("x509", KEY_PEM, SIGNATURE),
        rekord("minisign", b64(b"Ed" + bytes(40)).encode(), b"untrusted comment:\n" + b64(SIGNATURE).encode()),
        body("cose", "0.0.1", {"data": {"envelopeHash": HASH, "payloadHash": HASH}, "publicKey": b64(KEY_PEM)}),
        body(
            "alpine",
            "0.0.1",
            {"package": {"hash": HASH, "pkginfo": {"a": "b"}}, "publicKey": {"content": b64(KEY_PEM)}},
        ),
    ]
