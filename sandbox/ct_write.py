"""How does a CT log take a certificate? ``add-chain``, ``add-pre-chain``, ``get-roots`` (RFC 6962, 4.1, 4.2, 4.7)."""

import base64
import binascii
import hashlib
import itertools
import json
from typing import Protocol

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from sandbox.ca import CA
from sandbox.ct_read import refusal
from sandbox.sct import POISON, Sct, Submission
from sandbox.wire import Reply, Request
from verifier.errors import Malformed
from verifier.sct import precert_tbs

_ADD, _ADD_PRE, _ROOTS = "/ct/v1/add-chain", "/ct/v1/add-pre-chain", "/ct/v1/get-roots"
PATHS = (_ADD, _ADD_PRE, _ROOTS)
_CODE_SIGNING = x509.ObjectIdentifier("1.3.6.1.5.5.7.3.3")
_VARY = (("Vary", "Origin"),)


class Writable(Protocol):
    """What a log must offer to be written to."""

    ca: CA

    def take(self, submission: Submission, *, secret: bool = False) -> Sct:
        """Log it."""


class _Refused(Exception):
    """Why a chain is not taken."""


def answer(log: Writable, path: str, request: Request) -> Reply:
    """The SCT of a chain that leads to a root of the log; 400 with the reason otherwise."""
    if path == _ROOTS:
        if request.method != "GET":
            return refusal(405, f"method not allowed: {request.method}")
        body = json.dumps({"certificates": [_b64(log.ca.root)]}, separators=(",", ":")).encode() + b"\n"
        return Reply(200, body, _VARY, "text/plain; charset=utf-8")
    if request.method != "POST":
        return refusal(405, f"method not allowed: {request.method}")
    try:
        chain = _whole(_chain(request.body), log.ca.root)
        submission = _submission(chain, precertificate=path == _ADD_PRE)
    except _Refused as refused:
        return refusal(400, str(refused))
    reply = json.dumps(log.take(submission).add_chain_reply(), separators=(",", ":"))
    return Reply(200, reply.encode(), _VARY)


def _chain(body: bytes) -> list[x509.Certificate]:
    try:
        rows = json.loads(body)["chain"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise _Refused(f"failed to parse add-chain body: {error}") from None
    try:
        return [x509.load_der_x509_certificate(base64.b64decode(row, validate=True)) for row in rows]
    except (ValueError, TypeError, binascii.Error) as error:
        raise _Refused(f"failed to parse add-chain contents: {error}") from None


def _whole(chain: list[x509.Certificate], root: bytes) -> list[x509.Certificate]:
    """The chain with the root, which a client may leave out; each certificate issued by the next."""
    if not chain:
        raise _Refused("failed to verify add-chain contents: empty certificate chain")
    if _der(chain[-1]) != root:
        chain = [*chain, x509.load_der_x509_certificate(root)]
    for below, above in itertools.pairwise(chain):
        try:
            below.verify_directly_issued_by(above)
        except (ValueError, TypeError, InvalidSignature):
            text = "chain failed to verify: x509: certificate signed by unknown authority"
            raise _Refused(f"failed to verify add-chain contents: {text}") from None
    return chain


def _submission(chain: list[x509.Certificate], *, precertificate: bool) -> Submission:
    leaf, issuer = chain[0], chain[min(1, len(chain) - 1)]
    failed = "failed to verify add-chain contents: "
    try:
        purposes = [*leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value]
        poisons = [one for one in leaf.extensions if one.oid.dotted_string == POISON]
    except (ValueError, x509.ExtensionNotFound):
        purposes, poisons = [], []
    if _CODE_SIGNING not in purposes:
        raise _Refused(f"{failed}chain failed to validate: rejecting certificate without EKU in [codeSigning]")
    if poisons and not poisons[0].critical:
        raise _Refused(f"{failed}precert test failed: CT poison ext is not critical or invalid")
    if bool(poisons) != precertificate:
        raise _Refused(f"{failed}cert / precert mismatch: bool")
    above = tuple(_der(one) for one in chain[1:])
    if not precertificate:
        return Submission(_der(leaf), above)
    spki = issuer.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    try:
        tbs = precert_tbs(_der(leaf))
    except Malformed as error:
        raise _Refused(f"failed to build MerkleTreeLeaf: {error.message}") from None
    return Submission(_der(leaf), above, tbs, hashlib.sha256(spki).digest())


def _der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.DER)


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()
