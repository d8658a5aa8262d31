"""Does a trusted root say exactly whom we trust, and is a loose one refused?"""

import base64
import json
import pickle
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from verifier.errors import Malformed
from verifier.keys import PublicKey
from verifier.note import NoteKey, log_key_id
from verifier.trust import TrustedRoot, Window, parse_client_trust

ED = ed25519.Ed25519PrivateKey.generate().public_key()
EC = ec.generate_private_key(ec.SECP256R1()).public_key()
RSA = rsa.generate_private_key(65537, 2048).public_key()
ED_DER, EC_DER, RSA_DER = (key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo) for key in (ED, EC, RSA))
ED_KEY = PublicKey.from_der(ED_DER)
START = "2026-01-01T00:00:00Z"


def text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def log(der: bytes = EC_DER, details: str = "PKIX_ECDSA_P256_SHA_256", **changes: Any) -> dict[str, Any]:
    return {
        "baseUrl": "https://rekor.example.test",
        "hashAlgorithm": "SHA2_256",
        "publicKey": {"rawBytes": text(der), "keyDetails": details, "validFor": {"start": START}},
        "logId": {"keyId": text(sha256(der).digest())},
        **changes,
    }


def log_v2(origin: str = "log2026-1.example.test", url: str = "https://log2026-1.example.test") -> dict[str, Any]:
    return log(ED_DER, "PKIX_ED25519", baseUrl=url, logId={"keyId": text(log_key_id(origin, ED_KEY))})


def authority(**changes: Any) -> dict[str, Any]:
    return {
        "subject": {"organization": "example.test", "commonName": "ca"},
        "uri": "https://fulcio.example.test",
        "certChain": {"certificates": [{"rawBytes": text(b"intermediate")}, {"rawBytes": text(b"root")}]},
        "validFor": {"start": START, "end": "2026-12-31T23:59:59.999Z"},
        **changes,
    }


def root(**changes: Any) -> dict[str, Any]:
    return {
        "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
        "tlogs": [log(), log_v2()],
        "ctlogs": [log()],
        "certificateAuthorities": [authority()],
        "timestampAuthorities": [authority(uri="https://tsa.example.test")],
        **changes,
    }


def parse(value: Any) -> TrustedRoot:
    return TrustedRoot.parse(json.dumps(value).encode())


def test_a_whole_root() -> None:
    raw = json.dumps(root()).encode()
    trusted = TrustedRoot.parse(raw)
    assert (trusted.raw, trusted.problems) == (raw, ())
    first, second = trusted.tlogs
    assert (first.kind, first.base_url, first.log_id) == (
        "rekor",
        "https://rekor.example.test",
        sha256(EC_DER).digest(),
    )
    assert first.window == Window(datetime(2026, 1, 1, tzinfo=UTC), None)
    assert (second.origin, first.origin) == ("log2026-1.example.test", None)
    assert [one.kind for one in trusted.ctlogs] == ["ct"]
    assert [(one.kind, one.chain) for one in (*trusted.cas, *trusted.tsas)] == [
        ("ca", (b"intermediate", b"root")),
        ("tsa", (b"intermediate", b"root")),
    ]
    assert pickle.loads(pickle.dumps(trusted)) == trusted


def test_the_log_id_decides_how_checkpoints_are_signed() -> None:
    trusted = parse(root())
    v1, v2 = trusted.tlogs
    assert v1.note_key("rekor.example.test - 42") == NoteKey.v1("rekor.example.test", v1.key)
    assert v1.note_key("rekor.example.test") == NoteKey.v1("rekor.example.test", v1.key)
    assert v2.note_key("log2026-1.example.test") == NoteKey.c2sp("log2026-1.example.test", v2.key)
    assert trusted.ctlogs[0].note_key("ct.example.test") == NoteKey.rfc6962("ct.example.test", v1.key)
    old_style = parse(root(tlogs=[log(ED_DER, "PKIX_ED25519")])).tlogs[0]
    assert old_style.note_key("h - 7") == NoteKey.v1("h", ED_KEY)


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://log.example.test", "log.example.test"),
        ("http://127.0.0.1:5550", "127.0.0.1:5550"),
        ("http://127.0.0.1:5550", "127.0.0.1"),
        ("log.example.test", "log.example.test"),
        ("https://log.example.test/2026/", "log.example.test/2026"),
    ],
)
def test_the_origin_is_the_suggestion_of_the_url_that_the_log_id_confirms(url: str, origin: str) -> None:
    trusted = parse(root(tlogs=[log_v2(origin, url)]))
    assert (trusted.tlogs[0].origin, trusted.problems) == (origin, ())


