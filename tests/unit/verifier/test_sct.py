"""Certificate timestamps: what is signed, by whom, when; and every way a list can be cut."""

import base64
import hashlib
import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.verifier.cert_maker import (
    EMAIL,
    NOON,
    ec_key,
    extension,
    fulcio,
    raw_certificate,
    rsa_key,
    san,
    scts,
    spki,
)
from verifier import der, tbs
from verifier.errors import Malformed, Untrue
from verifier.extensions import AUTHORITY_KEY_ID, EXTENDED_KEY_USAGE, POISON
from verifier.keys import PublicKey
from verifier.sct import Sct, check_detached_sct, check_sct, embedded_scts, parse_sct_list, precert_tbs
from verifier.trust import TrustedLog, Window

ISSUER = raw_certificate([san((EMAIL, b"ca@example.test"))], subject=b"\x30\x0a\x31\x08" + bytes(8))
EXTENSIONS = [san((EMAIL, b"alice@example.test")), fulcio(8, "https://issuer.example")]
TIME = int(NOON.timestamp() * 1000)
STATIC = b"\x00\x00\x05\x00\x00\x00\x01\x02"


def log(name: str = "log", window: Window | None = None) -> TrustedLog:
    key = PublicKey.from_der(spki(name))
    return TrustedLog("https://ct.example", key.sha256, key, window or Window(NOON, NOON), kind="ct")


@dataclass(frozen=True)
class Maker:
    """One timestamp, made by a log that can be told to err."""

    key: str = "log"
    time: int = TIME
    extensions: bytes = b""
    algorithm: bytes = b"\x04\x03"
    issuer: bytes = ISSUER
    version: int = 0

    def signature(self, entry: bytes) -> bytes:
        signed = b"\x00\x00" + self.time.to_bytes(8) + entry + len(self.extensions).to_bytes(2) + self.extensions
        return ec_key(self.key).sign(signed, ec.ECDSA(hashes.SHA256()))

    def encode(self, tbs_bytes: bytes) -> bytes:
        key_hash = hashlib.sha256(tbs.walk_certificate(self.issuer).spki).digest()
        signature = self.signature(b"\x00\x01" + key_hash + len(tbs_bytes).to_bytes(3) + tbs_bytes)
        body = bytes([self.version]) + hashlib.sha256(spki(self.key)).digest() + self.time.to_bytes(8)
        return body + vector(self.extensions) + self.algorithm + vector(signature)


def vector(data: bytes) -> bytes:
    return len(data).to_bytes(2) + data


def certificate(*makers: Maker, before: bool = False) -> bytes:
    unstamped = tbs.walk_certificate(raw_certificate(EXTENSIONS)).tbs_bytes
    stamps = scts(vector(b"".join(vector(maker.encode(unstamped)) for maker in makers)))
    return raw_certificate([stamps, *EXTENSIONS] if before else [*EXTENSIONS, stamps])


@pytest.mark.parametrize("extensions", [b"", STATIC, b"anything"])
@pytest.mark.parametrize("before", [False, True])
def test_an_honest_timestamp(extensions: bytes, *, before: bool) -> None:
    (sct,) = check_sct(certificate(Maker(extensions=extensions), before=before), ISSUER, [log()])
    assert (sct.time, sct.log_id, sct.extensions) == (NOON, log().log_id, extensions)
    assert sct.leaf_index == (0x102 if extensions == STATIC else None)


def test_one_timestamp_for_each_log_counts() -> None:
    leaf = certificate(Maker(), Maker(), Maker(key="second"), Maker(key="unknown"))
    assert len(embedded_scts(leaf)) == 4
    assert [sct.log_id for sct in check_sct(leaf, ISSUER, [log(), log("second")])] == [
        log().log_id,
        log("second").log_id,
    ]


def test_a_bad_timestamp_beside_a_good_one_is_ignored() -> None:
    leaf = certificate(Maker(key="second", algorithm=b"\x05\x03"), Maker())
    assert len(check_sct(leaf, ISSUER, [log(), log("second")])) == 1


@pytest.mark.parametrize(
    ("maker", "code"),
    [
        (Maker(key="unknown"), "sct-unknown-log"),
        (Maker(time=TIME + 1), "sct-time"),
        (Maker(time=TIME - 1), "sct-time"),
        (Maker(time=2**64 - 1), "sct"),
        (Maker(algorithm=b"\x04\x01"), "sct-signature"),
        (Maker(algorithm=b"\x02\x03"), "sct-signature"),
        (Maker(version=1), "sct-absent"),
    ],
)
def test_a_timestamp_that_does_not_hold(maker: Maker, code: str) -> None:
    with pytest.raises(Untrue) as caught:
        check_sct(certificate(maker), ISSUER, [log()])
    assert caught.value.code == code


def test_another_issuer_has_another_key_hash() -> None:
    other = ISSUER.replace(spki(), spki("somebody"))
    with pytest.raises(Untrue) as caught:
        check_sct(certificate(Maker()), other, [log()])
    assert caught.value.code == "sct-signature"


