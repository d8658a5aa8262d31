"""Rows 30 to 46 and 88 over HTTP: an honest log full of hostile entries. Each is told, the next one is read."""

import re

import pytest

from cli.parts import open_store
from monitor.store import FindingFilter
from sandbox import hostile, subjects
from sandbox.entries import dsse_v1, envelope, hashedrekord_v1, hashedrekord_v2
from tests.integration.scenarios.harness import EVIL, WATCHED, World, expect, places, said, suspects

pytestmark = pytest.mark.integration

CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")


def version(world: World) -> int:
    """1 or 2."""
    return 1 if world.is_v1 else 2


def add(world: World, certified: object, artifact: bytes) -> int:
    """Log an entry of this signer."""
    make = hashedrekord_v1 if world.is_v1 else hashedrekord_v2
    return world.log.add(make(certified, artifact))  # type: ignore[arg-type]


def seen_at(world: World) -> set[int]:
    """All indexes that any finding names."""
    with open_store(world.config) as store:
        return {place.index for one in store.findings() for place in one.finding.locations}


def test_rows_31_33_to_35_hostile_bodies(world: World) -> None:
    """Every body that breaks readers, with the watched certificate in it: each is named by its index."""
    ca = world.log.ca
    made = hostile.bodies(ca.certificate(WATCHED, EVIL), ca.certificate("x@y.test"), version(world))
    held = {world.log.add(body): name for name, body in made.items()}
    last = world.hit()
    world.grow(3)
    done = world.once()
    assert (done.verdict, done.exit_code) == ("OK", 1), said(done)
    missed = {name for index, name in held.items() if index not in seen_at(world)}
    assert missed == set(), said(done)
    assert last in places(done.findings)
    assert all(one.proven for one in done.findings)


def test_rows_36_39_40_hostile_certificates(world: World) -> None:
    held = {}
    for name, made in hostile.certificates(world.log.ca, subjects.email(WATCHED, EVIL)).items():
        held[add(world, made, name.encode())] = name
    last = world.hit()
    world.grow(3)
    done = world.once()
    assert (done.verdict, done.exit_code) == ("OK", 1), said(done)
    assert {name for index, name in held.items() if index not in seen_at(world)} == set(), said(done)
    assert last in places(done.findings)


def test_row_33_an_answer_of_ten_thousand_levels(v1: World) -> None:
    """Not an entry but the server's answer: nothing is taken from it, and it is kept."""
    v1.hit()
    v1.grow(3)
    deep = b"[" * 10_000 + b"]" * 10_000
    v1.log.garble(lambda _body: deep, "*retrieve")
    expect(v1.once(), "SUSPECT", "withheld-entries", exit_code=3)
    assert deep in suspects(v1, "withheld-entries").evidence.values()
    assert v1.proven == 300
    v1.log.honest()
    expect(v1.once(), "OK", "unexpected-identity", exit_code=1)


NAMES = {
    "NUL": b"release@watched.example\0.evil.test",
    "line feed": b"release@watched.example\nOK all proven",
    "escape": b"release@watched.example\x1b[2Kclean",
    "bidi": "\u202drelease@watched.example\u202c".encode(),
    "zero width": "rele\u200base@watched.example".encode(),
    "capitals": b"RELEASE@WATCHED.EXAMPLE",
    "cyrillic": "rele\u0430se@watched.example".encode(),
}


