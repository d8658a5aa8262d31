"""Keys in a transit engine: Vault's published API, every kind of key, rotation, and what may go wrong."""

import base64
from pathlib import Path
from typing import Any

import pytest

from signer.keys import create_key, load_key, load_public
from signer.keys.key import prehashing
from tests.unit.signer.keys.stand_in import PRIVATE, Answer, StandIn, b64, pem, sign
from verifier.errors import Malformed, Refused, SigwardenError, Unreachable, Untrue
from verifier.keys import PublicKey

ENV = {"VAULT_ADDR": "http://vault.test:8200/", "VAULT_TOKEN": "s.topsecret"}
HASH = {"ecdsa-p256": "sha2-256", "ecdsa-p384": "sha2-384", "ecdsa-p521": "sha2-512", "rsa": "sha2-256"}


def vault(kind: str, *, version: int = 3, signs_with: int | None = None, other: bool = False) -> StandIn:
    """Vault's transit engine with one key, as its API documentation describes it."""

    def answer(_self: StandIn, method: str, url: str, body: Any) -> Answer:
        path = url.removeprefix("http://vault.test:8200/v1/")
        if (method, path) == ("GET", "transit/keys/my.key"):
            public = b64(PRIVATE["ed25519"].public_key().public_bytes_raw()) if kind == "ed25519" else pem(kind)
            keys = {str(number): {"public_key": public, "name": kind} for number in range(1, version + 1)}
            return 200, {"data": {"type": kind, "latest_version": version, "keys": keys}}
        if method == "POST" and path == f"transit/sign/my.key{'/' + HASH[kind] if kind in HASH else ''}":
            data = base64.b64decode(body["input"], validate=True)
            assert kind == "ed25519" or body["prehashed"] is True
            made = sign(kind, data if not other else data[::-1])
            return 200, {"data": {"signature": f"vault:v{signs_with or body['key_version']}:{b64(made)}"}}
        if (method, path) == ("POST", "transit/keys/my.key"):
            return 204, None
        return 404, {"errors": []}

    return StandIn(answer)


@pytest.mark.parametrize("kind", PRIVATE)
def test_every_kind_signs_with_its_newest_version(kind: str) -> None:
    service = vault(kind)
    key = load_key("hashivault://my.key", service.access(ENV))
    signature = key.sign(b"message")
    key.public.verify(signature, b"message", key.hash_name)
    assert all(one.headers["X-Vault-Token"] == "s.topsecret" for one in service.requests)
    assert "s.topsecret" not in repr(key) + repr(service.access(ENV))


def test_openbao_has_variables_of_its_own() -> None:
    env = {"BAO_ADDR": "http://vault.test:8200", "BAO_TOKEN": "b", "VAULT_TOKEN": "v", "BAO_NAMESPACE": "team"}
    service = vault("ecdsa-p256")
    load_key("openbao://my.key", service.access(env))
    assert service.requests[0].headers["X-Vault-Token"] == "b"
    assert service.requests[0].headers["X-Vault-Namespace"] == "team"


def test_a_token_file(tmp_path: Path) -> None:
    (tmp_path / ".vault-token").write_text("from-file\n")
    service = vault("rsa")
    load_public("hashivault://my.key", service.access({"VAULT_ADDR": ENV["VAULT_ADDR"], "HOME": str(tmp_path)}))
    assert service.requests[0].headers["X-Vault-Token"] == "from-file"
    with pytest.raises(Refused):
        load_public("hashivault://my.key", service.access({"HOME": str(tmp_path / "none")}))


def test_an_answer_of_another_version_is_refused() -> None:
    with pytest.raises(Malformed):
        load_key("hashivault://my.key", vault("ecdsa-p256", signs_with=2).access(ENV)).sign(b"x")


def test_a_signature_that_the_public_key_does_not_confirm_is_not_used() -> None:
    with pytest.raises(Untrue) as error:
        load_key("hashivault://my.key", vault("ecdsa-p256", other=True).access(ENV)).sign(b"x")
    assert error.value.code == "signature-own"


def test_ed25519_at_a_vault_cannot_sign_digests() -> None:
    key = load_key("hashivault://my.key", vault("ed25519").access(ENV))
    with pytest.raises(Refused):
        prehashing(key)
    with pytest.raises(Refused):
        key.sign_digest(b"d" * 64)


def test_a_new_key() -> None:
    service = vault("ecdsa-p256", version=1)
    made = create_key("hashivault://my.key", service.access(ENV))
    assert made.public == PublicKey.from_pem(pem("ecdsa-p256").encode())
    assert service.requests[0].method == "POST"


@pytest.mark.parametrize("reference", ["hashivault://a/b", "hashivault://", "hashivault://-a", "hashivault://a b"])
def test_references_that_mean_nothing(reference: str) -> None:
    with pytest.raises(Refused):
        load_key(reference, vault("rsa").access(ENV))


def test_faults_are_told_without_the_token() -> None:
    with pytest.raises(Unreachable) as error:
        load_key("hashivault://other", vault("rsa").access(ENV))
    assert error.value.status == 404 and "topsecret" not in str(error.value)

    def broken(*_: Any) -> Answer:
        return 200, {"data": {"latest_version": 1, "keys": {"1": {"public_key": "s.topsecret"}}}}

    with pytest.raises(SigwardenError) as error2:
        load_key("hashivault://my.key", StandIn(broken).access(ENV))
    assert "topsecret" not in str(error2.value)
