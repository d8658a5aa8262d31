"""What did cosign write before there were bundles?

Its blob bundle ``{base64Signature, cert, rekorBundle}`` and detached pieces: a ``.sig`` file, a PEM certificate, a
JSON file around an RFC 3161 timestamp (cosign.md 2.3, 2.7). All become a `Bundle` of version "legacy", so that one
verifier judges them all. A key inside is a hint to be compared, never what verifies (cosign.md section 7, 1).
Attacker-controlled.
"""

from collections.abc import Sequence
from typing import Any

from verifier import jsonstrict
from verifier.bundle import LEGACY, MAX_BYTES, Bundle, MessageSignature
from verifier.dsse import Envelope, envelope_from_json
from verifier.entry import LogEntry
from verifier.errors import Malformed
from verifier.pem import CERTIFICATE, PUBLIC_KEY, RSA_KEY, parse_pem, spki_of_rsa

_LOG_ID_SIZE = 32


def read_bundle(data: bytes, *, allow_chain: bool = False) -> Bundle:
    """A bundle of any known format, told apart by its members; Malformed if it is none."""
    value = jsonstrict.loads(data, max_bytes=MAX_BYTES)
    if isinstance(value, dict) and "base64Signature" in value:
        return _blob_bundle(value)
    return Bundle.parse(data, allow_chain=allow_chain)


def from_pieces(
    signature: bytes,
    *,
    certificate: bytes | None = None,
    chain: Sequence[bytes] = (),
    timestamps: Sequence[bytes] = (),
    sct: bytes | None = None,
) -> Bundle:
    """A bundle from detached files: a signature (base64, raw, or DSSE envelope JSON) and a certificate (PEM or DER)."""
    certificates = (*([read_certificate(certificate)] if certificate is not None else []), *chain)
    return Bundle(
        version=LEGACY,
        media_type=LEGACY,
        content=read_content(signature),
        certificates=tuple(certificates),
        timestamps=tuple(timestamps),
        detached_sct=sct,
    )


def read_content(data: bytes) -> MessageSignature | Envelope:
    """The signature in a file: DSSE envelope JSON, base64 text, or raw bytes."""
    text = data.strip()
    if not text:
        raise Malformed("the signature is empty", code="legacy-signature")
    if text.startswith(b"{"):
        return envelope_from_json(jsonstrict.loads(text, max_bytes=MAX_BYTES))
    try:
        raw = jsonstrict.b64(text.decode("ascii"), "the signature")
    except (Malformed, UnicodeDecodeError):
        return MessageSignature(data)
    return read_content(raw) if raw.startswith(b"{") else MessageSignature(raw)


def read_certificate(data: bytes) -> bytes:
    """DER of the one certificate in a file: PEM, base64 of PEM (as cosign's ``--output-certificate``), or DER."""
    if data[:1] == b"\x30":
        return data
    blocks = parse_pem(_pem_text(data))
    if len(blocks) != 1 or blocks[0].label != CERTIFICATE:
        raise Malformed("the file does not hold exactly one certificate", code="legacy-certificate")
    return blocks[0].data


def read_timestamp(data: bytes) -> bytes:
    """DER of a timestamp: ``{"SignedRFC3161Timestamp": base64}`` as cosign writes it, or the DER itself."""
    if data[:1] == b"\x30":
        return data
    value = jsonstrict.loads(data)
    if not isinstance(value, dict) or value.keys() != {"SignedRFC3161Timestamp"}:
        raise Malformed("this is neither a DER timestamp nor cosign's JSON around one", code="legacy-timestamp")
    return jsonstrict.b64(value["SignedRFC3161Timestamp"], "SignedRFC3161Timestamp")


def rekor_bundle(value: Any) -> LogEntry:
    """The log entry in ``{"SignedEntryTimestamp": b64, "Payload": {body, integratedTime, logIndex, logID}}``."""
    from verifier.bodies import kind_of

    outer = _members(value, "rekorBundle", {"SignedEntryTimestamp", "Payload"})
    payload = _members(outer["Payload"], "Payload", {"body", "integratedTime", "logIndex", "logID"})
    log_id = _hex(payload["logID"])
    body = jsonstrict.b64(payload["body"], "the entry's body")
    kind, version = kind_of(body)
    index = jsonstrict.integer(payload["logIndex"], "logIndex")
    return LogEntry(
        log_id=log_id,
        kind=kind,
        version=version,
        global_index=index,
        index=index,
        integrated_time=jsonstrict.integer(payload["integratedTime"], "integratedTime"),
        body=body,
        set=jsonstrict.b64(outer["SignedEntryTimestamp"], "SignedEntryTimestamp"),
        proof=None,
        tree_id=None,
        uuid=None,
    )


def _blob_bundle(value: dict[str, Any]) -> Bundle:
    unknown = value.keys() - {"base64Signature", "cert", "rekorBundle"}
    if unknown:
        raise Malformed(f"the bundle has an unknown member '{min(unknown)[:50]}'", code="bundle-shape")
    certificate, key = _holder(value.get("cert"))
    raw = jsonstrict.b64(value["base64Signature"], "base64Signature")
    entry = value.get("rekorBundle")
    return Bundle(
        version=LEGACY,
        media_type=LEGACY,
        content=read_content(raw) if raw.startswith(b"{") else MessageSignature(raw),
        certificates=(certificate,) if certificate is not None else (),
        embedded_key=key,
        entries=(rekor_bundle(entry),) if entry is not None else (),
    )


def _holder(value: Any) -> tuple[bytes | None, bytes | None]:
    """(certificate DER, SubjectPublicKeyInfo DER) of the member ``cert``: at most one of them."""
    if value is None or value == "":
        return None, None
    if not isinstance(value, str):
        raise Malformed("'cert' is no text", code="legacy-certificate")
    try:
        blocks = parse_pem(_pem_text(value.encode("ascii")))
    except UnicodeEncodeError:
        raise Malformed("'cert' is not ASCII text", code="legacy-certificate") from None
    label, data = blocks[0]
    if len(blocks) == 1 and label == CERTIFICATE:
        return data, None
    if len(blocks) == 1 and label in (PUBLIC_KEY, RSA_KEY):
        return None, data if label == PUBLIC_KEY else spki_of_rsa(data)
    raise Malformed("'cert' is neither one certificate nor one public key", code="legacy-certificate")


def _pem_text(data: bytes) -> bytes:
    """PEM text, taken out of base64 where it is wrapped in it."""
    text = data.strip()
    if text.startswith(b"-----BEGIN "):
        return text
    try:
        return jsonstrict.b64(text.decode("ascii"), "the certificate")
    except UnicodeDecodeError:
        raise Malformed("the certificate is neither PEM, base64 of PEM nor DER", code="legacy-certificate") from None


def _members(value: Any, name: str, expected: set[str]) -> dict[str, Any]:
    if not isinstance(value, dict) or value.keys() != expected:
        raise Malformed(f"'{name}' does not have exactly the members {sorted(expected)}", code="legacy-bundle")
    return value


def _hex(value: Any) -> bytes:
    try:
        log_id = bytes.fromhex(value) if isinstance(value, str) and value == value.lower() else b""
    except ValueError:
        log_id = b""
    if len(log_id) != _LOG_ID_SIZE:
        raise Malformed("'logID' is not 64 lower-case hex digits", code="legacy-bundle")
    return log_id