def test_rows_36_to_38_50_names_that_read_like_ours(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    held = {}
    for name, raw in NAMES.items():
        subject = subjects.Subject((subjects.email_name(raw),), subjects.issued_by(EVIL))
        held[add(world, world.log.ca.certificate(subject), name.encode())] = name
    world.grow(3)
    done = world.once()
    assert done.verdict == "OK", said(done)
    assert {name for index, name in held.items() if index not in seen_at(world)} == set(), said(done)
    assert {one.kind for one in done.findings} <= {"lookalike", "unexpected-identity", "anomaly"}
    told = capsys.readouterr().err
    assert "watched" in told
    assert CONTROL.search(told) is None
    assert "\nOK all proven" not in told


def test_row_41_certificates_that_prove_nothing(world: World) -> None:
    ca = world.log.ca
    false = [ca.self_signed(WATCHED), ca.rogue().certificate(WATCHED)]
    indexes = [add(world, made, b"false %d" % number) for number, made in enumerate(false)]
    world.grow(3)
    expect(world.once(), "OK", "untrusted-chain", "untrusted-chain", exit_code=0)
    with open_store(world.config) as store:
        found = [one.finding for one in store.findings(FindingFilter(kinds=("untrusted-chain",)))]
    assert (places(found), {one.severity for one in found}, all(one.proven for one in found)) == (
        indexes,
        {"low"},
        True,
    )


def test_rows_42_88_a_flood_buries_nothing(world: World) -> None:
    """250 worthless entries are one incident, one message, 20 stored proofs; the one that counts is told by itself."""
    ca = world.log.ca
    for number in range(250):
        add(world, ca.self_signed(WATCHED), b"spam %d" % number)
        if number == 125:
            real = world.hit()
    world.log.publish()
    done = world.once()
    assert (done.verdict, done.exit_code, len(done.findings)) == ("OK", 1, 251), said(done)
    assert world.finding("unexpected-identity").index == real
    assert "inclusion-proof" in world.finding("unexpected-identity").evidence
    assert len(world.owed("untrusted-chain")) == 1
    (alone,) = world.owed("unexpected-identity")
    assert alone.state == "sent"
    with open_store(world.config) as store:
        assert sorted(one.count for one in store.incidents()) == [1, 250]
        kept = store.findings(FindingFilter(kinds=("untrusted-chain",)))
        proofs = [one for one in kept if "inclusion-proof" in store.finding(one.finding.id).finding.evidence]
    assert len(proofs) == 20


def test_rows_45_46_48_markup_in_a_name(world: World) -> None:
    """It travels as text; what channels and reports make of it is tested where they are."""
    name = "<script>alert(1)</script><!channel> [x](https://evil.test) @everyone `release@watched.example`"
    subject = subjects.Subject((subjects.email_name(name),), subjects.issued_by(EVIL))
    index = add(world, world.log.ca.certificate(subject), b"markup")
    world.grow(3)
    done = world.once()
    assert (done.verdict, places(done.findings)) == ("OK", [index]), said(done)
    assert done.findings[0].identity == name


def test_row_44_a_slow_pattern_is_refused_before_anything_is_read(world: World) -> None:
    from verifier.errors import Refused

    world.watch += '\n[[watch]]\nname = "slow"\nsan_regex = "(a+)+(?=b)$"\n'
    world.write()
    with pytest.raises(Refused, match="slow"):
        world.once()


def test_row_52_names_from_entries_name_no_files(world: World) -> None:
    subject = subjects.Subject((subjects.email_name("../../../tmp/release@watched.example"),), subjects.issued_by(EVIL))
    add(world, world.log.ca.certificate(subject), b"../../x")
    world.grow(3)
    world.once()
    made = {path.name.split(".db")[0] for path in world.folder.rglob("*")}
    assert made == {"sigwarden.toml", "trust.json", "sigwarden"}


def test_row_43_each_signer_for_itself(v1: World) -> None:
    """An envelope with an honest signature of somebody else, and one in our name by nobody that is trusted."""
    honest, forged = v1.log.ca.certificate("else@where.test"), v1.log.ca.rogue().certificate(WATCHED)
    text = envelope([honest, forged], b'{"_type":"statement"}')
    index = v1.log.add(dsse_v1([honest, forged], text))
    v1.grow(3)
    done = v1.once()
    assert done.verdict == "OK", said(done)
    assert places(done.findings) == [index]
    assert done.findings[0].kind == "untrusted-chain"


def test_row_54_no_secret_is_told(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    """A channel whose address is a password fails: no word of it in what is printed or stored."""
    (world.folder / "hook").write_text("http://127.0.0.1:9/T000/B000/very-secret-part")
    world.settings += 'siem = { webhook = "file:hook", secret = "file:key", allow_private = true }\n'
    (world.folder / "key").write_text("whsec_bm90IHNvIHNlY3JldCBhcyBpdCBzb3VuZHMgaGVyZQ==")
    world.write()
    world.hit()
    world.grow(3)
    done = world.once()
    assert done.exit_code == 3
    assert "siem" in done.undelivered
    text = capsys.readouterr()
    with open_store(world.config) as store:
        stored = " ".join(
            [row.last_error for row in store.outbox()] + [one.finding.message for one in store.findings()]
        )
    for words in (text.out, text.err, str(done.undelivered), stored):
        assert "very-secret-part" not in words
        assert "bm90IHNv" not in words
    assert stored
