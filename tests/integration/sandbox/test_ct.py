"""The fake CT log, read with the verifier's eyes: promises kept and broken, heads, proofs, tiles."""

import base64
import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import httpx
import pytest

from sandbox import sct
from sandbox.ca import HONEST, without_sct
from sandbox.ct import Form, SandboxCT
from verifier.checkpoint import open_checkpoint
from verifier.errors import Untrue
from verifier.keys import PublicKey
from verifier.merkle import Tree, check_consistency, check_inclusion, hash_leaf
from verifier.note import NoteKey
from verifier.sct import check_detached_sct, check_sct, embedded_scts, precert_tbs
from verifier.trust import TrustedRoot

pytestmark = pytest.mark.integration


@pytest.fixture(params=["rfc6962", "static"])
def log(request: pytest.FixtureRequest) -> Iterator[SandboxCT]:
    form: Form = request.param
    with SandboxCT(seed="ct", form=form) as log:
        yield log


@pytest.fixture
def old() -> Iterator[SandboxCT]:
    with SandboxCT(seed="ct") as log:
        yield log


@pytest.fixture
def static() -> Iterator[SandboxCT]:
    with SandboxCT(seed="ct", form="static") as log:
        yield log


def get(log: SandboxCT, path: str, **query: object) -> Any:
    reply = httpx.get(log.url + "/ct/v1/" + path, params={name: str(value) for name, value in query.items()})
    reply.raise_for_status()
    return reply.json()


def test_a_certificate_is_promised_and_the_promise_is_kept(log: SandboxCT) -> None:
    log.fill(3)
    made = log.certify("me@corp.test")
    (promise,) = check_sct(made.der, log.ca.intermediate, TrustedRoot.parse(log.trusted_root).ctlogs)
    assert promise.leaf_index == (3 if log.form == "static" else None)
    leaf = log.shard.bodies[3]
    issuer = hashlib.sha256(PublicKey.from_der(log.ca._key.spki).der).digest()
    assert leaf[12:44] == issuer
    assert leaf[44:].startswith(sct.sized(precert_tbs(made.der), 3))
    assert log.size == 4


def test_a_promise_can_be_empty_or_missing(log: SandboxCT) -> None:
    log.fill(3)
    secret = log.certify("me@corp.test", profile=replace(HONEST, secret=True))
    ctlogs = TrustedRoot.parse(log.trusted_root).ctlogs
    assert check_sct(secret.der, log.ca.intermediate, ctlogs)
    assert len(log.shard.bodies) == 3
    bare = log.certify("me@corp.test", profile=without_sct())
    assert not embedded_scts(bare.der)
    assert len(log.shard.bodies) == 3


def test_the_same_precertificate_gets_the_same_promise(log: SandboxCT) -> None:
    issuer = hashlib.sha256(log.ca._key.spki).digest()
    submission = sct.Submission(b"pre", log.ca.chain, b"tbs", issuer)
    first, again = log.take(submission), log.take(submission)
    assert (first.timestamp, first.extensions) == (again.timestamp, again.extensions)
    assert len(log.shard.bodies) == 1


def test_heads_and_proofs_hold(old: SandboxCT) -> None:
    old.fill(5)
    old.publish()
    first = get(old, "get-sth")
    old.fill(8)
    old.publish()
    head = get(old, "get-sth")
    assert get(old, "get-sth") == head
    root = base64.b64decode(head["sha256_root_hash"])
    signed = b"\0\1" + head["timestamp"].to_bytes(8, "big") + head["tree_size"].to_bytes(8, "big") + root
    signature = base64.b64decode(head["tree_head_signature"])
    PublicKey.from_der(old.key.spki).verify(signature[4:], signed)
    proof = [base64.b64decode(one) for one in get(old, "get-sth-consistency", first=5, second=13)["consistency"]]
    check_consistency(Tree(5, base64.b64decode(first["sha256_root_hash"])), Tree(13, root), proof)
    entry = get(old, "get-entry-and-proof", leaf_index=4, tree_size=13)
    digest = hash_leaf(base64.b64decode(entry["leaf_input"]))
    path = [base64.b64decode(one) for one in entry["audit_path"]]
    check_inclusion(4, 13, digest, path, root)
    found = get(old, "get-proof-by-hash", hash=base64.b64encode(digest).decode(), tree_size=13)
    assert (found["leaf_index"], found["audit_path"]) == (4, entry["audit_path"])


def test_pages_end_where_the_real_ones_do(old: SandboxCT) -> None:
    old.fill(1100)
    old.publish()
    sizes = [len(get(old, "get-entries", start=start, end=end)["entries"]) for start, end in PAGES]
    assert sizes == [1000, 100, 200, 100, 1]


PAGES = ((0, 1099), (900, 1899), (900, 1898), (1000, 5000), (1099, 1099))


def test_what_a_log_withholds_or_swaps(old: SandboxCT) -> None:
    old.fill(10)
    old.publish()
    truth = get(old, "get-entries", start=0, end=9)["entries"]
    old.drop(3)
    assert get(old, "get-entries", start=0, end=9)["entries"] == truth[:3] + truth[4:]
    old.honest()
    old.swap_leaf(3, old.shard.bodies[4])
    assert get(old, "get-entries", start=3, end=3)["entries"] == truth[4:5]
    old.honest()
    old.withhold(5, 6)
    with pytest.raises(httpx.HTTPStatusError):
        get(old, "get-entries", start=0, end=9)
    old.honest()
    assert get(old, "get-entries", start=0, end=9)["entries"] == truth


