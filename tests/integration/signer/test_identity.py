"""Identities of machines: each provider's published way, in cosign's order, and what is told when one fails."""

import contextlib
import json
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hpack import Decoder, Encoder
from hyperframe.frame import DataFrame, Frame, HeadersFrame, PingFrame, SettingsFrame

from sandbox.wire import Reply, Request, Server
from signer.identity import PROVIDERS, Place, ambient_token
from signer.spiffe import fetch_jwt_svid
from verifier.errors import Refused, SigwardenError, Unreachable
from verifier.fetch.http import Http, HttpPolicy

pytestmark = pytest.mark.integration
TOKEN = "eyJh.eyJz.c2ln"


@pytest.fixture
def http() -> Iterator[Http]:
    with Http(HttpPolicy(retries=0)) as http:
        yield http


class Metadata:
    """The HTTP side of a CI system or cloud."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.reply: Callable[[Request], Reply] = lambda _request: Reply(404, b"{}")
        self.server = Server(self._answer)

    def _answer(self, request: Request) -> Reply:
        self.requests.append(request)
        return self.reply(request)


@pytest.fixture
def service() -> Iterator[Metadata]:
    service = Metadata()
    service.server.start()
    yield service
    service.server.stop()


def place(http: Http, tmp_path: Path, **env: str) -> Place:
    return Place(env, http, tmp_path / "oidc-token", tmp_path / "product_name")


def test_nothing_is_here(http: Http, tmp_path: Path) -> None:
    assert ambient_token(place(http, tmp_path), "sigstore") is None


def test_github_actions(http: Http, tmp_path: Path, service: Metadata) -> None:
    service.reply = lambda _request: Reply(200, json.dumps({"value": TOKEN, "count": 1}).encode())
    here = place(
        http,
        tmp_path,
        ACTIONS_ID_TOKEN_REQUEST_URL=f"{service.server.url}/token?api-version=2.0",
        ACTIONS_ID_TOKEN_REQUEST_TOKEN="request-secret",
    )
    assert ambient_token(here, "sigstore") == ("github-actions", TOKEN)
    request = service.requests[0]
    assert request.query == (("api-version", "2.0"), ("audience", "sigstore"))
    assert request.headers["authorization"] == "bearer request-secret"


def test_buildkite(http: Http, tmp_path: Path, service: Metadata) -> None:
    service.reply = lambda _request: Reply(201, json.dumps({"token": TOKEN}).encode())
    here = place(
        http,
        tmp_path,
        BUILDKITE_AGENT_ACCESS_TOKEN="agent-secret",
        BUILDKITE_AGENT_ENDPOINT=f"{service.server.url}/v3/",
        BUILDKITE_JOB_ID="0190-job",
    )
    assert ambient_token(here, "sigstore") == ("buildkite-agent", TOKEN)
    request = service.requests[0]
    assert (request.method, request.path) == ("POST", "/v3/jobs/0190-job/oidc/tokens")
    assert json.loads(request.body) == {"audience": "sigstore"}
    assert request.headers["authorization"] == "Token agent-secret"


def test_a_variable_and_a_file(http: Http, tmp_path: Path) -> None:
    (tmp_path / "oidc-token").write_text("from-file\n")
    assert ambient_token(place(http, tmp_path), "sigstore") == ("filesystem", "from-file")
    assert ambient_token(place(http, tmp_path, SIGSTORE_ID_TOKEN=TOKEN), "x") == ("envvar", TOKEN)
    assert ambient_token(place(http, tmp_path, SIGSTORE_ID_TOKEN=TOKEN), "x", "filesystem") == (
        "filesystem",
        "from-file",
    )


def test_google_machines(http: Http, tmp_path: Path, service: Metadata) -> None:
    (tmp_path / "product_name").write_text("Google Compute Engine\n")
    service.reply = lambda _request: Reply(200, TOKEN.encode(), (), "text/plain")
    here = place(http, tmp_path, GCE_METADATA_HOST=service.server.url.removeprefix("http://"))
    assert ambient_token(here, "sigstore") == ("google-workload-identity", TOKEN)
    request = service.requests[0]
    assert request.headers["metadata-flavor"] == "Google"
    assert request.path == "/computeMetadata/v1/instance/service-accounts/default/identity"
    assert dict(request.query) == {"audience": "sigstore", "format": "full"}


def test_google_in_the_name_of_an_account(http: Http, tmp_path: Path, service: Metadata) -> None:
    def reply(request: Request) -> Reply:
        if request.path.endswith("/token"):
            return Reply(200, b'{"access_token":"ya29.secret","expires_in":10}')
        assert request.headers["authorization"] == "Bearer ya29.secret"
        assert json.loads(request.body) == {"audience": "sigstore", "includeEmail": True}
        return Reply(200, json.dumps({"token": TOKEN}).encode())

    service.reply = reply
    env = {
        "GOOGLE_SERVICE_ACCOUNT_NAME": "ci@p.iam.gserviceaccount.com",
        "GCE_METADATA_HOST": service.server.url.removeprefix("http://"),
    }
    here = Place(env, http, tmp_path / "none", tmp_path / "none", service.server.url)
    assert ambient_token(here, "sigstore") == ("google-impersonate", TOKEN)
    assert service.requests[-1].path == ("/v1/projects/-/serviceAccounts/ci@p.iam.gserviceaccount.com:generateIdToken")


@pytest.mark.parametrize(("variable", "word"), [("GITHUB_ACTIONS", "id-token: write"), ("GITLAB_CI", "id_tokens")])
def test_a_job_that_forgot_to_ask_is_told_how(http: Http, tmp_path: Path, variable: str, word: str) -> None:
    with pytest.raises(Refused, match="no identity token") as error:
        ambient_token(place(http, tmp_path, **{variable: "true"}), "sigstore")
    assert word in error.value.hint


def test_a_gitlab_job_with_its_token(http: Http, tmp_path: Path) -> None:
    here = place(http, tmp_path, GITLAB_CI="true", SIGSTORE_ID_TOKEN=TOKEN)
    assert ambient_token(here, "sigstore") == ("envvar", TOKEN)


def test_a_provider_that_fails_is_not_passed_over(http: Http, tmp_path: Path, service: Metadata) -> None:
    """Or a job would sign as somebody else than its author meant."""
    service.reply = lambda _request: Reply(500, b"request-secret")
    here = place(
        http,
        tmp_path,
        ACTIONS_ID_TOKEN_REQUEST_URL=f"{service.server.url}/token",
        ACTIONS_ID_TOKEN_REQUEST_TOKEN="request-secret",
        SIGSTORE_ID_TOKEN=TOKEN,
    )
    with pytest.raises(Unreachable) as error:
        ambient_token(here, "sigstore")
    assert "request-secret" not in str(error.value) and service.server.url not in str(error.value)


def test_names_of_providers(http: Http, tmp_path: Path) -> None:
    with pytest.raises(Refused, match="unknown identity provider"):
        ambient_token(place(http, tmp_path), "sigstore", "gitea")
    with pytest.raises(Refused, match="not available here"):
        ambient_token(place(http, tmp_path), "sigstore", "spiffe")
    assert list(PROVIDERS)[:4] == ["github-actions", "buildkite-agent", "envvar", "filesystem"]


# -- SPIFFE: the other end speaks HTTP/2 through hyperframe and hpack, which share no code with us -----------------

SVID = "svid.of.workload"


def field(number: int, value: bytes) -> bytes:
    return bytes([number << 3 | 2, len(value)]) + value


class Agent:
    """A SPIFFE agent's Workload API on a Unix socket; `answer` is the gRPC message, None an error without one."""

    def __init__(self, path: Path, answer: bytes | None) -> None:
        self.path, self.answer = path, answer
        self.headers: dict[bytes, bytes] = {}
        self.asked = b""
        self.answered_ping = self.settled = False
        self._encoder = Encoder()
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def close(self) -> None:
        self._thread.join()
        self._listener.close()

    def _serve(self) -> None:
        peer, _ = self._listener.accept()
        with peer, peer.makefile("rb") as stream:
            assert stream.read(24) == b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
            ping = PingFrame(0)
            ping.opaque_data = b"12345678"
            peer.sendall(SettingsFrame(0).serialize() + ping.serialize())
            while head := stream.read(9):
                frame, length = Frame.parse_frame_header(memoryview(head))
                frame.parse_body(memoryview(stream.read(length)))
                self._take(peer, frame)

    def _take(self, peer: socket.socket, frame: Frame) -> None:
        if isinstance(frame, HeadersFrame):
            self.headers = {bytes(name): bytes(value) for name, value in Decoder().decode(frame.data, raw=True)}
        elif isinstance(frame, DataFrame):
            self.asked += frame.data
        elif isinstance(frame, PingFrame):
            self.answered_ping = "ACK" in frame.flags and frame.opaque_data == b"12345678"
        elif isinstance(frame, SettingsFrame):
            self.settled = self.settled or "ACK" in frame.flags
        if "END_STREAM" in frame.flags:
            with contextlib.suppress(OSError):  # a client that has heard enough hangs up
                peer.sendall(b"".join(part.serialize() for part in self._reply()))

    def _reply(self) -> Iterator[Frame]:
        """Headers, the message in two frames of which one is padded, and the trailers."""
        if self.answer is None:
            yield self._head([(":status", "200"), ("grpc-status", "7")], "END_STREAM")
            return
        framed = b"\0" + len(self.answer).to_bytes(4, "big") + self.answer
        yield self._head([(":status", "200"), ("content-type", "application/grpc")])
        yield DataFrame(1, framed[:7])
        padded = DataFrame(1, framed[7:], pad_length=9)
        padded.flags.add("PADDED")
        yield padded
        yield self._head([("grpc-status", "0")], "END_STREAM")

    def _head(self, headers: list[tuple[str, str]], *flags: str) -> Frame:
        frame = HeadersFrame(1, self._encoder.encode(headers))
        frame.flags.add("END_HEADERS")
        for flag in flags:
            frame.flags.add(flag)
        return frame


