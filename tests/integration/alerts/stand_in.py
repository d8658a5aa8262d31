"""Stand-ins for Slack and for a webhook receiver: HTTP servers on loopback that answer as the published APIs do."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from monitor.alerts.channel import Channel

TOKEN = "xoxb-111-222-made-up-for-tests"
HOOK_PATH = "/services/T000/B000/made-up-for-tests"


@dataclass
class Taken:
    """One request as it came."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        """The body as an object."""
        value = json.loads(self.body)
        assert isinstance(value, dict)
        return value


@dataclass
class Answer:
    """What the server says to the next request instead of its usual answer."""

    status: int = 200
    body: str = ""
    headers: dict[str, str] = field(default_factory=dict)


class StandIn:
    """A server with a script: `say` queues answers, `always` sets one that stays."""

    def __init__(self) -> None:
        self.taken: list[Taken] = []
        self.script: list[Answer] = []
        self.always: Answer | None = None
        self.messages: dict[str, dict[str, Any]] = {}
        self.url = ""
        self.channels: list[Channel] = []

    def opened(self, channel: Channel) -> Channel:
        """Close `channel` with the server."""
        self.channels.append(channel)
        return channel

    def say(self, status: int = 200, body: str = "", **headers: str) -> None:
        """Queue an answer."""
        self.script.append(Answer(status, body, {name.replace("_", "-"): text for name, text in headers.items()}))

    def answer(self, request: Taken) -> Answer:
        """What to say to `request`."""
        self.taken.append(request)
        if self.script:
            return self.script.pop(0)
        if self.always is not None:
            return self.always
        if request.path.startswith("/api/"):
            return self._api(request)
        if request.path == HOOK_PATH:
            return Answer(200, "ok") if request.json.get("text") else Answer(400, "no_text")
        return Answer(204) if request.path == "/hook" else Answer(404, "no_service")

    def paths(self) -> list[str]:
        """The paths of all requests."""
        return [request.path for request in self.taken]

    def _api(self, request: Taken) -> Answer:
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return self._said({"ok": False, "error": "invalid_auth"})
        method = request.path.removeprefix("/api/")
        if method == "auth.test":
            return self._said({"ok": True, "team": "acme"})
        said = request.json
        if method == "chat.postMessage":
            ts = f"1700000000.{len(self.messages) + 1:06d}"
            self.messages[ts] = said
            return self._said({"ok": True, "channel": said["channel"], "ts": ts})
        if method == "chat.update":
            if said["ts"] not in self.messages:
                return self._said({"ok": False, "error": "message_not_found"})
            self.messages[said["ts"]] |= said
            return self._said({"ok": True, "channel": said["channel"], "ts": said["ts"]})
        return self._said({"ok": False, "error": "unknown_method"})

    @staticmethod
    def _said(value: dict[str, Any]) -> Answer:
        return Answer(200, json.dumps(value), {"Content-Type": "application/json; charset=utf-8"})


@contextmanager
def stand_in() -> Iterator[StandIn]:
    """A running server."""
    state = StandIn()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            headers = {name.lower(): value for name, value in self.headers.items()}
            answer = state.answer(Taken(self.path, headers, body))
            data = answer.body.encode()
            self.send_response(answer.status)
            for name, value in {"Content-Type": "text/plain", **answer.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def do_GET(self) -> None:
            state.taken.append(Taken(self.path, {}, b""))
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    state.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield state
    finally:
        for channel in state.channels:
            channel.close()
        server.shutdown()
        server.server_close()
        thread.join()
