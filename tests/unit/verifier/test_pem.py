"""PEM: one meaning, in the shapes that history has."""

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.verifier.cert_maker import rsa_key, spki
from verifier import pem
from verifier.errors import Malformed

labels = st.sampled_from(["CERTIFICATE", "PUBLIC KEY", "PKCS7"])


@given(st.lists(st.tuples(labels, st.binary(max_size=200)), min_size=1, max_size=10))
def test_what_is_encoded_is_read_again(blocks: list[tuple[str, bytes]]) -> None:
    text = b"".join(pem.encode_pem(label, data) for label, data in blocks)
    assert [tuple(block) for block in pem.parse_pem(text)] == blocks
    assert [tuple(block) for block in pem.parse_pem(b"\n \n" + text.replace(b"\n", b"\r\n") + b" ")] == blocks


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b" \n",
        b"junk",
        b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END PUBLIC KEY-----\n",
        b"-----BEGIN CERTIFICATE-----\nAAAA\n",
        b"-----BEGIN CERTIFICATE-----\nA!AA\n-----END CERTIFICATE-----\n",
        b"-----BEGIN CERTIFICATE-----\nAAA\n-----END CERTIFICATE-----\n",
        b"-----BEGIN CERTIFICATE-----\nProc-Type: 4\n\nAAAA\n-----END CERTIFICATE-----\n",
        b"-----BEGIN CERTIFICATE",
        b"-----BEGIN \xff-----\n-----END \xff-----",
        pem.encode_pem("CERTIFICATE", b"x") + b"text between" + pem.encode_pem("CERTIFICATE", b"x"),
        pem.encode_pem("CERTIFICATE", b"x") * (pem.MAX_BLOCKS + 1),
    ],
)
def test_anything_else_is_malformed(text: bytes) -> None:
    with pytest.raises(Malformed) as caught:
        pem.parse_pem(text)
    assert caught.value.code == "pem"


def test_lines_are_as_openssl_writes_them() -> None:
    text = pem.encode_pem(pem.PUBLIC_KEY, spki())
    assert text.startswith(b"-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE")
    assert max(map(len, text.splitlines())) == 64
    assert text.endswith(b"\n-----END PUBLIC KEY-----\n")


def test_a_pkcs1_key_is_wrapped() -> None:
    key = rsa_key().public_key()
    pkcs1 = key.public_bytes(Encoding.DER, PublicFormat.PKCS1)
    assert pem.spki_of_rsa(pkcs1) == key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


@given(st.binary(max_size=100))
def test_any_bytes(data: bytes) -> None:
    try:
        pem.parse_pem(b"-----BEGIN " + data)
    except Malformed:
        return
