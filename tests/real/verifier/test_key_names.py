"""Keys and tokens of the older entry kinds, against independent readers of their formats."""

import base64
import json
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import load_ssh_public_key, ssh_key_fingerprint
from cryptography.x509.oid import ExtendedKeyUsageOID
from rfc3161_client import decode_timestamp_response
from securesystemslib.formats import encode_canonical

from tests.real.verifier.records import v1_entries
from verifier.bodies import Body, Signer, read_body
from verifier.entry import entry_from_rest
from verifier.key_names import emails, fingerprints
from verifier.keys import PublicKey


@pytest.fixture(scope="module")
def bodies(real_data: Path) -> list[Body]:
    return [read_body(entry_from_rest(*pair).body) for pair in v1_entries(real_data / "logs" / "rekor-v1")]


def signers(bodies: list[Body], kind: str) -> list[Signer]:
    return [signer for body in bodies for signer in body.signers if signer.kind == kind]


def test_openpgp_keys(bodies: list[Body]) -> None:
    """Primary fingerprints and user ids as Sequoia reads them."""
    sequoia = pytest.importorskip("pysequoia", reason="install the extra pgp")
    found = signers(bodies, "pgp")
    assert len(found) == 15
    for signer in found:
        certificate = sequoia.Cert.from_bytes(signer.der)
        assert bytes.fromhex(str(certificate.fingerprint)) in fingerprints(signer)
        said = " ".join(str(user) for user in certificate.user_ids)
        assert all(address in said for address in emails(signer))
        assert len(emails(signer)) == said.count("@") or not emails(signer)


def test_ssh_keys(bodies: list[Body]) -> None:
    found = signers(bodies, "ssh")
    assert len(found) >= 4
    for signer in found:
        size = int.from_bytes(signer.der[:4])
        line = signer.der[4 : 4 + size] + b" " + base64.b64encode(signer.der)
        assert fingerprints(signer) == {ssh_key_fingerprint(load_ssh_public_key(line), hashes.SHA256())}
        assert signer.signature is not None
        assert signer.signature.startswith(b"SSHSIG")


def test_minisign_keys(bodies: list[Body]) -> None:
    """Legacy and signify signatures are plain Ed25519 over the file; the key id is in both halves."""
    found = signers(bodies, "minisign")
    assert len(found) >= 5
    for signer in found:
        assert signer.signature is not None
        assert signer.signature[2:10] == signer.der[2:10]
        assert signer.der[2:10][::-1] in fingerprints(signer)


def test_timestamps(bodies: list[Body]) -> None:
    found = [body for body in bodies if body.kind == "rfc3161"]
    assert len(found) == 3
    compared = 0
    for body in found:
        (signer,) = body.signers
        purposes = x509.load_der_x509_certificate(signer.der).extensions.get_extension_for_class(x509.ExtendedKeyUsage)
        assert ExtendedKeyUsageOID.TIME_STAMPING in purposes.value
        try:
            token = decode_timestamp_response(base64.b64decode(json.loads(body.data)["spec"]["tsr"]["content"]))
        except ValueError:  # it insists on the order of DER sets, which the token in Rekor's own test data has not
            continue
        assert body.related == (("message", "sha256", token.tst_info.message_imprint.message.hex()),)
        assert {signer.der, *signer.chain} == set(token.signed_data.certificates)
        compared += 1
    assert compared == 1


def test_tuf_metadata_is_signed_by_its_signers(bodies: list[Body]) -> None:
    """Each signature really is by the key that we found for it."""
    found = [body for body in bodies if body.kind == "tuf"]
    assert len(found) == 2
    for body in found:
        content = json.loads(body.data)["spec"]["metadata"]["content"]
        signed = json.loads(base64.b64decode(content))["signed"]
        (signer,) = body.signers
        assert signer.signature is not None
        PublicKey.from_der(signer.der).verify(signer.signature, str(encode_canonical(signed)).encode())
