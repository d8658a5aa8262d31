"""Which key or certificates are in this PEM text?

Strict where it matters (base64 without foreign characters, matching labels), lenient where history is (line lengths,
CRLF, blanks around blocks). Attacker-controlled.
"""

import base64
import binascii
from typing import NamedTuple

from verifier import der
from verifier.errors import Malformed

CERTIFICATE, PUBLIC_KEY, RSA_KEY = "CERTIFICATE", "PUBLIC KEY", "RSA PUBLIC KEY"
# Rekor stores at most ten certificates in one verifier; more is refused before decoding.
MAX_BLOCKS = 10
_BEGIN, _END, _DASHES = b"-----BEGIN ", b"-----END ", b"-----"
_RSA_ALGORITHM = der.encode(der.SEQUENCE, der.encode(der.OID, der.oid_body("1.2.840.113549.1.1.1")), der.encode(0x05))


class Block(NamedTuple):
    """One PEM block: its label and its decoded bytes."""

    label: str
    data: bytes


def parse_pem(text: bytes) -> tuple[Block, ...]:
    """The blocks of a PEM text (RFC 7468), at least one, at most `MAX_BLOCKS`; nothing but white space around them."""
    blocks: list[Block] = []
    rest = text.strip()
    while rest:
        if len(blocks) == MAX_BLOCKS:
            raise _bad(f"there are more than {MAX_BLOCKS} blocks")
        block, rest = _take(rest)
        blocks.append(block)
    if not blocks:
        raise _bad("it is empty")
    return tuple(blocks)


def encode_pem(label: str, data: bytes) -> bytes:
    """One block with lines of 64 characters, as Go and OpenSSL write it."""
    lines = base64.b64encode(data)
    body = b"\n".join(lines[at : at + 64] for at in range(0, len(lines), 64))
    name = label.encode()
    return b"-----BEGIN %s-----\n%s\n-----END %s-----\n" % (name, body, name)


def spki_of_rsa(pkcs1: bytes) -> bytes:
    """SubjectPublicKeyInfo around a PKCS#1 RSA key (RFC 8017 appendix A.1.1)."""
    return der.encode(der.SEQUENCE, _RSA_ALGORITHM, der.encode(der.BIT_STRING, b"\x00", pkcs1))


def _take(text: bytes) -> tuple[Block, bytes]:
    if not text.startswith(_BEGIN):
        raise _bad("text stands where a block should begin")
    label_end = text.find(_DASHES, len(_BEGIN))
    label = text[len(_BEGIN) : label_end]
    closing = _END + label + _DASHES
    end = text.find(closing, label_end)
    if label_end < 0 or end < 0 or not label.isascii() or b"\n" in label:
        raise _bad("a block does not end with its own label")
    payload = text[label_end + len(_DASHES) : end].translate(None, b" \t\r\n")
    try:
        data = binascii.a2b_base64(payload, strict_mode=True)
    except binascii.Error as error:
        raise _bad("a block is not base64") from error
    return Block(label.decode(), data), text[end + len(closing) :].lstrip()


def _bad(why: str) -> Malformed:
    return Malformed(f"This is not a usable PEM text: {why}.", code="pem")