@pytest.mark.parametrize("url", ["https://other.example.test", "", "http://[", "::::"])
def test_a_log_whose_url_does_not_fit_its_id_has_no_origin_and_a_problem(url: str) -> None:
    trusted = parse(root(tlogs=[log_v2(url=url)]))
    assert trusted.tlogs[0].origin is None
    assert len(trusted.problems) == 1


def test_both_ends_of_a_window_are_inside() -> None:
    window = parse(root()).cas[0].window
    assert window.start
    assert window.end
    tick = timedelta(microseconds=1)
    for moment, inside in (
        (window.start, True),
        (window.end, True),
        (window.start - tick, False),
        (window.end + tick, False),
    ):
        assert window.contains(moment) is inside
    assert Window().contains(window.end)
    assert Window(window.start).contains(window.end)


def test_old_keys_in_pkcs1_bytes() -> None:
    """As the staging root has them: raw PKCS#1, while the log id is over the SPKI."""
    raw = RSA.public_bytes(Encoding.DER, PublicFormat.PKCS1)
    trusted = parse(root(ctlogs=[log(raw, "PKCS1_RSA_PKCS1V5", logId={"keyId": text(sha256(RSA_DER).digest())})]))
    assert (trusted.ctlogs[0].key.der, trusted.problems) == (RSA_DER, ())


@pytest.mark.parametrize(
    "entry",
    [
        log(b"not a key"),
        log(b"not a key", "QUANTUM_2040"),
        log(RSA_DER, "PKCS1_RSA_PKCS1V5"),
        log(hashAlgorithm="SHA3_256"),
        log(logId={"keyId": text(b"short")}),
    ],
)
def test_what_we_cannot_use_is_skipped_and_named(entry: dict[str, Any]) -> None:
    trusted = parse(root(tlogs=[entry, log_v2()], ctlogs=[entry]))
    assert [one.origin for one in trusted.tlogs] == ["log2026-1.example.test"]
    assert trusted.ctlogs == ()
    assert any("tlogs[0]" in problem for problem in trusted.problems)


def test_what_is_odd_but_usable_is_kept_and_named() -> None:
    for entry, word in (
        (log(details="QUANTUM_2040"), "keyDetails"),
        (log(details="PKIX_ED25519"), "keyDetails"),
        (log(novelty=1), "novelty"),
    ):
        trusted = parse(root(tlogs=[entry]))
        assert len(trusted.tlogs) == 1
        assert word in trusted.problems[0]
    assert "later" in parse(root(later=[])).problems[0]


def test_an_authority_without_certificates_is_skipped() -> None:
    trusted = parse(root(certificateAuthorities=[authority(certChain={"certificates": []}), authority()]))
    assert (len(trusted.cas), len(trusted.problems)) == (1, 1)


def test_null_and_absent_lists_are_empty() -> None:
    assert parse({"mediaType": root()["mediaType"], "tlogs": None}).tlogs == ()


def test_versions_and_fields_of_0_2() -> None:
    for kind in (
        "application/vnd.dev.sigstore.trustedroot.v0.1+json",
        "application/vnd.dev.sigstore.trustedroot.v0.2+json",
    ):
        key_id = log_key_id("log2026-1.example.test", ED_KEY)
        entry = {**log_v2(), "checkpointKeyId": {"keyId": text(key_id)}, "operator": "example.test"}
        trusted = parse(root(mediaType=kind, tlogs=[entry], certificateAuthorities=[authority(operator="me")]))
        assert (trusted.tlogs[0].checkpoint_key_id, trusted.tlogs[0].operator) == (key_id, "example.test")
        assert (trusted.cas[0].operator, trusted.problems) == ("me", ())


def change(path: str, value: Any) -> Callable[[], dict[str, Any]]:
    """A root with one member replaced (or removed, by ...), by a path like ``tlogs.0.publicKey``."""

    def changed() -> dict[str, Any]:
        whole: Any = json.loads(json.dumps(root()))
        *parents, last = path.split(".")
        inner = whole
        for name in parents:
            inner = inner[int(name) if name.isdecimal() else name]
        if value is ...:
            del inner[last]
        else:
            inner[last] = value
        return dict(whole)

    return changed


