"""How does a Rekor v1 instance answer? All its shards behind one REST API on loopback, honest until told otherwise."""

import time
from collections.abc import Callable
from typing import Self

from sandbox import rekor_v1_entries, rekor_v1_heads, rekor_v1_index, rekor_v1_write
from sandbox.ca import CA
from sandbox.instance import Instance
from sandbox.rekor_v1_replies import error
from sandbox.wire import Reply, Request, Server

_LOG, _ENTRIES = "/api/v1/log", "/api/v1/log/entries"


class SandboxV1(Instance):
    """One instance: ``with SandboxV1() as log: log.sign_blob("me@corp.test"); log.publish()``.

    Shards stand in `shards`, oldest first; the last one is active. `aim` chooses the shard that later lies are about.
    """

    def __init__(  # noqa: PLR0913 - the ways in which one fake log differs from another
        self,
        host: str = "rekor.sandbox.test",
        *,
        ca: CA | None = None,
        seed: str | None = None,
        now: Callable[[], float] = time.time,
        latency: float = 0.0,
        base_url: str | None = None,
        key_kind: str = "ecdsa-p256",
        port: int = 0,
    ) -> None:
        super().__init__(host, seed, now, ca, key_kind)
        self.requests: list[Request] = []
        self.index = rekor_v1_index.Index()
        self.entries = rekor_v1_entries.Entries(self)
        self.server = Server(self._answer, latency=latency, port=port)
        self._base_url = base_url

    # -- life ----------------------------------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        self.server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.lies.released.set()
        self.server.stop()

    @property
    def url(self) -> str:
        """Base URL without a trailing slash."""
        return self.server.url

    @property
    def base_url(self) -> str:
        """What the trusted root calls this log."""
        return self._base_url or self.url

    def _answer(self, request: Request) -> Reply:
        self.requests.append(request)
        return self.lies.refusal(request) or self.lies.deliver(request, self._honest_answer(request))

    def _honest_answer(self, request: Request) -> Reply:
        path = request.path.rstrip("/")
        if path == _ENTRIES + "/retrieve" and request.method == "POST":
            return self.entries.retrieve(request)
        if path == "/api/v1/index/retrieve" and request.method == "POST":
            return rekor_v1_index.answer(self, self.index, request)
        if path == _ENTRIES and request.method == "POST":
            return rekor_v1_write.answer(self, self.entries, request)
        if request.method != "GET":
            allowed = "POST,GET" if path == _ENTRIES else "GET"
            text = f"method {request.method} is not allowed, but [{allowed}] are"
            return error(405, text, newline=False)
        return self._get(request, path)

    def _get(self, request: Request, path: str) -> Reply:
        if path == _LOG:
            return rekor_v1_heads.head(self, request)
        if path == _LOG + "/publicKey":
            return rekor_v1_heads.public_key(self, request)
        if path == _LOG + "/proof":
            return rekor_v1_heads.proof(self, request)
        if path == _ENTRIES:
            return self.entries.by_index(request)
        if path.startswith(_ENTRIES + "/"):
            return self.entries.by_id(request, path.removeprefix(_ENTRIES + "/"))
        if path == "/ping":
            return Reply(200, b".", (), "text/plain")
        return error(404, f"path {request.path} was not found", newline=False)
