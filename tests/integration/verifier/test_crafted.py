"""Bundles that nobody recorded: made by the sandbox's authorities, honest and with exactly one thing wrong.

Section 12 of the protocol notes, as far as mutations of real bundles cannot reach it: what must be wrong was signed.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sandbox import bundles, trust
from sandbox.ca import CA, Certified, Profile
from sandbox.entries import (
    IN_TOTO,
    b64,
    dsse_v1,
    dsse_v2,
    envelope,
    hashedrekord_v1,
    hashedrekord_v2,
    intoto_v1,
    pae,
    statement,
)
from sandbox.keys import SigningKey
from sandbox.rekor_v1 import SandboxV1
from sandbox.rekor_v2 import SandboxV2
from sandbox.rekor_v2_write import entry as entry_v2
from sandbox.subjects import GOOGLE, Subject, email_name, issued_by
from sandbox.tsa import TSA
from verifier.artifact import Artifact, Hasher
from verifier.bundle import Bundle, MessageSignature
from verifier.errors import Malformed, Refused, SigwardenError, Untrue
from verifier.keys import PublicKey
from verifier.policy import Policy
from verifier.signature import needs
from verifier.trust import TrustedRoot
from verifier.verification import Verified, verify

NOW = datetime(2026, 6, 1, 12, 0, 0, tzinfo=UTC)
ALICE = Policy.identity("alice@watched.example", GOOGLE)
BLOB = b"hello"
HELLO = Artifact.of(BLOB)


@dataclass
class World:
    """One authority of each kind, at one moment."""

    time: datetime = NOW
    ca: CA = field(init=False)
    tsa: TSA = field(init=False)
    v1: SandboxV1 = field(init=False)
    v2: SandboxV2 = field(init=False)

    def __post_init__(self) -> None:
        self.ca = CA(seed="crafted", now=lambda: self.time)
        self.tsa = TSA(seed="crafted", now=lambda: self.time)
        seconds = self.time.timestamp
        self.v1 = SandboxV1(ca=self.ca, seed="crafted", now=seconds, base_url="https://rekor.sandbox.test")
        self.v2 = SandboxV2(ca=self.ca, seed="crafted", now=seconds, base_url="https://log.sandbox.test")

    def alice(self, profile: Profile = Profile()) -> Certified:  # noqa: B008 - immutable
        return self.ca.certificate("alice@watched.example", GOOGLE, profile)

    def root(self, *logs: SandboxV1 | SandboxV2, tsas: tuple[TSA, ...] | None = None) -> TrustedRoot:
        """A trusted root with these logs (both, if none is named) and these timestamp authorities."""
        members = [member for log in (logs or (self.v1, self.v2)) for member in log.tlog_members()]
        stamps = [tsa.member() for tsa in ((self.tsa,) if tsas is None else tsas)]
        return TrustedRoot.parse(
            trust.trusted_root(members, [trust.ca_member(self.ca)], [trust.ct_member(self.ca)], stamps)
        )


@pytest.fixture(scope="module")
def world() -> World:
    return World()


def check(data: bytes, root: TrustedRoot, policy: Policy = ALICE, artifact: Artifact = HELLO) -> Verified:
    return verify(Bundle.parse(data), artifact, root, policy)


def code(data: bytes, root: TrustedRoot, policy: Policy = ALICE, artifact: Artifact = HELLO) -> str:
    with pytest.raises((Malformed, Untrue)) as caught:
        check(data, root, policy, artifact)
    error = caught.value
    assert isinstance(error, SigwardenError)
    return error.code


def changed(data: bytes, change: Callable[[dict[str, Any]], None]) -> bytes:
    value = json.loads(data)
    change(value)
    return json.dumps(value).encode()


def both(world: World, signer: Certified, stamps: int = 1) -> bytes:
    """A signature in both logs, with timestamps."""
    signature = signer.key.sign(BLOB)
    first = world.v1.add(hashedrekord_v1(signer, BLOB, signature))
    second = world.v2.add(hashedrekord_v2(signer, BLOB, signature))
    world.v1.publish()
    world.v2.publish()
    entries = [bundles.entry_v1(world.v1, first), entry_v2(world.v2, second)]
    content = bundles.message(signer, BLOB, signature)
    return bundles.bundle(signer, content, entries, [world.tsa.stamp(signature) for _ in range(stamps)])


@pytest.mark.parametrize("kind", ["ecdsa-p256", "ecdsa-p384", "ecdsa-p521", "rsa-2048"])
def test_every_kind_of_key_verifies_in_both_logs(world: World, kind: str) -> None:
    signer = world.alice(Profile(key_kind=kind))
    root = world.root()
    assert check(bundles.sign_blob(world.v1, signer, BLOB), root).moments[0].source == "log"
    assert check(bundles.sign_blob(world.v2, signer, BLOB, world.tsa), root).moments[0].source == "timestamp"


def test_a_user_name_in_an_other_name_is_an_identity(world: World) -> None:
    signer = world.ca.certificate("bob!watched.example", "https://issuer.example")
    data = bundles.sign_blob(world.v2, signer, BLOB, world.tsa)
    policy = Policy.identity("bob!watched.example", "https://issuer.example")
    verified = check(data, world.root(), policy)
    assert verified.identity is not None
    assert verified.identity.names[0].kind == "othername"


def test_static_ct_extensions_are_part_of_what_the_ct_log_signed(world: World) -> None:
    data = bundles.sign_blob(world.v1, world.alice(Profile(leaf_index=7)), BLOB)
    assert check(data, world.root()).scts[0].leaf_index == 7


def test_two_logs_satisfy_a_threshold_of_two(world: World) -> None:
    data = both(world, world.alice())
    policy = replace(ALICE, logs=2, times=2)
    assert len(check(data, world.root(), policy).entries) == 2
    assert code(data, world.root(world.v2), policy) == "log-threshold"
    assert code(data, world.root(tsas=()), policy) == "timestamp-authority"


def test_an_entry_of_an_unknown_log_does_not_count_and_does_not_harm(world: World) -> None:
    verified = check(both(world, world.alice()), world.root(world.v2))
    assert len(verified.entries) == 1
    assert any("unknown log" in text for text in verified.warnings)


def test_two_entries_of_one_log_are_one_log(world: World) -> None:
    signer = world.alice()
    signature = signer.key.sign(BLOB)
    indexes = [world.v2.add(hashedrekord_v2(signer, BLOB, signature)) for _ in range(2)]
    world.v2.publish()
    entries = [entry_v2(world.v2, index) for index in indexes]
    data = bundles.bundle(signer, bundles.message(signer, BLOB, signature), entries, [world.tsa.stamp(signature)])
    assert len(check(data, world.root()).entries) == 2
    assert code(data, world.root(), replace(ALICE, logs=2)) == "log-threshold"


def test_one_stamp_twice_is_one_authority(world: World) -> None:
    data = both(world, world.alice(), stamps=2)
    assert code(data, world.root(), replace(ALICE, timestamps=2)) == "timestamp-threshold"
    assert code(data, world.root(world.v2), replace(ALICE, times=2)) == "time-threshold"


def test_a_bad_stamp_beside_a_good_one_is_a_warning(world: World) -> None:
    stranger = TSA(seed="stranger", now=lambda: NOW)
    signer = world.alice()
    signature = signer.key.sign(BLOB)
    index = world.v2.add(hashedrekord_v2(signer, BLOB, signature))
    world.v2.publish()
    content, entries = bundles.message(signer, BLOB, signature), [entry_v2(world.v2, index)]
    mixed = bundles.bundle(signer, content, entries, [stranger.stamp(signature), world.tsa.stamp(signature)])
    assert any("timestamp" in text for text in check(mixed, world.root()).warnings)
    assert code(bundles.bundle(signer, content, entries, [stranger.stamp(signature)]), world.root()).startswith(
        "timestamp"
    )


@pytest.mark.parametrize("offset", [timedelta(minutes=-1), timedelta(minutes=11), timedelta(days=3000)])
def test_a_true_stamp_outside_the_certificate_is_refused(world: World, offset: timedelta) -> None:
    data = bundles.sign_blob(world.v2, world.alice(), BLOB, TSA(seed="crafted", now=lambda: NOW + offset))
    assert code(data, world.root()) == "certificate-time"


@pytest.mark.parametrize("offset", [timedelta(minutes=-1), timedelta(minutes=11), timedelta(days=3000)])
def test_a_true_promise_outside_the_certificate_is_refused(world: World, offset: timedelta) -> None:
    other = World()
    signer = other.alice()
    other.time = NOW + offset
    other.v1.now = other.time.timestamp
    assert code(bundles.sign_blob(other.v1, signer, BLOB), world.root(other.v1)) == "certificate-time"


def test_every_proven_time_must_fit_the_certificate(world: World) -> None:
    """A good promise does not outweigh a true stamp from after the certificate's end."""
    signer = world.alice()
    signature = signer.key.sign(BLOB)
    index = world.v1.add(hashedrekord_v1(signer, BLOB, signature))
    world.v1.publish()
    late = TSA(seed="crafted", now=lambda: NOW + timedelta(hours=1))
    entries = [bundles.entry_v1(world.v1, index)]
    data = bundles.bundle(signer, bundles.message(signer, BLOB, signature), entries, [late.stamp(signature)])
    assert code(data, world.root()) == "certificate-time"


