"""Timestamps: each rule of RFC 3161 as Sigstore uses it, bent one at a time."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.verifier.tsa_maker import (
    ROOT_SHAPE,
    SHA256,
    STAMPED,
    START,
    CertificateShape,
    TokenShape,
    attribute,
    authority,
    issue,
    make,
    number,
    octets,
    sequence,
)
from verifier import der
from verifier.errors import Malformed, Untrue
from verifier.timestamp import check_timestamp
from verifier.timestamp_token import parse_timestamp

ROOT = issue(ROOT_SHAPE)
LEAF = issue(CertificateShape(), ROOT)
OTHER = issue(CertificateShape(name="other tsa"), ROOT)
PINNED = authority(LEAF.der, ROOT.der)
UNPINNED = authority(ROOT.der)
SIGNATURE = b"the signature"


def test_an_honest_token_gives_its_time_and_its_authority() -> None:
    moment = check_timestamp(make(LEAF, TokenShape()), SIGNATURE, [PINNED])
    assert moment.time == STAMPED
    assert moment.source == "timestamp"
    assert len(moment.authority) == 64


def test_an_embedded_certificate_serves_where_the_trust_root_lists_only_the_ca() -> None:
    token = make(LEAF, TokenShape(embedded=(OTHER.der, LEAF.der)))
    assert check_timestamp(token, SIGNATURE, [UNPINNED]).time == STAMPED


def test_one_fitting_authority_among_several_is_enough() -> None:
    stranger = issue(ROOT_SHAPE)
    assert check_timestamp(make(LEAF, TokenShape()), SIGNATURE, [authority(stranger.der), PINNED]).time == STAMPED


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"20260601120000.5Z", STAMPED + timedelta(milliseconds=500)),
        (b"20260601120000.123456789Z", STAMPED + timedelta(microseconds=123456)),
    ],
)
def test_a_fraction_of_a_second_is_read(text: bytes, expected: datetime) -> None:
    assert check_timestamp(make(LEAF, TokenShape(time=text)), SIGNATURE, [PINNED]).time == expected


UNREADABLE = {
    "rejected": TokenShape(status=2),
    "version 2": TokenShape(version=2),
    "not a TSTInfo": TokenShape(content_oid="1.2.840.113549.1.7.1"),
    "signed content type differs": TokenShape(signed_content_type="1.2.840.113549.1.7.1"),
    "no name of the certificate": TokenShape(with_certificate_name=False),
    "no signer": TokenShape(signers=0),
    "two signers": TokenShape(signers=2),
    "trailing bytes": TokenShape(after=b"\x00"),
    "no Z": TokenShape(time=b"20260601120000"),
    "zone": TokenShape(time=b"20260601120000+0100"),
    "fraction ends in 0": TokenShape(time=b"20260601120000.50Z"),
    "empty fraction": TokenShape(time=b"20260601120000.Z"),
    "no such day": TokenShape(time=b"20260231120000Z"),
    "SHA-1": TokenShape(hash_algorithm=sequence(der.encode(der.OID, der.oid_body("1.3.14.3.2.26"))), imprint=b"x" * 20),
    "unknown field": TokenShape(tail=der.encode(0xA5, b"")),
    "fields out of order": TokenShape(tail=number(9) + der.encode(der.BOOLEAN, b"\xff")),
    "extensions": TokenShape(tail=der.encode(0xA1, b"")),
    "attribute twice": TokenShape(extra_attributes=attribute("1.2.840.113549.1.9.4", octets(b"x" * 32))),
    "number not minimal": TokenShape(tail=der.encode(der.INTEGER, b"\x00\x01")),
}


@pytest.mark.parametrize("shape", UNREADABLE.values(), ids=UNREADABLE.keys())
def test_what_is_out_of_place_is_malformed(shape: TokenShape) -> None:
    with pytest.raises(Malformed) as caught:
        check_timestamp(make(LEAF, shape), SIGNATURE, [PINNED])
    assert caught.value.code == "timestamp-format"


def test_accuracy_ordering_nonce_and_tsa_name_are_read_over() -> None:
    name = der.encode(0xA0, der.encode(0x82, b"tsa.test"))
    tail = sequence(number(1)) + der.encode(der.BOOLEAN, b"\xff") + number(99) + name
    token = make(LEAF, TokenShape(tail=tail))
    assert parse_timestamp(token).nonce == 99
    assert check_timestamp(token, SIGNATURE, [PINNED]).time == STAMPED


UNTRUE = {
    "timestamp-imprint": TokenShape(stamped=b"another signature"),
    "timestamp-digest": TokenShape(message_digest=b"\x00" * 32),
    "timestamp-signer": TokenShape(names_certificate=OTHER.der),
    "timestamp-algorithm": TokenShape(
        signature_algorithm=sequence(der.encode(der.OID, der.oid_body("1.2.840.113549.1.1.11")))
    ),
}


@pytest.mark.parametrize(("code", "shape"), UNTRUE.items(), ids=UNTRUE.keys())
def test_what_does_not_hold_is_named(code: str, shape: TokenShape) -> None:
    with pytest.raises(Untrue) as caught:
        check_timestamp(make(LEAF, shape), SIGNATURE, [PINNED])
    assert caught.value.code == code


def _code(token: bytes, *authorities: object) -> str:
    with pytest.raises(Untrue) as caught:
        check_timestamp(token, SIGNATURE, authorities)  # type: ignore[arg-type]
    return caught.value.code


def test_another_certificate_of_the_same_ca_is_refused_where_the_leaf_is_pinned() -> None:
    assert _code(make(OTHER, TokenShape()), PINNED) == "timestamp-signer"
    assert _code(make(OTHER, TokenShape(embedded=(OTHER.der,))), PINNED) == "timestamp-signer"


def test_a_rogue_certificate_that_claims_the_pinned_identifier_is_refused() -> None:
    sid = sequence(LEAF.certificate.issuer.public_bytes(), number(LEAF.certificate.serial_number))
    token = make(OTHER, TokenShape(embedded=(OTHER.der,), sid=sid))
    assert _code(token, PINNED) == "timestamp-signer"
    without = make(OTHER, TokenShape(sid=sid))
    assert _code(without, PINNED) == "timestamp-signer"
    named = make(OTHER, TokenShape(sid=sid, names_certificate=LEAF.der))
    assert _code(named, PINNED) == "timestamp-signature"


def test_a_token_without_certificate_and_without_a_pinned_leaf_is_refused() -> None:
    assert _code(make(LEAF, TokenShape()), UNPINNED) == "timestamp-signer"


def test_a_self_made_chain_inside_the_token_is_not_trusted() -> None:
    fake_root = issue(ROOT_SHAPE)
    fake = issue(CertificateShape(), fake_root)
    assert _code(make(fake, TokenShape(embedded=(fake.der, fake_root.der))), UNPINNED) == "timestamp-chain"


def test_an_authority_without_certificates_trusts_nobody() -> None:
    assert _code(make(LEAF, TokenShape(embedded=(LEAF.der,))), authority()) == "timestamp-chain"


def test_no_authority_at_all_is_named() -> None:
    assert _code(make(LEAF, TokenShape())) == "timestamp-authority"


@pytest.mark.parametrize(
    ("start", "end", "fine"),
    [
        (START, STAMPED, True),
        (STAMPED, None, True),
        (START, STAMPED - timedelta(seconds=1), False),
        (STAMPED + timedelta(seconds=1), None, False),
    ],
)
def test_the_window_of_the_trust_root_is_inclusive_at_both_ends(
    start: datetime, end: datetime | None, fine: bool
) -> None:
    known = authority(LEAF.der, ROOT.der, start=start, end=end)
    token = make(LEAF, TokenShape())
    if fine:
        assert check_timestamp(token, SIGNATURE, [known]).time == STAMPED
    else:
        assert _code(token, known) == "timestamp-authority"


def test_a_chain_expired_today_but_valid_then_is_fine() -> None:
    short = replace(CertificateShape(), end=STAMPED + timedelta(minutes=1))
    root = issue(replace(ROOT_SHAPE, end=STAMPED + timedelta(minutes=1)))
    leaf = issue(short, root)
    assert check_timestamp(make(leaf, TokenShape()), SIGNATURE, [authority(leaf.der, root.der)]).time == STAMPED


@pytest.mark.parametrize("which", ["leaf", "root"])
def test_a_chain_not_valid_at_the_stamped_time_is_refused(which: str) -> None:
    early = STAMPED - timedelta(seconds=1)
    root = issue(replace(ROOT_SHAPE, end=early if which == "root" else ROOT_SHAPE.end))
    leaf = issue(replace(CertificateShape(), end=early if which == "leaf" else ROOT_SHAPE.end), root)
    assert _code(make(leaf, TokenShape()), authority(leaf.der, root.der)) == "timestamp-certificate-expired"


BAD_LEAVES = {
    "a CA": (CertificateShape(ca=True), "timestamp-usage"),
    "no usage": (CertificateShape(usages=None), "timestamp-usage"),
    "usage not critical": (CertificateShape(usage_critical=False), "timestamp-usage"),
    "two usages": (
        CertificateShape(usages=[ExtendedKeyUsageOID.TIME_STAMPING, ExtendedKeyUsageOID.CODE_SIGNING]),
        "timestamp-usage",
    ),
    "code signing": (CertificateShape(usages=[ExtendedKeyUsageOID.CODE_SIGNING]), "timestamp-usage"),
    "may not sign": (CertificateShape(may_sign=False), "timestamp-usage"),
    "unknown critical extension": (CertificateShape(unknown_critical=True), "timestamp-chain"),
}


@pytest.mark.parametrize(("shape", "code"), BAD_LEAVES.values(), ids=BAD_LEAVES.keys())
def test_a_certificate_for_something_else_cannot_stamp(shape: CertificateShape, code: str) -> None:
    leaf = issue(shape, ROOT)
    assert _code(make(leaf, TokenShape(embedded=(leaf.der,))), UNPINNED) == code


BAD_ISSUERS = {
    "no CA": replace(ROOT_SHAPE, ca=False, name="issuer"),
    "may not sign certificates": replace(ROOT_SHAPE, may_sign=False, name="issuer"),
    "for something else": replace(ROOT_SHAPE, usages=[ExtendedKeyUsageOID.CODE_SIGNING], name="issuer"),
}


@pytest.mark.parametrize("shape", BAD_ISSUERS.values(), ids=BAD_ISSUERS.keys())
def test_an_issuer_that_may_not_issue_is_refused(shape: CertificateShape) -> None:
    issuer = issue(shape, ROOT)
    leaf = issue(CertificateShape(), issuer)
    token = make(leaf, TokenShape())
    assert _code(token, authority(leaf.der, issuer.der, ROOT.der)).startswith("timestamp-")


def test_a_path_longer_than_the_root_allows_is_refused() -> None:
    root = issue(replace(ROOT_SHAPE, path_length=0))
    middle = issue(replace(ROOT_SHAPE, name="middle"), root)
    leaf = issue(CertificateShape(), middle)
    assert _code(make(leaf, TokenShape()), authority(leaf.der, middle.der, root.der)) == "timestamp-chain"
    assert check_timestamp(make(leaf, TokenShape()), SIGNATURE, [authority(leaf.der, middle.der)]).time == STAMPED


GOOD = make(LEAF, TokenShape(embedded=(LEAF.der,)))


def test_a_longer_length_form_is_not_der() -> None:
    body = GOOD[4:]
    with pytest.raises(Malformed):
        parse_timestamp(b"\x30\x83\x00" + len(body).to_bytes(2, "big") + body)


@given(st.integers(0, len(GOOD) - 1), st.integers(1, 255))
def test_no_flipped_byte_is_accepted_or_crashes(place: int, change: int) -> None:
    data = bytearray(GOOD)
    data[place] ^= change
    try:
        moment = check_timestamp(bytes(data), SIGNATURE, [PINNED])
    except (Malformed, Untrue):
        return
    # Only parts that nothing signs may differ, and then the time must be the true one.
    assert moment.time == STAMPED


@given(st.binary(max_size=300))
def test_arbitrary_bytes_are_refused_cleanly(data: bytes) -> None:
    with pytest.raises(Malformed):
        parse_timestamp(data)


@given(st.integers(0, len(GOOD)))
def test_every_truncation_is_refused(length: int) -> None:
    with pytest.raises((Malformed, Untrue)):
        check_timestamp(GOOD[:length] if length < len(GOOD) else GOOD + b"\x00", SIGNATURE, [PINNED])


def test_times_are_aware() -> None:
    assert parse_timestamp(GOOD).time.tzinfo is UTC
    assert parse_timestamp(GOOD).digest_hash == "sha256"
    assert SHA256
