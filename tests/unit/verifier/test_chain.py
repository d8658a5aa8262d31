"""Chains: each rule of RFC 5280 that matters here, broken one at a time."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

from tests.unit.verifier.cert_maker import CODE_SIGNING, NOON, Ca, ec_key, plain_certificate, usage
from verifier import chain as chain_module
from verifier import der, rfc5280
from verifier.chain import check_chain
from verifier.errors import Malformed, SigwardenError, Untrue
from verifier.trust import Authority, Window

ROOT = Ca()
MIDDLE = Ca("middle", ROOT)
ALWAYS = Window(datetime(2000, 1, 1, tzinfo=UTC), None)
Extra = Sequence[tuple[x509.ExtensionType, bool]]


def authority(*certificates: bytes, window: Window = ALWAYS) -> Authority:
    return Authority("ca", "https://ca.example", certificates, window)


def ca_with(*extra: tuple[x509.ExtensionType, bool], ca: bool = True, path_length: int | None = None) -> Extra:
    return [(x509.BasicConstraints(ca=ca, path_length=path_length), True), *extra]


def refused(leaf: bytes, *cas: Authority, at: datetime = NOON, intermediates: Sequence[bytes] = ()) -> str:
    with pytest.raises(SigwardenError) as caught:
        check_chain(leaf, cas, at, intermediates)
    return caught.value.code


def test_an_honest_chain() -> None:
    leaf = MIDDLE.leaf()
    assert check_chain(leaf, [authority(MIDDLE.der, ROOT.der)], NOON) == (leaf, MIDDLE.der, ROOT.der)


def test_an_anchor_need_not_be_self_signed() -> None:
    leaf = MIDDLE.leaf()
    assert check_chain(leaf, [authority(MIDDLE.der)], NOON) == (leaf, MIDDLE.der)


def test_an_intermediate_may_come_from_elsewhere() -> None:
    leaf = MIDDLE.leaf()
    assert check_chain(leaf, [authority(ROOT.der)], NOON, [MIDDLE.der]) == (leaf, MIDDLE.der, ROOT.der)
    assert refused(leaf, authority(ROOT.der)) == "certificate-chain"


def test_an_intermediate_from_elsewhere_is_no_anchor() -> None:
    rogue = Ca("middle", Ca("rogue"))
    assert refused(rogue.leaf(), authority(ROOT.der), intermediates=[rogue.der]) == "certificate-chain"


def test_the_name_alone_proves_nothing() -> None:
    rogue = Ca("middle", with_rsa=True)
    assert refused(rogue.leaf(), authority(MIDDLE.der, ROOT.der)) == "certificate-signature"


def test_a_self_signed_certificate_is_not_trusted() -> None:
    assert refused(Ca("").leaf(), authority(MIDDLE.der, ROOT.der)) == "certificate-chain"


def test_an_rsa_authority_for_code_signing() -> None:
    strong = Ca("rsa", with_rsa=True, extra=ca_with((CODE_SIGNING, False)))
    assert check_chain(strong.leaf(), [authority(strong.der)], NOON)[1] == strong.der


def test_an_other_name_is_no_obstacle() -> None:
    name = x509.OtherName(x509.ObjectIdentifier("1.3.6.1.4.1.57264.1.7"), der.encode(der.UTF8_STRING, b"bob!x.test"))
    leaf = ROOT.leaf((x509.SubjectAlternativeName([name]), True))
    assert check_chain(leaf, [authority(ROOT.der)], NOON) == (leaf, ROOT.der)


@pytest.mark.parametrize("hours", [-24, 24])
def test_the_ends_of_validity_are_inside(hours: int) -> None:
    leaf = ROOT.leaf()
    edge = NOON + timedelta(hours=hours)
    assert check_chain(leaf, [authority(ROOT.der)], edge)
    beyond = edge + timedelta(seconds=1 if hours > 0 else -1)
    assert refused(leaf, authority(ROOT.der), at=beyond) == "certificate-time"


def test_every_authority_must_be_valid() -> None:
    leaf = Ca("middle", ROOT).leaf(days=90)
    later = NOON + timedelta(days=60)
    short = Ca("middle", ROOT, days=1)
    assert refused(leaf, authority(MIDDLE.der, ROOT.der), at=later) == "certificate-time"
    assert refused(leaf, authority(short.der, ROOT.der), at=NOON + timedelta(days=2)) == "certificate-time"


def test_the_window_of_the_authority() -> None:
    closed = authority(MIDDLE.der, ROOT.der, window=Window(ALWAYS.start, NOON - timedelta(seconds=1)))
    leaf = MIDDLE.leaf()
    assert refused(leaf, closed) == "certificate-time"
    assert check_chain(leaf, [closed, authority(MIDDLE.der, ROOT.der)], NOON)


@pytest.mark.parametrize(
    "change",
    [
        (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), False),
        (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE]), False),
        (usage(cert_sign=True), True),
        (x509.BasicConstraints(ca=True, path_length=None), True),
        (x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3"), b"\x05\x00"), True),
        (x509.PrecertPoison(), True),
        (x509.NameConstraints([x509.DNSName("x.test")], None), False),
    ],
    ids=lambda change: type(change[0]).__name__,
)
def test_a_leaf_for_another_purpose(change: tuple[x509.ExtensionType, bool]) -> None:
    assert refused(ROOT.leaf(change), authority(ROOT.der)) == "certificate-purpose"


def test_a_leaf_without_purpose() -> None:
    bare = ROOT.sign("", ec_key(), [(x509.SubjectAlternativeName([x509.DNSName("x.test")]), True)])
    assert refused(bare, authority(ROOT.der)) == "certificate-purpose"


def test_an_unknown_extension_that_is_not_critical_is_fine() -> None:
    leaf = ROOT.leaf((x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3"), b"\x05\x00"), False))
    assert check_chain(leaf, [authority(ROOT.der)], NOON)


@pytest.mark.parametrize(
    "extra",
    [
        [],
        ca_with(ca=False),
        ca_with((usage(digital=True), True)),
        ca_with((x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False)),
        ca_with((x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3"), b"\x05\x00"), True)),
        ca_with((x509.NameConstraints([x509.DNSName("x.test")], None), True)),
    ],
    ids=["no constraints", "not a CA", "no certSign", "other purpose", "unknown critical", "name constraints"],
)
def test_an_authority_that_may_not_issue(extra: Extra) -> None:
    middle = Ca("middle", ROOT, extra=extra)
    assert refused(middle.leaf(), authority(middle.der, ROOT.der)) == "certificate-chain"
    assert refused(middle.leaf(), authority(middle.der)) == "certificate-chain"


def test_an_authority_for_certificates_and_code_signing() -> None:
    middle = Ca("middle", ROOT, extra=ca_with((usage(cert_sign=True), True), (CODE_SIGNING, False), path_length=0))
    assert check_chain(middle.leaf(), [authority(middle.der, ROOT.der)], NOON)


@pytest.mark.parametrize(("limit", "holds"), [(0, False), (1, True), (2, True)])
def test_path_lengths(limit: int, *, holds: bool) -> None:
    top = Ca("top", extra=ca_with(path_length=limit))
    middle = Ca("middle", top)
    leaf = middle.leaf()
    if holds:
        assert check_chain(leaf, [authority(middle.der, top.der)], NOON)
    else:
        assert refused(leaf, authority(middle.der, top.der)) == "certificate-chain"
        assert check_chain(top.leaf(), [authority(top.der)], NOON)


def test_a_chain_of_authorities_has_a_limit() -> None:
    cas = [ROOT]
    for number in range(chain_module.MAX_PATH):
        cas.append(Ca(f"ca {number}", cas[-1]))
    pool = [ca.der for ca in reversed(cas)]
    assert check_chain(cas[-2].leaf(), [authority(*pool)], NOON)
    assert refused(cas[-1].leaf(), authority(*pool)) == "certificate-chain"


def test_a_bag_of_cross_signed_authorities_ends() -> None:
    pool = [Ca("same", Ca("same"), days=number + 1).der for number in range(chain_module.MAX_POOL)]
    assert refused(Ca("other").leaf(), authority(ROOT.der), intermediates=pool) == "certificate-chain"
    assert check_chain(Ca("same").leaf(), [authority(pool[0])], NOON, pool[1:])
    assert refused(ROOT.leaf(), authority(ROOT.der), intermediates=[*pool, ROOT.der]) == "certificate-chain"


def test_two_signature_algorithms_are_refused() -> None:
    leaf = bytearray(ROOT.leaf())
    sha256 = der.oid_body("1.2.840.10045.4.3.2")
    at = leaf.rfind(sha256)
    leaf[at + len(sha256) - 1] ^= 1
    assert refused(bytes(leaf), authority(ROOT.der)) == "certificate"


@pytest.mark.parametrize("data", [b"", b"junk", plain_certificate()[:100]])
def test_what_is_no_certificate_is_malformed(data: bytes) -> None:
    with pytest.raises(Malformed):
        check_chain(data, [authority(ROOT.der)], NOON)


def test_nothing_is_trusted_by_nobody() -> None:
    assert refused(ROOT.leaf()) == "certificate-chain"
    timestamps = Authority("tsa", "", (ROOT.der,), ALWAYS)
    assert refused(ROOT.leaf(), timestamps) == "certificate-chain"


def test_every_changed_byte_is_refused() -> None:
    leaf, cas = ROOT.leaf(), [authority(ROOT.der)]
    for place in range(0, len(leaf), 3):
        changed = leaf[:place] + bytes([leaf[place] ^ 0x01]) + leaf[place + 1 :]
        with pytest.raises((Untrue, Malformed)):
            check_chain(changed, cas, NOON)


def test_a_known_authority_costs_one_verification(monkeypatch: pytest.MonkeyPatch) -> None:
    cas, count = [authority(MIDDLE.der, ROOT.der)], 0
    check_chain(MIDDLE.leaf(), cas, NOON)
    check = rfc5280.check_issued_by

    def counted(*cards: object) -> None:
        nonlocal count
        count += 1
        check(*cards)  # type: ignore[arg-type]

    monkeypatch.setattr(rfc5280, "check_issued_by", counted)
    other = MIDDLE.sign("", ec.derive_private_key(7, ec.SECP256R1()), [(CODE_SIGNING, False)])
    check_chain(other, cas, NOON)
    assert count == 1