def test_a_v2_entry_alone_proves_no_time(world: World) -> None:
    assert code(bundles.sign_blob(world.v2, world.alice(), BLOB), world.root()) == "time-threshold"


def test_a_stamp_over_the_artifact_instead_of_the_signature_is_refused(world: World) -> None:
    data = bundles.sign_blob(world.v2, world.alice(), BLOB)
    stamp = {"rfc3161Timestamps": [{"signedTimestamp": b64(world.tsa.stamp(BLOB))}]}
    data = changed(data, lambda value: value["verificationMaterial"].update(timestampVerificationData=stamp))
    assert code(data, world.root()) == "timestamp-imprint"


def test_an_untrusted_authority_is_refused(world: World) -> None:
    rogue = world.ca.rogue().certificate("alice@watched.example", GOOGLE)
    assert code(bundles.sign_blob(world.v1, rogue, BLOB), world.root()) in {
        "certificate-signature",
        "certificate-chain",
    }
    own = world.ca.self_signed("alice@watched.example", GOOGLE)
    assert code(bundles.sign_blob(world.v1, own, BLOB), world.root()) == "certificate-chain"


def test_a_certificate_without_a_ct_log_is_refused_unless_ignored(world: World) -> None:
    data = bundles.sign_blob(world.v1, world.alice(Profile(sct=False)), BLOB)
    assert code(data, world.root()) == "sct-absent"
    assert check(data, world.root(), ALICE.insecurely(ignore_scts=True)).scts == ()


