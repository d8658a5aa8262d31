"""Scenarios 31 to 46 as far as the content of entries goes: hostile bytes give a finding or an error, never silence."""

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest

from monitor.assess import unreadable_finding
from monitor.display import visible
from monitor.facts import read_facts
from monitor.incidents import group
from monitor.watch import build_watch
from sandbox import der, hostile, subjects
from sandbox.ca import CA, Profile
from sandbox.entries import dsse_v1, envelope, hashedrekord_v1, hashedrekord_v2, opaque
from sandbox.keys import SigningKey
from tests.unit.monitor.watching import NOW, SPEC, WIDGET, fields, found, kinds, sandbox_ca, scan
from verifier.errors import Malformed, Refused

MAIL: dict[str, Any] = {"email": "ann@acme.example", "expect": {"issuer": subjects.GOOGLE}}
NEIGHBOUR = b"an honest neighbour"


@pytest.fixture(scope="module")
def ca() -> CA:
    return sandbox_ca()


def edited(body: bytes, change: Callable[[dict[str, Any]], None]) -> bytes:
    value = json.loads(body)
    change(value["spec"])
    return json.dumps(value, separators=(",", ":"), sort_keys=True).encode()


def with_certificate(body: bytes, certificate: bytes) -> bytes:
    def change(spec: dict[str, Any]) -> None:
        raw = {"rawBytes": base64.b64encode(certificate).decode()}
        spec["hashedRekordV002"]["signature"]["verifier"]["x509Certificate"] = raw

    return edited(body, change)


def test_row_31_a_large_entry_is_read_and_a_huge_one_is_named(ca: CA) -> None:
    long = ca.certificate(subjects.email("ann@acme.example").with_claims(token_subject="x" * 40_000))
    body = hashedrekord_v2(long, b"large")
    assert 50_000 < len(body) < 65_536
    assert kinds(found(body, watches=[MAIL], ca=ca)) == ["expected-identity"]
    huge = opaque("hashedrekord", "0.0.1", {"padding": "x" * (33 << 20)})
    result = scan(huge, hashedrekord_v2(ca.certificate("ann@acme.example"), NEIGHBOUR), watches=[MAIL])
    assert [(one.index, one.code) for one in result.unreadable] == [(0, "body-size")]
    assert [hit.index for hit in result.hits] == [1]


def test_row_33_json_of_ten_thousand_levels_is_named_and_the_next_entry_is_read(ca: CA) -> None:
    deep = b'{"apiVersion":"0.0.1","kind":"hashedrekord","spec":' + b"[" * 10_000 + b"]" * 10_000 + b"}"
    result = scan(deep, hashedrekord_v2(ca.certificate("ann@acme.example"), NEIGHBOUR), watches=[MAIL])
    assert [one.index for one in result.unreadable] == [0]
    assert [hit.index for hit in result.hits] == [1]


@pytest.mark.parametrize("ours_first", [True, False])
def test_row_34_of_two_equal_keys_both_readings_match(ca: CA, ours_first: bool) -> None:
    ours = hashedrekord_v2(ca.certificate("ann@acme.example"), b"a").decode()
    theirs = hashedrekord_v2(ca.certificate("eve@evil.example"), b"a").decode()
    start = ours.index('"x509Certificate":')
    mine, other = ours[start : ours.index("}", start) + 1], theirs[theirs.index('"x509Certificate":') :]
    other = other[: other.index("}") + 1]
    both = f"{mine},{other}" if ours_first else f"{other},{mine}"
    (finding,) = found(ours.replace(mine, both).encode(), watches=[MAIL], ca=ca)
    assert finding.watch == "ann@acme.example"
    assert "body-ambiguous" in finding.facts["anomalies"]
    assert finding.kind != "expected-identity"


