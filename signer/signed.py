"""What is a log told? A signature, what it is over, and who made it."""

from dataclasses import dataclass

from verifier.dsse import Envelope
from verifier.keys import PublicKey
from verifier.pem import CERTIFICATE, encode_pem


@dataclass(frozen=True, slots=True)
class Signed:
    """What a log is told: a signature over a digest (or over an envelope), and who made it.

    `hash_name` and `digest` are of the artifact, or of the envelope's PAE; `certificate` is DER, None for a bare key.
    """

    signature: bytes
    hash_name: str
    digest: bytes
    key: PublicKey
    certificate: bytes | None
    envelope: Envelope | None = None

    @property
    def verifier_pem(self) -> bytes:
        """The certificate or key in PEM, as Rekor v1 keeps it."""
        return encode_pem(CERTIFICATE, self.certificate) if self.certificate is not None else self.key.pem
