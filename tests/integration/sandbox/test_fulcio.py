"""The sandbox's Fulcio: who gets a certificate, who does not, and which lies a client can meet."""

import base64
import hashlib
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from sandbox import claims, jwt
from sandbox.keys import SigningKey
from sandbox.subjects import GITHUB_ACTIONS, GOOGLE, email
from sandbox.whole import WholeSigstore
from verifier.certificate import read_identity
from verifier.sct import check_sct, embedded_scts
from verifier.trust import TrustedRoot

pytestmark = pytest.mark.integration
INVALID_TOKEN = "There was an error processing the identity token"


@pytest.fixture(params=["rfc6962", "static"])
def sigstore(request: pytest.FixtureRequest) -> Iterator[WholeSigstore]:
    with WholeSigstore(seed="fulcio", ct_form=request.param) as sigstore:
        yield sigstore


def body(token: str, challenge: str, key: SigningKey | None = None) -> dict[str, Any]:
    key = key or SigningKey.make("ecdsa-p256")
    proof = base64.b64encode(key.sign(challenge.encode())).decode()
    public = {"algorithm": "ECDSA", "content": key.pem.decode()}
    return {
        "credentials": {"oidcIdentityToken": token},
        "publicKeyRequest": {"publicKey": public, "proofOfPossession": proof},
    }


def ask(sigstore: WholeSigstore, asked: Any, **headers: str) -> httpx.Response:
    return httpx.post(sigstore.fulcio.url + "/api/v2/signingCert", json=asked, headers=headers)


def chain_of(reply: httpx.Response) -> list[bytes]:
    assert reply.status_code == 200, reply.text
    pems = reply.json()["signedCertificateEmbeddedSct"]["chain"]["certificates"]
    return [x509.load_pem_x509_certificate(one.encode()).public_bytes(Encoding.DER) for one in pems]


@pytest.mark.parametrize("kind", ["ecdsa-p256", "ecdsa-p384", "ecdsa-p521", "ed25519", "rsa-2048"])
def test_a_certificate_is_logged_before_it_is_issued(sigstore: WholeSigstore, kind: str) -> None:
    key = SigningKey.make(kind)
    leaf, *above = chain_of(ask(sigstore, body(sigstore.token("me@corp.test"), "me@corp.test", key)))
    assert tuple(above) == sigstore.ca.chain
    identity = read_identity(leaf)
    assert ([name.value for name in identity.names], identity.issuer) == (["me@corp.test"], GOOGLE)
    assert identity.key_sha256 == hashlib.sha256(key.spki).digest()
    assert check_sct(leaf, above[0], TrustedRoot.parse(sigstore.trusted_root).ctlogs)
    assert sigstore.ct.size == 1
    precertificate = x509.load_der_x509_certificate(sigstore.ct.beside(sigstore.ct.shard.bodies[0]).precertificate)
    final = x509.load_der_x509_certificate(leaf)
    assert precertificate.serial_number == final.serial_number
    assert precertificate.extensions.get_extension_for_class(x509.PrecertPoison).critical


def test_a_request_by_csr_and_bearer_token(sigstore: WholeSigstore) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    csr = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(key, hashes.SHA256())
    asked = {"certificateSigningRequest": base64.b64encode(csr.public_bytes(Encoding.PEM)).decode()}
    token = sigstore.token(claims.github_run("acme/widget"))
    leaf = x509.load_der_x509_certificate(chain_of(ask(sigstore, asked, Authorization=f"Bearer {token}"))[0])
    assert leaf.public_key() == key.public_key()
    assert read_identity(leaf.public_bytes(Encoding.DER)).issuer == GITHUB_ACTIONS


def forged(sigstore: WholeSigstore) -> str:
    """A token with the name of the right key, signed by another."""
    header, content, _ = sigstore.token("me@corp.test").split(".")
    other = jwt.sign({}, SigningKey.make("ecdsa-p256")).split(".")[2]
    return ".".join((header, content, other))


def unsigned(sigstore: WholeSigstore) -> str:
    """``alg: none``."""
    _, content, _ = sigstore.token("me@corp.test").split(".")
    return jwt.b64url(b'{"alg":"none"}') + f".{content}."


