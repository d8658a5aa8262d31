"""Which keys signed this TUF metadata, by the root metadata beside it?

Reading only, for log entries of kind tuf; trust roots of our own come through `verifier.fetch.tuf`.
Attacker-controlled.
"""

import json
from typing import Any

from verifier import jsonstrict, pem
from verifier.errors import Malformed

MAX_SIGNATURES = 256
# SubjectPublicKeyInfo up to the key, for the raw keys that TUF writes in hex (RFC 8410, RFC 5480).
_RAW_KEYS = {
    32: bytes.fromhex("302a300506032b6570032100"),
    65: bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d030107034200"),
}


def content_bytes(content: str | dict[str, Any]) -> bytes:
    """The metadata bytes: base64 in the stored form, in some early entries the object itself."""
    if isinstance(content, str):
        return jsonstrict.b64(content, "TUF metadata")
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def signers(metadata: bytes, root: bytes) -> list[tuple[bytes, bytes]]:
    """(SPKI DER, signature) of every signature by a key of the root; Malformed if there is none."""
    keys = _object(_object(_object(jsonstrict.loads(root)).get("signed")).get("keys"))
    found: list[tuple[bytes, bytes]] = []
    for one in _list(_object(jsonstrict.loads(metadata)).get("signatures")):
        key_id, signature = _object(one).get("keyid"), _object(one).get("sig")
        if isinstance(key_id, str) and key_id in keys and isinstance(signature, str):
            found.append((_spki(_object(keys[key_id])), _unhex(signature)))
    if not found:
        raise Malformed("The TUF metadata has no signature by a key of its root.", code="body-signature")
    return found


def _spki(key: dict[str, Any]) -> bytes:
    public = _object(key.get("keyval")).get("public")
    if not isinstance(public, str):
        raise Malformed("A TUF key has no public part.", code="body-verifier")
    if public.startswith("-----BEGIN "):
        block = pem.parse_pem(public.encode())[0]
        return pem.spki_of_rsa(block.data) if block.label == pem.RSA_KEY else block.data
    raw = _unhex(public)
    if len(raw) not in _RAW_KEYS:
        raise Malformed("A TUF key is neither PEM nor a raw Ed25519 or P-256 key.", code="body-verifier")
    return _RAW_KEYS[len(raw)] + raw


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Malformed("The TUF metadata is out of shape.", code="body-fields")
    return value


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list) or len(value) > MAX_SIGNATURES:
        raise Malformed("The TUF metadata is out of shape.", code="body-fields")
    return value


def _unhex(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError as error:
        raise Malformed("A TUF key or signature is not hex.", code="body-signature") from error
