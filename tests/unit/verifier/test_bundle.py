"""Bundles: one meaning or none, for every version."""

import base64
import gzip
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.verifier.tsa_maker import ROOT_SHAPE, CertificateShape, issue
from verifier.bundle import MAX_ENTRIES, MAX_TIMESTAMPS, V01, V03, Bundle, MessageSignature
from verifier.errors import Malformed
from verifier.legacy import from_pieces, read_bundle, read_certificate, read_content, read_timestamp
from verifier.pem import encode_pem

ROOT = issue(ROOT_SHAPE)
LEAF = issue(CertificateShape(), ROOT)


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


BODY = b'{"apiVersion":"0.0.1","kind":"hashedrekord","spec":{}}'
PROOF = {
    "logIndex": "0",
    "rootHash": b64(b"r" * 32),
    "treeSize": "1",
    "hashes": [],
    "checkpoint": {"envelope": "log\n1\n\n"},
}
ENTRY: dict[str, Any] = {
    "logIndex": "5",
    "logId": {"keyId": b64(b"l" * 32)},
    "kindVersion": {"kind": "hashedrekord", "version": "0.0.1"},
    "integratedTime": "1700000000",
    "inclusionPromise": {"signedEntryTimestamp": b64(b"set")},
    "inclusionProof": PROOF,
    "canonicalizedBody": b64(BODY),
}
CERTIFICATE = {"certificate": {"rawBytes": b64(LEAF.der)}}
CHAIN = {"x509CertificateChain": {"certificates": [{"rawBytes": b64(LEAF.der)}]}}
MESSAGE = {
    "messageDigest": {"algorithm": "SHA2_256", "digest": b64(b"d" * 32)},
    "signature": b64(b"s" * 64),
}


def bundle(media_type: str = V03, material: Any = None, **top: Any) -> bytes:
    value = {
        "mediaType": media_type,
        "verificationMaterial": {"tlogEntries": [ENTRY], **(CERTIFICATE if material is None else material)},
        "messageSignature": MESSAGE,
        **top,
    }
    return json.dumps(value).encode()


@pytest.mark.parametrize(
    ("media_type", "version", "material"),
    [
        (V01, "0.1", CHAIN),
        ("application/vnd.dev.sigstore.bundle+json;version=0.2", "0.2", CHAIN),
        ("application/vnd.dev.sigstore.bundle+json;version=0.3", "0.3", CERTIFICATE),
        (V03, "0.3", CERTIFICATE),
        (V03, "0.3", {"publicKey": {"hint": "abc"}}),
        (V03, "0.3", {"publicKey": {}}),
    ],
)
def test_every_version_is_read(media_type: str, version: str, material: Any) -> None:
    parsed = Bundle.parse(bundle(media_type, material))
    assert parsed.version == version
    assert parsed.entries[0].global_index == 5
    assert parsed.leaf == (None if "publicKey" in material else LEAF.der)


def test_what_is_written_is_read_again() -> None:
    parsed = Bundle.parse(bundle(V01, CHAIN))
    again = Bundle.parse(parsed.encode())
    assert again.media_type == V03
    assert (again.certificates, again.entries, again.content) == (parsed.certificates, parsed.entries, parsed.content)


def test_an_entry_with_a_promise_alone_is_written_as_version_01() -> None:
    entry = {name: value for name, value in ENTRY.items() if name != "inclusionProof"}
    parsed = Bundle.parse(bundle(V01, {**CHAIN, "tlogEntries": [entry]}))
    again = Bundle.parse(parsed.encode())
    assert again.version == "0.1"
    assert again.entries == parsed.entries


