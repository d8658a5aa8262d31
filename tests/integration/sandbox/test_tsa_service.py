"""The sandbox's timestamp authority over HTTP, asked and judged by another library and by the verifier."""

import base64
import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from cryptography import x509
from rfc3161_client import TimestampRequestBuilder, VerifierBuilder, decode_timestamp_response
from rfc3161_client.base import HashAlgorithm
from rfc3161_client.errors import VerificationError

from sandbox import trust
from sandbox.tsa_service import SandboxTSA
from verifier.errors import Untrue
from verifier.timestamp import check_timestamp
from verifier.timestamp_token import parse_timestamp
from verifier.trust import TrustedRoot

pytestmark = pytest.mark.integration
WHEN = datetime(2026, 3, 1, 12, 5, tzinfo=UTC)
QUERY = {"Content-Type": "application/timestamp-query"}


@pytest.fixture
def tsa() -> Iterator[SandboxTSA]:
    with SandboxTSA(seed="tsa", now=WHEN.timestamp) as tsa:
        yield tsa


def root_of(tsa: SandboxTSA) -> TrustedRoot:
    return TrustedRoot.parse(trust.trusted_root(tsas=[tsa.member]))


def ask(tsa: SandboxTSA, data: bytes, name: HashAlgorithm = HashAlgorithm.SHA256, *, bare: bool = False) -> bytes:
    builder = (
        TimestampRequestBuilder()
        .hash_algorithm(name)
        .data(data)
        .nonce(nonce=not bare)
        .cert_request(cert_request=not bare)
    )
    reply = httpx.post(tsa.timestamp_url, content=builder.build().as_bytes(), headers=QUERY)
    assert (reply.status_code, reply.headers["content-type"]) == (200, "application/timestamp-reply")
    return reply.content


@pytest.mark.parametrize("name", [HashAlgorithm.SHA256, HashAlgorithm.SHA512])
def test_another_library_and_we_accept_a_stamp(tsa: SandboxTSA, name: HashAlgorithm) -> None:
    made = ask(tsa, b"signature", name)
    leaf, root = (x509.load_der_x509_certificate(one) for one in tsa.authority.chain)
    verifier = VerifierBuilder().tsa_certificate(leaf).add_root_certificate(root).build()
    assert verifier.verify_message(decode_timestamp_response(made), b"signature")
    with pytest.raises(VerificationError):
        verifier.verify_message(decode_timestamp_response(made), b"another")
    assert check_timestamp(made, b"signature", root_of(tsa).tsas).time == WHEN


def test_what_was_not_asked_for_is_not_there(tsa: SandboxTSA) -> None:
    """As cosign asks: no nonce, no certificate."""
    made = ask(tsa, b"signature", bare=True)
    assert parse_timestamp(made).nonce is None
    assert tsa.authority.leaf not in made
    assert check_timestamp(made, b"signature", root_of(tsa).tsas).time == WHEN


def test_a_request_in_json(tsa: SandboxTSA) -> None:
    digest = base64.b64encode(hashlib.sha256(b"signature").digest()).decode()
    reply = httpx.post(tsa.timestamp_url, json={"artifactHash": digest, "hashAlgorithm": "sha256", "nonce": 7})
    assert parse_timestamp(reply.content).nonce == 7
    assert check_timestamp(reply.content, b"signature", root_of(tsa).tsas)


@pytest.mark.parametrize("data", [b"", b"0", b"\x30\x00", b"\x30\x80", bytes(2000)])
def test_nonsense_is_refused(tsa: SandboxTSA, data: bytes) -> None:
    assert httpx.post(tsa.timestamp_url, content=data, headers=QUERY).status_code == 400
    assert httpx.post(tsa.timestamp_url, content=data, headers={"Content-Type": "text/plain"}).status_code == 415
    assert httpx.get(tsa.timestamp_url).status_code == 405


def test_sha1_is_refused(tsa: SandboxTSA) -> None:
    query = bytes.fromhex("30260201013021300906052b0e03021a05000414" + "00" * 20)
    assert httpx.post(tsa.timestamp_url, content=query, headers=QUERY).status_code == 400


def test_the_chain_is_published(tsa: SandboxTSA) -> None:
    found = x509.load_pem_x509_certificates(httpx.get(tsa.timestamp_url + "/certchain").content)
    assert [one.serial_number for one in found] == [2, 1]


def test_a_wrong_clock_and_other_lies(tsa: SandboxTSA) -> None:
    tsa.wrong_clock(-3600)
    assert check_timestamp(ask(tsa, b"signature"), b"signature", root_of(tsa).tsas).time == WHEN - timedelta(hours=1)
    tsa.honest()
    tsa.wrong_imprint()
    with pytest.raises(Untrue):
        check_timestamp(ask(tsa, b"signature"), b"signature", root_of(tsa).tsas)
    tsa.honest()
    tsa.without_certificate()
    assert tsa.authority.leaf not in ask(tsa, b"signature")
    tsa.honest()
    tsa.rejects()
    assert decode_timestamp_response(ask(tsa, b"signature")).status == 2
    tsa.honest()
    assert check_timestamp(ask(tsa, b"signature"), b"signature", root_of(tsa).tsas).time == WHEN
