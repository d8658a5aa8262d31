"""Identities: nothing in a hostile certificate stays unseen, and what is odd is named."""

import ipaddress

import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.verifier.cert_maker import (
    DNS,
    EMAIL,
    URI,
    Ca,
    extension,
    fulcio,
    plain_certificate,
    raw_certificate,
    san,
    scts,
    utc,
)
from verifier import der
from verifier.errors import Malformed
from verifier.extensions import EXTENSIONS, FULCIO_ARC, POISON, oid_of
from verifier.identity import ANOMALIES, Identity, read_identity, read_tbs_identity
from verifier.tbs import walk_certificate

GOOGLE = "https://accounts.google.com"
ALICE = (EMAIL, b"alice@example.test")
EVE = der.encode(
    0x30, der.encode(0x31, der.encode(0x30, der.encode(6, der.oid_body("2.5.4.3")), der.encode(0x0C, b"Eve")))
)


def read(*extensions: bytes, with_sct: bool = True) -> Identity:
    return read_identity(raw_certificate([*extensions, *([scts()] if with_sct else [])]))


def test_a_plain_certificate_has_no_anomaly() -> None:
    identity = read_identity(plain_certificate())
    assert [(name.kind, name.value) for name in identity.names] == [("email", "alice@example.test")]
    assert identity.issuer == "https://issuer.example"
    assert identity.anomalies == ()
    assert identity.not_before is not None
    assert identity.not_before.isoformat() == "2026-01-02T11:00:00+00:00"


@pytest.mark.parametrize(
    ("name", "kind", "value"),
    [
        ((EMAIL, b"a\n\x00\x1b[2J<b>@c"), "email", "a\n\x00\x1b[2J<b>@c"),
        ((DNS, b"example.test"), "dns", "example.test"),
        ((URI, b"https://x/%2Fy"), "uri", "https://x/%2Fy"),
        ((0x87, ipaddress.ip_address("192.0.2.7").packed), "ip", "192.0.2.7"),
        ((0x87, ipaddress.ip_address("2001:db8::1").packed), "ip", "2001:db8::1"),
        ((0x88, der.oid_body("1.2.840.113549")), "other", "1.2.840.113549"),
        (
            (0xA0, der.encode(6, der.oid_body(f"{FULCIO_ARC}.7")) + der.encode(0xA0, der.encode(0x0C, b"bob!x.test"))),
            "othername",
            "bob!x.test",
        ),
        (
            (
                0xA4,
                der.encode(
                    0x30,
                    der.encode(
                        0x31, der.encode(0x30, der.encode(6, der.oid_body("2.5.4.3")), der.encode(0x0C, b"Eve"))
                    ),
                ),
            ),
            "dirname",
            "2.5.4.3=Eve",
        ),
    ],
)
def test_every_kind_of_name_is_read(name: tuple[int, bytes], kind: str, value: str) -> None:
    identity = read(san(name))
    assert [(found.kind, found.value, found.raw) for found in identity.names] == [(kind, value, name[1])]
    assert "san-encoding" not in identity.anomalies


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ((EMAIL, "é@example.test".encode()), "é@example.test"),
        ((EMAIL, b"\xff@example.test"), "ÿ@example.test"),
        ((0x87, b"\x01\x02\x03"), "010203"),
        ((0xA0, b"\x30\x00"), "3000"),
        ((0xA3, b"\x30\x00"), "3000"),
    ],
)
def test_a_badly_encoded_name_is_shown_and_named(name: tuple[int, bytes], value: str) -> None:
    identity = read(san(name, ALICE))
    assert [found.value for found in identity.names] == [value, "alice@example.test"]
    assert "san-encoding" in identity.anomalies


def test_many_names_are_all_read() -> None:
    identity = read(san(*((EMAIL, b"u%d@many.example" % number) for number in range(200))))
    assert len(identity.names) == 200
    assert identity.names[-1].value == "u199@many.example"


def test_two_san_extensions_are_both_read() -> None:
    identity = read(san(ALICE), san((EMAIL, b"eve@example.test")))
    assert [name.value for name in identity.names] == ["alice@example.test", "eve@example.test"]
    assert {"san-twice", "extension-twice", "not-strict-x509"} <= set(identity.anomalies)


def test_a_cut_san_gives_the_names_before_the_cut() -> None:
    names = der.encode(EMAIL, b"alice@example.test") + b"\x81\x50cut"
    identity = read(extension("2.5.29.17", der.encode(der.SEQUENCE, names), critical=True))
    assert [name.value for name in identity.names] == ["alice@example.test"]
    assert "san-damaged" in identity.anomalies


@pytest.mark.parametrize(
    ("extensions", "issuer", "anomalies"),
    [
        ([fulcio(1, GOOGLE)], GOOGLE, ()),
        ([fulcio(8, GOOGLE)], GOOGLE, ()),
        ([fulcio(1, "https://evil.test"), fulcio(8, GOOGLE)], GOOGLE, ("issuer-mismatch",)),
        ([extension(f"{FULCIO_ARC}.8", GOOGLE.encode())], GOOGLE, ("issuer-encoding",)),
        ([extension(f"{FULCIO_ARC}.8", der.encode(4, GOOGLE.encode()))], GOOGLE, ("issuer-encoding",)),
        ([extension(f"{FULCIO_ARC}.8", der.encode(0x16, GOOGLE.encode()))], GOOGLE, ("issuer-encoding",)),
        ([extension(f"{FULCIO_ARC}.8", b"\x0c\x02\xff\xfe")], "ÿþ", ("issuer-encoding",)),
        (
            [fulcio(1, GOOGLE), extension(f"{FULCIO_ARC}.8", b"https://evil.test")],
            GOOGLE,
            ("issuer-encoding", "issuer-mismatch"),
        ),
        ([extension(f"{FULCIO_ARC}.1", der.encode(0x0C, GOOGLE.encode()))], GOOGLE, ("extension-encoding",)),
        ([fulcio(1, b"caf\xe9")], "café", ("extension-encoding",)),
        ([], None, ()),
    ],
)
def test_the_issuer_and_its_two_encodings(
    extensions: list[bytes], issuer: str | None, anomalies: tuple[str, ...]
) -> None:
    identity = read(san(ALICE), *extensions)
    assert identity.issuer == issuer
    assert identity.anomalies == anomalies
    assert identity.extensions.get("issuer") == issuer


