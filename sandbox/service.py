"""What has every web service of the sandbox in common: a server on loopback, a record of requests, and its faults?"""

import json
from typing import Any, Self

from sandbox.lies import Lies
from sandbox.wayward import Wayward
from sandbox.wire import Reply, Request, Server


class Service(Wayward):
    """``with SandboxTSA() as tsa: tsa.url``. A service says in `respond` what it answers while it is honest."""

    def __init__(self, *, latency: float = 0.0, port: int = 0) -> None:
        self.lies = Lies()
        self.requests: list[Request] = []
        self.server = Server(self._answer, latency=latency, port=port)

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

    def respond(self, request: Request) -> Reply:
        """The honest answer."""
        raise NotImplementedError

    def _answer(self, request: Request) -> Reply:
        self.requests.append(request)
        return self.lies.refusal(request) or self.lies.deliver(request, self.respond(request))


def json_reply(value: Any, status: int = 200, headers: tuple[tuple[str, str], ...] = ()) -> Reply:
    """A JSON answer."""
    return Reply(status, json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"), headers)


def problem(status: int, code: int, message: str) -> Reply:
    """``{code, message}``: how gRPC gateways and the timestamp server say what is wrong."""
    return json_reply({"code": code, "message": message}, status)