def test_a_certificate_for_something_else_is_refused(world: World) -> None:
    data = bundles.sign_blob(world.v1, world.alice(Profile(code_signing=False)), BLOB)
    assert code(data, world.root()) == "certificate-purpose"


def test_issuers_that_disagree_are_refused(world: World) -> None:
    claims = issued_by(GOOGLE) | {"issuer-v1": "https://evil.example"}
    signer = world.ca.certificate(Subject((email_name("alice@watched.example"),), claims))
    assert code(bundles.sign_blob(world.v1, signer, BLOB), world.root()) == "certificate-ambiguous"


def test_an_entry_of_another_signature_of_the_same_file_is_refused(world: World) -> None:
    """GHSA-whqx-f9j3-ch6m, CVE-2022-23649: the entry is real and of the same file, but of another signature."""
    signer, other = world.alice(), world.alice()
    signature = signer.key.sign(BLOB)
    index = world.v1.add(hashedrekord_v1(other, BLOB))
    world.v1.publish()
    entries = [bundles.entry_v1(world.v1, index)]
    data = bundles.bundle(signer, bundles.message(signer, BLOB, signature), entries)
    assert code(data, world.root()) == "binding-signature"


def test_an_entry_with_another_certificate_for_the_same_key_is_refused(world: World) -> None:
    signer = world.alice()
    twin = Certified(
        world.ca.certificate("alice@watched.example", GOOGLE, key=signer.key).der, signer.key, signer.chain
    )
    signature = signer.key.sign(BLOB)
    index = world.v1.add(hashedrekord_v1(twin, BLOB, signature))
    world.v1.publish()
    entries = [bundles.entry_v1(world.v1, index)]
    data = bundles.bundle(signer, bundles.message(signer, BLOB, signature), entries)
    assert code(data, world.root()) == "binding-signer"