GOOD = field(1, field(1, b"spiffe://acme.test/ci") + field(2, SVID.encode()))


def test_spiffe(tmp_path: Path, http: Http) -> None:
    agent = Agent(tmp_path / "agent.sock", GOOD + field(1, field(2, b"another")))
    try:
        here = place(http, tmp_path, SPIFFE_ENDPOINT_SOCKET=f"unix://{agent.path}")
        assert ambient_token(here, "sigstore") == ("spiffe", SVID)
    finally:
        agent.close()
    assert agent.settled
    assert agent.headers[b":path"] == b"/SpiffeWorkloadAPI/FetchJWTSVID"
    assert agent.headers[b"workload.spiffe.io"] == b"true"
    assert agent.asked == b"\0" + (10).to_bytes(4, "big") + field(1, b"sigstore")


@pytest.mark.parametrize("answer", [None, b"", b"\xff", field(1, b""), field(2, b"x"), b"\x0a\x50", b"\x08\x01" + GOOD])
def test_spiffe_gives_nothing_usable(tmp_path: Path, answer: bytes | None) -> None:
    agent = Agent(tmp_path / "agent.sock", answer)
    try:
        with pytest.raises(SigwardenError):
            fetch_jwt_svid(f"unix://{agent.path}", "sigstore")
    finally:
        agent.close()


@pytest.mark.parametrize("address", ["unix:///nowhere/agent.sock", "tcp://127.0.0.1:1"])
def test_no_spiffe_agent(address: str) -> None:
    with pytest.raises(Unreachable):
        fetch_jwt_svid(address, "sigstore")


@pytest.mark.parametrize("address", ["http://x", "tcp://host", "/run/agent.sock"])
def test_addresses_of_agents(address: str) -> None:
    with pytest.raises(Refused):
        fetch_jwt_svid(address, "sigstore")
