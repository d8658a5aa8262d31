"""How is a timestamp asked for over HTTP? ``POST /api/v1/timestamp`` and ``GET /api/v1/timestamp/certchain``.

After sigstore's timestamp-authority (openapi.yaml, pkg/api/timestamp.go; protocol.md 7.1): DER and JSON requests.
"""

import base64
import binascii
import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from sandbox import der
from sandbox.certificates import pem_of
from sandbox.service import Service, problem
from sandbox.tsa import HASHES, TSA
from sandbox.wire import Reply, Request
from verifier import der as read
from verifier.errors import Malformed

PATH = "/api/v1/timestamp"
_QUERY, _REPLY = "application/timestamp-query", "application/timestamp-reply"
_LARGEST, _LARGEST_JSON = 1 << 20, 1024
_BY_OID = {dotted: name for name, dotted in HASHES.items()}
_REJECTED = der.sequence(der.sequence(der.integer(2)))


@dataclass(frozen=True, slots=True)
class Query:
    """A TimeStampReq, read: what is stamped, and what the client wants in the answer."""

    digest: bytes
    algorithm: str
    nonce: int | None
    certificate: bool


@dataclass(frozen=True, slots=True)
class Tale:
    """What is wrong with the stamps at the moment; `skew` in seconds."""

    skew: float = 0.0
    nonce: int = 0
    other: bytes = b""
    bare: bool = False
    rejects: bool = False


class SandboxTSA(Service):
    """``with SandboxTSA() as tsa``; `timestamp_url` is what a signing config names, `authority` makes the stamps."""

    def __init__(
        self,
        *,
        seed: str | None = None,
        now: Callable[[], float] = time.time,
        latency: float = 0.0,
        port: int = 0,
        created_status: bool = False,
    ) -> None:
        super().__init__(latency=latency, port=port)
        self._now = now
        self.tale = Tale()
        self.authority = TSA(seed=seed, now=self._clock)
        self.status_code = 201 if created_status else 200

    @property
    def timestamp_url(self) -> str:
        """The complete POST URL."""
        return self.url + PATH

    @property
    def member(self) -> dict[str, Any]:
        """The authority as a member of a trusted root."""
        return self.authority.member(self.timestamp_url)

    def _clock(self) -> datetime:
        return datetime.fromtimestamp(self._now() + self.tale.skew, UTC)

    # -- lies ----------------------------------------------------------------------------------------------------------

    def honest(self) -> None:
        """The right time, and what was asked for."""
        super().honest()
        self.tale = Tale()

    def wrong_clock(self, seconds: float = 3600.0) -> None:
        """Its clock is `seconds` ahead (negative: behind)."""
        self.tale = replace(self.tale, skew=seconds)

    def wrong_nonce(self) -> None:
        """The answer to somebody else's request."""
        self.tale = replace(self.tale, nonce=1)

    def wrong_imprint(self, other: bytes = b"something else") -> None:
        """A stamp over other bytes."""
        self.tale = replace(self.tale, other=other)

    def without_certificate(self) -> None:
        """Leave the signer's certificate out, even if it was asked for."""
        self.tale = replace(self.tale, bare=True)

    def rejects(self) -> None:
        """Status 200, and inside it: rejected, no token."""
        self.tale = replace(self.tale, rejects=True)

    # -- answers -------------------------------------------------------------------------------------------------------

    def respond(self, request: Request) -> Reply:
        """The answer to any request."""
        if request.path == PATH + "/certchain" and request.method == "GET":
            chain = b"".join(pem_of(one) for one in self.authority.chain)
            return Reply(200, chain, (), "application/pem-certificate-chain")
        if request.path == "/ping" and request.method == "GET":
            return Reply(200, b"pong\n", (), "text/plain")
        if request.path != PATH:
            return problem(404, 404, f"path {request.path} was not found")
        if request.method != "POST":
            return problem(405, 405, f"method {request.method} is not allowed, but [POST] are")
        return self._stamp(request)

    def _stamp(self, request: Request) -> Reply:
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind not in (_QUERY, "application/json"):
            return problem(415, 415, f'unsupported media type "{kind}", only [application/json {_QUERY}] are allowed')
        if len(request.body) > (_LARGEST if kind == _QUERY else _LARGEST_JSON):
            return problem(413, 413, "Request Entity Too Large")
        try:
            query = read_query(request.body) if kind == _QUERY else _read_json(request.body)
        except (Malformed, ValueError, KeyError, TypeError):
            return problem(400, 400, "Error parsing timestamp request")
        return Reply(self.status_code, self._answer_to(query), (), _REPLY)

    def _answer_to(self, query: Query) -> bytes:
        tale = self.tale
        if tale.rejects:
            return _REJECTED
        return self.authority.stamp_digest(
            hashlib.new(query.algorithm, tale.other).digest() if tale.other else query.digest,
            embedded=query.certificate and not tale.bare,
            nonce=None if query.nonce is None else query.nonce + tale.nonce,
            algorithm=query.algorithm,
        )


def read_query(data: bytes) -> Query:
    """A DER TimeStampReq (RFC 3161, 2.4.1); Malformed or ValueError otherwise, also for SHA-1."""
    version, imprint, *rest = read.children(data, read.outer(data))
    algorithm, digest = read.exactly(data, read.expect(imprint, read.SEQUENCE), 2)
    dotted = read.oid_text(read.content(data, read.expect(read.children(data, algorithm)[0], read.OID)))
    name = _BY_OID.get(dotted, "")
    hashed = read.content(data, read.expect(digest, read.OCTET_STRING))
    if read.content(data, version) != b"\1" or not name or len(hashed) != hashlib.new(name).digest_size:
        raise ValueError("version or imprint")
    numbers = [read.content(data, part) for part in rest if part.tag == read.INTEGER]
    wanted = any(part.tag == read.BOOLEAN and read.content(data, part) != b"\0" for part in rest)
    return Query(hashed, name, int.from_bytes(numbers[0], "big", signed=True) if numbers else None, wanted)


def _read_json(data: bytes) -> Query:
    asked = json.loads(data)
    try:
        digest = base64.b64decode(asked["artifactHash"], validate=True)
    except binascii.Error as error:
        raise ValueError("artifactHash") from error
    name = str(asked["hashAlgorithm"]).lower().replace("-", "")
    if name not in HASHES or len(digest) != hashlib.new(name).digest_size:
        raise ValueError("hashAlgorithm")
    return Query(digest, name, asked.get("nonce"), bool(asked.get("certificates")))
