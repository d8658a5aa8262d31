"""Does a key accept its own signatures in every scheme, and nothing else?"""

import base64
import pickle
from collections.abc import Callable
from contextlib import suppress
from hashlib import new as new_hash
from hashlib import sha256, sha512

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from verifier.algorithms import HASHES
from verifier.errors import Malformed, Untrue
from verifier.keys import ALGORITHMS, PublicKey, algorithm_for, algorithm_named, parse_fingerprint

MESSAGE = b"the quick brown fox"
EC_KEYS = {
    "ecdsa-p256": ec.generate_private_key(ec.SECP256R1()),
    "ecdsa-p384": ec.generate_private_key(ec.SECP384R1()),
    "ecdsa-p521": ec.generate_private_key(ec.SECP521R1()),
}
RSA_KEY = rsa.generate_private_key(65537, 2048)
ED_KEY = ed25519.Ed25519PrivateKey.generate()
HASH_TYPES: dict[str, hashes.HashAlgorithm] = {
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
}
USUAL = {"ecdsa-p256": "sha256", "ecdsa-p384": "sha384", "ecdsa-p521": "sha512"}

# RFC 8032 section 7.3, TEST abc.
PH_PUBLIC = bytes.fromhex("ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf")
PH_SIGNATURE = bytes.fromhex(
    "98a70222f0b8121aa9d30f813d683f809e462b469c7ff87639499bb94e6dae41"
    "31f85042463c2a355a2003d062adf5aaa10b8c61e636062aaad11c2a26083406"
)


def spki(key: PrivateKeyTypes) -> bytes:
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def refused(check: Callable[..., object], *arguments: object, **options: object) -> None:
    with pytest.raises(Untrue):
        check(*arguments, **options)


@pytest.mark.parametrize("kind", list(EC_KEYS))
@pytest.mark.parametrize("hash_name", list(HASH_TYPES))
def test_ecdsa(kind: str, hash_name: str) -> None:
    private = EC_KEYS[kind]
    key = PublicKey.from_der(spki(private))
    assert key.kind == kind
    signature = private.sign(MESSAGE, ec.ECDSA(HASH_TYPES[hash_name]))
    digest = new_hash(hash_name, MESSAGE).digest()
    key.verify(signature, MESSAGE, hash_name)
    key.verify_digest(signature, digest, hash_name)
    refused(key.verify, signature, MESSAGE + b"!", hash_name)
    refused(key.verify, signature[:-1], MESSAGE, hash_name)
    refused(key.verify, signature + b"\0", MESSAGE, hash_name)
    refused(key.verify, b"", MESSAGE, hash_name)
    if hash_name == USUAL[kind]:
        key.verify(signature, MESSAGE)
    else:
        refused(key.verify, signature, MESSAGE)


@pytest.mark.parametrize("kind", list(EC_KEYS))
def test_raw_ecdsa_only_where_it_is_allowed(kind: str) -> None:
    private = EC_KEYS[kind]
    key = PublicKey.from_der(spki(private))
    width = (private.curve.key_size + 7) // 8
    signature = private.sign(MESSAGE, ec.ECDSA(HASH_TYPES[USUAL[kind]]))
    raw = b"".join(part.to_bytes(width, "big") for part in decode_dss_signature(signature))
    key.verify(raw, MESSAGE, allow_raw=True)
    key.verify(signature, MESSAGE, allow_raw=True)
    key.verify_digest(raw, new_hash(USUAL[kind], MESSAGE).digest(), USUAL[kind], allow_raw=True)
    refused(key.verify, raw, MESSAGE)
    refused(key.verify, raw + b"\0", MESSAGE, allow_raw=True)
    refused(key.verify, b"\0" * (2 * width), MESSAGE, allow_raw=True)
    refused(key.verify, b"\xff" * (2 * width), MESSAGE, allow_raw=True)


