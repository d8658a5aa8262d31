"""The sandbox's issuer, by a client of its own: every flow, every refusal, tokens that PyJWT checks."""

import base64
import gc
import hashlib
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import jwt as pyjwt
import pytest
from sigstore.oidc import IdentityError, IdentityToken, Issuer

from sandbox import claims
from sandbox.oidc import SandboxOIDC
from sandbox.subjects import GITHUB_ACTIONS, GOOGLE

pytestmark = pytest.mark.integration
VERIFIER = "v" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
BACK = "http://localhost:8765/auth/callback"


@pytest.fixture(params=["ecdsa-p256", "rsa-2048"])
def oidc(request: pytest.FixtureRequest) -> Iterator[SandboxOIDC]:
    with SandboxOIDC(seed="oidc", key_kind=request.param) as oidc:
        yield oidc


@pytest.fixture
def client(oidc: SandboxOIDC) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=oidc.url) as client:
        yield client


def checked(oidc: SandboxOIDC, token: str, audience: str = "sigstore") -> dict[str, Any]:
    """The claims of a token, checked by another library against the published keys."""
    found = httpx.get(oidc.url + "/.well-known/openid-configuration").json()
    keys = pyjwt.PyJWKSet.from_dict(httpx.get(found["jwks_uri"]).json())
    key = keys[pyjwt.get_unverified_header(token)["kid"]]
    read: dict[str, Any] = pyjwt.decode(token, key, algorithms=["ES256", "RS256"], audience=audience)
    return read


def authorize(client: httpx.Client, **changes: str) -> httpx.Response:
    asked = {
        "response_type": "code",
        "client_id": "sigstore",
        "scope": "openid email",
        "redirect_uri": BACK,
        "state": "s1",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
    } | changes
    return client.get("/auth", params={name: value for name, value in asked.items() if value})


def back(reply: httpx.Response) -> dict[str, str]:
    """What the browser brings back."""
    assert reply.status_code == 303
    return {name: values[0] for name, values in parse_qs(urlsplit(reply.headers["location"]).query).items()}


def redeem(client: httpx.Client, code: str, **changes: str) -> httpx.Response:
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": BACK,
        "code_verifier": VERIFIER,
        "client_id": "sigstore",
    }
    return client.post("/token", data=form | changes)


def test_the_browser_flow_ends_with_a_token(oidc: SandboxOIDC, client: httpx.Client) -> None:
    found = back(authorize(client, nonce="n1"))
    assert found["state"] == "s1"
    made = redeem(client, found["code"]).json()
    read = checked(oidc, made["id_token"])
    assert (read["email"], read["nonce"], read["iss"]) == ("tester@sandbox.test", "n1", oidc.url)
    assert read["federated_claims"]["connector_id"] == GOOGLE
    assert redeem(client, found["code"]).json()["error"] == "invalid_grant"


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # that client leaves its listener to the garbage collector
def test_another_client_logs_in(oidc: SandboxOIDC, monkeypatch: pytest.MonkeyPatch) -> None:
    """sigstore-python's own flow, its browser being a plain HTTP client that follows redirects."""

    def browse(url: str) -> bool:
        assert httpx.get(url, follow_redirects=True).status_code == 200
        return True

    monkeypatch.setattr("webbrowser.open", browse)
    token = Issuer(oidc.url).identity_token()
    assert checked(oidc, str(token))["email"] == "tester@sandbox.test"
    gc.collect()


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"code_challenge": ""}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"scope": "email"}, "invalid_scope"),
        ({"response_type": "token"}, "unsupported_response_type"),
    ],
)
def test_an_authorization_without_care_is_refused(client: httpx.Client, changes: dict[str, str], error: str) -> None:
    assert back(authorize(client, **changes)) == {"error": error, "state": "s1"}


def test_nobody_is_sent_off_this_machine(client: httpx.Client) -> None:
    assert authorize(client, redirect_uri="https://evil.example/auth/callback").status_code == 400
    assert authorize(client, redirect_uri="http://localhost.evil.example/").status_code == 400


