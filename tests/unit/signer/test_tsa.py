"""Timestamp queries: what we ask is what another client would read, and what comes back is ours or nothing."""

import hashlib

import httpx
import pytest
import rfc3161_client
from hypothesis import given
from hypothesis import strategies as st

from sandbox.tsa import TSA
from sandbox.tsa_service import read_query
from signer.tsa import request_timestamp, timestamp_query
from verifier.errors import SigwardenError, Unreachable, Untrue
from verifier.fetch.http import Http, HttpPolicy
from verifier.trust import TrustedRoot


@given(st.binary(max_size=200), st.integers(1, 2**63 - 1))
def test_the_query_is_der_that_the_sandbox_and_rfc3161_client_make_too(signature: bytes, nonce: int) -> None:
    made = timestamp_query(signature, nonce)
    query = read_query(made)
    assert (query.digest, query.algorithm) == (hashlib.sha256(signature).digest(), "sha256")
    assert (query.nonce, query.certificate) == (nonce, True)
    theirs = rfc3161_client.TimestampRequestBuilder().data(signature or b"x").nonce(nonce=True).build()
    assert theirs.as_bytes()[:12] == made[:12] or len(theirs.as_bytes()) != len(made)


def asked(change: "object" = None, status: int = 200) -> tuple[bytes, bytes]:
    """(signature, answer) of an authority; `change` gives (digest, nonce) to stamp from those asked for."""
    tsa = TSA(seed="unit")

    def handle(request: httpx.Request) -> httpx.Response:
        query = read_query(request.content)
        digest, nonce = query.digest, query.nonce
        if callable(change):
            digest, nonce = change(digest, nonce)
        return httpx.Response(status, content=tsa.stamp_digest(digest, nonce=nonce))

    with Http(HttpPolicy(retries=0), transport=httpx.MockTransport(handle)) as http:
        return b"signature", request_timestamp(http, "http://tsa.test/stamp", b"signature", None)


@pytest.mark.parametrize("status", [200, 201])
def test_a_stamp(status: int) -> None:
    signature, answer = asked(status=status)
    assert hashlib.sha256(signature).digest() in answer


@pytest.mark.parametrize(
    "change",
    [
        lambda digest, nonce: (digest, nonce + 2),
        lambda digest, _nonce: (digest, None),
        lambda digest, nonce: (bytes(32), nonce),
    ],
)
def test_a_stamp_for_something_else(change: object) -> None:
    with pytest.raises(Untrue):
        asked(change)


@pytest.mark.parametrize("body", [b"", b"\x30\x00", b"not der", b"\x30\x05\x30\x03\x02\x01\x02"])
def test_what_is_no_stamp(body: bytes) -> None:
    transport = httpx.MockTransport(lambda _request: httpx.Response(200, content=body))
    with Http(HttpPolicy(retries=0), transport=transport) as http, pytest.raises(SigwardenError):
        request_timestamp(http, "http://tsa.test/", b"s", TrustedRoot())


def test_an_error_status() -> None:
    transport = httpx.MockTransport(lambda _request: httpx.Response(400, content=b"no"))
    with Http(HttpPolicy(retries=0), transport=transport) as http, pytest.raises(Unreachable):
        request_timestamp(http, "http://tsa.test/", b"s", TrustedRoot())
