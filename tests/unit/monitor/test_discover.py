"""Are all logs found that are there to be watched, each once, each with its keys?"""

import json
from base64 import b64encode
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from monitor.logs.discover import LogPin, discover, host_of
from monitor.logs.log import LogSpec
from monitor.logs.open import open_log
from monitor.logs.rekor_v1 import RekorV1Log, RekorV1Service
from monitor.logs.tiled import TiledLog, TiledService
from verifier.errors import Refused
from verifier.fetch.http import Http, HttpPolicy
from verifier.keys import PublicKey
from verifier.note import log_key_id
from verifier.trust import SigningConfig, TrustedRoot

ED = PublicKey.from_der(
    ed25519.Ed25519PrivateKey.from_private_bytes(bytes(32))
    .public_key()
    .public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
)


def ecdsa(number: int) -> PublicKey:
    key = ec.derive_private_key(number, ec.SECP256R1()).public_key()
    return PublicKey.from_der(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))


def tlog(url: str, key: PublicKey, log_id: bytes | None = None) -> dict[str, Any]:
    details = "PKIX_ED25519" if key is ED else "PKIX_ECDSA_P256_SHA_256"
    return {
        "baseUrl": url,
        "hashAlgorithm": "SHA2_256",
        "publicKey": {
            "rawBytes": b64encode(key.der).decode(),
            "keyDetails": details,
            "validFor": {"start": "2026-01-01T00:00:00Z"},
        },
        "logId": {"keyId": b64encode(log_id or key.sha256).decode()},
    }


def root(*tlogs: dict[str, Any]) -> TrustedRoot:
    kind = "application/vnd.dev.sigstore.trustedroot+json;version=0.1"
    return TrustedRoot.parse(json.dumps({"mediaType": kind, "tlogs": tlogs}).encode())


def config(*services: tuple[str, int]) -> SigningConfig:
    rows = [
        {"url": url, "majorApiVersion": version, "validFor": {"start": "2026-01-01T00:00:00Z"}, "operator": "x"}
        for url, version in services
    ]
    kind = "application/vnd.dev.sigstore.signingconfig.v0.2+json"
    return SigningConfig.parse(json.dumps({"mediaType": kind, "rekorTlogUrls": rows}).encode())


class Asked:
    """A network on which nothing answers; remembers who was asked."""

    def __init__(self) -> None:
        self.urls: list[str] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.urls.append(str(request.url))
        return httpx.Response(404, stream=httpx.ByteStream(b""))

    def http(self) -> Http:
        return Http(HttpPolicy(), transport=httpx.MockTransport(self))


V1 = "https://rekor.example.test"
V2 = "https://log2026-1.example.test"
V2_ID = log_key_id("log2026-1.example.test", ED)


def found(*parts: Any) -> list[tuple[str, str, list[str], list[str]]]:
    """Kind of service, name, the URLs it asks, the hex ids of its keys."""
    asked = Asked()
    trust, configs, pins = parts
    rows = []
    for service in discover(trust, configs, pins, asked.http()):
        asked.urls.clear()
        heads = service.heads()
        assert all(head.problem is not None for head in heads)
        rows.append((type(service).__name__, service.name, list(asked.urls), [k.key_id.hex() for k in heads[0].keys]))
    return rows


def test_logs_of_the_trusted_root_are_found_with_the_reader_that_their_log_id_names() -> None:
    assert found(root(tlog(V1, ecdsa(1)), tlog(V2, ED, V2_ID)), [], []) == [
        ("RekorV1Service", "rekor.example.test", [V1 + "/api/v1/log"], [ecdsa(1).sha256[:4].hex()]),
        (
            "TiledService",
            "log2026-1.example.test",
            [V2 + "/api/v2/checkpoint", V2 + "/checkpoint"],
            [V2_ID[:4].hex()],
        ),
    ]


def test_shards_of_one_v1_instance_are_one_service_with_all_keys() -> None:
    ((kind, _, urls, keys),) = found(root(tlog(V1, ecdsa(1)), tlog(V1 + "/", ecdsa(2))), [], [])
    assert (kind, urls) == ("RekorV1Service", [V1 + "/api/v1/log"])
    assert keys == [ecdsa(number).sha256[:4].hex() for number in (1, 2)]


