"""Bodies of the sandbox, read by the verifier and signed for real."""

import base64
import hashlib
import json

import pytest
import rfc8785

from sandbox import entries
from sandbox.ca import CA
from sandbox.keys import KEY_DETAILS, SigningKey
from verifier.bodies import read_body
from verifier.keys import PublicKey


@pytest.fixture(scope="module")
def ca() -> CA:
    return CA(seed="bodies")


def canonical(body: bytes) -> bool:
    return rfc8785.dumps(json.loads(body)) == body


def test_every_kind_is_read_back_with_its_signer(ca: CA) -> None:
    made, bare = ca.certificate("me@watched.example"), SigningKey.make("ecdsa-p256", "bare")
    text = entries.envelope([made, bare], entries.statement(b"artifact"))
    bodies = {
        ("hashedrekord", "0.0.2"): entries.hashedrekord_v2(made, b"artifact"),
        ("hashedrekord", "0.0.1"): entries.hashedrekord_v1(made, b"artifact"),
        ("dsse", "0.0.2"): entries.dsse_v2([made, bare], entries.statement(b"artifact")),
        ("dsse", "0.0.1"): entries.dsse_v1([made, bare], text),
        ("intoto", "0.0.1"): entries.intoto_v1(made, text),
        ("intoto", "0.0.2"): entries.intoto_v2([made, bare], text),
    }
    for (kind, version), body in bodies.items():
        assert canonical(body)
        read = read_body(body)
        assert (read.kind, read.version) == (kind, version)
        assert made.der in [signer.der for signer in read.signers]


@pytest.mark.parametrize("kind", [kind for kind in KEY_DETAILS if kind not in ("ed25519", "rsa-4096")])
def test_signatures_hold_for_every_kind_of_key(kind: str) -> None:
    key = SigningKey.make(kind, "holds")
    spec = json.loads(entries.hashedrekord_v2(key, b"artifact"))["spec"]["hashedRekordV002"]
    digest = base64.b64decode(spec["data"]["digest"])
    assert digest == hashlib.new(key.hash_name, b"artifact").digest()
    signature = base64.b64decode(spec["signature"]["content"])
    PublicKey.from_der(key.spki).verify_digest(signature, digest, key.hash_name)


def test_other_kinds_are_opaque() -> None:
    assert json.loads(entries.opaque("odd", "9.9.9", {"a": 1})) == {
        "apiVersion": "9.9.9",
        "kind": "odd",
        "spec": {"a": 1},
    }
