"""Logins at the sandbox's issuer: browser, device, client secret; what is refused; and nothing secret is ever shown."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from sandbox.oidc import SandboxOIDC
from sandbox.whole import WholeSigstore
from signer.callback import Listener
from signer.oauth import Client, Person, browser_token, client_token, device_token, discover
from signer.token import claims_of
from tests.integration.signer.conftest import Call
from verifier.errors import Refused, Unreachable, Untrue
from verifier.fetch.http import Http, HttpPolicy

pytestmark = pytest.mark.integration


@pytest.fixture
def oidc() -> Iterator[SandboxOIDC]:
    with SandboxOIDC(user="ann@acme.example") as oidc:
        yield oidc


@pytest.fixture
def http() -> Iterator[Http]:
    with Http(HttpPolicy(retries=0), sleep=lambda _seconds: None) as http:
        yield http


class Ann(list[str]):
    """A person: keeps what was said, and follows links in a browser."""

    def __init__(self, *, browser: bool = True) -> None:
        super().__init__()
        self.browser = browser
        self.threads: list[threading.Thread] = []

    def browse(self, url: str) -> bool:
        if not self.browser:
            return False
        self.threads.append(threading.Thread(target=lambda: httpx.get(url, follow_redirects=True)))
        self.threads[-1].start()
        return True

    def ask(self, question: str) -> str:
        self.append(question)
        link = next(line.strip() for text in self for line in text.splitlines() if OOB in line)
        return httpx.get(link).text

    @property
    def person(self) -> Person:
        return Person(self.append, self.browse, self.ask, time.monotonic)


OOB = "redirect_uri=urn%3Aietf%3Awg%3Aoauth%3A2.0%3Aoob"


def test_with_a_browser(oidc: SandboxOIDC, http: Http) -> None:
    ann = Ann()
    token = browser_token(http, discover(http, oidc.url), Client(), ann.person)
    assert claims_of(token)["email"] == "ann@acme.example"
    assert claims_of(token)["nonce"]
    sent = oidc.requests[-1].body.decode()
    verifier = parse_qs(sent)["code_verifier"][0]
    assert len(verifier) >= 43 and verifier not in "".join(ann)
    for thread in ann.threads:
        thread.join()


def test_without_a_browser_the_code_is_typed(oidc: SandboxOIDC, http: Http) -> None:
    token = browser_token(http, discover(http, oidc.url), Client(), Ann(browser=False).person)
    assert claims_of(token)["email"] == "ann@acme.example"


def test_on_another_device(oidc: SandboxOIDC, http: Http) -> None:
    oidc.flows.pending(3, slow_down=True)
    ann = Ann()
    token = device_token(http, discover(http, oidc.url), Client(), ann.person)
    assert claims_of(token)["email"] == "ann@acme.example"
    assert "Enter the verification code" in "".join(ann) and token not in "".join(ann)


def test_with_a_client_secret(oidc: SandboxOIDC, http: Http) -> None:
    token = client_token(http, discover(http, oidc.url), Client("machine", "sandbox-secret"))
    assert claims_of(token)["sub"].endswith("/machine")
    assert b"sandbox-secret" not in oidc.requests[-1].body
    with pytest.raises(Refused, match="invalid_client"):
        client_token(http, discover(http, oidc.url), Client("machine", "guessed"))
    with pytest.raises(Refused, match="needs a client secret"):
        client_token(http, discover(http, oidc.url), Client("machine"))


@pytest.mark.parametrize("flow", [browser_token, device_token])
def test_the_person_says_no(oidc: SandboxOIDC, http: Http, flow: object) -> None:
    oidc.flows.deny()
    ann = Ann()
    assert callable(flow)
    with pytest.raises(Refused):
        flow(http, discover(http, oidc.url), Client(), ann.person)
    for thread in ann.threads:
        thread.join()


def test_a_false_state_is_not_heard(oidc: SandboxOIDC, http: Http, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("signer.oauth._SECONDS", 0.5)
    oidc.flows.wrong_state()
    ann = Ann()
    with pytest.raises(Unreachable, match="nobody logged in"):
        browser_token(http, discover(http, oidc.url), Client(), ann.person)
    assert not any(one.path == "/token" for one in oidc.requests)
    for thread in ann.threads:
        thread.join()


def test_a_token_for_another_login_is_refused(oidc: SandboxOIDC, http: Http) -> None:
    oidc.claim(nonce="of-another-login")
    ann = Ann()
    with pytest.raises(Untrue, match="another login"):
        browser_token(http, discover(http, oidc.url), Client(), ann.person)
    for thread in ann.threads:
        thread.join()


def test_discovery_of_another_issuer_is_refused(oidc: SandboxOIDC, http: Http) -> None:
    oidc.garble(lambda body: body.replace(oidc.url.encode(), b"http://127.0.0.1:1"))
    with pytest.raises(Untrue, match="another issuer"):
        discover(http, oidc.url)


@pytest.mark.parametrize(
    "redirect", ["https://evil.example/cb", "http://evil.example/cb", "file:///x", "http://0.0.0.0/"]
)
def test_the_browser_only_comes_back_to_this_machine(redirect: str) -> None:
    with pytest.raises(Refused, match="on this machine"):
        Listener(redirect, "state")


def test_the_listener_hears_one_path_and_one_state() -> None:
    with Listener("http://127.0.0.1:0/auth/callback", "right") as listener:
        base = listener.redirect.removesuffix("/auth/callback")
        for target in ("/", "/auth/callback", "/auth/callback?code=x", "/auth/callback?code=x&state=wrong"):
            assert httpx.get(base + target).status_code == 400
        assert httpx.post(f"{base}/auth/callback?code=x&state=right").status_code == 405
        good = httpx.get(f"{base}/auth/callback?code=abc&state=right")
        assert (good.status_code, good.headers["connection"]) == (200, "close")
        httpx.get(f"{base}/auth/callback?code=later&state=right")
        assert listener.wait(1) == "abc"
    assert urlsplit(listener.redirect).port


# -- on the command line ---------------------------------------------------------------------------------------------

SIGN = ["sign-blob", "hello.txt", "--signing-config", "v2.json", "--trusted-root", "root.json", "--bundle", "b.json"]


def test_no_terminal_means_the_device_flow_and_stdout_stays_empty(
    sigstore: WholeSigstore, place: Path, call: Call
) -> None:
    done = call(*SIGN, "-y")
    assert (done.code, done.out) == (0, ""), done.err
    assert "Enter the verification code" in done.err and "Token received!" in done.err


def test_the_privacy_question_comes_before_the_login(sigstore: WholeSigstore, place: Path, call: Call) -> None:
    done = call(*SIGN, answer="n\n")
    assert done.code == 1
    assert "user declined the prompt" in done.err and "transparency log" in done.err
    assert not sigstore.oidc.requests
    assert call(*SIGN, answer="y\n").code == 0


def test_client_credentials(sigstore: WholeSigstore, place: Path, call: Call) -> None:
    (place / "secret").write_text("sandbox-secret\n")
    # the token's audience is the client's own name in some issuers: the sandbox gives "sigstore"
    sigstore.oidc.flows.clients["sigstore"] = "sandbox-secret"
    done = call(*SIGN, "--fulcio-auth-flow", "client_credentials", "--oidc-client-secret-file", "secret")
    assert done.code == 0, done.err


@pytest.mark.parametrize("where", ["flag", "file", "variable"])
def test_a_given_token(
    sigstore: WholeSigstore, place: Path, call: Call, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    token = sigstore.token("ann@acme.example")
    (place / "token.v1.jwt").write_text(token + "\n")
    flags = {"flag": ["--identity-token", token], "file": ["--identity-token", "token.v1.jwt"], "variable": []}
    if where == "variable":
        monkeypatch.setenv("SIGSTORE_ID_TOKEN", token)
    done = call(*SIGN, *flags[where])
    assert done.code == 0, done.err
    assert not sigstore.oidc.requests


@pytest.mark.parametrize("fault", ["expired", "early", "wrong_audience", "unverified_email"])
def test_a_token_that_cannot_be_used_is_not_sent(sigstore: WholeSigstore, place: Path, call: Call, fault: str) -> None:
    getattr(sigstore.oidc, fault)()
    done = call(*SIGN, "--identity-token", sigstore.token("ann@acme.example"))
    assert done.code == 1
    assert not sigstore.fulcio.requests
    assert not (place / "b.json").exists()


def test_a_forged_token_is_refused_by_the_authority_and_not_shown(
    sigstore: WholeSigstore, place: Path, call: Call
) -> None:
    sigstore.oidc.forged()
    token = sigstore.token("ann@acme.example")
    done = call(*SIGN, "--identity-token", token)
    assert done.code == 1
    assert "processing the identity token" in done.err and token not in done.err


def test_an_authority_that_repeats_the_token_does_not_get_it_printed(
    sigstore: WholeSigstore, place: Path, call: Call
) -> None:
    token = sigstore.token("ann@acme.example")
    sigstore.fulcio.refuse(400, body=b'{"code":3,"message":"bad token %s"}' % token.encode())
    done = call(*SIGN, "--identity-token", token)
    assert done.code == 1 and "bad token" in done.err
    assert token not in done.err and token.split(".")[2] not in done.err