@pytest.mark.parametrize(
    "text",
    [
        b'{"apiVersion":"0.0.1","kind":"hashedrekord","spec":{"n":1e400}}',
        b'{"apiVersion":"0.0.1","kind":"hashedrekord","spec":{"n":' + b"9" * 5000 + b"}}",
        b'{"apiVersion":"0.0.1","kind":"hashedrekord","spec":{"n":NaN}}',
        b'{"apiVersion":"0.0.1","kind":"hashedrekord","spec":{"n":"\\ud800"}}',
        b'\xef\xbb\xbf{"apiVersion":"0.0.1","kind":"hashedrekord","spec":{}}',
        b'{"apiVersion":1,"kind":"hashedrekord","spec":{}}',
        b'{"apiVersion":"0.0.1","kind":"hashedrekord","spec":{"data":"\xff\xfe"}}',
        b'{"apiVersion":"0.0.1","kind":"hashedrekord","spec":{"signature":{"content":"!!!"}}}',
        b"",
        b"null",
        b"\x00\x01\x02",
    ],
)
def test_row_35_odd_values_are_kept_raw_and_named(ca: CA, text: bytes) -> None:
    result = scan(text, hashedrekord_v2(ca.certificate("ann@acme.example"), NEIGHBOUR), watches=[MAIL])
    assert [(one.index, one.data) for one in result.unreadable] == [(0, text)]
    assert [hit.index for hit in result.hits] == [1]
    finding = unreadable_finding(result.unreadable[0], SPEC, NOW)
    assert (finding.kind, finding.severity, finding.index) == ("unreadable-entry", "info", 0)
    assert finding.evidence["body"] == text


@pytest.mark.parametrize("name", [b"ann@acme.example\0.evil.example", b"x\nann@acme.example", b"ann@acme\xff.example"])
def test_row_36_a_hostile_name_is_told_by_its_reading_and_shown_escaped(ca: CA, name: bytes) -> None:
    body = hashedrekord_v2(ca.certificate(subjects.Subject((subjects.email_name(name),), {})), b"a")
    findings = found(body, watches=[MAIL], ca=ca)
    if name.isascii():
        assert kinds(findings) == ["lookalike"]
        assert findings[0].facts["reading"] in findings[0].message
    for finding in findings:
        assert "\n" not in visible(finding.identity)
        assert "\0" not in visible(finding.identity)


def test_row_37_another_case_is_the_same_account_and_still_not_the_name(ca: CA) -> None:
    subject = subjects.github("Acme/Widget")
    (finding,) = found(hashedrekord_v2(ca.certificate(subject), b"a"), watches=[WIDGET], ca=ca)
    assert finding.kind == "unexpected-identity"
    assert fields(finding) == ["name"]
    encoded = subjects.github("ac%6de/widget")
    (finding,) = found(hashedrekord_v2(ca.certificate(encoded), b"a"), watches=[WIDGET], ca=ca)
    assert (finding.kind, finding.severity) == ("lookalike", "low")


def test_row_38_a_homoglyph_is_a_look_alike_of_low_severity(ca: CA) -> None:
    subject = subjects.github("\u0430cme/widget")
    (finding,) = found(hashedrekord_v2(ca.certificate(subject), b"a"), watches=[WIDGET], ca=ca)
    assert (finding.kind, finding.severity, finding.facts["reading"]) == ("lookalike", "low", "confusable")


def test_row_39_certificates_that_parsers_refuse_still_match(ca: CA) -> None:
    good = ca.certificate("ann@acme.example")
    many = subjects.Subject(
        (*(subjects.email_name(f"u{at}@many.example") for at in range(1000)), subjects.email_name("ann@acme.example")),
        subjects.issued_by(subjects.GOOGLE),
    )
    odd = {
        "trailing bytes": good.der + b"\0\0\0",
        "many names": ca.certificate(many).der,
        "negative serial": ca.certificate("ann@acme.example", profile=Profile(serial=-5)).der,
        "unknown critical extension": ca.certificate(
            "ann@acme.example", profile=Profile(extra=(der.extension("1.2.3.4.5.6.7", b"\x05\0", critical=True),))
        ).der,
    }
    for what, certificate in odd.items():
        findings = found(with_certificate(hashedrekord_v2(good, b"a"), certificate), watches=[MAIL], ca=ca)
        assert [finding.watch for finding in findings] == ["ann@acme.example"], what


def test_row_39_a_certificate_that_nobody_can_read_matches_by_its_bytes(ca: CA) -> None:
    good = ca.certificate("ann@acme.example")
    broken = b"\x30\x84\xff\xff\xff\xff" + good.der[4:]
    (finding,) = found(with_certificate(hashedrekord_v2(good, b"a"), broken), watches=[MAIL], ca=ca)
    assert (finding.kind, finding.severity) == ("unreadable-entry", "medium")
    stranger = ca.certificate("bo@other.example")
    broken = b"\x30\x84\xff\xff\xff\xff" + stranger.der[4:]
    result = scan(with_certificate(hashedrekord_v2(stranger, b"a"), broken), watches=[MAIL])
    assert [one.index for one in result.unreadable] == [0]