@pytest.mark.parametrize("hash_name", list(HASH_TYPES))
def test_rsa_both_paddings(hash_name: str) -> None:
    algorithm = HASH_TYPES[hash_name]
    key = PublicKey.from_der(spki(RSA_KEY))
    assert (key.kind, key.bits) == ("rsa", 2048)
    digest = new_hash(hash_name, MESSAGE).digest()
    signature = RSA_KEY.sign(MESSAGE, padding.PKCS1v15(), algorithm)
    key.verify(signature, MESSAGE, hash_name)
    key.verify_digest(signature, digest, hash_name)
    refused(key.verify, signature, MESSAGE, hash_name, pss=True)
    for salt in (0, 20, algorithm.digest_size):
        pss = RSA_KEY.sign(MESSAGE, padding.PSS(padding.MGF1(algorithm), salt), algorithm)
        key.verify(pss, MESSAGE, hash_name, pss=True)
        key.verify_digest(pss, digest, hash_name, pss=True)
        refused(key.verify, pss, MESSAGE, hash_name)
    refused(key.verify, b"\0" + signature, MESSAGE, hash_name)


def test_ed25519_pure_and_prehashed_are_different() -> None:
    key = PublicKey.from_der(spki(ED_KEY))
    signature = ED_KEY.sign(MESSAGE)
    key.verify(signature, MESSAGE)
    refused(key.verify, signature, MESSAGE, "sha512")
    refused(key.verify_digest, signature, sha512(MESSAGE).digest(), "sha512")
    refused(key.verify_digest, signature, sha256(MESSAGE).digest(), "sha256")
    refused(key.verify, signature[:63], MESSAGE)


def test_ed25519ph_vector_of_rfc_8032() -> None:
    key = PublicKey.from_raw("ed25519", PH_PUBLIC)
    key.verify(PH_SIGNATURE, b"abc", "sha512")
    key.verify_digest(PH_SIGNATURE, sha512(b"abc").digest(), "sha512")
    refused(key.verify, PH_SIGNATURE, b"abc")
    refused(key.verify, PH_SIGNATURE, b"abd", "sha512")
    for bit in range(0, 512, 7):
        wrong = bytearray(PH_SIGNATURE)
        wrong[bit // 8] ^= 1 << bit % 8
        refused(key.verify, bytes(wrong), b"abc", "sha512")
    order = 2**252 + 27742317777372353535851937790883648493
    scalar = int.from_bytes(PH_SIGNATURE[32:], "little") + order  # the malleable twin
    refused(key.verify, PH_SIGNATURE[:32] + scalar.to_bytes(32, "little"), b"abc", "sha512")
    refused(key.verify, PH_SIGNATURE[:32] + bytes(32), b"abc", "sha512")
    refused(key.verify, PH_SIGNATURE[:63], b"abc", "sha512")


def test_ed25519ph_of_libsodium_holds() -> None:
    from nacl import bindings

    seed = ED_KEY.private_bytes_raw()
    public, secret = bindings.crypto_sign_seed_keypair(seed)
    state = bindings.crypto_sign_ed25519ph_state()
    bindings.crypto_sign_ed25519ph_update(state, MESSAGE)
    signature = bindings.crypto_sign_ed25519ph_final_create(state, secret)
    PublicKey.from_raw("ed25519", public).verify(signature, MESSAGE, "sha512")


def test_ed25519ph_keys_of_small_order_verify_nothing() -> None:
    """With the neutral element as key, R = [S]B would hold for every message."""
    from nacl import bindings

    neutral = (1).to_bytes(32, "little")
    scalar = (5).to_bytes(32, "little")
    point = bindings.crypto_scalarmult_ed25519_base_noclamp(scalar)
    key = PublicKey.from_raw("ed25519", neutral)
    refused(key.verify, point + scalar, MESSAGE, "sha512")


@pytest.mark.parametrize("name", ["44", "65", "87"])
def test_ml_dsa(name: str) -> None:
    mldsa = pytest.importorskip("cryptography.hazmat.primitives.asymmetric.mldsa")
    private = getattr(mldsa, f"MLDSA{name}PrivateKey").generate()
    key = PublicKey.from_der(spki(private))
    assert key.kind == f"ml-dsa-{name}"
    assert PublicKey.from_raw(key.kind, key.raw) == key
    signature = private.sign(MESSAGE)
    key.verify(signature, MESSAGE)
    refused(key.verify, signature, MESSAGE + b"!")
    refused(key.verify, signature[:-1], MESSAGE)
    refused(key.verify_digest, signature, sha256(MESSAGE).digest(), "sha256")
    assert algorithm_for(key).name == f"ML_DSA_{name}"


def test_keys_that_we_only_name() -> None:
    for private, kind in (
        (dsa.generate_private_key(1024), "dsa"),
        (ec.generate_private_key(ec.SECP256K1()), "ecdsa-secp256k1"),
        (ed448.Ed448PrivateKey.generate(), "ed448"),
    ):
        key = PublicKey.from_der(spki(private))
        assert key.kind == kind
        with pytest.raises(Untrue) as caught:
            key.verify(b"whatever", MESSAGE)
        assert caught.value.code == "key-unsupported"
        with pytest.raises(Malformed):
            algorithm_for(key)


def test_forms_of_one_key() -> None:
    one_of_each: list[PrivateKeyTypes] = [*EC_KEYS.values(), RSA_KEY, ED_KEY]
    for private in one_of_each:
        key = PublicKey.from_der(spki(private))
        assert PublicKey.from_pem(key.pem) == key
        assert key.pem == private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        assert key.sha256 == sha256(key.der).digest()
        assert pickle.loads(pickle.dumps(key)) == key
        assert key.fingerprints == {key.sha256}
    pkcs1 = RSA_KEY.public_key().public_bytes(Encoding.DER, PublicFormat.PKCS1)
    assert PublicKey.from_pkcs1_der(pkcs1).der == spki(RSA_KEY)
    pem = RSA_KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.PKCS1)
    assert PublicKey.from_pem(pem).der == spki(RSA_KEY)