@pytest.mark.parametrize(
    "broken",
    [
        change("mediaType", ...),
        change("mediaType", "application/json"),
        change("mediaType", "application/vnd.dev.sigstore.trustedroot.v0.3+json"),
        change("mediaType", 1),
        change("tlogs", {}),
        change("tlogs", "x"),
        change("tlogs", [1]),
        change("tlogs", [{}] * 1001),
        change("tlogs.0.publicKey", ...),
        change("tlogs.0.publicKey.rawBytes", ...),
        change("tlogs.0.publicKey.rawBytes", "not base64!"),
        change("tlogs.0.publicKey.rawBytes", "YR=="),
        change("tlogs.0.publicKey.keyDetails", []),
        change("tlogs.0.publicKey.validFor", ...),
        change("tlogs.0.publicKey.validFor", None),
        change("tlogs.0.publicKey.validFor.start", ...),
        change("ctlogs.0.publicKey.validFor.start", ...),
        change("certificateAuthorities.0.validFor.start", ...),
        change("timestampAuthorities.0.validFor", ...),
        change("tlogs.0.publicKey.validFor.start", "2026-01-01"),
        change("tlogs.0.publicKey.validFor.start", "2026-13-01T00:00:00Z"),
        change("tlogs.0.publicKey.validFor.start", "2026-01-01T00:00:00"),
        change("tlogs.0.publicKey.validFor.start", "0001-01-01T00:00:00+23:59"),
        change("tlogs.0.publicKey.validFor.start", 1767225600),
        change("tlogs.0.publicKey.validFor.end", "later"),
        change("tlogs.0.logId", ...),
        change("tlogs.0.baseUrl", 5),
        change("certificateAuthorities.0.certChain", ...),
        change("certificateAuthorities.0.certChain.certificates", {}),
        change("certificateAuthorities.0.uri", {}),
    ],
)
def test_what_is_no_trusted_root_is_malformed(broken: Callable[[], dict[str, Any]]) -> None:
    with pytest.raises(Malformed) as caught:
        parse(broken())
    assert caught.value.code == "trusted-root"


@pytest.mark.parametrize("raw", [b"", b"[]", b"null", b'{"mediaType":"a","mediaType":"b"}', b"{", b"\xff"])
def test_no_json_no_root(raw: bytes) -> None:
    with pytest.raises(Malformed):
        TrustedRoot.parse(raw)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(), lambda s: st.lists(s) | st.dictionaries(st.text(), s)
    )
)
def test_no_value_crashes_a_root(value: Any) -> None:
    for path in ("tlogs", "ctlogs", "certificateAuthorities"):
        for wrong in (value, [value], [{**log(), **authority(), "publicKey": value}]):
            try:
                parse(root(**{path: wrong}))
            except Malformed:
                continue


def test_merged_roots_hold_everything_once() -> None:
    one, two = parse(root()), parse(root(tlogs=[log_v2(), log_v2("x", "x")], ctlogs=[]))
    merged = TrustedRoot.merge(one, two)
    assert len(merged.tlogs) == 3
    assert (merged.ctlogs, merged.cas, merged.tsas) == (one.ctlogs, one.cas, one.tsas)
    assert TrustedRoot.merge() == TrustedRoot()


def test_a_client_trust_config_holds_both_halves() -> None:
    config = {
        "mediaType": "application/vnd.dev.sigstore.signingconfig.v0.2+json",
        "rekorTlogUrls": [{"url": "https://r.test", "majorApiVersion": 1, "validFor": {"start": START}}],
    }
    kind = "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json"
    raw = json.dumps({"mediaType": kind, "trustedRoot": root(), "signingConfig": config}).encode()
    trusted, signing = parse_client_trust(raw)
    assert len(trusted.tlogs) == 2
    assert signing.rekor_tlogs[0].url == "https://r.test"
    with pytest.raises(Malformed):
        parse_client_trust(raw.replace(b"clienttrust", b"clienttryst"))
    with pytest.raises(Malformed):
        parse_client_trust(json.dumps({"mediaType": kind, "trustedRoot": root()}).encode())