def test_row_39_names_that_cannot_be_read_to_their_end_match_by_their_bytes(ca: CA) -> None:
    made = hostile.certificates(ca, "ann@acme.example")["SAN with a wrong length"]
    (finding,) = found(hashedrekord_v2(made, b"a"), watches=[MAIL], ca=ca)
    assert (finding.kind, finding.severity) == ("unreadable-entry", "medium")
    stranger = hostile.certificates(ca, "bo@other.example")["SAN with a wrong length"]
    result = scan(hashedrekord_v2(stranger, b"a"), watches=[MAIL])
    assert [one.code for one in result.unreadable] == ["san-damaged"]


@pytest.mark.parametrize("value", [b"\x02\x01\x05", b"\x0c\x7fshort", subjects.GOOGLE.encode(), b"\x13\x03abc", b""])
def test_row_40_an_issuer_of_the_wrong_type_is_read_and_named(ca: CA, value: bytes) -> None:
    """A real incident: an extension that was no UTF8String failed every entry after it."""
    subject = subjects.email("ann@acme.example", None).with_claims(issuer=value)
    body = hashedrekord_v2(ca.certificate(subject), b"a")
    (finding,) = found(body, watches=[MAIL], ca=ca)
    assert finding.kind == ("expected-identity" if value.startswith(b"https") else "unexpected-identity")
    assert "issuer-encoding" in finding.facts["anomalies"]


@pytest.mark.parametrize("how", ["self-signed", "other authority"])
def test_row_41_a_certificate_that_proves_nothing_is_kept_low_and_grouped(ca: CA, how: str) -> None:
    made = ca.self_signed("ann@acme.example") if how == "self-signed" else ca.rogue().certificate("ann@acme.example")
    (finding,) = found(hashedrekord_v2(made, b"a"), watches=[MAIL], ca=ca)
    assert (finding.kind, finding.severity) == ("untrusted-chain", "low")
    assert finding.facts["trust"]["chain"] != "ok"


def test_row_42_spam_is_one_incident_and_a_trusted_hit_another(ca: CA) -> None:
    spam = [hashedrekord_v2(ca.self_signed("ann@acme.example"), b"%d" % at) for at in range(50)]
    trusted = hashedrekord_v2(ca.certificate("ann@acme.example", "https://evil.example"), b"x")
    incidents = group(found(*spam[:25], trusted, *spam[25:], watches=[MAIL], ca=ca))
    assert [(one.kind, one.count) for one in incidents] == [("unexpected-identity", 1), ("untrusted-chain", 50)]
    assert incidents[0].exempt
    assert not incidents[1].exempt


def test_row_43_each_signer_of_an_envelope_is_judged_for_itself(ca: CA) -> None:
    """One signer with a good certificate of somebody else, one with a forged one of ours: not a hit of ours."""
    stranger, forged = ca.certificate("bo@other.example"), ca.rogue().certificate("ann@acme.example")
    text = envelope([stranger, forged], b'{"_type":"statement"}')
    (finding,) = found(dsse_v1([stranger, forged], text), watches=[MAIL], ca=ca)
    assert finding.kind == "untrusted-chain"
    honest = ca.certificate("ann@acme.example")
    text = envelope([honest, forged], b'{"_type":"statement"}')
    both = found(dsse_v1([honest, forged], text), watches=[MAIL], ca=ca)
    assert sorted(kinds(both)) == ["expected-identity", "untrusted-chain"]


def test_row_44_a_pattern_cannot_be_made_slow_or_is_refused() -> None:
    slow = build_watch({"san_regex": r"(a+)+$"})
    body = hashedrekord_v2(sandbox_ca().certificate(subjects.uri("https://x.example/" + "a" * 30_000 + "b")), b"a")
    assert not scan(body, watches=[{"san_regex": slow.patterns[0].value}]).hits
    with pytest.raises(Refused, match="look-ahead") as refused:
        build_watch({"san_regex": "(?=a)b"}, where="watch.3")
    assert "watch.3.san_regex" in refused.value.message


