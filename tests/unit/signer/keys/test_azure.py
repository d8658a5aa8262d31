"""Keys in Azure Key Vault: its REST API with real keys behind it."""

import base64
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from signer.keys import create_key, load_key
from tests.unit.signer.keys.stand_in import PRIVATE, Answer, StandIn, raw, sign_and_check, spki
from verifier.errors import Refused, SigwardenError, Unreachable

KINDS = ("ecdsa-p256", "ecdsa-p384", "ecdsa-p521", "rsa")

AZURE_ENV = {"AZURE_TENANT_ID": "tenant", "AZURE_CLIENT_ID": "client", "AZURE_CLIENT_SECRET": "az-secret"}
CURVES = {"ecdsa-p256": "P-256", "ecdsa-p384": "P-384", "ecdsa-p521": "P-521"}
NEWEST = "0123456789abcdef0123456789abcdef"


def url64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def web_key(kind: str) -> dict[str, str]:
    public = PRIVATE[kind].public_key().public_numbers()
    if isinstance(public, ec.EllipticCurvePublicNumbers):
        width = (PRIVATE[kind].curve.key_size + 7) // 8
        point = {"x": url64(public.x.to_bytes(width, "big")), "y": url64(public.y.to_bytes(width, "big"))}
        return {"kty": "EC-HSM", "crv": CURVES[kind], **point}
    return {"kty": "RSA", "n": url64(public.n.to_bytes(256, "big")), "e": url64(b"\1\0\1")}


def azure(kind: str) -> StandIn:
    def answer(self: StandIn, method: str, url: str, body: Any) -> Answer:
        if url == "https://login.microsoftonline.com/tenant/oauth2/v2.0/token":
            form = parse_qs(body.decode())
            assert form["scope"] == ["https://vault.azure.net/.default"]
            assert form.get("client_secret") == ["az-secret"] or form["client_assertion"] == ["federated"]
            return 200, {"access_token": "az-token"}
        request = self.requests[-1]
        assert request.headers["Authorization"] == "Bearer az-token"
        assert request.url.params["api-version"] == "7.4"
        path = url.removeprefix("https://acme.vault.azure.net/keys/k")
        if method == "GET" and path in ("", f"/{NEWEST}"):
            return 200, {"key": {"kid": f"https://acme.vault.azure.net/keys/k/{NEWEST}", **web_key(kind)}}
        if (method, path) == ("POST", f"/{NEWEST}/sign"):
            digest = base64.urlsafe_b64decode(body["value"] + "==")
            return 200, {"kid": "k", "value": url64(raw(kind, digest))}
        return (200, {"key": web_key(kind)}) if (method, path) == ("POST", "/create") else (404, None)

    return StandIn(answer)


@pytest.mark.parametrize("kind", KINDS)
def test_azure_signs(kind: str) -> None:
    service = azure(kind)
    sign_and_check("azurekms://acme.vault.azure.net/k", service, AZURE_ENV)
    assert "az-secret" not in "".join(str(one.url) for one in service.requests)


def test_azure_signatures_with_short_numbers() -> None:
    """About one signature in 128 has r or s with a leading zero byte: cosign's own client fails on those."""
    service = azure("ecdsa-p256")
    key = load_key(f"azurekms://acme.vault.azure.net/k/{NEWEST}", service.access(AZURE_ENV))
    for number in range(300):
        key.sign(b"%d" % number)


def test_azure_with_a_workload_identity(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("federated\n")
    env = AZURE_ENV | {"AZURE_CLIENT_SECRET": "", "AZURE_FEDERATED_TOKEN_FILE": str(tmp_path / "token")}
    sign_and_check("azurekms://acme.vault.azure.net/k", azure("rsa"), env)


def test_azure_makes_a_key() -> None:
    assert create_key("azurekms://acme.vault.azure.net/k", azure("ecdsa-p256").access(AZURE_ENV)).public.der == spki(
        "ecdsa-p256"
    )


@pytest.mark.parametrize(
    "reference", ["azurekms://acme.vault.azure.net", "azurekms:///k", "azurekms://h/k/v", "azurekms://h/a/b/c"]
)
def test_azure_references_that_mean_nothing(reference: str) -> None:
    with pytest.raises(Refused):
        load_key(reference, azure("rsa").access(AZURE_ENV))


@pytest.mark.parametrize(
    "members",
    [
        {},
        {"kty": "EC", "crv": "P-256K"},
        {"kty": "EC", "crv": "P-256", "x": "AQ", "y": "AQ"},
        {"kty": "RSA", "n": "?", "e": "AQAB"},
    ],
)
def test_azure_keys_that_are_none(members: dict[str, str]) -> None:
    def answer(_self: StandIn, _method: str, url: str, _body: Any) -> Answer:
        return 200, {"access_token": "t"} if "login" in url else {"key": {"kid": "a/b", **members}}

    with pytest.raises(SigwardenError):
        load_key("azurekms://acme.vault.azure.net/k", StandIn(answer).access(AZURE_ENV))


def test_a_provider_that_refuses_is_told_by_its_short_code() -> None:
    def answer(_self: StandIn, _method: str, url: str, _body: Any) -> Answer:
        return (
            (200, {"access_token": "t"}) if "login" in url else (403, {"error": {"code": "Forbidden", "message": "t"}})
        )

    with pytest.raises(Unreachable, match=r"answered 403 \(Forbidden\)"):
        load_key("azurekms://acme.vault.azure.net/k", StandIn(answer).access(AZURE_ENV))
