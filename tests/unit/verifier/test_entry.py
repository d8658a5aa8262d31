"""Log entries: both encodings, and every part of promise and proof that must hold."""

import base64
import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.verifier import body_maker as make
from tests.unit.verifier.cert_maker import NOON, ec_key, spki
from verifier.entry import (
    InclusionProof,
    LogEntry,
    check_entry,
    check_set,
    entry_from_rest,
    entry_from_tle,
    entry_to_tle,
    set_payload,
)
from verifier.errors import Malformed, SigwardenError
from verifier.keys import PublicKey
from verifier.merkle import hash_leaf, hash_node
from verifier.trust import TrustedLog, Window

HOST, TREE = "rekor.example", 0x0123456789ABCDEF
KEY = PublicKey.from_der(spki("log"))
BODY = make.hashedrekord()
OTHER = hash_leaf(b"another leaf")
ROOT = hash_node(OTHER, hash_leaf(BODY))
ROOT_TEXT = base64.b64encode(ROOT).decode()
TIME = int(NOON.timestamp())


def trusted(url: str = f"https://{HOST}", window: Window | None = None) -> TrustedLog:
    return TrustedLog(url, KEY.sha256, KEY, window or Window(NOON, NOON + timedelta(days=1)))


def sign(data: bytes, key: str = "log") -> bytes:
    return ec_key(key).sign(data, ec.ECDSA(hashes.SHA256()))


def note(
    origin: str = f"{HOST} - {TREE}", size: int = 2, root: bytes = ROOT, name: str = HOST, key: str = "log"
) -> bytes:
    text = f"{origin}\n{size}\n{base64.b64encode(root).decode()}\n".encode()
    line = base64.b64encode(hashlib.sha256(spki(key)).digest()[:4] + sign(text, key))
    return text + b"\n\xe2\x80\x94 " + name.encode() + b" " + line + b"\n"


def rest(**changes: Any) -> tuple[str, dict[str, Any]]:
    payload = (
        f'{{"body":"{base64.b64encode(BODY).decode()}","integratedTime":{TIME},'
        f'"logID":"{KEY.sha256.hex()}","logIndex":41}}'
    )
    proof = {
        "logIndex": 1,
        "treeSize": 2,
        "rootHash": ROOT.hex(),
        "hashes": [OTHER.hex()],
        "checkpoint": note().decode(),
    }
    value = {
        "body": base64.b64encode(BODY).decode(),
        "integratedTime": TIME,
        "logID": KEY.sha256.hex(),
        "logIndex": 41,
        "verification": {
            "signedEntryTimestamp": base64.b64encode(sign(payload.encode())).decode(),
            "inclusionProof": proof,
        },
    }
    return f"{TREE:016x}{hash_leaf(BODY).hex()}", value | changes


def honest() -> LogEntry:
    return entry_from_rest(*rest())


def proof_of(entry: LogEntry) -> InclusionProof:
    assert entry.proof is not None
    return entry.proof


def refused(entry: LogEntry, log: TrustedLog | None = None, origin: str | None = None) -> str:
    with pytest.raises(SigwardenError) as caught:
        check_entry(entry, log or trusted(), origin)
    return caught.value.code


def set_refused(entry: LogEntry, log: TrustedLog | None = None) -> str:
    with pytest.raises(SigwardenError) as caught:
        check_set(entry, log or trusted())
    return caught.value.code


def test_a_rest_entry() -> None:
    entry = honest()
    assert (entry.kind, entry.version, entry.is_v2) == ("hashedrekord", "0.0.1", False)
    assert (entry.global_index, entry.index, entry.tree_id) == (41, 1, TREE)
    assert entry.uuid == entry.leaf_hash.hex()
    assert check_entry(entry, trusted()).root == ROOT
    moment = check_set(entry, trusted())
    assert (moment.time, moment.source, moment.authority) == (NOON, "log", KEY.sha256.hex())


def test_both_encodings_say_the_same() -> None:
    entry = honest()
    tle = json.loads(json.dumps(entry_to_tle(entry)))
    assert tle["logIndex"] == "41"
    assert tle["inclusionProof"]["logIndex"] == "1"
    again = entry_from_tle(tle)
    assert again == replace(entry, tree_id=None, uuid=None)
    assert check_entry(again, trusted())
    assert set_payload(again) == set_payload(entry)


@pytest.mark.parametrize("url", [HOST, f"https://{HOST}/", f"http://user@{HOST}:3000/api?x#y"])
def test_the_host_of_the_log_signs(url: str) -> None:
    assert check_entry(honest(), trusted(url))


def test_a_server_may_sign_with_its_port() -> None:
    entry = honest()
    with_port = note(f"localhost:3000 - {TREE}", name="localhost:3000")
    entry = replace(entry, proof=replace(proof_of(entry), checkpoint=with_port))
    assert check_entry(entry, trusted("http://localhost:3000"))
    assert refused(entry) == "checkpoint-unknown-key"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"index": 0}, "inclusion-proof"),
        ({"index": 2}, "inclusion-proof"),
        ({"size": 3}, "proof-checkpoint"),
        ({"root": OTHER}, "proof-checkpoint"),
        ({"hashes": ()}, "inclusion-proof"),
        ({"hashes": (OTHER, OTHER)}, "inclusion-proof"),
        ({"hashes": (ROOT,)}, "inclusion-proof"),
        ({"checkpoint": b""}, "proof-absent"),
        ({"checkpoint": b"junk"}, "note"),
        ({"checkpoint": note(size=3)}, "proof-checkpoint"),
        ({"checkpoint": note(root=OTHER)}, "proof-checkpoint"),
        ({"checkpoint": note(key="rogue")}, "checkpoint-unknown-key"),
        ({"checkpoint": note(name="evil.example")}, "checkpoint-unknown-key"),
        ({"checkpoint": note(origin=f"evil.example - {TREE}")}, "checkpoint-origin"),
        ({"checkpoint": note(origin=f"{HOST} - 7")}, "checkpoint-origin"),
        ({"checkpoint": note().replace(b"\n2\n", b"\n3\n")}, "checkpoint-signature"),
    ],
)
def test_a_proof_that_does_not_hold(changes: dict[str, Any], code: str) -> None:
    entry = honest()
    assert refused(replace(entry, proof=replace(proof_of(entry), **changes))) == code