def test_an_entry_over_another_digest_is_refused(world: World) -> None:
    signer = world.alice()
    signature = signer.key.sign(BLOB)
    for log, made in ((world.v1, hashedrekord_v1), (world.v2, hashedrekord_v2)):
        index = log.add(made(signer, b"another file", signature))
        log.publish()
        entry = bundles.entry_v1(log, index) if isinstance(log, SandboxV1) else entry_v2(log, index)
        stamps = [world.tsa.stamp(signature)]
        data = bundles.bundle(signer, bundles.message(signer, BLOB, signature), [entry], stamps)
        assert code(data, world.root()) == "binding-digest"


def test_a_body_that_is_not_canonical_is_refused(world: World) -> None:
    signer = world.alice()
    signature = signer.key.sign(BLOB)
    body = hashedrekord_v1(signer, BLOB, signature)
    for odd, wanted in ((body + b" ", "body-canonical"), (body[:-1] + b',"kind":"dsse"}', "")):
        index = world.v1.add(odd)
        world.v1.publish()
        entries = [bundles.entry_v1(world.v1, index)]
        data = bundles.bundle(signer, bundles.message(signer, BLOB, signature), entries)
        found = code(data, world.root())
        assert not wanted or found == wanted


def test_a_kind_of_the_other_log_is_refused(world: World) -> None:
    """A v1 log's checkpoint over a v2 body, and the reverse: the label, the body and the origin must agree."""
    signer = world.alice()
    signature = signer.key.sign(BLOB)
    content = bundles.message(signer, BLOB, signature)
    first = world.v1.add(hashedrekord_v2(signer, BLOB, signature))
    second = world.v2.add(hashedrekord_v1(signer, BLOB, signature))
    world.v1.publish()
    world.v2.publish()
    for entry in (bundles.entry_v1(world.v1, first), entry_v2(world.v2, second)):
        data = bundles.bundle(signer, content, [entry], [world.tsa.stamp(signature)])
        assert code(data, world.root())


def test_a_mislabelled_entry_is_refused(world: World) -> None:
    data = bundles.sign_blob(world.v1, world.alice(), BLOB)

    def relabel(value: dict[str, Any]) -> None:
        value["verificationMaterial"]["tlogEntries"][0]["kindVersion"] = {"kind": "dsse", "version": "0.0.1"}

    assert code(changed(data, relabel), world.root()) == "entry-kind"


def attested(world: World, signer: Certified, payload: bytes) -> bytes:
    return bundles.attest_v2(world.v2, signer, payload, world.tsa)


def test_attestations_verify_in_both_logs(world: World) -> None:
    signer = world.alice()
    payload = statement(BLOB)
    text = envelope([signer], payload)
    for data in (attested(world, signer, payload), bundles.bundle_v1(world.v1, signer, text, dsse_v1([signer], text))):
        verified = check(data, world.root())
        assert verified.statement is not None
        assert verified.statement.predicate_type == "https://slsa.dev/provenance/v1"


@pytest.mark.parametrize(
    ("payload", "wanted"),
    [
        (statement(b"another file"), "subject-digest"),
        (b"not JSON", "json"),
        (b'"text"', "statement"),
        (b'{"_type":"https://in-toto.io/Statement/v1","subject":[],"predicateType":"x","predicate":{}}', "statement"),
        (statement(BLOB).replace(b"in-toto.io/Statement", b"example.com/Statement"), "statement"),
        (b'{"payloadType":1}', "statement"),
    ],
)
def test_a_signed_payload_that_is_no_statement_about_the_file_is_refused(
    world: World, payload: bytes, wanted: str
) -> None:
    """GHSA-w6c6-c85g-mmv6: well signed, well logged, and still not an attestation about this artifact."""
    assert code(attested(world, world.alice(), payload), world.root()) == wanted


def test_another_predicate_type_is_refused(world: World) -> None:
    """CVE-2022-35929 and GHSA-w6c6-c85g-mmv6."""
    data = attested(world, world.alice(), statement(BLOB))
    assert check(data, world.root(), replace(ALICE, predicate_type="https://slsa.dev/provenance/v1"))
    assert code(data, world.root(), replace(ALICE, predicate_type="https://cyclonedx.org/bom")) == "predicate-type"
    plain = bundles.sign_blob(world.v1, world.alice(), BLOB)
    assert code(plain, world.root(), replace(ALICE, predicate_type="https://cyclonedx.org/bom")) == "no-attestation"