BAD: dict[str, tuple[bytes, str]] = {
    "not JSON": (b"{", "json"),
    "gzip": (gzip.compress(bundle()), "json"),
    "a list": (b"[]", "bundle-shape"),
    "version 0.4": (bundle("application/vnd.dev.sigstore.bundle.v0.4+json"), "bundle-version"),
    "version is no text": (bundle(media_type=5), "bundle-version"),  # type: ignore[arg-type]
    "a member twice": (bundle()[:-1] + b',"mediaType":"x"}', "json-duplicate-key"),
    "an unknown member": (bundle(more=1), "bundle-shape"),
    "no material": (bundle(verificationMaterial=None), "bundle-shape"),
    "no signer": (bundle(material={}), "bundle-shape"),
    "two signers": (bundle(material={**CERTIFICATE, "publicKey": {}}), "bundle-shape"),
    "certificate in 0.2": (bundle("application/vnd.dev.sigstore.bundle+json;version=0.2"), "bundle-material"),
    "chain in 0.3": (bundle(material=CHAIN), "bundle-chain"),
    "empty chain": (bundle(V01, {"x509CertificateChain": {"certificates": []}}), "bundle-chain"),
    "root in the chain": (
        bundle(
            V01, {"x509CertificateChain": {"certificates": [{"rawBytes": b64(LEAF.der)}, {"rawBytes": b64(ROOT.der)}]}}
        ),
        "bundle-root",
    ),
    "empty certificate": (bundle(material={"certificate": {"rawBytes": ""}}), "bundle-shape"),
    "base64 without padding": (bundle(messageSignature={"signature": "AAA"}), "base64"),
    "URL-safe base64": (bundle(messageSignature={"signature": "__8="}), "base64"),
    "empty signature": (bundle(messageSignature={"signature": ""}), "bundle-shape"),
    "unknown digest": (
        bundle(messageSignature={**MESSAGE, "messageDigest": {"algorithm": "MD5", "digest": "AAAA"}}),
        "bundle-shape",
    ),
    "no content": (bundle(messageSignature=None), "bundle-shape"),
    "two contents": (bundle(dsseEnvelope={}), "bundle-shape"),
    "no promise in 0.1": (
        bundle(V01, {**CHAIN, "tlogEntries": [{k: v for k, v in ENTRY.items() if k != "inclusionPromise"}]}),
        "bundle-inclusion",
    ),
    "no proof in 0.3": (
        bundle(material={**CERTIFICATE, "tlogEntries": [{k: v for k, v in ENTRY.items() if k != "inclusionProof"}]}),
        "bundle-inclusion",
    ),
    "no checkpoint in 0.3": (
        bundle(material={**CERTIFICATE, "tlogEntries": [{**ENTRY, "inclusionProof": {**PROOF, "checkpoint": None}}]}),
        "bundle-inclusion",
    ),
    "negative index": (bundle(material={**CERTIFICATE, "tlogEntries": [{**ENTRY, "logIndex": "-1"}]}), ""),
    "the same entry twice": (bundle(material={**CERTIFICATE, "tlogEntries": [ENTRY, ENTRY]}), "bundle-duplicate-entry"),
    "too many entries": (bundle(material={**CERTIFICATE, "tlogEntries": [{}] * (MAX_ENTRIES + 1)}), "bundle-limit"),
    "too many timestamps": (
        bundle(
            material={
                **CERTIFICATE,
                "timestampVerificationData": {
                    "rfc3161Timestamps": [{"signedTimestamp": "AAAA"}] * (MAX_TIMESTAMPS + 1)
                },
            }
        ),
        "bundle-limit",
    ),
}


@pytest.mark.parametrize(("data", "code"), BAD.values(), ids=BAD.keys())
def test_anything_else_is_malformed(data: bytes, code: str) -> None:
    with pytest.raises(Malformed) as caught:
        Bundle.parse(data)
    assert not code or caught.value.code == code


def test_a_chain_is_accepted_on_demand() -> None:
    assert Bundle.parse(bundle(material=CHAIN), allow_chain=True).leaf == LEAF.der


def test_numbers_and_nulls_mean_what_protobuf_says() -> None:
    entry = {**ENTRY, "logIndex": 5, "integratedTime": 1700000000}
    material = {**CERTIFICATE, "publicKey": None, "timestampVerificationData": None, "tlogEntries": [entry]}
    assert Bundle.parse(bundle(material=material)) == Bundle.parse(bundle())


LEGACY = {
    "base64Signature": b64(b"s" * 64),
    "cert": b64(encode_pem("CERTIFICATE", LEAF.der)),
    "rekorBundle": {
        "SignedEntryTimestamp": b64(b"set"),
        "Payload": {"body": b64(BODY), "integratedTime": 1700000000, "logIndex": 5, "logID": "00" * 32},
    },
}


