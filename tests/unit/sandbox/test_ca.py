"""What the CA issues, read by other people's code and by ours."""

import hashlib
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec

from sandbox import subjects
from sandbox.ca import CA, HONEST, Profile, without_sct
from sandbox.certificates import pem_of
from sandbox.keys import KEY_DETAILS, SigningKey
from verifier.certificate import read_identity
from verifier.extensions import EXTENSIONS

WHEN = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def ca() -> CA:
    return CA(seed="unit", now=lambda: WHEN)


def load(der: bytes) -> x509.Certificate:
    return x509.load_der_x509_certificate(der)


def test_the_chain_holds_and_the_rogue_one_does_not(ca: CA) -> None:
    made = ca.certificate("me@watched.example")
    leaf, intermediate, root = load(made.der), *map(load, ca.chain)
    leaf.verify_directly_issued_by(intermediate)
    intermediate.verify_directly_issued_by(root)
    root.verify_directly_issued_by(root)
    false = load(ca.rogue().certificate("me@watched.example").der)
    assert false.issuer == leaf.issuer
    with pytest.raises(InvalidSignature):
        false.verify_directly_issued_by(intermediate)


def test_the_embedded_sct_is_over_the_precertificate(ca: CA) -> None:
    leaf = load(ca.certificate("me@watched.example", profile=replace(HONEST, leaf_index=700)).der)
    (sct,) = leaf.extensions.get_extension_for_class(x509.PrecertificateSignedCertificateTimestamps).value
    tbs = leaf.tbs_precertificate_bytes
    issuer = hashlib.sha256(ca._key.spki).digest()
    stamp = int(WHEN.timestamp() * 1000).to_bytes(8, "big")
    more = b"\x00\x08" + sct.extension_bytes
    signed = b"\0\0" + stamp + b"\0\x01" + issuer + len(tbs).to_bytes(3, "big") + tbs + more
    assert sct.extension_bytes == b"\x00\x00\x05" + (700).to_bytes(5, "big")
    public = ca.ct.private.public_key()
    assert isinstance(public, ec.EllipticCurvePublicKey)
    assert sct.signature_hash_algorithm is not None
    public.verify(sct.signature, signed, ec.ECDSA(sct.signature_hash_algorithm))


def test_every_claim_is_read_back_under_its_name(ca: CA) -> None:
    claims: dict[str, str | bytes | tuple[str | bytes, ...]] = {name: f"value of {name}" for name in subjects.CLAIMS}
    subject = subjects.Subject((subjects.uri_name("https://a.test/b"),), claims | {"issuer-v1": "i", "issuer": "i"})
    read = read_identity(ca.certificate(subject).der)
    names = {row.name for row in EXTENSIONS.values()}
    assert names == set(subjects.CLAIMS)
    assert all(read.extensions[name] == f"value of {name}" for name in names - {"issuer", "issuer-v1"})
    assert read.issuer == "i"
    assert read.anomalies == ()


@pytest.mark.parametrize("kind", [kind for kind in KEY_DETAILS if kind not in ("ed25519ph", "rsa-4096")])
def test_every_kind_of_leaf_key_and_issuer_loads(kind: str) -> None:
    ca = CA(seed="kinds", now=lambda: WHEN, key_kind=kind)
    leaf = load(ca.certificate("a@b.test", profile=Profile(key_kind=kind)).der)
    leaf.verify_directly_issued_by(load(ca.intermediate))


def test_hostile_names_are_written_as_they_are(ca: CA) -> None:
    names = (
        subjects.email_name(b"a@b.test\nforged"),
        subjects.email_name(b"\xff\xfe@b.test"),
        subjects.other_name("user!domain"),
        subjects.dns_name("b.test"),
        subjects.ip_name("192.0.2.7"),
    )
    made = ca.certificate(subjects.Subject(names, san_critical=False))
    read = read_identity(made.der)
    assert [name.kind for name in read.names] == ["email", "email", "othername", "dns", "ip"]
    assert read.names[0].value == "a@b.test\nforged"
    assert read_identity(ca.certificate(subjects.Subject(None)).der).names == ()


def test_claims_can_disagree_repeat_and_be_raw(ca: CA) -> None:
    honest = subjects.email("a@b.test", "https://one.test")
    read = read_identity(ca.certificate(honest.with_claims(issuer="https://two.test")).der)
    assert "issuer-mismatch" in read.anomalies
    read = read_identity(ca.certificate(honest.with_claims(issuer=b"https://one.test")).der)
    assert "issuer-encoding" in read.anomalies
    twice = replace(honest, claims={"issuer": ("https://one.test", "https://two.test")})
    assert read_identity(ca.certificate(twice).der).issuer is not None
    with pytest.raises(KeyError):
        subjects.claim_extension("no-such-claim", "x")


def test_certificates_that_prove_nothing(ca: CA) -> None:
    own = load(ca.self_signed("a@b.test").der)
    own.public_key()
    with pytest.raises(ValueError, match="Issuer"):
        own.verify_directly_issued_by(load(ca.intermediate))
    assert "no-sct" in read_identity(ca.certificate("a@b.test", profile=without_sct()).der).anomalies
    old = replace(HONEST, not_before=datetime(1999, 1, 1, tzinfo=UTC))
    assert load(ca.certificate("a@b.test", profile=old).der).not_valid_before_utc.year == 1999
    late = replace(HONEST, not_before=datetime(2060, 1, 1, tzinfo=UTC))
    assert load(ca.certificate("a@b.test", profile=late).der).not_valid_before_utc.year == 2060


def test_a_seed_makes_everything_again() -> None:
    one, two = (CA(seed="same", now=lambda: WHEN) for _ in range(2))
    assert one.root == two.root
    assert one.certificate("a@b.test").der == two.certificate("a@b.test").der
    assert one.certificate("a@b.test").der != CA(seed="other", now=lambda: WHEN).certificate("a@b.test").der
    assert pem_of(one.root).endswith(b"-----END CERTIFICATE-----\n")


def test_github_names_the_workflow_and_its_caller() -> None:
    ours = subjects.github("acme/widget", run=7)
    assert ours.claims["run-invocation-uri"] == "https://github.com/acme/widget/actions/runs/7/attempts/1"
    theirs = subjects.github("acme/ci", source="mallory/fork")
    assert theirs.claims["source-repository-uri"] == "https://github.com/mallory/fork"
    assert b"acme/ci" in (theirs.names or ())[0]
    assert SigningKey.make("ecdsa-p256", "x").spki == SigningKey.make("ecdsa-p256", "x").spki
