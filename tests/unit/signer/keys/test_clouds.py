"""Keys at AWS, Google and Azure: their published REST APIs with real keys behind them."""

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from signer.keys import create_key, load_key, load_public
from signer.keys.crc32c import crc32c
from tests.unit.signer.keys.stand_in import PRIVATE, Answer, StandIn, b64, pem, raw, sign, spki
from verifier.errors import Refused, SigwardenError, Unreachable, Untrue

KINDS = ("ecdsa-p256", "ecdsa-p384", "ecdsa-p521", "rsa")


def sign_and_check(reference: str, service: StandIn, env: dict[str, str]) -> None:
    key = load_key(reference, service.access(env))
    for message in (b"one", b"another"):
        key.public.verify(key.sign(message), message, key.hash_name)


# -- AWS -------------------------------------------------------------------------------------------------------------

UUID = "1234abcd-12ab-34cd-56ef-1234567890ab"
ARN = f"arn:aws:kms:eu-central-1:123456789012:key/{UUID}"
AWS_ALGORITHMS = {
    "ecdsa-p256": ["ECDSA_SHA_256"],
    "ecdsa-p384": ["ECDSA_SHA_384"],
    "ecdsa-p521": ["ECDSA_SHA_512"],
    "rsa": ["RSASSA_PSS_SHA_256", "RSASSA_PKCS1_V1_5_SHA_256", "RSASSA_PKCS1_V1_5_SHA_512"],
}


@pytest.fixture
def aws_env(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, str]:
    for name, value in (
        ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "very-secret"),
        ("AWS_DEFAULT_REGION", "eu-west-1"),
        ("AWS_CONFIG_FILE", str(tmp_path / "none")),
        ("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none")),
        ("AWS_EC2_METADATA_DISABLED", "true"),
    ):
        monkeypatch.setenv(name, value)
    return {}


def aws(kind: str) -> StandIn:
    pytest.importorskip("botocore", reason="the extra aws is not installed")

    def answer(self: StandIn, _method: str, _url: str, _body: Any) -> Answer:
        request = self.requests[-1]
        body = json.loads(request.content)
        action = request.headers["X-Amz-Target"].removeprefix("TrentService.")
        assert request.headers["Authorization"].startswith("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/")
        if action == "GetPublicKey":
            return 200, {"PublicKey": b64(spki(kind)), "SigningAlgorithms": AWS_ALGORITHMS[kind], "KeyId": ARN}
        if action == "Sign":
            assert body["MessageType"] == "DIGEST" and body["SigningAlgorithm"] in AWS_ALGORITHMS[kind]
            made = sign(kind, base64.b64decode(body["Message"]))
            return 200, {"Signature": b64(made), "SigningAlgorithm": body["SigningAlgorithm"]}
        if action == "CreateKey":
            assert body["KeySpec"] == "ECC_NIST_P256"
            return 200, {"KeyMetadata": {"KeyId": UUID}}
        return (200, None) if action == "CreateAlias" and body["TargetKeyId"] == UUID else (400, {"__type": "x"})

    return StandIn(answer)


@pytest.mark.parametrize("kind", KINDS)
def test_aws_signs(aws_env: dict[str, str], kind: str) -> None:
    service = aws(kind)
    sign_and_check(f"awskms:///{UUID}", service, aws_env)
    assert {one.url.host for one in service.requests} == {"kms.eu-west-1.amazonaws.com"}
    assert all(b"very-secret" not in one.content for one in service.requests)


@pytest.mark.parametrize(
    ("reference", "host"),
    [
        (f"awskms:///{ARN}", "kms.eu-central-1.amazonaws.com"),
        ("awskms:///alias/release/key", "kms.eu-west-1.amazonaws.com"),
        ("awskms://kms.internal:8443/alias/x", "kms.internal"),
        (f"awskms:///mrk-{'0' * 32}", "kms.eu-west-1.amazonaws.com"),
        ("awskms:///arn:aws-cn:kms:cn-north-1:123456789012:alias/x", "kms.cn-north-1.amazonaws.com.cn"),
    ],
)
def test_aws_references(aws_env: dict[str, str], reference: str, host: str) -> None:
    service = aws("ecdsa-p256")
    load_public(reference, service.access(aws_env))
    assert service.requests[0].url.host == host
    assert service.requests[0].url.scheme == "https"


def test_aws_has_an_endpoint_variable(aws_env: dict[str, str]) -> None:
    service = aws("ecdsa-p256")
    load_public("awskms:///alias/x", service.access(aws_env | {"AWS_ENDPOINT_URL_KMS": "http://localhost:4566"}))
    assert str(service.requests[0].url) == "http://localhost:4566/"


@pytest.mark.parametrize(
    "reference", ["awskms://x", "awskms:///", "awskms:///alias/", "awskms:///key name", "awskms:///../x"]
)
def test_aws_references_that_mean_nothing(aws_env: dict[str, str], reference: str) -> None:
    with pytest.raises(Refused):
        load_key(reference, aws("rsa").access(aws_env))


def test_aws_makes_keys_behind_an_alias(aws_env: dict[str, str]) -> None:
    assert create_key("awskms:///alias/new", aws("ecdsa-p256").access(aws_env)).public.der == spki("ecdsa-p256")
    with pytest.raises(Refused):
        create_key(f"awskms:///{UUID}", aws("ecdsa-p256").access(aws_env))


def test_aws_without_credentials(monkeypatch: pytest.MonkeyPatch, aws_env: dict[str, str]) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.setenv("HOME", "/nonexistent")
    with pytest.raises(Refused) as error:
        load_key("awskms:///alias/x", aws("rsa").access(aws_env))
    assert error.value.code == "key-credentials"