def test_a_repeated_extension_keeps_every_value() -> None:
    identity = read(san(ALICE), fulcio(8, GOOGLE), fulcio(8, "https://evil.test"))
    assert identity.issuer == GOOGLE
    assert identity.repeated == (("issuer", "https://evil.test"),)
    assert {"extension-twice", "not-strict-x509"} <= set(identity.anomalies)


def test_every_row_of_the_table_is_read_by_its_name() -> None:
    arcs = [int(oid.rsplit(".", 1)[1]) for oid in EXTENSIONS]
    identity = read(san(ALICE), *(fulcio(arc, f"value {arc}") for arc in arcs if arc != 1), fulcio(1, "value 8"))
    for oid, row in EXTENSIONS.items():
        expected = "value 8" if row.name == "issuer-v1" else f"value {oid.rsplit('.', 1)[1]}"
        assert identity.extensions[row.name] == expected
        assert oid_of(row.name) == oid_of(oid) == oid
    assert identity.anomalies == ()


def test_a_damaged_extension_hides_no_other() -> None:
    identity = read(der.encode(der.SEQUENCE, b"\x06\x01\x2a"), san(ALICE), fulcio(8, GOOGLE))
    assert identity.names[0].value == "alice@example.test"
    assert identity.issuer == GOOGLE
    assert "extension-damaged" in identity.anomalies


def test_a_damaged_list_gives_what_comes_before() -> None:
    identity = read(san(ALICE), fulcio(8, GOOGLE), b"\x30\x50cut")
    assert identity.issuer == GOOGLE
    assert "extensions-damaged" in identity.anomalies


@pytest.mark.parametrize(
    ("certificate", "anomaly"),
    [
        (raw_certificate([san(ALICE)]), "no-sct"),
        (raw_certificate([scts()]), "no-san"),
        (raw_certificate([san(ALICE, critical=False), scts()]), "san-not-critical"),
        (raw_certificate([san(ALICE), extension(POISON, b"\x05\x00", critical=True)]), "precertificate"),
        (raw_certificate([san(ALICE), scts()], serial=b"\xff"), "negative-serial"),
        (raw_certificate([san(ALICE), scts()], validity=utc("yesterday")), "validity-unreadable"),
        (raw_certificate([san(ALICE), scts()], tail=b"\x00"), "trailing-bytes"),
    ],
)
def test_what_is_odd_is_named(certificate: bytes, anomaly: str) -> None:
    identity = read_identity(certificate)
    assert anomaly in identity.anomalies
    assert set(identity.anomalies) <= set(ANOMALIES)


def test_a_precertificate_is_not_told_off_for_its_missing_timestamp() -> None:
    certificate = raw_certificate([san(ALICE), extension(POISON, b"\x05\x00", critical=True)])
    assert "no-sct" not in read_identity(certificate).anomalies


def test_a_tbs_is_read_like_its_certificate() -> None:
    certificate = plain_certificate()
    whole, bare = read_identity(certificate), read_tbs_identity(walk_certificate(certificate).tbs_bytes)
    assert (bare.names, bare.issuer, bare.extensions, bare.key_sha256) == (
        whole.names,
        whole.issuer,
        whole.extensions,
        whole.key_sha256,
    )
    assert bare.anomalies == ()


@pytest.mark.parametrize("data", [b"", b"\x30\x00", b"junk", bytes(2 << 20), plain_certificate()[:60]])
def test_what_is_no_certificate_is_malformed(data: bytes) -> None:
    with pytest.raises(Malformed):
        read_identity(data)


def test_a_really_signed_certificate_agrees_with_the_full_parser() -> None:
    leaf = Ca().leaf((x509.SubjectAlternativeName([x509.UniformResourceIdentifier("https://x.test/y")]), True))
    full, identity = x509.load_der_x509_certificate(leaf), read_identity(leaf)
    assert identity.serial == full.serial_number
    assert (identity.not_before, identity.not_after) == (full.not_valid_before_utc, full.not_valid_after_utc)
    assert identity.cert_sha256 == full.fingerprint(full.signature_hash_algorithm or pytest.fail("no hash"))
    assert list(identity.raw_extensions) == [one.oid.dotted_string for one in full.extensions]


@given(st.binary(max_size=400))
def test_any_bytes_are_read_or_malformed(data: bytes) -> None:
    try:
        read_identity(data)
    except Malformed:
        return


@given(st.integers(0, 2000), st.integers(0, 255))
def test_one_wrong_byte_is_read_or_malformed(place: int, value: int) -> None:
    data = bytearray(plain_certificate())
    data[place % len(data)] = value
    try:
        identity = read_identity(bytes(data))
    except Malformed:
        return
    assert set(identity.anomalies) <= set(ANOMALIES)