def test_an_ecdsa_key_on_v2_is_told_from_v1_by_the_signing_config() -> None:
    trust = root(tlog(V2, ecdsa(1)))
    assert [row[0] for row in found(trust, [], [])] == ["RekorV1Service"]
    assert [row[0] for row in found(trust, [config((V2, 2))], [])] == ["TiledService"]


def test_a_base_url_without_scheme_is_read_over_https() -> None:
    ((_, _, urls, _),) = found(root(tlog("rekor.example.test", ecdsa(1))), [], [])
    assert urls == [V1 + "/api/v1/log"]


def test_row_24_an_announced_log_without_a_key_is_a_problem_and_is_not_asked() -> None:
    rows = found(root(tlog(V1, ecdsa(1))), [config((V1, 1), ("https://log2027-1.example.test", 2))], [])
    assert [row[:3] for row in rows[1:]] == [("Unkeyed", "log2027-1.example.test", [])]


def test_a_pin_wins_over_what_is_discovered() -> None:
    pin = LogPin("ours", "rekor-v1", read_url="https://mirror.example.test/rekor/", origin="rekor.example.test")
    assert found(root(tlog(V1, ecdsa(1))), [config((V1, 1))], [pin]) == [
        ("RekorV1Service", "ours", ["https://mirror.example.test/rekor/api/v1/log"], [ecdsa(1).sha256[:4].hex()])
    ]


def test_a_pin_with_its_own_key_needs_no_trusted_root() -> None:
    pin = LogPin("acme", "rekor-v2", read_url=V2, keys=(ED,))
    assert found(TrustedRoot(), [], [pin]) == [
        ("TiledService", "acme", [V2 + "/checkpoint", V2 + "/api/v2/checkpoint"], [V2_ID[:4].hex()])
    ]


def test_a_pinned_origin_is_found_in_the_trusted_root_by_its_log_id() -> None:
    """The base URL may be any address; the C2SP log id covers key and origin."""
    trust = root(tlog("http://127.0.0.1:8080", ED, V2_ID))
    ((_, _, urls, keys),) = found(trust, [], [LogPin("local", "rekor-v2", origin="log2026-1.example.test")])
    assert urls == ["http://127.0.0.1:8080/api/v2/checkpoint", "http://127.0.0.1:8080/checkpoint"]
    assert keys == [V2_ID[:4].hex()]


@pytest.mark.parametrize(
    ("pin", "code"),
    [
        (LogPin("a", "rekor-v2"), "no-read-url"),
        (LogPin("a", "rekor-v2", origin="nowhere.test", keys=(ED,)), "no-read-url"),
        (LogPin("a", "rekor-v1", read_url="https://nowhere.test"), "no-log-key"),
        (LogPin("a", "ct-static", read_url="https://ct.test", keys=(ED,)), "log-kind"),
    ],
)
def test_an_incomplete_pin_is_refused(pin: LogPin, code: str) -> None:
    with pytest.raises(Refused) as caught:
        discover(root(tlog(V1, ecdsa(1))), [], [pin], Asked().http())
    assert caught.value.code == code


def test_hosts_of_urls() -> None:
    assert [host_of(url) for url in ("https://a.test:8080/x", "a.test/x", "", "http://[::1]:3/", "http://[")] == [
        "a.test",
        "a.test",
        "",
        "::1",
        "",
    ]


def test_each_kind_is_opened_with_its_reader() -> None:
    http = Asked().http()
    assert isinstance(open_log(LogSpec("rekor-v1", "a - 1", V1, tree_id=1), http), RekorV1Log)
    assert isinstance(open_log(LogSpec("rekor-v2", "a", V2), http), TiledLog)
    with pytest.raises(Refused):
        open_log(LogSpec("ct-rfc6962", "a", V2), http)


def test_services_are_what_the_monitor_polls() -> None:
    services = discover(root(tlog(V1, ecdsa(1)), tlog(V2, ED, V2_ID)), [], [], Asked().http())
    assert [type(one) for one in services] == [RekorV1Service, TiledService]