def test_a_compressed_point_does_not_hide_a_key() -> None:
    private = EC_KEYS["ecdsa-p256"]
    point = private.public_key().public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
    header = bytes.fromhex("3039301306072a8648ce3d020106082a8648ce3d030107032200")
    key = PublicKey.from_der(header + point)
    assert key.sha256 != sha256(spki(private)).digest()
    assert sha256(spki(private)).digest() in key.fingerprints


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x30",
        b"\x30\x00",
        spki(ED_KEY) + b"\0",
        spki(ED_KEY)[:-1],
        b"\x30" * 20_000,
        b"-----BEGIN PUBLIC KEY-----",
    ],
)
def test_bad_keys_are_malformed(data: bytes) -> None:
    for load in (PublicKey.from_der, PublicKey.from_pem, PublicKey.from_pkcs1_der):
        with pytest.raises(Malformed):
            load(data)


def test_pem_with_anything_but_one_key_is_malformed() -> None:
    one = PublicKey.from_der(spki(ED_KEY)).pem
    private = ED_KEY.private_bytes_raw()
    for text in (
        one + one,
        one.replace(b"PUBLIC KEY", b"CERTIFICATE"),
        one.replace(b"PUBLIC KEY", b"PRIVATE KEY"),
        one.replace(b"MC", b"M!"),
        base64.b64encode(private),
        one * 5000,
    ):
        with pytest.raises(Malformed):
            PublicKey.from_pem(text)
    with pytest.raises(Malformed):
        _ = PublicKey.from_der(spki(RSA_KEY)).raw
    for size in (31, 33):
        with pytest.raises(Malformed):
            PublicKey.from_raw("ed25519", bytes(size))


@given(st.binary(max_size=120))
def test_no_bytes_crash_a_key(data: bytes) -> None:
    with suppress(Malformed):
        PublicKey.from_der(data)
    key = PublicKey.from_der(spki(EC_KEYS["ecdsa-p256"]))
    refused(key.verify, data, MESSAGE, allow_raw=True)


def test_digests_of_the_wrong_size_and_unknown_hashes_are_malformed() -> None:
    key = PublicKey.from_der(spki(RSA_KEY))
    for digest, name in ((b"short", "sha256"), (bytes(32), "sha512"), (bytes(16), "md5"), (bytes(20), "sha1")):
        with pytest.raises(Malformed):
            key.verify_digest(bytes(256), digest, name)


