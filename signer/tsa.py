"""When was this signed, according to a timestamp authority?

RFC 3161 over HTTP as Sigstore uses it (protocol.md 7.1): SHA-256 of the raw signature bytes, a random nonce, the
authority's certificate asked for. The stamp is checked at once: a log entry comes after it.
"""

import hashlib
import secrets
from typing import TYPE_CHECKING

from verifier import der
from verifier.errors import Untrue
from verifier.fetch.call import Call, expect
from verifier.timestamp import check_timestamp
from verifier.timestamp_token import parse_timestamp
from verifier.trust import TrustedRoot

if TYPE_CHECKING:
    from verifier.fetch.http import Http

_MAX_ANSWER = 1 << 20
_NONCE_BITS = 63  # positive in DER, and fits the 64 bits that servers accept
_SHA256 = der.encode(der.SEQUENCE, der.encode(der.OID, der.oid_body("2.16.840.1.101.3.4.2.1")), der.encode(0x05))
_TRUE = der.encode(der.BOOLEAN, b"\xff")


def request_timestamp(http: "Http", url: str, signature: bytes, trust: TrustedRoot | None) -> bytes:
    """The DER TimeStampResp of the authority at `url` (its complete POST URL); Untrue if the stamp does not verify.

    Without a trust root (`trust` None) only the nonce and the imprint are compared.
    """
    nonce = secrets.randbits(_NONCE_BITS) | 1
    headers = {"Content-Type": "application/timestamp-query"}
    query = timestamp_query(signature, nonce)
    call = Call("POST", url, _MAX_ANSWER, accept="application/timestamp-reply", headers=headers, content=query)
    data = expect(http.send(call), 200, 201).body
    token = parse_timestamp(data)
    if token.nonce != nonce:
        raise Untrue("the timestamp answers another request: its nonce is not ours", code="timestamp-nonce")
    if hashlib.new(token.imprint_hash, signature).digest() != token.imprint:
        raise Untrue("the timestamp is for another signature", code="timestamp-imprint")
    if trust is not None:
        check_timestamp(data, signature, trust.tsas)
    return data


def timestamp_query(signature: bytes, nonce: int) -> bytes:
    """DER TimeStampReq (RFC 3161 section 2.4.1) for the raw signature bytes."""
    imprint = der.encode(der.SEQUENCE, _SHA256, der.encode(der.OCTET_STRING, hashlib.sha256(signature).digest()))
    return der.encode(der.SEQUENCE, _integer(1), imprint, _integer(nonce), _TRUE)


def _integer(value: int) -> bytes:
    return der.encode(der.INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "big"))
