"""Every body of two real logs is read, and says what the recorders know about it."""

import hashlib
import json
from collections import Counter
from pathlib import Path

import pytest

from tests.real.verifier.records import Facts, lines, v1_entries, v2_bodies
from verifier.bodies import Body, fast_body, read_bodies, read_body
from verifier.entry import entry_from_rest
from verifier.identity import read_identity
from verifier.keys import PublicKey


@pytest.fixture(scope="module")
def v1(real_data: Path) -> list[Body]:
    entries = v1_entries(real_data / "logs" / "rekor-v1")
    return [read_body(entry_from_rest(*entry).body) for entry in entries]


@pytest.fixture(scope="module")
def v2(real_data: Path) -> list[Body]:
    return [read_body(data) for data in v2_bodies(real_data / "logs" / "rekor-v2")]


def test_every_v1_entry_is_of_its_kind(real_data: Path, v1: list[Body]) -> None:
    manifest = list(lines(real_data / "logs" / "rekor-v1" / "manifest.jsonl"))
    assert len(v1) == len(manifest) == 1480
    for body, facts in zip(v1, manifest, strict=True):
        assert (body.kind, body.version) == (facts["kind"], facts["apiVersion"])
        assert body.canonical
        assert len(body.data) == facts["bodyBytes"]
        assert body.signers
        assert body.digests
        assert read_bodies(body.data) == [body]
    assert len({(body.kind, body.version) for body in v1}) == 12


def test_every_v1_identity(real_data: Path, v1: list[Body]) -> None:
    seen = 0
    for body, facts in zip(v1, lines(real_data / "logs" / "rekor-v1" / "manifest.jsonl"), strict=True):
        if "san" not in facts:
            continue
        identities = [read_identity(signer.der) for signer in body.signers if signer.kind == "certificate"]
        names = [name for identity in identities for name in identity.names]
        assert facts["san"] in [name.value for name in names], facts["label"]
        if "sanType" in facts:
            assert facts["sanType"].split("-")[0].lower() in {name.kind for name in names}
        expected = {facts["issuer"]}
        if facts["label"] == "odd: issuer .1.1 and .1.8 differ":
            expected = {"https://evil.test"}  # the recorder notes .1; .8 is preferred
            assert "issuer-mismatch" in identities[0].anomalies
        assert {identity.issuer for identity in identities} == expected, facts["label"]
        seen += 1
    assert seen > 450


def test_every_v1_key_can_be_named(v1: list[Body]) -> None:
    for body in v1:
        for signer in body.signers:
            if signer.kind == "key":
                assert PublicKey.from_der(signer.der).kind != ""
            elif signer.kind == "certificate":
                assert read_identity(signer.der).key_sha256


def test_every_v2_entry_has_its_facts(real_data: Path, v2: list[Body]) -> None:
    about = json.loads((real_data / "logs" / "rekor-v2" / "entries.json").read_bytes())
    kinds = Counter(signer.kind for body in v2 for signer in body.signers)
    assert kinds == {"certificate": about["by_verifier"]["x509Certificate"], "key": about["by_verifier"]["publicKey"]}
    assert len(about["entries"]) == 107
    for facts in about["entries"]:
        check_v2(v2[facts["index"]], facts)


def check_v2(body: Body, facts: Facts) -> None:
    algorithm, digest = facts["artifact_digest"].split(":")
    assert body.digests == ((algorithm.replace("SHA2_", "sha"), digest),)
    assert (body.kind, body.version) == (facts["kind"], facts["apiVersion"])
    assert hashlib.sha256(body.data).hexdigest() == facts["body_sha256"]
    (signer,) = body.signers
    if facts["sans"] is None:
        assert signer.kind == "key"
        return
    identity = read_identity(signer.der)
    assert identity.issuer == (facts["issuer"] or "").removeprefix("raw:") or identity.issuer is facts["issuer"]
    assert identity.not_before is not None
    assert identity.not_before.strftime("%Y-%m-%dT%H:%M:%SZ") == facts["not_before"]
    for name, known in zip(identity.names, facts["sans"], strict=False):
        check_name(name.kind, name.value, name.raw, known)
    notes = [known for known in facts["sans"] if known["type"] == "note"]
    assert len(identity.names) == (100 if notes else len(facts["sans"]))


def check_name(kind: str, value: str, raw: bytes, known: Facts) -> None:
    if known["type"] == "otherName":
        assert kind == "othername"
        assert raw.hex().endswith(known["value"]["der_hex"])
    elif known["type"] == "note":
        assert value == "u2@many.example"
    elif "characters)" in known["value"]:
        start, length = known["value"].split("... (")
        assert value.startswith(start)
        assert len(value) == int(length.split()[0])
    else:
        assert (kind, value) == (known["type"], known["value"])


def test_every_issuer_is_counted(real_data: Path, v2: list[Body]) -> None:
    about = json.loads((real_data / "logs" / "rekor-v2" / "entries.json").read_bytes())
    found = Counter(
        str(read_identity(signer.der).issuer) if signer.kind == "certificate" else "None"
        for body in v2
        for signer in body.signers
    )
    for issuer, count in about["by_issuer"].items():
        assert found[issuer] in (count, count + 1), issuer  # one raw .8 is listed by its bytes


def test_the_fast_reader_agrees(v1: list[Body], v2: list[Body]) -> None:
    answered = 0
    for body in (*v1, *v2):
        fast = fast_body(body.data)
        if fast is None:
            continue
        (signer,) = body.signers
        assert (fast.der, fast.signature, fast.algorithm, fast.digest) == (
            signer.der,
            signer.signature,
            *body.digests[0],
        )
        assert (fast.version, fast.is_certificate) == (body.version, signer.kind == "certificate")
        answered += 1
    assert answered > 4300