def test_another_payload_type_is_refused_though_it_was_signed(world: World) -> None:
    signer = world.alice()
    payload = statement(BLOB)
    signed = pae("text/plain", payload)
    signature = signer.key.sign(signed)
    index = world.v2.add(hashedrekord_v2(signer, signed, signature))
    world.v2.publish()
    content = {
        "dsseEnvelope": {"payload": b64(payload), "payloadType": "text/plain", "signatures": [{"sig": b64(signature)}]}
    }
    data = bundles.bundle(signer, content, [entry_v2(world.v2, index)], [world.tsa.stamp(signature)])
    assert code(data, world.root()) == "payload-type"
    relabelled = changed(data, lambda value: value["dsseEnvelope"].update(payloadType=IN_TOTO))
    assert code(relabelled, world.root()) == "binding-digest"


def test_an_entry_that_records_no_signature_cannot_be_bound(world: World) -> None:
    signer = world.alice()
    text = envelope([signer], statement(BLOB))
    data = bundles.bundle_v1(world.v1, signer, text, intoto_v1(signer, text))
    assert code(data, world.root()) == "binding-signature"


@pytest.mark.parametrize("kind", ["ecdsa-p256", "ecdsa-p384", "rsa-2048", "ed25519"])
def test_managed_keys(world: World, kind: str) -> None:
    key, other = SigningKey.make(kind, "managed"), SigningKey.make(kind, "other")
    signature = key.sign(BLOB)
    content = bundles.message(key, BLOB, signature)
    index = world.v2.add(hashedrekord_v2(key, BLOB, signature))
    world.v2.publish()
    data = bundles.bundle(key, content, [entry_v2(world.v2, index)])
    policy = Policy.public_key(PublicKey.from_der(key.spki))
    assert check(data, world.root(), policy).identity is None
    assert code(data, world.root(), Policy.public_key(PublicKey.from_der(other.spki))) == "binding-signer"
    assert code(data, world.root()) == "material-mismatch"
    keyless = bundles.sign_blob(world.v1, world.alice(), BLOB)
    assert code(keyless, world.root(), policy) == "material-mismatch"
    bare = changed(data, lambda value: value["verificationMaterial"].update(tlogEntries=[]))
    assert code(bare, world.root(), policy) == "log-threshold"
    assert check(bare, world.root(), policy.insecurely(ignore_logs=True)).entries == ()


def test_with_the_logs_ignored_a_broken_entry_is_left_out(world: World) -> None:
    data = both(world, world.alice())

    def break_it(value: dict[str, Any]) -> None:
        value["verificationMaterial"]["tlogEntries"][0]["inclusionPromise"]["signedEntryTimestamp"] = b64(b"x" * 70)

    broken = changed(data, break_it)
    assert code(broken, world.root()) == "set-signature"
    verified = check(broken, world.root(), ALICE.insecurely(ignore_logs=True))
    assert len(verified.entries) == 1
    assert any("ignored" in text for text in verified.warnings)


def detached_sct(world: World, certificate: bytes, *, time: datetime = NOW) -> bytes:
    """An add-chain reply by the CA's CT log about this certificate (RFC 6962 sections 3.2 and 4.1)."""
    import hashlib

    stamp = int(time.timestamp() * 1000)
    signed = b"\x00\x00" + stamp.to_bytes(8, "big") + b"\x00\x00" + len(certificate).to_bytes(3, "big") + certificate
    signature = world.ca.ct.sign(signed + b"\x00\x00")
    reply = {
        "sct_version": 0,
        "id": b64(hashlib.sha256(world.ca.ct.spki).digest()),
        "timestamp": stamp,
        "extensions": "",
        "signature": b64(b"\x04\x03" + len(signature).to_bytes(2, "big") + signature),
    }
    return json.dumps(reply).encode()


def test_a_detached_certificate_timestamp_serves_where_none_is_embedded(world: World) -> None:
    signer = world.alice(Profile(sct=False))
    bundle = Bundle.parse(bundles.sign_blob(world.v1, signer, BLOB))
    good = replace(bundle, detached_sct=detached_sct(world, signer.der))
    assert len(verify(good, HELLO, world.root(), ALICE).scts) == 1
    for bad in (
        detached_sct(world, world.alice().der),
        detached_sct(world, signer.der).replace(b'"timestamp": 1', b'"timestamp": 2'),
    ):
        with pytest.raises((Malformed, Untrue)):
            verify(replace(bundle, detached_sct=bad), HELLO, world.root(), ALICE)


