"""Do hostile bytes in a Rekor v1 answer end as an error of ours, and nothing else?"""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.logs.rekor_v1_wire import parse_batch, parse_log_info, parse_proof
from verifier.errors import Malformed

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
NAMES = st.sampled_from(["treeID", "treeSize", "signedTreeHead", "inactiveShards", "hashes", "body", "logIndex"])
SHAPED = st.dictionaries(NAMES, JSON, max_size=6)
BYTES = st.one_of(
    st.binary(max_size=200), JSON.map(lambda v: json.dumps(v).encode()), SHAPED.map(lambda v: json.dumps(v).encode())
)

HOSTILE = [
    b"",
    b"[" * 100_000,
    b'{"a":' * 50_000,
    b'[{"a":' + b"[" * 50_000,
    b'\xef\xbb\xbf{"hashes":[]}',
    b'{"hashes":["\xff"]}',
    b'{"treeID":"\\ud800","treeSize":1,"signedTreeHead":""}',
    b'{"treeID":"1","treeSize":1e400,"signedTreeHead":""}',
    b'{"treeID":"1","treeSize":' + b"9" * 5000 + b',"signedTreeHead":""}',
    b'[{"x":{"body":"AA==","logIndex":' + b"9" * 5000 + b"}}]",
    b"NaN",
]


@given(BYTES)
def test_any_bytes_parse_or_are_malformed(data: bytes) -> None:
    check(data)


@pytest.mark.parametrize("data", HOSTILE, ids=range(len(HOSTILE)))
def test_row_33_and_35_hostile_bytes_are_malformed(data: bytes) -> None:
    check(data)
    assert parse_batch(data, {1}, 5, 0).odd


def check(data: bytes) -> None:
    for parse in (parse_log_info, parse_proof):
        try:
            parse(data)
        except Malformed:
            continue
    batch = parse_batch(data, {1}, 5, 0)
    assert batch.odd or set(batch.rows) <= {1}