@pytest.mark.parametrize("form", ["flipped", "short", "long", "malformed"])
def test_wrong_proofs_do_not_hold(old: SandboxCT, form: str) -> None:
    old.fill(13)
    old.publish()
    small, large = (Tree(size, old.shard.tree.root(size)) for size in (5, 13))
    truth = get(old, "get-sth-consistency", first=5, second=13)
    old.wrong_proof(form, times=1)
    false = get(old, "get-sth-consistency", first=5, second=13)["consistency"]
    with pytest.raises((Untrue, ValueError)):
        check_consistency(small, large, [base64.b64decode(one, validate=True) for one in false])
    assert get(old, "get-sth-consistency", first=5, second=13) == truth
    old.wrong_proof(form, of="inclusion")
    assert get(old, "get-sth-consistency", first=5, second=13) == truth
    assert get(old, "get-entry-and-proof", leaf_index=5, tree_size=13)["audit_path"] != [
        base64.b64encode(one).decode() for one in old.shard.tree.inclusion(5, 13)
    ]


def test_lies_about_tiles(static: SandboxCT) -> None:
    static.fill(4)
    static.publish()
    path = static.url + "/tile/data/000.p/4"
    truth = httpx.get(path).content
    assert all(leaf[2:] in truth for leaf in static.shard.bodies)
    static.drop(2)
    assert static.shard.bodies[2][2:] not in httpx.get(path).content
    static.honest()
    static.duplicate(1)
    assert httpx.get(path).content.count(static.shard.bodies[1][2:]) == 2
    static.honest()
    static.tile_disagrees(3)
    hashes = httpx.get(static.url + "/tile/0/000.p/4").content
    assert [hash_leaf(leaf) == hashes[at * 32 : at * 32 + 32] for at, leaf in enumerate(static.shard.bodies)] == [
        True,
        True,
        True,
        False,
    ]


def test_a_fork_is_signed_and_does_not_fit(log: SandboxCT) -> None:
    log.fill(6)
    before = Tree(6, log.shard.tree.root(6))
    log.publish()
    log.fork(at=2, grow=3)
    if log.form == "static":
        key = NoteKey.rfc6962(log.origin, PublicKey.from_der(log.key.spki))
        head = open_checkpoint(httpx.get(log.url + "/checkpoint").content, [key], origin=log.origin).tree
        assert head.size == 9
        assert head.root != log.shard.tree.root(6)
        return
    head = Tree(9, base64.b64decode(get(log, "get-sth")["sha256_root_hash"]))
    proof = [base64.b64decode(one) for one in get(log, "get-sth-consistency", first=6, second=9)["consistency"]]
    with pytest.raises(Untrue):
        check_consistency(before, head, proof)


def test_heads_by_a_stranger_or_with_a_broken_signature(static: SandboxCT) -> None:
    static.fill(2)
    static.publish()
    key = NoteKey.rfc6962(static.origin, PublicKey.from_der(static.key.spki))
    assert open_checkpoint(httpx.get(static.url + "/checkpoint").content, [key], origin=static.origin).size == 2
    for lie, code in ((static.unknown_key, "checkpoint-unknown-key"), (static.bad_signature, "checkpoint-signature")):
        lie()
        with pytest.raises(Untrue) as caught:
            open_checkpoint(httpx.get(static.url + "/checkpoint").content, [key], origin=static.origin)
        assert caught.value.code == code
        static.honest()


def test_chains_are_taken_over_http(log: SandboxCT) -> None:
    made = log.certify("me@corp.test", profile=without_sct())
    chain = {"chain": [base64.b64encode(one).decode() for one in (made.der, log.ca.intermediate)]}
    reply = httpx.post(log.url + "/ct/v1/add-chain", json=chain)
    assert reply.status_code == 200
    check_detached_sct(reply.content, made.der, TrustedRoot.parse(log.trusted_root).ctlogs)
    assert log.size == 1
    extra = log.beside(log.shard.bodies[0])
    assert extra.chain == log.ca.chain
    assert httpx.post(log.url + "/ct/v1/add-pre-chain", json=chain).status_code == 400
    rogue = {"chain": [base64.b64encode(log.ca.rogue().certificate("me@corp.test").der).decode()]}
    assert httpx.post(log.url + "/ct/v1/add-chain", json=rogue).status_code == 400
    assert httpx.post(log.url + "/ct/v1/add-chain", content=b"{").status_code == 400
    roots = json.loads(httpx.get(log.url + "/ct/v1/get-roots").content)
    assert base64.b64decode(roots["certificates"][0]) == log.ca.root


def test_a_precertificate_over_http_is_the_one_that_is_promised(log: SandboxCT) -> None:
    log.certify("me@corp.test")
    pre = log.beside(log.shard.bodies[0]).precertificate
    chain = {"chain": [base64.b64encode(one).decode() for one in (pre, *log.ca.chain)]}
    reply = httpx.post(log.url + "/ct/v1/add-pre-chain", json=chain).json()
    assert log.size == 1
    assert reply["timestamp"] == log.shard.times[0]
    assert base64.b64decode(reply["extensions"]) == (sct.leaf_index(0) if log.form == "static" else b"")
