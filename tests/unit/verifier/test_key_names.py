"""Names of keys: the spellings that ssh-keygen, gpg and minisign show."""

import base64
import hashlib
from collections.abc import Callable
from typing import get_args

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.verifier.cert_maker import ec_key, plain_certificate, spki
from verifier import pgp
from verifier.errors import Malformed
from verifier.key_names import emails, fingerprints
from verifier.signers import Signer, SignerKind

# An Ed25519 key (version 4, 2026-01-02): packets made by hand after RFC 9580 sections 4.2, 5.5.2 and 5.11.
PGP_KEY = b"\x04\x69\x57\xb0\xc0\x16\x09\x2b\x06\x01\x04\x01\xda\x47\x0f\x01\x01\x07\x40" + bytes(range(32))
FINGERPRINT = hashlib.sha1(b"\x99" + len(PGP_KEY).to_bytes(2) + PGP_KEY).digest()


def old(tag: int, data: bytes) -> bytes:
    """A packet with an old header and a two-byte length."""
    return bytes([0x80 | tag << 2 | 1]) + len(data).to_bytes(2) + data


def new(tag: int, data: bytes) -> bytes:
    """A packet with a new header, in the shortest form."""
    size = len(data)
    if size < 192:
        head = bytes([size])
    elif size < 8384:
        head = bytes([(size - 192 >> 8) + 192, (size - 192) & 0xFF])
    else:
        head = b"\xff" + size.to_bytes(4)
    return bytes([0xC0 | tag]) + head + data


def armored(data: bytes, head: bytes = b"") -> bytes:
    lines = base64.encodebytes(data)
    label = b"PGP PUBLIC KEY BLOCK"
    return b"-----BEGIN %s-----\n%s\n%s=AAAA\n-----END %s-----\n" % (label, head, lines, label)


RING = new(6, PGP_KEY) + new(13, b"Alice (work) <alice@example.test>") + new(13, b"bob@example.test") + new(13, b"\xff")


@pytest.mark.parametrize(
    ("signer", "expected"),
    [
        (Signer("key", spki()), {hashlib.sha256(spki()).digest()}),
        (Signer("ssh", b"wire"), {hashlib.sha256(b"wire").digest()}),
        (Signer("pgp", RING), {FINGERPRINT}),
        (Signer("key", b"junk"), {hashlib.sha256(b"junk").digest()}),
        (Signer("pgp", b"junk"), {hashlib.sha256(b"junk").digest()}),
        (Signer("certificate", b"junk"), {hashlib.sha256(b"junk").digest()}),
        (
            Signer("certificate", plain_certificate()),
            {hashlib.sha256(spki()).digest(), hashlib.sha256(plain_certificate()).digest()},
        ),
    ],
)
def test_fingerprints(signer: Signer, expected: set[bytes]) -> None:
    assert fingerprints(signer) == expected


def test_a_minisign_key_has_an_id() -> None:
    raw = base64.b64decode("RWQvucWI9095WL55p37rVnbZur57iMGe7BgHIKa9w599i58X/HdSScfc")
    assert bytes.fromhex("58794FF788C5B92F") in fingerprints(Signer("minisign", raw))


def test_a_key_written_in_two_ways_has_two_fingerprints() -> None:
    point = ec_key().public_key().public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
    usual = spki()
    compressed = b"\x30\x39" + usual[2:23] + b"\x03\x22\x00" + point
    assert hashlib.sha256(usual).digest() in fingerprints(Signer("key", compressed))


def test_addresses() -> None:
    assert emails(Signer("pgp", RING)) == ("alice@example.test", "bob@example.test")
    assert emails(Signer("pgp", b"junk")) == ()
    assert emails(Signer("key", spki())) == ()


@pytest.mark.parametrize("make", [old, new])
def test_packet_headers(make: Callable[[int, bytes], bytes]) -> None:
    long_id = b"<" + b"a" * 9000 + b"@example.test>"
    ring = make(6, PGP_KEY) + make(2, bytes(300)) + make(14, PGP_KEY + b"x") + make(13, long_id)
    keys = pgp.read_keys(ring)
    assert len(keys.fingerprints) == 2
    assert keys.fingerprints[0] == FINGERPRINT
    assert len(keys.emails[0]) == 9013


def test_a_packet_of_unstated_length_runs_to_the_end() -> None:
    assert pgp.read_keys(bytes([0x80 | 6 << 2 | 3]) + PGP_KEY).fingerprints == (FINGERPRINT,)


@pytest.mark.parametrize("head", [b"", b"Version: GnuPG v2\nComment: x\n"])
def test_armor(head: bytes) -> None:
    assert pgp.dearmor(armored(RING, head)) == RING
    assert pgp.dearmor(b"text before\n" + armored(RING, head).replace(b"\n", b"\r\n")) == RING
    assert pgp.dearmor(armored(RING).replace(b"=AAAA\n", b"")) == RING
    assert pgp.dearmor(RING) == RING


@pytest.mark.parametrize(
    "text", [b"-----BEGIN PGP ", armored(RING)[:-10], armored(RING).replace(b"BEGIN PGP PUBLIC", b"BEGIN PGP PRIVATE")]
)
def test_broken_armor(text: bytes) -> None:
    with pytest.raises(Malformed):
        pgp.dearmor(text)


@pytest.mark.parametrize("data", [b"", b"\x00", new(13, b"a@b.c"), new(6, PGP_KEY)[:-1], new(6, b""), b"\xc6\xe0"])
def test_what_has_no_key_is_malformed(data: bytes) -> None:
    with pytest.raises(Malformed):
        pgp.read_keys(data)


@given(st.binary(max_size=100))
def test_any_bytes(data: bytes) -> None:
    for kind in get_args(SignerKind):
        assert fingerprints(Signer(kind, data))