def test_an_origin_that_the_caller_knows() -> None:
    entry = honest()
    assert check_entry(entry, trusted("https://elsewhere.example"), f"{HOST} - {TREE}")
    assert refused(entry, origin=f"{HOST} - 7") == "checkpoint-origin"


def test_another_log_or_no_proof() -> None:
    entry = honest()
    assert refused(replace(entry, log_id=bytes(32))) == "entry-log"
    assert refused(replace(entry, proof=None)) == "proof-absent"
    assert refused(replace(entry, body=BODY + b" ")) == "inclusion-proof"


def test_a_v2_entry_has_one_index() -> None:
    entry = replace(honest(), kind="hashedrekord", version="0.0.2", index=0, global_index=None)
    assert entry.is_v2
    assert refused(entry) == "entry-index"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"integrated_time": TIME + 1}, "set-signature"),
        ({"global_index": 42}, "set-signature"),
        ({"body": BODY + b" "}, "set-signature"),
        ({"set": b""}, "set-signature"),
        ({"set": None}, "set-absent"),
        ({"integrated_time": None}, "set-absent"),
        ({"global_index": None}, "set-absent"),
        ({"log_id": bytes(32)}, "entry-log"),
    ],
)
def test_a_promise_that_does_not_hold(changes: dict[str, Any], code: str) -> None:
    assert set_refused(replace(honest(), **changes)) == code


@pytest.mark.parametrize(("hours", "holds"), [(0, True), (-1, False)])
def test_a_promise_outside_the_window(hours: int, *, holds: bool) -> None:
    window = Window(datetime(2000, 1, 1, tzinfo=UTC), NOON + timedelta(hours=hours))
    if holds:
        assert check_set(honest(), trusted(window=window))
    else:
        assert set_refused(honest(), trusted(window=window)) == "set-time"


def test_a_time_beyond_the_calendar() -> None:
    entry = replace(honest(), integrated_time=2**60)
    entry = replace(entry, set=sign(set_payload(entry)))
    assert set_refused(entry) == "entry-time"


@pytest.mark.parametrize(
    "change",
    [
        {"body": "!"},
        {"body": None},
        {"logIndex": -1},
        {"logIndex": 1.5},
        {"logID": KEY.sha256.hex().upper()},
        {"logID": "00"},
        {"verification": []},
        {"verification": {"inclusionProof": {}}},
        {"verification": {"signedEntryTimestamp": 5}},
    ],
)
def test_a_malformed_rest_entry(change: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        entry_from_rest(*rest(**change))


@pytest.mark.parametrize("entry_id", ["", "00" * 32, "xy" * 40, f"{TREE:016X}" + hash_leaf(BODY).hex() + "0"])
def test_an_id_of_something_else(entry_id: str) -> None:
    with pytest.raises(Malformed) as caught:
        entry_from_rest(entry_id, rest()[1])
    assert caught.value.code == "entry-id"


def test_an_entry_whose_body_is_no_json_is_kept() -> None:
    data = b"not json"
    value = rest(body=base64.b64encode(data).decode())[1]
    entry = entry_from_rest(hash_leaf(data).hex(), value)
    assert (entry.kind, entry.version, entry.body) == ("", "", data)


def tle(**changes: Any) -> dict[str, Any]:
    return entry_to_tle(honest()) | changes


def test_absent_zero_and_null_are_the_same() -> None:
    value = tle(integratedTime="0", inclusionPromise=None, inclusionProof=None)
    bare = {name: value[name] for name in ("logId", "kindVersion", "canonicalizedBody")}
    entry = entry_from_tle(bare)
    assert entry == replace(entry_from_tle(value), global_index=0, index=0)
    assert (entry.integrated_time, entry.set, entry.proof) == (None, None, None)


@pytest.mark.parametrize(
    "change",
    [
        {"logIndex": "-1"},
        {"logIndex": "01"},
        {"logIndex": True},
        {"unheardOf": 1},
        {"logId": {}},
        {"logId": {"keyId": "AA"}},
        {"kindVersion": {"kind": "hashedrekord"}},
        {"kindVersion": None},
        {"canonicalizedBody": None},
        {"canonicalizedBody": "a_-_"},
        {"inclusionPromise": {"signedEntryTimestamp": "!"}},
        {"inclusionProof": {"rootHash": "AAAA"}},
        {"inclusionProof": {"rootHash": ROOT_TEXT, "hashes": ["AAAA"]}},
        {"inclusionProof": {"rootHash": ROOT_TEXT, "hashes": [ROOT_TEXT] * 65}},
    ],
)
def test_a_malformed_bundle_entry(change: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        entry_from_tle(tle(**change))


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.just("AAAA"),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=4,
)


@given(st.sampled_from(sorted(tle())), values)
def test_any_member_is_read_or_malformed(name: str, value: object) -> None:
    try:
        entry_from_tle(tle(**{name: value}))
    except Malformed:
        return


@given(st.sampled_from(sorted(rest()[1])), values)
def test_any_rest_member_is_read_or_malformed(name: str, value: object) -> None:
    entry_id, members = rest(**{name: value})
    try:
        entry_from_rest(entry_id, members)
    except Malformed:
        return