@pytest.mark.parametrize(
    "changes",
    [{"code_verifier": "w" * 43}, {"code_verifier": ""}, {"redirect_uri": BACK + "2"}, {"client_id": "other"}],
)
def test_a_stolen_code_is_worth_nothing(client: httpx.Client, changes: dict[str, str]) -> None:
    code = back(authorize(client))["code"]
    reply = redeem(client, code, **changes)
    assert (reply.status_code, reply.json()["error"]) == (400, "invalid_grant")


def test_the_device_flow_waits_for_the_person(oidc: SandboxOIDC, client: httpx.Client) -> None:
    oidc.flows.pending(1)
    asked = client.post("/device/code", data={"client_id": "sigstore", "scope": "openid email"}).json()
    form = {
        "grant_type": "urn:ietf:params:oauth:grant-type:device_code",
        "device_code": asked["device_code"],
        "client_id": "sigstore",
    }
    assert client.post("/token", data=form).json()["error"] == "authorization_pending"
    assert checked(oidc, client.post("/token", data=form).json()["id_token"])["email"] == "tester@sandbox.test"
    assert client.post("/token", data=form).json()["error"] == "invalid_grant"
    assert client.get(asked["verification_uri_complete"].removeprefix(oidc.url)).status_code == 200


def test_a_machine_logs_in_with_its_secret(oidc: SandboxOIDC, client: httpx.Client) -> None:
    form = {"grant_type": "client_credentials"}
    made = client.post("/token", data=form, auth=("machine", "sandbox-secret")).json()
    assert checked(oidc, made["access_token"])["sub"] == "https://sandbox.test/machines/machine"
    assert client.post("/token", data=form, auth=("machine", "wrong")).status_code == 401
    assert client.post("/token", data=form, auth=("sigstore", "")).json()["error"] == "unauthorized_client"


def test_the_person_says_no_and_a_state_is_mixed_up(oidc: SandboxOIDC, client: httpx.Client) -> None:
    oidc.flows.deny()
    assert back(authorize(client))["error"] == "access_denied"
    oidc.honest()
    oidc.flows.wrong_state()
    assert back(authorize(client))["state"] == "somebody-else"
    oidc.honest()
    assert back(authorize(client))["state"] == "s1"


def test_lies_about_tokens(oidc: SandboxOIDC) -> None:
    oidc.expired()
    with pytest.raises(IdentityError):
        IdentityToken(oidc.token())
    oidc.honest()
    oidc.wrong_audience()
    with pytest.raises(pyjwt.InvalidAudienceError):
        checked(oidc, oidc.token())
    oidc.honest()
    oidc.early()
    with pytest.raises(pyjwt.ImmatureSignatureError):
        checked(oidc, oidc.token())
    oidc.honest()
    oidc.claim(jti=None)
    assert "jti" not in checked(oidc, oidc.token())
    oidc.honest()
    oidc.rotate_key()
    assert checked(oidc, oidc.token())["email_verified"] is True


def test_identities_by_their_text(oidc: SandboxOIDC) -> None:
    workflow = "https://github.com/acme/widget/.github/workflows/ci.yml@refs/heads/main"
    read = checked(oidc, oidc.token(workflow))
    assert read["iss"] == GITHUB_ACTIONS
    assert (read["repository"], read["ref"], read["ref_type"]) == ("acme/widget", "refs/heads/main", "branch")
    read = checked(oidc, oidc.token("https://gitlab.com/group/project//.gitlab-ci.yml@refs/tags/v1"))
    assert (read["iss"], read["project_path"], read["ref"]) == (claims.GITLAB, "group/project", "v1")
    assert checked(oidc, oidc.token("spiffe://corp.test/ns/prod"))["sub"] == "spiffe://corp.test/ns/prod"
    read = checked(oidc, oidc.token("me@corp.test", issuer="https://login.corp.test"))
    assert read["federated_claims"]["connector_id"] == "https://login.corp.test"


def test_seeded_tokens_repeat_and_others_do_not() -> None:
    made = [
        SandboxOIDC(seed="same", now=lambda: 1.75e9, user={"iss": "https://i.test", "sub": "a"}).token() for _ in "12"
    ]
    assert made[0] == made[1]
    one, two = (SandboxOIDC(now=lambda: 1.75e9) for _ in "12")
    assert one.secret("code") != two.secret("code")