def test_every_changed_byte_before_the_list_is_noticed() -> None:
    leaf = certificate(Maker(extensions=STATIC))
    parts = tbs.walk_certificate(leaf)
    for place in range(parts.tbs.start, parts.tbs.end, 2):
        changed = leaf[:place] + bytes([leaf[place] ^ 1]) + leaf[place + 1 :]
        with pytest.raises((Untrue, Malformed)):
            check_sct(changed, ISSUER, [log()])


def test_no_timestamp() -> None:
    with pytest.raises(Untrue) as caught:
        check_sct(raw_certificate(EXTENSIONS), ISSUER, [log()])
    assert caught.value.code == "sct-absent"


def test_what_the_log_commits_to() -> None:
    """The same bytes from certificate and precertificate, and without extensions no [3] field."""
    unstamped = tbs.walk_certificate(raw_certificate(EXTENSIONS)).tbs_bytes
    poison = extension(POISON, b"\x05\x00", critical=True)
    assert precert_tbs(certificate(Maker())) == unstamped
    assert precert_tbs(raw_certificate([EXTENSIONS[0], poison, EXTENSIONS[1]])) == unstamped
    assert precert_tbs(raw_certificate([poison])) == tbs.walk_certificate(raw_certificate([])).tbs_bytes


def test_a_dedicated_precertificate_signer() -> None:
    """RFC 6962 section 3.1: the log signs for the signer's own issuer, name, key and authority key id."""
    old, new = extension(AUTHORITY_KEY_ID, b"\x30\x03\x80\x01A"), extension(AUTHORITY_KEY_ID, b"\x30\x04\x80\x02BC")
    purpose = der.encode(der.SEQUENCE, der.encode(der.OID, der.oid_body("1.3.6.1.4.1.11129.2.4.4")))
    signer = raw_certificate([new, extension(EXTENDED_KEY_USAGE, purpose)])
    wanted = tbs.walk_certificate(raw_certificate([*EXTENSIONS, new])).tbs_bytes
    precert = raw_certificate([*EXTENSIONS, old, extension(POISON, b"\x05\x00", critical=True)])
    assert precert_tbs(precert, signer) == wanted
    stamps = scts(vector(vector(Maker().encode(wanted))))
    leaf = raw_certificate([*EXTENSIONS, old, stamps])
    assert check_sct(leaf, signer, [log()], ISSUER)
    with pytest.raises(Untrue) as caught:
        check_sct(leaf, signer, [log()])
    assert caught.value.code == "sct-issuer"


def test_an_rsa_log() -> None:
    der_key = (
        rsa_key().public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    key = PublicKey.from_der(der_key)
    leaf = raw_certificate(EXTENSIONS)
    signed = b"\x00\x00" + TIME.to_bytes(8) + b"\x00\x00" + len(leaf).to_bytes(3) + leaf + b"\x00\x00"
    signature = b"\x04\x01" + vector(rsa_key().sign(signed, padding.PKCS1v15(), hashes.SHA256()))
    rsa_log = TrustedLog("", key.sha256, key, Window(datetime(2000, 1, 1, tzinfo=UTC), None), kind="ct")
    assert check_detached_sct(detached(rsa_log, signature), leaf, [rsa_log]).time == NOON


def detached(by: TrustedLog, signature: bytes) -> bytes:
    def b64(data: bytes) -> str:
        return base64.b64encode(data).decode()

    reply = {"sct_version": 0, "id": b64(by.log_id), "timestamp": TIME, "extensions": "", "signature": b64(signature)}
    return json.dumps(reply).encode()


def test_a_detached_timestamp() -> None:
    leaf = raw_certificate(EXTENSIONS)
    signature = b"\x04\x03" + vector(Maker().signature(b"\x00\x00" + len(leaf).to_bytes(3) + leaf))
    assert check_detached_sct(detached(log(), signature), leaf, [log()]).timestamp == TIME
    with pytest.raises(Untrue):
        check_detached_sct(detached(log(), signature), leaf + b"x", [log()])
    for broken in (b"[]", b"{}", detached(log(), signature[:-1]), detached(log(), signature + b"x")):
        with pytest.raises(Malformed):
            check_detached_sct(broken, leaf, [log()])


@given(st.binary(max_size=200))
def test_any_list_is_read_or_malformed(data: bytes) -> None:
    try:
        scts_found = parse_sct_list(data)
    except Malformed:
        return
    assert all(len(sct.log_id) == 32 for sct in scts_found)


def test_every_cut_of_a_list_is_malformed() -> None:
    whole = vector(vector(Maker(extensions=STATIC).encode(b"")))
    assert len(parse_sct_list(whole)) == 1
    for end in range(len(whole)):
        with pytest.raises(Malformed):
            parse_sct_list(whole[:end])
    with pytest.raises(Malformed):
        parse_sct_list(whole + b"\x00")


def test_a_time_beyond_the_calendar_is_malformed() -> None:
    (sct,) = parse_sct_list(vector(vector(Maker().encode(b""))))
    with pytest.raises(Malformed):
        _ = replace(sct, timestamp=2**63).time
    assert isinstance(sct, Sct)
