"""Keys on a token: SoftHSM, with the real module, real objects and our command line."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from signer.keys import load_key
from signer.keys.piv import load_piv
from signer.keys.token_uri import parse_uri
from tests.integration.signer.conftest import Call
from tests.unit.signer.keys.stand_in import StandIn
from verifier.errors import Refused, Untrue

pytestmark = pytest.mark.integration
MODULES = ("/usr/lib/softhsm/libsofthsm2.so", "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so")
MODULE = next((path for path in MODULES if Path(path).exists()), "")
PIN = "87654321"
SPELLED = {
    "p256": (b"\x01", "secp256r1"),
    "p384": (b"\x02", "secp384r1"),
    "p521": (b"\x03", "secp521r1"),
    "rsa": (b"\x04", ""),
}
SERVICE = StandIn(lambda *_: (500, {}))


@pytest.fixture(scope="module")
def token(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A token with a key of each kind; the label of the token."""
    pkcs11: Any = pytest.importorskip("pkcs11", reason="the extra pkcs11 is not installed")
    tool = shutil.which("softhsm2-util")
    if not MODULE or tool is None:
        pytest.skip("SoftHSM is not installed (apt-get install softhsm2)")
    folder = tmp_path_factory.mktemp("softhsm")
    (folder / "tokens").mkdir()
    (folder / "softhsm2.conf").write_text(f"directories.tokendir = {folder}/tokens\nobjectstore.backend = file\n")
    os.environ["SOFTHSM2_CONF"] = str(folder / "softhsm2.conf")
    command = [tool, "--init-token", "--free", "--label", "sig warden", "--pin", PIN, "--so-pin", "12345678"]
    subprocess.run(command, check=True, capture_output=True)
    ec = __import__("pkcs11.util.ec", fromlist=["encode_named_curve_parameters"])
    with pkcs11.lib(MODULE).get_token(token_label="sig warden").open(user_pin=PIN, rw=True) as session:
        for name, (number, curve) in SPELLED.items():
            if curve:
                value = ec.encode_named_curve_parameters(curve)
                parameters = session.create_domain_parameters(
                    pkcs11.KeyType.EC, {pkcs11.Attribute.EC_PARAMS: value}, local=True
                )
                parameters.generate_keypair(id=number, label=name, store=True)
            else:
                session.generate_keypair(pkcs11.KeyType.RSA, 2048, id=number, label=name, store=True)
    return "sig warden"


def uri(attributes: str, pin: str | None = PIN) -> str:
    return f"pkcs11:token=sig%20warden;{attributes}?module-path={MODULE}" + (f"&pin-value={pin}" if pin else "")


@pytest.mark.parametrize("name", SPELLED)
@pytest.mark.parametrize("by", ["id", "object"])
def test_every_kind_signs(token: str, name: str, by: str) -> None:
    attributes = f"object={name}" if by == "object" else f"id=%{SPELLED[name][0].hex()}"
    key = load_key(uri(attributes), SERVICE.access({}))
    key.public.verify(key.sign(b"message"), b"message", key.hash_name)
    assert PIN not in repr(key)


def test_the_pin_comes_from_the_variable_or_the_person(token: str) -> None:
    key = load_key(uri("object=p256", None), SERVICE.access({"COSIGN_PKCS11_PIN": PIN}))
    assert key.sign(b"x")
    assert load_key(uri("object=p384"), SERVICE.access({})).sign(b"two keys of one token at a time")
    del key  # the process is logged in while it lives
    with pytest.raises(Untrue) as error:
        load_key(uri("object=p256", "0000"), SERVICE.access({}))
    assert error.value.code == "key-pin" and "0000" not in str(error.value)


@pytest.mark.parametrize("attributes", ["object=nothing", "id=%99", "object=p256;slot-id=4294967"])
def test_what_is_not_there(token: str, attributes: str) -> None:
    with pytest.raises(Refused):
        load_key(uri(attributes), SERVICE.access({}))


def test_a_module_that_is_none(token: str) -> None:
    with pytest.raises(Refused):
        load_key(f"pkcs11:object=x?module-path={__file__}&pin-value={PIN}", SERVICE.access({}))


def test_a_security_key_is_the_token_of_its_module(token: str) -> None:
    """A PIV slot is an object ID: the signature slot 9c is number 2."""
    access = SERVICE.access({"COSIGN_PKCS11_MODULE_PATH": MODULE, "COSIGN_PKCS11_PIN": PIN})
    assert load_piv("9c", access).public.kind == load_piv("signature", access).public.kind == "ecdsa-p384"
    with pytest.raises(Refused):
        load_piv("9f", access)


def test_on_the_command_line(token: str, place: Path, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    reference = uri("object=p384")
    done = call("sign-blob", "hello.txt", "--key", reference, "--signing-config", "none.json", "--bundle", "b.json")
    assert done.code == 0, done.err
    assert PIN not in done.out + done.err
    shown = call("public-key", "--key", reference)
    assert shown.code == 0 and shown.out.startswith("-----BEGIN PUBLIC KEY-----")
    (place / "p384.pub").write_text(shown.out)
    check = call("verify-blob", "hello.txt", "--bundle", "b.json", "--key", "p384.pub", "--insecure-ignore-tlog")
    assert check.code == 0, check.err
    wrong = call("sign-blob", "hello.txt", "--key", uri("object=p384", "11112222"), "--signing-config", "none.json",
                 "--bundle", "c.json")  # fmt: skip
    assert wrong.code == 1 and "11112222" not in wrong.err


@pytest.mark.parametrize(
    "text",
    [
        "pkcs11:",
        "pkcs11:token=x?module-path=/m",
        "pkcs11:object=a",
        "pkcs11:object=a;object=b?module-path=/m",
        "pkcs11:object=a;slot-id=x?module-path=/m",
        "pkcs11:object?module-path=/m",
    ],
)
def test_references_that_mean_nothing(text: str) -> None:
    with pytest.raises(Refused):
        parse_uri(text, {})


def test_the_parts_of_a_reference() -> None:
    parsed = parse_uri("pkcs11:token=a%20b;id=%01%ff;slot-id=3?module-path=/m%20n&pin-value=se%26cret", {})
    assert (parsed.token, parsed.id, parsed.slot, parsed.module, parsed.pin) == (
        "a b",
        b"\x01\xff",
        3,
        "/m n",
        "se&cret",
    )
    assert "cret" not in repr(parsed)
