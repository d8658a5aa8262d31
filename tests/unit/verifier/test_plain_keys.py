"""The short cut for usual keys agrees with the general parser on every input."""

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key
from hypothesis import given
from hypothesis import strategies as st

from verifier.plain_keys import is_plain, plain_key

SPKI = PublicFormat.SubjectPublicKeyInfo
P256 = ec.generate_private_key(ec.SECP256R1())
KEYS: dict[str, ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey] = {
    "p256": P256,
    "p384": ec.generate_private_key(ec.SECP384R1()),
    "p521": ec.generate_private_key(ec.SECP521R1()),
    "ed25519": ed25519.Ed25519PrivateKey.generate(),
}
FORMS = {name: key.public_key().public_bytes(Encoding.DER, SPKI) for name, key in KEYS.items()}


@pytest.mark.parametrize("name", FORMS)
def test_usual_keys_are_the_same_as_the_general_parser_gives(name: str) -> None:
    assert is_plain(FORMS[name])
    assert plain_key(FORMS[name]) == load_der_public_key(FORMS[name])


@pytest.mark.parametrize(
    "data",
    [
        b"",
        rsa.generate_private_key(65537, 2048).public_key().public_bytes(Encoding.DER, SPKI),
        ec.generate_private_key(ec.SECP256K1()).public_key().public_bytes(Encoding.DER, SPKI),
        P256.public_key().public_bytes(Encoding.X962, PublicFormat.CompressedPoint),
        FORMS["p256"] + b"\x00",
    ],
)
def test_every_other_form_is_left_to_it(data: bytes) -> None:
    assert not is_plain(data)
    assert plain_key(data) is None


@given(st.sampled_from(sorted(FORMS)), st.integers(0, 157), st.integers(1, 255))
def test_a_flipped_byte_is_read_as_the_general_parser_reads_it(name: str, place: int, change: int) -> None:
    data = bytearray(FORMS[name])
    data[place % len(data)] ^= change
    try:
        mine = plain_key(bytes(data))
    except ValueError:
        with pytest.raises(ValueError, match=r"."):
            load_der_public_key(bytes(data))
        return
    if mine is not None:
        assert mine == load_der_public_key(bytes(data))
