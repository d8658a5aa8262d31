"""Did a certificate transparency log promise to publish this certificate?

Signed certificate timestamps (RFC 6962 sections 3.2 and 3.3), embedded or detached. Extensions are part of what is
signed: static-ct logs carry the leaf index there (protocol.md 5.7). Lists and certificates are attacker-controlled.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from verifier import der, jsonstrict, tbs
from verifier.errors import Malformed, Untrue
from verifier.extensions import AUTHORITY_KEY_ID, EXTENDED_KEY_USAGE, POISON, SCT_LIST
from verifier.trust import TrustedLog

MAX_SCTS = 32
_SCT_LIST, _POISON, _AUTHORITY = der.oid_body(SCT_LIST), der.oid_body(POISON), der.oid_body(AUTHORITY_KEY_ID)
_PURPOSE, _PRECERT_SIGNING = der.oid_body(EXTENDED_KEY_USAGE), der.oid_body("1.3.6.1.4.1.11129.2.4.4")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# TLS SignatureAndHashAlgorithm (RFC 5246 section 7.4.1.4.1): SHA-256 with RSA or ECDSA, and the kinds of keys for them.
_SHA256, _SIGNATURES = 4, {1: "rsa", 3: "ecdsa"}
_X509_ENTRY, _PRECERT_ENTRY = b"\x00\x00", b"\x00\x01"


@dataclass(frozen=True, slots=True)
class Sct:
    """One version 1 timestamp; `timestamp` is in ms since 1970, `algorithm` the two bytes hash and signature."""

    log_id: bytes
    timestamp: int
    extensions: bytes
    algorithm: bytes
    signature: bytes = field(repr=False)

    @property
    def time(self) -> datetime:
        """The timestamp; Malformed if it is after the year 9999."""
        try:
            return _EPOCH + timedelta(milliseconds=self.timestamp)
        except OverflowError as error:
            raise _bad("its time is out of range") from error

    @property
    def leaf_index(self) -> int | None:
        """The place in a static-ct log (C2SP static-ct-api: extension type 0, 40-bit big-endian), None elsewhere."""
        is_index = len(self.extensions) == 8 and self.extensions.startswith(b"\x00\x00\x05")
        return int.from_bytes(self.extensions[3:], "big") if is_index else None


def parse_sct_list(data: bytes) -> tuple[Sct, ...]:
    """The timestamps in a SignedCertificateTimestampList; unknown versions are left out. Malformed otherwise."""
    rest, end = _vector(data, 0, 2)
    if end != len(data):
        raise _bad("bytes follow its end")
    scts: list[Sct] = []
    at = 0
    while at < len(rest):
        one, at = _vector(rest, at, 2)
        if one[:1] == b"\x00":
            scts.append(_parse_sct(one))
        if len(scts) > MAX_SCTS:
            raise _bad(f"it has more than {MAX_SCTS} entries")
    return tuple(scts)


def embedded_scts(cert_der: bytes) -> tuple[Sct, ...]:
    """The timestamps inside a certificate, none if it has no such extension."""
    scts: list[Sct] = []
    for value in tbs.walk_certificate(cert_der).values(_SCT_LIST):
        scts += parse_sct_list(der.content(value, der.outer(value, der.OCTET_STRING)))
    return tuple(scts)


def check_sct(
    leaf_der: bytes, issuer_der: bytes, ctlogs: Sequence[TrustedLog], grand_issuer_der: bytes | None = None
) -> tuple[Sct, ...]:
    """The embedded timestamps by trusted logs, at least one, one for each log; Untrue (``sct-*``) otherwise.

    `issuer_der` is the certificate's issuer in its verified chain. Only where that is a dedicated precertificate
    signing certificate (RFC 6962 section 3.1), `grand_issuer_der` is its own issuer, whose name and key the log
    signed for.
    """
    parts = tbs.walk_certificate(leaf_der)
    signer = tbs.walk_certificate(issuer_der)
    issuer = signer
    if _signs_precertificates(signer):
        if grand_issuer_der is None:
            raise Untrue("The issuer only signs precertificates; its own issuer is needed.", code="sct-issuer")
        issuer = tbs.walk_certificate(grand_issuer_der)
    message = _PRECERT_ENTRY + hashlib.sha256(issuer.spki).digest() + _sized(precert_tbs(leaf_der, issuer_der), 3)
    scts = embedded_scts(leaf_der)
    if not scts:
        raise Untrue("The certificate has no signed certificate timestamp.", code="sct-absent")
    return _held(scts, message, ctlogs, parts.data)


def check_detached_sct(sct_json: bytes, leaf_der: bytes, ctlogs: Sequence[TrustedLog]) -> Sct:
    """A timestamp beside its certificate (an add-chain reply, RFC 6962 section 4.1); Untrue or Malformed otherwise."""
    reply = jsonstrict.loads(sct_json, max_bytes=64 << 10)
    if not isinstance(reply, dict) or reply.get("sct_version") != 0 or type(reply.get("timestamp")) is not int:
        raise _bad("it is not a version 1 add-chain reply")
    algorithm_and_signature = jsonstrict.b64(reply.get("signature"), "signature")
    signature, end = _vector(algorithm_and_signature, 2, 2)
    if end != len(algorithm_and_signature) or not 0 <= reply["timestamp"] < 1 << 64:
        raise _bad("its signature or time is out of shape")
    sct = Sct(
        log_id=jsonstrict.b64(reply.get("id"), "id"),
        timestamp=reply["timestamp"],
        extensions=jsonstrict.b64(reply.get("extensions", ""), "extensions"),
        algorithm=algorithm_and_signature[:2],
        signature=signature,
    )
    return _held((sct,), _X509_ENTRY + _sized(leaf_der, 3), ctlogs, leaf_der)[0]


def precert_tbs(cert_der: bytes, signer_der: bytes | None = None) -> bytes:
    """The TBSCertificate that a log commits to, from a certificate or precertificate (RFC 6962 section 3.2).

    Without SCT list and poison, everything else byte for byte. Where `signer_der` is a dedicated precertificate signing
    certificate, issuer and authority key id become those of its own issuer, as in the final certificate.
    """
    parts = tbs.walk_certificate(cert_der)
    signer = None if signer_der is None else tbs.walk_certificate(signer_der)
    if signer is None or not _signs_precertificates(signer):
        return _rebuilt(parts, parts.issuer, None)
    keys = signer.values(_AUTHORITY)
    return _rebuilt(parts, signer.issuer, keys[0] if keys else b"")


def _rebuilt(parts: tbs.Parts, issuer: bytes, authority_key: bytes | None) -> bytes:
    """The TBSCertificate with this issuer and, if given, this authority key id (empty: without one)."""
    data, list_at = parts.data, parts.list_at
    if list_at is None or {"extension-damaged", "extensions-damaged"} & set(parts.damage):
        raise Malformed("The certificate has no readable extensions.", code="certificate")
    kept: list[bytes] = []
    for extension in parts.extensions:
        if extension.oid in (_SCT_LIST, _POISON) or (extension.oid == _AUTHORITY and authority_key == b""):
            continue
        if extension.oid == _AUTHORITY and authority_key is not None:
            oid, value = der.encode(der.OID, _AUTHORITY), der.encode(der.OCTET_STRING, authority_key)
            kept.append(der.encode(der.SEQUENCE, oid, value))
        else:
            kept.append(data[extension.start : extension.end])
    wrapped = der.encode(list_at.tag, der.encode(der.SEQUENCE, *kept)) if kept else b""
    at = parts.issuer_at
    head = data[parts.tbs.body : at] + issuer + data[at + len(parts.issuer) : list_at.start]
    return der.encode(der.SEQUENCE, head, wrapped, data[list_at.end : parts.tbs.end])


def _held(scts: Sequence[Sct], message: bytes, ctlogs: Sequence[TrustedLog], cert: bytes) -> tuple[Sct, ...]:
    """The first valid timestamp of each trusted log, at least one."""
    held: dict[bytes, Sct] = {}
    failure = Untrue("No signed certificate timestamp is by a trusted log.", code="sct-unknown-log")
    for sct in scts:
        for log in ctlogs:
            if log.log_id == sct.log_id and sct.log_id not in held:
                try:
                    _check_one(sct, message, log)
                    held[sct.log_id] = sct
                except (Untrue, Malformed) as error:
                    failure = Untrue(error.message, code=error.code, evidence={"certificate": cert})
    if not held:
        raise failure
    return tuple(held.values())


def _check_one(sct: Sct, message: bytes, log: TrustedLog) -> None:
    """Section 3.2: version, signature type, time, entry and extensions under the log's key; the time in its window."""
    hashing, signing = sct.algorithm
    if hashing != _SHA256 or not log.key.kind.startswith(_SIGNATURES.get(signing, "-")):
        raise Untrue("A certificate timestamp is signed with another algorithm than its log's.", code="sct-signature")
    signed = b"\x00\x00" + sct.timestamp.to_bytes(8, "big") + message + _sized(sct.extensions, 2)
    try:
        log.key.verify(sct.signature, signed, "sha256")
    except Untrue as error:
        raise Untrue("A certificate timestamp is not by the log that it names.", code="sct-signature") from error
    if not log.window.contains(sct.time):
        raise Untrue(f"The log's key was not valid at {sct.time.isoformat()}.", code="sct-time")


def _signs_precertificates(parts: tbs.Parts) -> bool:
    values = parts.values(_PURPOSE)
    return any(
        der.content(value, item) == _PRECERT_SIGNING for value in values for item in der.each(value, der.outer(value))
    )


def _parse_sct(data: bytes) -> Sct:
    if len(data) < 45:
        raise _bad("an entry is cut short")
    extensions, at = _vector(data, 41, 2)
    algorithm = data[at : at + 2]
    signature, end = _vector(data, at + 2, 2)
    if end != len(data):
        raise _bad("bytes follow the end of an entry")
    return Sct(data[1:33], int.from_bytes(data[33:41], "big"), extensions, algorithm, signature)


def _vector(data: bytes, at: int, width: int) -> tuple[bytes, int]:
    """A TLS vector with a length of `width` bytes at `at`, and where it ends."""
    start = at + width
    end = start + int.from_bytes(data[at:start], "big")
    if start > len(data) or end > len(data):
        raise _bad("a length runs past its end")
    return data[start:end], end


def _sized(data: bytes, width: int) -> bytes:
    return len(data).to_bytes(width, "big") + data


def _bad(why: str) -> Malformed:
    return Malformed(f"This is no list of signed certificate timestamps: {why}.", code="sct")