@pytest.mark.parametrize(
    "payload", ["<script>alert(1)</script>", "<!channel>", "<https://evil|trusted>", "`x`", "=1+1"]
)
def test_row_45_46_markup_in_a_name_travels_as_text(ca: CA, payload: str) -> None:
    """Escaping is the renderers' work: here a payload arrives whole, and matches nothing by its markup."""
    subject = subjects.Subject((subjects.email_name(f"{payload}@acme.example"),), subjects.issued_by(subjects.GOOGLE))
    (finding,) = found(
        hashedrekord_v2(ca.certificate(subject), b"a"), watches=[{"email_domain": "acme.example"}], ca=ca
    )
    assert finding.identity == f"{payload}@acme.example"


def test_a_key_or_certificate_in_a_kind_nobody_knows_still_matches(ca: CA) -> None:
    key = SigningKey.make("ecdsa-p256", "in opaque")
    fingerprint = next(iter(read_facts(hashedrekord_v2(key, b"a")).subjects[0].keys))
    watches = [{"key_fingerprint": fingerprint}, MAIL]
    certificate = base64.b64encode(ca.certificate("ann@acme.example").pem).decode()
    new = opaque("novelty", "9.9.9", {"a": [{"key": base64.b64encode(key.spki).decode()}], "b": {"c": certificate}})
    findings = found(new, watches=watches, ca=ca)
    assert [(one.kind, one.severity) for one in findings] == [("unreadable-entry", "medium")] * 2
    assert {one.watch for one in findings} == {fingerprint, "ann@acme.example"}


@pytest.mark.parametrize("shift", range(3))
def test_a_watched_name_in_bytes_nobody_can_read_still_matches(ca: CA, shift: int) -> None:
    hidden = base64.b64encode(b"." * shift + b"mail of ann@acme.example, and more words").decode()
    (finding,) = found(opaque("novelty", "1", {"blob": hidden}), watches=[MAIL], ca=ca)
    assert (finding.kind, finding.severity) == ("unreadable-entry", "medium")
    (finding,) = found(b"\0\1\2 ann@acme.example \xff", watches=[MAIL], ca=ca)
    assert finding.kind == "unreadable-entry"


def test_other_kinds_of_rekor_v1_are_read_and_match(ca: CA) -> None:
    certified = ca.certificate("ann@acme.example")
    pem, digest = base64.b64encode(certified.pem).decode(), {"algorithm": "sha256", "value": "ab" * 32}
    signature = {"format": "x509", "content": "AAAA", "publicKey": {"content": pem}}
    rekord = opaque("rekord", "0.0.1", {"data": {"hash": digest}, "signature": signature})
    (finding,) = found(rekord, watches=[MAIL], ca=ca)
    assert (finding.watch, finding.kind) == ("ann@acme.example", "anomaly")
    assert finding.facts["kind"] == "rekord 0.0.1"


def test_a_wrong_signature_proves_nothing_whoever_is_named(ca: CA) -> None:
    certified = ca.certificate("ann@acme.example")
    body = hashedrekord_v2(certified, b"artifact", signature=certified.key.sign(b"another artifact"))
    (finding,) = found(body, watches=[MAIL], ca=ca)
    assert (finding.kind, finding.severity) == ("anomaly", "low")
    assert finding.facts["trust"]["signature"].startswith("wrong")


def test_a_v1_entry_is_read_like_a_v2_one(ca: CA) -> None:
    (finding,) = found(hashedrekord_v1(ca.certificate("ann@acme.example"), b"a"), watches=[MAIL], ca=ca)
    assert finding.kind == "expected-identity"
    assert finding.facts["trust"]["signature"] == "ok"


def test_a_certificate_without_a_timestamp_is_news_where_a_ct_log_is_trusted(ca: CA) -> None:
    made = ca.certificate("ann@acme.example", profile=Profile(sct=False))
    (finding,) = found(hashedrekord_v2(made, b"a"), watches=[MAIL], ca=ca)
    assert (finding.kind, finding.severity) == ("unexpected-identity", "medium")
    assert "no-sct" in finding.message


def test_what_is_wrong_is_said_without_the_bytes_themselves() -> None:
    problem = read_facts(b'{"kind":"' + b"x" * 5_000 + b'","apiVersion":"1"}').problem
    assert isinstance(problem, Malformed)
    assert len(str(problem)) < 200