def test_post_quantum_keys_sign_without_a_log(world: World) -> None:
    """ML-DSA signs the bytes themselves, so no log of digests can hold it (protocol.md section 10)."""
    mldsa = pytest.importorskip("cryptography.hazmat.primitives.asymmetric.mldsa")
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    for kind in ("MLDSA44PrivateKey", "MLDSA65PrivateKey", "MLDSA87PrivateKey"):
        key = getattr(mldsa, kind).generate()
        spki = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        policy = Policy.public_key(PublicKey.from_der(spki)).insecurely(ignore_logs=True)
        bundle = Bundle("0.3", "", MessageSignature(key.sign(BLOB)))
        assert verify(bundle, HELLO, world.root(), policy).key.kind.startswith("ml-dsa")
        with pytest.raises(Untrue):
            verify(bundle, Artifact.of(b"other"), world.root(), policy)
        with pytest.raises(Refused):
            verify(bundle, Artifact(HELLO.digests), world.root(), policy)


def test_rsa_in_both_paddings(world: World) -> None:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding, rsa
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    key = rsa.generate_private_key(65537, 2048)
    spki = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    policy = Policy.public_key(PublicKey.from_der(spki)).insecurely(ignore_logs=True)
    for scheme in (padding.PKCS1v15(), padding.PSS(padding.MGF1(hashes.SHA256()), 32)):
        bundle = Bundle("0.3", "", MessageSignature(key.sign(BLOB, scheme, hashes.SHA256())))
        assert verify(bundle, HELLO, world.root(), policy).key.kind == "rsa"
        with pytest.raises(Untrue):
            verify(bundle, Artifact.of(b"other"), world.root(), policy)


def test_a_short_rsa_key_proves_nothing(world: World) -> None:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding, rsa
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    key = rsa.generate_private_key(65537, 1024)
    spki = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    policy = Policy.public_key(PublicKey.from_der(spki)).insecurely(ignore_logs=True)
    bundle = Bundle("0.3", "", MessageSignature(key.sign(BLOB, padding.PKCS1v15(), hashes.SHA256())))
    with pytest.raises(Untrue) as caught:
        verify(bundle, HELLO, world.root(), policy)
    assert caught.value.code == "key-weak"


@pytest.mark.parametrize("kind", ["ecdsa-p256", "ecdsa-p384", "ecdsa-p521", "rsa-2048", "ed25519"])
@pytest.mark.parametrize("hinted", [True, False])
def test_a_file_read_once_gives_every_digest_that_is_needed(world: World, kind: str, hinted: bool) -> None:
    signer = world.alice(Profile(key_kind=kind))
    data = bundles.sign_blob(world.v2, signer, BLOB, world.tsa)
    if not hinted:
        data = changed(data, lambda value: value["messageSignature"].pop("messageDigest"))
    bundle = Bundle.parse(data)
    algorithms, keep = needs(bundle, None)
    hasher = Hasher(algorithms, keep=keep)
    hasher.update(BLOB)
    assert verify(bundle, hasher.artifact(), world.root(), ALICE)
    assert keep == (kind == "ed25519")


def test_a_subject_with_other_digests_is_asked_for(world: World) -> None:
    import hashlib

    digest = {"sha512": hashlib.sha512(BLOB).hexdigest()}
    value = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "x", "digest": digest}],
        "predicateType": "p",
    }
    bundle = Bundle.parse(attested(world, world.alice(), json.dumps({**value, "predicate": {}}).encode()))
    hasher = Hasher(*needs(bundle, None)[:1])
    hasher.update(BLOB)
    assert verify(bundle, hasher.artifact(), world.root(), ALICE).subject is not None


def test_the_older_kind_of_rekor_v2_is_still_read(world: World) -> None:
    signer, payload = world.alice(), statement(BLOB)
    signature = signer.key.sign(pae(IN_TOTO, payload))
    body = json.loads(dsse_v2([signer], payload))
    body["spec"]["dsseV002"]["signatures"][0]["content"] = b64(signature)
    index = world.v2.add(json.dumps(body, separators=(",", ":"), sort_keys=True).encode())
    world.v2.publish()
    content = {
        "dsseEnvelope": {"payload": b64(payload), "payloadType": IN_TOTO, "signatures": [{"sig": b64(signature)}]}
    }
    data = bundles.bundle(signer, content, [entry_v2(world.v2, index)], [world.tsa.stamp(signature)])
    assert check(data, world.root()).statement is not None
