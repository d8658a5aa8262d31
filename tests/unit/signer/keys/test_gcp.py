"""Keys at Google Cloud KMS: its REST API with real keys behind it."""

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from signer.keys import create_key, load_key
from signer.keys.crc32c import crc32c
from tests.unit.signer.keys.stand_in import Answer, StandIn, b64, pem, sign, sign_and_check, spki
from verifier.errors import Refused, Untrue

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
