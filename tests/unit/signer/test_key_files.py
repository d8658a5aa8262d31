"""Key files: what cosign wrote is read, what we write opens again, and everything else is refused with a reason."""

import json
from base64 import b64decode, b64encode
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from signer.keys.key import LocalKey, LocalPrivateKey
from signer.keys.pem import read_private_key, seal_key
from signer.keys.sealed import is_sealed
from verifier.errors import Malformed, Refused, Untrue
from verifier.keys import PublicKey

MAKERS: dict[str, LocalPrivateKey] = {
    "p256": ec.generate_private_key(ec.SECP256R1()),
    "p384": ec.generate_private_key(ec.SECP384R1()),
    "p521": ec.generate_private_key(ec.SECP521R1()),
    "rsa": rsa.generate_private_key(65537, 2048),
    "ed25519": ed25519.Ed25519PrivateKey.generate(),
}


def no_password() -> bytes:
    raise AssertionError("asked for a password that is not needed")


@pytest.mark.parametrize("name", MAKERS)
def test_a_sealed_key_opens_again_and_signs(name: str) -> None:
    key = LocalKey(MAKERS[name])
    sealed = seal_key(key, b"pass word")
    assert sealed.startswith(b"-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\n")
    again = read_private_key(sealed, lambda: b"pass word")
    assert again.public.der == key.public.der
    again.public.verify(again.sign(b"message"), b"message")


def test_a_wrong_password_is_named() -> None:
    sealed = seal_key(LocalKey(MAKERS["p256"]), b"right")
    with pytest.raises(Untrue) as raised:
        read_private_key(sealed, lambda: b"wrong")
    assert raised.value.code == "key-password"
    assert "wrong" not in str(raised.value)


@pytest.mark.parametrize("name", MAKERS)
def test_other_tools_pem_forms(name: str) -> None:
    private = MAKERS[name]
    forms = [PrivateFormat.PKCS8]
    forms += [] if name == "ed25519" else [PrivateFormat.TraditionalOpenSSL]
    for form in forms:
        plain = private.private_bytes(Encoding.PEM, form, NoEncryption())
        assert read_private_key(plain, no_password).public.der == LocalKey(private).public.der
        locked = private.private_bytes(Encoding.PEM, form, BestAvailableEncryption(b"secret"))
        assert read_private_key(locked, lambda: b"secret").public.der == LocalKey(private).public.der
        with pytest.raises(Untrue):
            read_private_key(locked, lambda: b"other")


def test_openssh_keys() -> None:
    private = MAKERS["ed25519"]
    plain = private.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
    assert read_private_key(plain, no_password).public.kind == "ed25519"


def change(sealed: bytes, path: list[str], value: object) -> bytes:
    """The sealed file with one member of its JSON replaced."""
    body = b"".join(sealed.splitlines()[1:-1])
    document = json.loads(b64decode(body))
    place = document
    for part in path[:-1]:
        place = place[part]
    place[path[-1]] = value
    name = b"ENCRYPTED SIGSTORE PRIVATE KEY"
    text = b64encode(json.dumps(document).encode())
    return b"-----BEGIN " + name + b"-----\n" + text + b"\n-----END " + name + b"-----\n"


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (["kdf", "params", "N"], 1 << 30),
        (["kdf", "params", "N"], 2),
        (["kdf", "params", "r"], 1024),
        (["kdf", "params", "p"], 2),
        (["kdf", "params", "N"], "65536"),
        (["kdf", "name"], "argon2"),
        (["cipher", "name"], "aes"),
        (["cipher", "nonce"], "AAAA"),
        (["kdf", "salt"], "not base64!"),
        (["ciphertext"], None),
    ],
)
def test_hostile_parameters_are_refused_before_any_work(path: list[str], value: object) -> None:
    sealed = seal_key(LocalKey(MAKERS["p256"]), b"")
    assert is_sealed(change(sealed, ["kdf", "params", "N"], 65536))
    with pytest.raises(Malformed) as raised:
        read_private_key(change(sealed, path, value), lambda: b"")
    assert raised.value.code in {"key-format", "base64", "json"} or raised.value.code


@pytest.mark.parametrize("junk", [b"", b"hello", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"])
def test_what_is_no_key_is_malformed(junk: bytes) -> None:
    with pytest.raises(Malformed):
        read_private_key(junk, no_password)


def test_curves_that_sigstore_does_not_know_are_refused() -> None:
    pem = ec.generate_private_key(ec.SECP256K1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    with pytest.raises(Refused):
        read_private_key(pem, no_password)


@pytest.mark.parametrize(
    ("name", "password"),
    [("cosign", b"sigwarden-test"), ("other", b"other-pass"), ("nopass", b""), ("stdinpass", b"stdin-secret")],
)
def test_keys_that_the_real_cosign_wrote(real_data: Path, name: str, password: bytes) -> None:
    folder = real_data / "cosign" / "keys"
    key = read_private_key((folder / f"{name}.key").read_bytes(), lambda: password)
    assert key.public.der == PublicKey.from_pem((folder / f"{name}.pub").read_bytes()).der
