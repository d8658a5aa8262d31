"""Keys at AWS KMS: its JSON API with real keys behind it."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from signer.keys import create_key, load_key, load_public
from tests.unit.signer.keys.stand_in import Answer, StandIn, b64, sign, sign_and_check, spki
from verifier.errors import Refused

KINDS = ("ecdsa-p256", "ecdsa-p384", "ecdsa-p521", "rsa")

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