def test_the_legacy_format_becomes_a_bundle() -> None:
    parsed = read_bundle(json.dumps(LEGACY).encode())
    assert (parsed.version, parsed.leaf, parsed.signature) == ("legacy", LEAF.der, b"s" * 64)
    assert (parsed.entries[0].kind, parsed.entries[0].global_index) == ("hashedrekord", 5)


def test_the_legacy_key_is_kept_apart() -> None:
    pem = encode_pem("PUBLIC KEY", b"spki")
    parsed = read_bundle(json.dumps({**LEGACY, "cert": b64(pem)}).encode())
    assert (parsed.leaf, parsed.embedded_key) == (None, b"spki")


@pytest.mark.parametrize(
    "change",
    [
        {"more": 1},
        {"cert": 5},
        {"cert": b64(b"not PEM")},
        {"cert": b64(encode_pem("PRIVATE KEY", b"x"))},
        {"base64Signature": "?"},
        {"rekorBundle": {}},
        {"rekorBundle": {**LEGACY["rekorBundle"], "Payload": {}}},  # type: ignore[dict-item]
    ],
)
def test_other_legacy_bundles_are_malformed(change: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        read_bundle(json.dumps({**LEGACY, **change}).encode())


def test_signatures_are_read_as_base64_or_raw() -> None:
    assert read_content(b64(b"s" * 70).encode() + b"\n") == MessageSignature(b"s" * 70)
    assert read_content(b"\x30\x45\x02") == MessageSignature(b"\x30\x45\x02")
    with pytest.raises(Malformed):
        read_content(b" \n")


def test_certificates_are_read_in_every_wrapping() -> None:
    pem = encode_pem("CERTIFICATE", LEAF.der)
    assert read_certificate(pem) == read_certificate(b64(pem).encode()) == read_certificate(LEAF.der) == LEAF.der
    with pytest.raises(Malformed):
        read_certificate(pem + pem)


def test_detached_pieces_become_a_bundle() -> None:
    made = from_pieces(b64(b"sig").encode(), certificate=encode_pem("CERTIFICATE", LEAF.der), timestamps=[b"tsr"])
    assert (made.leaf, made.signature, made.timestamps) == (LEAF.der, b"sig", (b"tsr",))


def test_timestamps_are_read_from_json_or_der() -> None:
    assert read_timestamp(json.dumps({"SignedRFC3161Timestamp": b64(b"\x30\x00")}).encode()) == b"\x30\x00"
    assert read_timestamp(b"\x30\x00") == b"\x30\x00"
    with pytest.raises(Malformed):
        read_timestamp(b"{}")


@given(st.binary(max_size=400))
def test_arbitrary_bytes_are_refused_cleanly(data: bytes) -> None:
    for read in (Bundle.parse, read_bundle):
        with pytest.raises(Malformed):
            read(data)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
_PATHS = st.sampled_from(
    [
        ("verificationMaterial",),
        ("verificationMaterial", "certificate"),
        ("verificationMaterial", "tlogEntries"),
        ("verificationMaterial", "tlogEntries", 0),
        ("verificationMaterial", "tlogEntries", 0, "logId"),
        ("verificationMaterial", "tlogEntries", 0, "logIndex"),
        ("verificationMaterial", "tlogEntries", 0, "inclusionProof"),
        ("verificationMaterial", "tlogEntries", 0, "inclusionProof", "hashes"),
        ("verificationMaterial", "tlogEntries", 0, "kindVersion"),
        ("verificationMaterial", "timestampVerificationData"),
        ("messageSignature",),
        ("messageSignature", "messageDigest"),
        ("mediaType",),
    ]
)


@given(_PATHS, _JSON)
def test_a_bundle_with_anything_anywhere_never_crashes(path: tuple[str | int, ...], value: Any) -> None:
    document = json.loads(bundle())
    parent = document
    for key in path[:-1]:
        parent = parent[key]
    parent[path[-1]] = value
    try:
        Bundle.parse(json.dumps(document).encode())
    except Malformed as error:
        assert error.code