def test_tls_is_always_verified(aws_env: dict[str, str]) -> None:
    with pytest.raises(Refused):
        load_key("awskms://localhost:4566/alias/x", aws("rsa").access({"AWS_TLS_INSECURE_SKIP_VERIFY": "1"}))


# -- Google ----------------------------------------------------------------------------------------------------------

KEY = "projects/p/locations/global/keyRings/r/cryptoKeys/k"
GOOGLE_ALGORITHMS = {
    "ecdsa-p256": "EC_SIGN_P256_SHA256",
    "ecdsa-p384": "EC_SIGN_P384_SHA384",
    "rsa": "RSA_SIGN_PKCS1_2048_SHA256",
}


@pytest.fixture
def google_account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("google.auth", reason="the extra gcp is not installed")
    private = rsa.generate_private_key(65537, 2048).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    account = {
        "type": "service_account",
        "client_email": "ci@p.iam.gserviceaccount.com",
        "private_key": private.decode(),
        "token_uri": "https://oauth2.googleapis.com/token",
    }
    (tmp_path / "account.json").write_text(json.dumps(account))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "account.json"))


def google(kind: str, spoil: Callable[[dict[str, Any]], None] = lambda _answer: None, algorithm: str = "") -> StandIn:
    def answer(self: StandIn, method: str, url: str, body: Any) -> Answer:
        if url == "https://oauth2.googleapis.com/token":
            return 200, {"access_token": "ya29.secret", "expires_in": 3600, "token_type": "Bearer"}
        assert self.requests[-1].headers["Authorization"] == "Bearer ya29.secret"
        path = url.removeprefix("https://cloudkms.googleapis.com/v1/")
        if (method, path) == ("GET", f"{KEY}/cryptoKeyVersions"):
            names = [{"name": f"{KEY}/cryptoKeyVersions/{number}"} for number in (2, 10, 9)]
            return 200, {"cryptoKeyVersions": names}
        version = path.partition(":")[0].removesuffix("/publicKey")
        if method == "GET" and path.endswith("/publicKey"):
            text = pem(kind)
            checksum = str(crc32c(text.encode()))
            public = {
                "pem": text,
                "pemCrc32c": checksum,
                "name": version,
                "algorithm": algorithm or GOOGLE_ALGORITHMS[kind],
            }
            return 200, public
        if method == "POST" and path.endswith(":asymmetricSign"):
            ((_, text),) = body["digest"].items()
            digest = base64.b64decode(text)
            assert body["digestCrc32c"] == str(crc32c(digest))
            signature = sign(kind, digest)
            made: dict[str, Any] = {
                "signature": b64(signature),
                "signatureCrc32c": str(crc32c(signature)),
                "verifiedDigestCrc32c": True,
            }
            spoil(made)
            return 200, made
        if method == "POST" and path == "projects/p/locations/global/keyRings":
            return 409, {"error": {"status": "ALREADY_EXISTS"}}
        return (200, {"name": KEY}) if method == "POST" and path.endswith("/cryptoKeys") else (404, {})

    return StandIn(answer)


@pytest.mark.usefixtures("google_account")
@pytest.mark.parametrize("kind", GOOGLE_ALGORITHMS)
def test_google_signs_with_its_newest_version(kind: str) -> None:
    service = google(kind)
    sign_and_check(f"gcpkms://{KEY}", service, {})
    assert "cryptoKeyVersions/10:" in str(service.requests[-1].url)


@pytest.mark.usefixtures("google_account")
@pytest.mark.parametrize("word", ["versions", "cryptoKeyVersions"])
def test_google_signs_with_the_version_that_is_named(word: str) -> None:
    service = google("ecdsa-p256")
    sign_and_check(f"gcpkms://{KEY}/{word}/2", service, {})
    assert "cryptoKeyVersions/2:" in str(service.requests[-1].url)


@pytest.mark.usefixtures("google_account")
@pytest.mark.parametrize(
    "spoil",
    [
        lambda made: made.update(verifiedDigestCrc32c=False),
        lambda made: made.update(signatureCrc32c="1"),
        lambda made: made.pop("signatureCrc32c"),
        lambda made: made.update(signature=b64(sign("ecdsa-p256", b"x" * 32))),
    ],
)
def test_google_answers_that_were_damaged(spoil: Callable[[dict[str, Any]], None]) -> None:
    with pytest.raises(Untrue):
        load_key(f"gcpkms://{KEY}", google("ecdsa-p256", spoil).access({})).sign(b"x")


@pytest.mark.usefixtures("google_account")
@pytest.mark.parametrize(
    "algorithm", ["RSA_SIGN_PSS_2048_SHA256", "RSA_SIGN_PKCS1_4096_SHA512", "EC_SIGN_SECP256K1_SHA256"]
)
def test_google_algorithms_that_sigstore_does_not_use(algorithm: str) -> None:
    with pytest.raises(Refused):
        load_key(f"gcpkms://{KEY}", google("rsa", algorithm=algorithm).access({}))


@pytest.mark.usefixtures("google_account")
def test_google_makes_a_key_in_a_ring_that_exists() -> None:
    assert create_key(f"gcpkms://{KEY}", google("ecdsa-p256").access({})).public.der == spki("ecdsa-p256")


def test_google_references_that_mean_nothing() -> None:
    for reference in ("gcpkms://projects/p", f"gcpkms://{KEY}/versions/x", f"gcpkms://{KEY}/other"):
        with pytest.raises(Refused):
            load_key(reference, google("rsa").access({}))


def test_the_checksum_of_the_standard() -> None:
    assert crc32c(b"123456789") == 0xE3069283
    assert crc32c(b"\0" * 32) == 0x8A9136AA


# -- Azure -----------------------------------------------------------------------------------------------------------

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
