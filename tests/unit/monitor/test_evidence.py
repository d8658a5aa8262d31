"""Somebody else checks a finding: with one file, and nothing of ours."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from monitor import executors
from monitor.evidence import decode_keys, encode_keys, export_evidence, verify_evidence
from monitor.findings import Finding
from tests.unit.monitor.fakes import FakeLog, FakeTree, World, fake_log, fake_scan, new_world, note_key
from verifier.errors import Malformed, Refused, SigwardenError, Untrue


@pytest.fixture(autouse=True)
def _simple_scan(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(executors, "scan_leaves", fake_scan)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = new_world(tmp_path, 300)
    made.tick()
    yield made
    made.store.close()


def only(world: World, kind: str) -> Finding:
    found = [one.finding for one in world.store.findings() if one.finding.kind == kind]
    assert len(found) == 1
    return world.store.finding(found[0].id).finding


def hit(world: World) -> Finding:
    world.log.tree.leaves += [b"watched 1", b"x", b"y"]
    world.tick()
    return only(world, "unexpected-identity")


def forked(world: World) -> Finding:
    leaves = list(world.log.tree.leaves)
    leaves[5] = b"other"
    world.tick(FakeLog(world.log.spec, FakeTree(leaves), world.log.signer).note())
    return only(world, "fork")


def inconsistent(world: World) -> Finding:
    leaves = list(world.log.tree.leaves)
    leaves[5] = b"other"
    world.log = FakeLog(world.log.spec, FakeTree(leaves).grow(20), world.log.signer)
    world.tick()
    return only(world, "fork")


def rolled_back(world: World) -> Finding:
    leaves = world.log.tree.leaves[:200]
    leaves[5] = b"other"
    world.tick(FakeLog(world.log.spec, FakeTree(leaves), world.log.signer).note())
    return only(world, "rollback")


def rolled_back_by_memory(world: World) -> Finding:
    leaves = world.log.tree.leaves[:290]
    leaves[5] = b"other"
    world.log.tree = FakeTree(leaves)
    world.tick()
    return only(world, "rollback")


def altered(world: World) -> Finding:
    world.log.tree.grow(100)
    world.log.served[350] = b"lie"
    world.tick()
    return only(world, "root-mismatch")


def frozen(world: World) -> Finding:
    world.tick(world.log.note(extension="Log frozen — Thu Jan  1 00:00:00 UTC 2026\n"))
    world.log.tree.grow(1)
    world.tick()
    return only(world, "frozen-log-grew")


CASES = {
    "hit": (hit, "inclusion"),
    "fork": (forked, "contradiction"),
    "inconsistent": (inconsistent, "contradiction"),
    "rollback": (rolled_back, "contradiction"),
    "memory": (rolled_back_by_memory, "contradiction"),
    "altered": (altered, "contradiction"),
    "frozen": (frozen, "growth"),
}


@pytest.mark.parametrize("name", CASES)
def test_every_claim_is_shown_by_its_file(world: World, name: str) -> None:
    make, check = CASES[name]
    data = export_evidence(make(world))
    assert check in {one.name for one in verify_evidence(data)}
    with_ours = verify_evidence(data, (note_key(world.log.signer),))
    assert check in {one.name for one in with_ours}
    with pytest.raises(Untrue) as caught:
        verify_evidence(data, (note_key(fake_log().signer),))
    assert caught.value.code == "checkpoint-unknown-key"


@pytest.mark.parametrize("name", ["hit", "altered"])
def test_one_flipped_byte_fails(world: World, name: str) -> None:
    data = export_evidence(CASES[name][0](world))
    for place in range(len(data)):
        for flip in (1, 0x20):
            bad = data[:place] + bytes([data[place] ^ flip]) + data[place + 1 :]
            with pytest.raises(SigwardenError):
                verify_evidence(bad)


def resealed(data: bytes, change: object) -> bytes:
    """Changed by somebody who knows the format, digest and all."""
    from monitor.evidence import _digest, _encode

    held = json.loads(data)
    held.pop("sha256")
    assert callable(change)
    change(held)
    return _encode(held | {"sha256": _digest(held)})


@pytest.mark.parametrize("name", CASES)
def test_a_forger_who_knows_the_format_fails_at_the_signatures(world: World, name: str) -> None:
    data = export_evidence(CASES[name][0](world))
    import base64

    blobs = json.loads(data)["evidence"]
    for blob in blobs:
        if blob == "keys" or not blobs[blob] or (blob == "body" and name == "altered"):
            continue  # other keys are another claim; that these bytes were served is our word

        def change(held: dict[str, dict[str, str]], blob: str = blob) -> None:
            raw = bytearray(base64.b64decode(held["evidence"][blob]))
            raw[len(raw) // 2] ^= 1
            held["evidence"][blob] = base64.b64encode(raw).decode()

        with pytest.raises(SigwardenError):
            verify_evidence(resealed(data, change))


def test_a_finding_of_another_leaf_fails(world: World) -> None:
    data = export_evidence(hit(world))

    def change(held: dict[str, dict[str, object]]) -> None:
        held["finding"]["watch"] = "another watch"

    with pytest.raises(Untrue) as caught:
        verify_evidence(resealed(data, change))
    assert caught.value.code == "evidence-finding"


def test_heads_that_agree_are_no_contradiction(world: World) -> None:
    data = export_evidence(forked(world))

    def change(held: dict[str, dict[str, object]]) -> None:
        held["evidence"]["checkpoint"] = held["evidence"]["older-checkpoint"]

    with pytest.raises(Untrue) as caught:
        verify_evidence(resealed(data, change))
    assert caught.value.code == "evidence-claim"


def test_what_convicts_nobody_says_so(world: World) -> None:
    world.tick(b"", problem=SigwardenErrorSample)
    world.tick(b"", problem=SigwardenErrorSample, after=10)
    with pytest.raises(Refused):
        export_evidence(only(world, "unreachable"))
    for minutes in (1, 11):
        world.tick(world.log.note(100), after=minutes)
    checks = verify_evidence(export_evidence(only(world, "stale-head"), (note_key(world.log.signer),)))
    assert [one.name for one in checks] == ["file", "keys", "older-checkpoint", "checkpoint", "claim"]
    assert checks[-1].leans_on


SigwardenErrorSample = Malformed("no json", code="log-info")


@pytest.mark.parametrize(
    "data",
    [b"", b"{}", b"[]", b"null", b"{" * 100_000, b'{"format":"sigwarden evidence v1"}', b"\xff\xfe", b'{"a":1,"a":2}'],
)
def test_what_is_no_evidence_file_is_refused(data: bytes) -> None:
    with pytest.raises(SigwardenError):
        verify_evidence(data)


def test_keys_survive_the_way() -> None:
    keys = (note_key(fake_log().signer), note_key(fake_log().signer, "host"))
    assert decode_keys(encode_keys(keys)) == keys
    for bad in (b"", b"{}", b"[1]", b'[{"name":"x"}]', b'[{"name":"a b","id":"00","kind":"log","spki":"00"}]'):
        with pytest.raises(SigwardenError):
            decode_keys(bad)
