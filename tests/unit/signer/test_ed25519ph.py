"""Ed25519ph from a digest: the RFC's vector, libsodium's own answer, and our verifier."""

from hashlib import sha512

from hypothesis import given, settings
from hypothesis import strategies as st
from nacl import bindings

from signer.keys.ed25519ph import sign_prehashed
from verifier.ed25519ph import signature_holds

SEED = bytes.fromhex("833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42")
SIGNATURE = bytes.fromhex(
    "98a70222f0b8121aa9d30f813d683f809e462b469c7ff87639499bb94e6dae41"
    "31f85042463c2a355a2003d062adf5aaa10b8c61e636062aaad11c2a26083406"
)


def test_the_vector_of_rfc_8032() -> None:
    public, _ = bindings.crypto_sign_seed_keypair(SEED)
    assert sign_prehashed(SEED, public, sha512(b"abc").digest()) == SIGNATURE


@settings(max_examples=50)
@given(st.binary(min_size=32, max_size=32), st.binary(max_size=300))
def test_the_same_as_libsodium(seed: bytes, message: bytes) -> None:
    public, secret = bindings.crypto_sign_seed_keypair(seed)
    digest = sha512(message).digest()
    state = bindings.crypto_sign_ed25519ph_state()
    bindings.crypto_sign_ed25519ph_update(state, message)
    signature = sign_prehashed(seed, public, digest)
    assert signature == bindings.crypto_sign_ed25519ph_final_create(state, secret)
    assert signature_holds(public, signature, digest)