@pytest.mark.parametrize("made", [forged, unsigned, lambda _: "", lambda _: "a.b", lambda _: "x" * 70_000])
def test_a_token_that_does_not_count(sigstore: WholeSigstore, made: Any) -> None:
    reply = ask(sigstore, body(made(sigstore), "me@corp.test"))
    assert (reply.status_code, reply.json()) == (400, {"code": 3, "message": INVALID_TOKEN})
    assert sigstore.ct.size == 0


@pytest.mark.parametrize("lie", ["expired", "early", "wrong_audience", "unverified_email", "forged"])
def test_tokens_of_a_lying_issuer_are_refused(sigstore: WholeSigstore, lie: str) -> None:
    getattr(sigstore.oidc, lie)()
    assert ask(sigstore, body(sigstore.token("me@corp.test"), "me@corp.test")).json()["message"] == INVALID_TOKEN
    sigstore.honest()
    assert ask(sigstore, body(sigstore.token("me@corp.test"), "me@corp.test")).status_code == 200


def test_possession_must_be_proven_of_a_good_key(sigstore: WholeSigstore) -> None:
    token = sigstore.token("me@corp.test")
    assert "signature" in ask(sigstore, body(token, "somebody@else.test")).json()["message"]
    assert "parsed" in ask(sigstore, {"credentials": {"oidcIdentityToken": token}}).json()["message"]
    weak = rsa.generate_private_key(65537, 1024)
    asked = body(token, "me@corp.test")
    asked["publicKeyRequest"]["publicKey"]["content"] = (
        weak.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    )
    assert "insecure" in ask(sigstore, asked).json()["message"]
    bad = {"certificateSigningRequest": "AAAA", "credentials": {"oidcIdentityToken": token}}
    assert "request could not be parsed" in ask(sigstore, bad).json()["message"]
    for text in (b"", b"[]", b"{" * 100_000, b"\xff"):
        assert httpx.post(sigstore.fulcio.url + "/api/v2/signingCert", content=text).status_code == 400


def test_what_fulcio_says_of_itself(sigstore: WholeSigstore) -> None:
    (bundle,) = httpx.get(sigstore.fulcio.url + "/api/v2/trustBundle").json()["chains"]
    assert len(bundle["certificates"]) == 2
    issuers = httpx.get(sigstore.fulcio.url + "/api/v2/configuration").json()["issuers"]
    assert {sigstore.oidc.url, GOOGLE, GITHUB_ACTIONS} <= {row["issuerUrl"] for row in issuers}
    assert httpx.get(sigstore.fulcio.url + "/api/v2/signingCert").status_code == 501
    assert httpx.get(sigstore.fulcio.url + "/nothing").json()["code"] == 5


def test_a_ca_that_does_not_log(sigstore: WholeSigstore) -> None:
    asked = body(sigstore.token("me@corp.test"), "me@corp.test")
    sigstore.fulcio.unlogged()
    assert not embedded_scts(chain_of(ask(sigstore, asked))[0])
    sigstore.honest()
    sigstore.fulcio.secretly()
    leaf, above, _ = chain_of(ask(sigstore, asked))
    assert check_sct(leaf, above, TrustedRoot.parse(sigstore.trusted_root).ctlogs)
    assert sigstore.ct.size == 0
    assert len(sigstore.fulcio.issued) == 2


def test_a_ca_that_certifies_something_else(sigstore: WholeSigstore) -> None:
    key = SigningKey.make("ecdsa-p256")
    asked = body(sigstore.token("me@corp.test"), "me@corp.test", key)
    sigstore.fulcio.wrong_subject(email("you@corp.test"))
    assert read_identity(chain_of(ask(sigstore, asked))[0]).names[0].value == "you@corp.test"
    sigstore.honest()
    sigstore.fulcio.wrong_key()
    leaf = x509.load_der_x509_certificate(chain_of(ask(sigstore, asked))[0])
    assert leaf.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo) != key.spki


def test_busy_and_broken_front_ends_issue_nothing(sigstore: WholeSigstore) -> None:
    asked = body(sigstore.token("me@corp.test"), "me@corp.test")
    sigstore.fulcio.busy(times=1, retry_after="7")
    reply = ask(sigstore, asked)
    assert (reply.status_code, reply.headers["retry-after"]) == (429, "7")
    sigstore.fulcio.ct_down(times=1)
    reply = ask(sigstore, asked)
    assert (reply.status_code, reply.json()["code"]) == (500, 13)
    assert (sigstore.ct.size, sigstore.fulcio.issued) == (0, [])
    assert ask(sigstore, asked).status_code == 200