def test_the_registry_is_whole_and_unambiguous() -> None:
    assert [row.number for row in ALGORITHMS] == list(range(1, 24))
    assert len({row.name for row in ALGORITHMS}) == 23
    clis = [row.cli for row in ALGORITHMS if row.cli]
    assert len(clis) == len(set(clis))
    assert {row.name for row in ALGORITHMS if row.rekor_v2} == {
        "PKIX_ECDSA_P256_SHA_256",
        "PKIX_ED25519_PH",
        "PKIX_RSA_PKCS1V15_2048_SHA256",
        "PKIX_RSA_PKCS1V15_3072_SHA256",
        "PKIX_RSA_PKCS1V15_4096_SHA256",
        "PKIX_ECDSA_P384_SHA_384",
        "PKIX_ECDSA_P521_SHA_512",
    }
    assert [row[0] for row in HASHES] == [1, 2, 3, 4, 5]


def test_rows_are_found_by_key_number_and_name() -> None:
    owners: dict[str, PrivateKeyTypes] = {**EC_KEYS, "rsa": RSA_KEY, "ed25519": ED_KEY}
    names = {kind: algorithm_for(PublicKey.from_der(spki(private))).name for kind, private in owners.items()}
    assert names == {
        "ecdsa-p256": "PKIX_ECDSA_P256_SHA_256",
        "ecdsa-p384": "PKIX_ECDSA_P384_SHA_384",
        "ecdsa-p521": "PKIX_ECDSA_P521_SHA_512",
        "rsa": "PKIX_RSA_PKCS1V15_2048_SHA256",
        "ed25519": "PKIX_ED25519",
    }
    assert algorithm_for(PublicKey.from_der(spki(ED_KEY)), "sha512").cli == "ed25519-ph"
    assert algorithm_for(PublicKey.from_der(spki(RSA_KEY)), pss=True).number == 16
    assert algorithm_for(PublicKey.from_der(spki(EC_KEYS["ecdsa-p384"])), "sha256").deprecated
    assert algorithm_named("rsa-sign-pkcs1-4096-sha256").number == 11
    assert algorithm_named(5) == algorithm_named("PKIX_ECDSA_P256_SHA_256")
    for unknown in (0, 24, "", "ROT13", "ecdsa-sha2-256-nistp384"):
        with pytest.raises(Malformed):
            algorithm_named(unknown)
    with pytest.raises(Malformed):
        algorithm_for(PublicKey.from_der(spki(RSA_KEY)), "sha512")


def test_spellings_of_a_fingerprint() -> None:
    digest = sha256(b"key").digest()
    digits = digest.hex()
    text = base64.b64encode(digest).decode()
    for written in (
        digits,
        digits.upper(),
        f"  {digits}\n",
        f"sha256:{digits}",
        f"SHA256:{digits.upper()}",
        digest.hex(":"),
        digest.hex(":").upper(),
        "SHA256:" + digest.hex(":"),
        "SHA256:" + text,
        "SHA256:" + text.rstrip("="),
        "sha256:" + text.rstrip("="),
        "0x" + digits,
    ):
        assert parse_fingerprint(written) == ("sha256", digest), written
    assert parse_fingerprint("ABAF 11C6 5A29 70B1 30AB  E3C4 79BE 3E43 0041 1886")[0] == "sha1"
    assert parse_fingerprint("openpgp4fpr:abaf11c65a2970b130abe3c479be3e4300411886")[0] == "sha1"
    assert parse_fingerprint("79BE3E4300411886") == ("key-id", bytes.fromhex("79be3e4300411886"))


@pytest.mark.parametrize(
    "written",
    [
        "",
        "sha256:",
        "abc",
        "g" * 64,
        "a" * 63,
        "a" * 66,
        "sha1:" + "a" * 64,
        "sha256:" + "a" * 40,
        "md5:" + "a" * 32,
        "SHA256:" + "!" * 43,
        "SHA256:" + "_" * 43,
        "SHA256:" + "A" * 42 + "B",
        "٣" * 64,
    ],
)
def test_what_is_no_fingerprint(written: str) -> None:
    with pytest.raises(Malformed) as caught:
        parse_fingerprint(written)
    assert caught.value.hint
