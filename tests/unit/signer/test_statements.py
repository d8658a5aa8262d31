"""Statements and predicates: cosign's shapes, nothing dropped or made up, nonsense refused."""

import base64
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from signer.predicates import TYPES, predicate_of
from signer.statement import make_statement, read_statement
from verifier.errors import Malformed, Refused

NOW = datetime(2026, 11, 21, 2, 18, 15, tzinfo=UTC)
SUBJECT = ("hello.txt", "14a45aefeae76dd51a0681e283511862ddf2f9d8349cd43869b173c09f9caa8a")
RECORDED = {
    "att-custom": ("custom", "custom.json"),
    "att-customtext": ("custom", "custom.txt"),
    "att-cyclonedx": ("cyclonedx", "cyclonedx.json"),
    "att-openvex": ("openvex", "openvex.json"),
    "att-slsaprovenance1": ("slsaprovenance1", "slsa1.json"),
    "att-spdxjson": ("spdxjson", "spdx.json"),
    "att-vuln": ("vuln", "vuln.json"),
    "att-uri": ("https://example.com/mytype/v1", "custom.json"),
}


@pytest.mark.parametrize("name", RECORDED)
def test_the_statement_is_the_one_that_cosign_made(real_data: Path, name: str) -> None:
    kind, file = RECORDED[name]
    folder = real_data / "cosign"
    theirs = json.loads(
        base64.b64decode(json.loads((folder / f"bundles/{name}.json").read_bytes())["dsseEnvelope"]["payload"])
    )
    ours = json.loads(make_statement(SUBJECT, kind, (folder / "att" / file).read_bytes(), NOW))
    if kind == "custom":
        theirs["predicate"]["Timestamp"] = ours["predicate"]["Timestamp"]
    assert ours == theirs


def test_provenance_02_keeps_what_cosign_loses(real_data: Path) -> None:
    data = (real_data / "cosign/att/slsa02.json").read_bytes()
    ours = json.loads(make_statement(SUBJECT, "slsaprovenance02", data, NOW))
    assert ours["predicateType"] == "https://slsa.dev/provenance/v0.2"
    assert ours["predicate"] == json.loads(data)


def test_spdx_as_text_is_one_string() -> None:
    assert predicate_of("spdx", b"SPDXVersion: SPDX-2.3\n", NOW) == (
        "https://spdx.dev/Document",
        "SPDXVersion: SPDX-2.3\n",
    )


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("cyclonedx", b"{not json"),
        ("cyclonedx", b"[]"),
        ("cyclonedx", b'{"components":{}}'),
        ("openvex", b'{"a":1,"a":2}'),
        ("slsaprovenance", b'{"builder":"b"}'),
        ("slsaprovenance1", b'{"runDetails":{"builder":{"id":1}}}'),
        ("vuln", b'{"foo":"bar"}'),
        ("vuln", b'{"scanner":[]}'),
        ("spdx", b"\xff"),
        ("custom", b"\xff"),
        ("https://example.com/x", b"3"),
    ],
)
def test_what_is_not_of_its_type(kind: str, data: bytes) -> None:
    with pytest.raises(Malformed):
        predicate_of(kind, data, NOW)


def test_an_unknown_short_name_is_refused_with_the_known_ones() -> None:
    with pytest.raises(Refused) as error:
        predicate_of("slsa", b"{}", NOW)
    assert all(name in str(error.value) for name in TYPES)


def test_a_whole_statement_is_signed_byte_for_byte() -> None:
    text = b'{"_type": "https://in-toto.io/Statement/v1", "subject": [{"name": "x", "digest": {"sha256": "%s"}}],' % (
        b"0" * 64
    )
    data = b"\n " + text + b' "predicateType":"p","predicate":{}}\n'
    payload, statement = read_statement(data)
    assert payload == data.strip()
    assert statement.subjects[0].name == "x"
    with pytest.raises(Malformed):
        read_statement(b'{"_type":"https://in-toto.io/Statement/v1","predicateType":"p"}')
