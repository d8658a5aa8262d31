"""What does a CT log promise, and what does it hash? Timestamped entries and SCTs (RFC 6962, 3.2 to 3.4)."""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sandbox import der
from sandbox.keys import SigningKey

POISON = "1.3.6.1.4.1.11129.2.4.3"
SCT_LIST = "1.3.6.1.4.1.11129.2.4.2"
_SHA256_ECDSA = b"\x04\x03"


@dataclass(frozen=True, slots=True)
class Submission:
    """What a log is asked to take: a certificate, or (with `tbs`) a precertificate; `chain` is above it, root last.

    `tbs` is the TBSCertificate without poison and SCT list, `issuer_key_hash` SHA-256 of the issuer's SPKI.
    """

    certificate: bytes
    chain: tuple[bytes, ...]
    tbs: bytes | None = None
    issuer_key_hash: bytes = b""

    @property
    def entry(self) -> bytes:
        """Entry type and signed entry."""
        if self.tbs is None:
            return b"\0\0" + sized(self.certificate, 3)
        return b"\0\1" + self.issuer_key_hash + sized(self.tbs, 3)


@dataclass(frozen=True, slots=True)
class Sct:
    """A signed certificate timestamp; `timestamp` in ms, `signature` DER ECDSA with SHA-256."""

    log_id: bytes
    timestamp: int
    extensions: bytes
    signature: bytes

    def encode(self) -> bytes:
        """SignedCertificateTimestamp."""
        head = b"\0" + self.log_id + self.timestamp.to_bytes(8, "big")
        return head + sized(self.extensions, 2) + digitally_signed(self.signature)

    def add_chain_reply(self) -> dict[str, Any]:
        """The answer to add-chain and add-pre-chain (RFC 6962, 4.1)."""
        return {
            "sct_version": 0,
            "id": _b64(self.log_id),
            "timestamp": self.timestamp,
            "extensions": _b64(self.extensions),
            "signature": _b64(digitally_signed(self.signature)),
        }


def sized(data: bytes, width: int) -> bytes:
    """A vector with its length in `width` bytes."""
    return len(data).to_bytes(width, "big") + data


def digitally_signed(signature: bytes) -> bytes:
    """SHA-256 with ECDSA, and the signature."""
    return _SHA256_ECDSA + sized(signature, 2)


def timestamped(entry: bytes, timestamp: int, extensions: bytes) -> bytes:
    """What an SCT signs, and byte for byte the MerkleTreeLeaf (their first two bytes are zero, for other reasons)."""
    return b"\0\0" + timestamp.to_bytes(8, "big") + entry + sized(extensions, 2)


def leaf_index(index: int) -> bytes:
    """The extension that names the place in a static-ct log (C2SP static-ct-api)."""
    return b"\0\0\5" + index.to_bytes(5, "big")


def promise(key: SigningKey, entry: bytes, timestamp: int, extensions: bytes = b"") -> Sct:
    """The SCT of the log with this key over an entry."""
    signature = key.sign(timestamped(entry, timestamp, extensions))
    return Sct(hashlib.sha256(key.spki).digest(), timestamp, extensions, signature)


def list_extension(scts: Sequence[Sct]) -> bytes:
    """The X.509 extension that embeds SCTs (RFC 6962, 3.3)."""
    rows = b"".join(sized(sct.encode(), 2) for sct in scts)
    return der.extension(SCT_LIST, der.tlv(der.OCTET_STRING, sized(rows, 2)))


def poison() -> bytes:
    """The critical extension that makes a certificate a precertificate."""
    return der.extension(POISON, b"\x05\x00", critical=True)


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()
