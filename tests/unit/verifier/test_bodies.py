"""Bodies: every kind, every reading, and nothing that is not there."""

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.verifier import body_maker as make
from tests.unit.verifier.body_maker import CERTIFICATE, DIGEST, KEY, SIGNATURE, b64, body
from verifier import pem
from verifier.bodies import KINDS, fast_body, kind_of, read_bodies, read_body
from verifier.errors import Malformed
from verifier.signers import Signer

BY_CERTIFICATE = Signer("certificate", CERTIFICATE, (), SIGNATURE)
BY_KEY = Signer("key", KEY, (), SIGNATURE)


def refused(data: bytes) -> str:
    with pytest.raises(Malformed) as caught:
        read_body(data)
    return caught.value.code


@pytest.mark.parametrize(
    ("data", "signers", "digest_of"),
    [
        (make.hashedrekord(), (BY_CERTIFICATE,), "artifact"),
        (make.hashedrekord(make.KEY_PEM), (BY_KEY,), "artifact"),
        (make.hashedrekord(make.CERTIFICATE_PEM * 3), (replace(BY_CERTIFICATE, chain=(CERTIFICATE,) * 2),), "artifact"),
        (make.hashedrekord_v2(), (BY_CERTIFICATE,), "artifact"),
        (make.hashedrekord_v2(certificate=False), (BY_KEY,), "artifact"),
        (make.hashedrekord_v2(name="hashedRekordV0_0_2"), (BY_CERTIFICATE,), "artifact"),
        (make.dsse(make.KEY_PEM, make.CERTIFICATE_PEM), (BY_KEY, BY_CERTIFICATE), "payload"),
        (make.dsse_v2(), (BY_CERTIFICATE,), "payload"),
        (make.dsse_v2("dsseV0_0_2", "data"), (BY_CERTIFICATE,), "payload"),
        (make.intoto(), (replace(BY_CERTIFICATE, signature=None),), "payload"),
        (make.intoto_v2(), (BY_CERTIFICATE,), "payload"),
        (make.intoto_v2(payload=b64(b"old")), (BY_CERTIFICATE,), "payload"),
        (make.rekord("x509", make.KEY_PEM, SIGNATURE), (BY_KEY,), "artifact"),
    ],
)
def test_every_kind_says_who_and_what(data: bytes, signers: tuple[Signer, ...], digest_of: str) -> None:
    found = read_body(data)
    assert found.signers == signers
    assert (found.digests, found.digest_of) == ((("sha256", DIGEST),), digest_of)
    assert found.canonical
    assert (found.kind, found.version) == kind_of(data)
    assert read_bodies(data) == [found]


def test_an_old_intoto_entry_names_its_envelope_only() -> None:
    found = read_body(make.intoto(payload_hash=False))
    assert found.digests == ()
    assert found.related == (("envelope", "sha256", DIGEST),)


def test_an_upper_case_digest_is_lowered() -> None:
    found = read_body(make.hashedrekord(hashed={"algorithm": "sha256", "value": DIGEST.upper()}))
    assert found.digests == (("sha256", DIGEST),)
    assert found.canonical


def test_unknown_kinds_and_versions() -> None:
    assert refused(body("newkind", "0.0.1", {})) == "unknown-kind"
    assert refused(body("hashedrekord", "0.0.3", {})) == "unknown-kind"


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "body-json"),
        (b"[]", "body-json"),
        (b"{}", "body-json"),
        (b"\xff", "body-json"),
        (b"[" * 100_000, "body-json"),
        (body("hashedrekord", "0.0.1", {}), "body-fields"),
        (body("hashedrekord", "0.0.1", None), "body-fields"),
        (make.hashedrekord(hashed={"algorithm": "sha256", "value": "00"}), "body-digest"),
        (make.hashedrekord(hashed={"algorithm": "sha256", "value": "x" * 64}), "body-digest"),
        (make.hashedrekord(hashed={"algorithm": "md5", "value": "0" * 32}), "body-digest"),
        (make.hashedrekord(b""), "pem"),
        (make.hashedrekord(make.CERTIFICATE_PEM + make.KEY_PEM), "body-verifier"),
        (make.hashedrekord(make.KEY_PEM * 2), "body-verifier"),
        (make.hashedrekord(pem.encode_pem("CERTIFICATE REQUEST", KEY)), "body-verifier"),
        (make.hashedrekord(make.CERTIFICATE_PEM * 11), "pem"),
        (make.dsse(), "body-signature"),
        (make.rekord("pgp", b"junk", b"junk").replace(b'"pgp"', b'"gpg"'), "body-format"),
        (make.rekord("minisign", b"AAAA", b""), "body-verifier"),
        (make.rekord("ssh", b"ssh-rsa", b""), "body-verifier"),
        (body("dsse", "0.0.2", {}), "body-fields"),
        (body("hashedrekord", "0.0.2", {"hashedRekordV002": {"data": make.HASH_V2}}), "body-fields"),
        (make.hashedrekord_v2().replace(b"SHA2_256", b"SHA9_999"), "body-digest"),
        (make.hashedrekord_v2().replace(b"SHA2_256", b"SHA2_512"), "body-digest"),
    ],
)
def test_what_is_wrong_is_named(data: bytes, code: str) -> None:
    assert refused(data) == code


