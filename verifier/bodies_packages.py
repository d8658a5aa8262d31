"""Who signed what in Rekor v1's older entry kinds: packages, files, metadata, messages, timestamps?

As in `bodies_signed`. Nothing is verified here; several kinds do not even record the signature (protocol.md 2.1).
"""

import hashlib
from collections.abc import Callable
from dataclasses import replace

from msgspec import UNSET

from verifier import pem, tsr, tuf_keys
from verifier.errors import Malformed
from verifier.pgp import dearmor
from verifier.signers import Parsed, Signer, envelope_base64, hex_digest, pem_signer
from verifier.wire_packages import Alpine001, Cose001, Helm001, Jar001, Rekord001, Rfc3161001, Rpm001, Tuf001

_MINISIGN_KEY = 42  # two bytes algorithm, eight key id, 32 Ed25519 key


def rekord(body: Rekord001) -> Parsed:
    """A signature over a file, in the format that its key has."""
    signature = body.spec.signature
    read = _FORMATS.get(signature.format)
    if read is None:
        raise Malformed("The signature has a format that we do not know.", code="body-format")
    signer = read(signature.public_key.content, signature.content)
    return Parsed((signer,), (hex_digest(body.spec.data.hash),), "artifact")


def rfc3161(body: Rfc3161001) -> Parsed:
    """A timestamp token; its certificates are inside, and nobody checked where they come from."""
    data = body.spec.tsr.content
    token = tsr.read_token(data)
    signers = (Signer("tsa", token.certificate, token.others),) if token.certificate else ()
    related = (("message", token.algorithm, token.imprint.hex()),)
    return Parsed(signers, (("sha256", hashlib.sha256(data).hexdigest()),), "timestamp", related)


def alpine(body: Alpine001) -> Parsed:
    """An Alpine package; the signature stays inside it."""
    return Parsed((pem_signer(body.spec.public_key.content),), (hex_digest(body.spec.package.hash),), "artifact")


def helm(body: Helm001) -> Parsed:
    """A Helm chart by its provenance file."""
    signer = _pgp(body.spec.public_key.content, body.spec.chart.provenance.signature.content)
    return Parsed((signer,), (hex_digest(body.spec.chart.hash),), "artifact")


def jar(body: Jar001) -> Parsed:
    """A Java archive; the signature is PKCS#7 over its signature file."""
    signature = body.spec.signature
    signer = pem_signer(signature.public_key.content, pem.parse_pem(signature.content)[0].data)
    return Parsed((signer,), (hex_digest(body.spec.archive.hash),), "artifact")


def rpm(body: Rpm001) -> Parsed:
    """An RPM package; the signature stays inside it."""
    return Parsed((_pgp(body.spec.public_key.content, None),), (hex_digest(body.spec.package.hash),), "artifact")


def tuf(body: Tuf001) -> Parsed:
    """TUF metadata, signed by keys that the root beside it names."""
    metadata, root = (tuf_keys.content_bytes(part.content) for part in (body.spec.metadata, body.spec.root))
    signers = tuple(Signer("key", key, (), signature) for key, signature in tuf_keys.signers(metadata, root))
    related = (("root", "sha256", hashlib.sha256(root).hexdigest()),)
    return Parsed(signers, (("sha256", hashlib.sha256(metadata).hexdigest()),), "metadata", related)


def cose(body: Cose001) -> Parsed:
    """A COSE_Sign1 message."""
    data = body.spec.data
    related = () if data.envelope_hash is UNSET else (("envelope", *hex_digest(data.envelope_hash)),)
    return Parsed((pem_signer(body.spec.public_key),), (hex_digest(data.payload_hash),), "payload", related)


def read_key(style: str, text: bytes) -> Signer:
    """A public key in the form of its PKI (protocol.md 2.3: x509, pgp, ssh, minisign); Malformed if it is none."""
    reader = _KEYS.get(style)
    if reader is None:
        raise Malformed(f"There is no reader for keys of the format {style!r}.", code="body-verifier")
    return reader(text)


def _pgp(key: bytes, signature: bytes | None) -> Signer:
    return replace(_pgp_key(key), signature=None if signature is None else dearmor(signature))


def _pgp_key(key: bytes) -> Signer:
    return Signer("pgp", dearmor(key))


def _ssh(key: bytes, signature: bytes) -> Signer:
    """The signature is an armored SSHSIG."""
    return replace(_ssh_key(key), signature=pem.parse_pem(signature)[0].data)


def _ssh_key(key: bytes) -> Signer:
    """A line ``type base64 [comment]``."""
    fields = key.split()
    if len(fields) < 2:
        raise Malformed("An SSH key is not a type and base64.", code="body-verifier")
    return Signer("ssh", envelope_base64(fields[1]))


def _minisign(key: bytes, signature: bytes) -> Signer:
    """The signature is base64 below a comment line."""
    lines = signature.strip().splitlines()
    return replace(_minisign_key(key), signature=envelope_base64(lines[-1]) if lines else b"")


def _minisign_key(key: bytes) -> Signer:
    """Base64, in a file below a comment line."""
    raw = envelope_base64(key.strip().splitlines()[-1] if key.strip() else b"")
    if len(raw) != _MINISIGN_KEY:
        raise Malformed("A minisign key is not 42 bytes.", code="body-verifier")
    return Signer("minisign", raw)


_FORMATS: dict[str, Callable[[bytes, bytes], Signer]] = {
    "x509": pem_signer,
    "pgp": _pgp,
    "ssh": _ssh,
    "minisign": _minisign,
}
_KEYS: dict[str, Callable[[bytes], Signer]] = {
    "x509": pem_signer,
    "pgp": _pgp_key,
    "ssh": _ssh_key,
    "minisign": _minisign_key,
}