def test_two_verifiers_are_none() -> None:
    signature = make.v2_signature()
    signature["verifier"]["publicKey"] = {"rawBytes": b64(KEY)}
    spec = {"hashedRekordV002": {"data": make.HASH_V2, "signature": signature}}
    assert refused(body("hashedrekord", "0.0.2", spec)) == "body-verifier"


def test_two_spellings_are_none() -> None:
    inner = {"data": make.HASH_V2, "signature": make.v2_signature()}
    spec = {"hashedRekordV002": inner, "hashedRekordV0_0_2": inner}
    assert refused(body("hashedrekord", "0.0.2", spec)) == "body-fields"


@pytest.mark.parametrize("data", make.everything())
def test_other_spellings_of_the_same_are_not_canonical(data: bytes) -> None:
    for other in (json.dumps(json.loads(data)).encode(), data + b"\n", data[:-1] + b',"more":1}'):
        found = read_body(other)
        assert not found.canonical
        assert replace(found, data=data, canonical=True) == read_body(data)
        assert fast_body(other) is None


def test_a_key_twice_has_two_readings() -> None:
    honest = make.hashedrekord(make.KEY_PEM)
    other = b64(make.CERTIFICATE_PEM).encode()
    twice = honest.replace(b'"publicKey":{', b'"publicKey":{"content":"%s"},"publicKey":{' % other)
    assert refused(twice) == "body-ambiguous"
    assert fast_body(twice) is None
    assert {found.signers for found in read_bodies(twice)} == {(BY_KEY,), (BY_CERTIFICATE,)}


def test_a_reading_that_makes_no_sense_hides_no_other() -> None:
    kind = b'"kind":"hashedrekord"'
    for other in (b'"kind":"unheard-of"', b'"kind":5'):
        for pair in ((kind, other), (other, kind)):
            twice = make.hashedrekord().replace(kind, b",".join(pair))
            assert [found.signers for found in read_bodies(twice)] == [(BY_CERTIFICATE,)]
            assert refused(twice) == "body-ambiguous"
            assert fast_body(twice) is None
    nonsense = body("a", "1", {}).replace(b'"kind":', b'"kind":"b","kind":')
    with pytest.raises(Malformed):
        read_bodies(nonsense)


def test_a_signature_in_the_other_alphabet() -> None:
    data = make.dsse(make.KEY_PEM).replace(b64(SIGNATURE).encode(), b"-_-_")
    assert read_body(data).signers[0].signature == b"\xfb\xff\xbf"


def test_the_fast_reader_takes_what_logs_are_full_of() -> None:
    for data in (make.hashedrekord(), make.hashedrekord_v2(), make.hashedrekord_v2(certificate=False)):
        fast, full = fast_body(data), read_body(data)
        assert fast is not None
        assert (fast.der, fast.signature) == (full.signers[0].der, SIGNATURE)


@given(st.sampled_from(make.everything()), st.integers(0, 5000), st.binary(max_size=3), st.integers(0, 3))
@settings(max_examples=500, deadline=None)
def test_damaged_bodies(data: bytes, place: int, put: bytes, cut: int) -> None:
    """Malformed or read; and where the fast reader answers, it says what the full one says."""
    at = place % len(data)
    damaged = data[:at] + put + data[at + cut :]
    fast = fast_body(damaged)
    try:
        bodies = read_bodies(damaged)
    except Malformed:
        assert fast is None
        return
    assert all((found.kind, found.version) in KINDS for found in bodies)
    if fast is None:
        return
    (found,) = bodies
    (signer,) = found.signers
    assert found.canonical
    assert (fast.version, fast.is_certificate) == (found.version, signer.kind == "certificate")
    assert (fast.der, fast.signature, fast.algorithm, fast.digest) == (signer.der, signer.signature, *found.digests[0])


@given(st.binary(max_size=200))
def test_any_bytes(data: bytes) -> None:
    with pytest.raises(Malformed):
        read_bodies(data)
