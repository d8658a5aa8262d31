"""A pod's own way to its secrets: the cluster's API with the service account's token."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from signer.keys import create_key, kubernetes, load_key
from tests.unit.signer.keys.stand_in import Answer, StandIn
from verifier.errors import Refused, SigwardenError, Unreachable

BASE = "https://10.0.0.1/api/v1/namespaces/prod/secrets"
ENV = {"KUBERNETES_SERVICE_HOST": "10.0.0.1", "PATH": ""}


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StandIn:
    (tmp_path / "token").write_text("pod-token\n")
    stored: dict[str, Any] = {}

    def answer(service: StandIn, method: str, url: str, body: Any) -> Answer:
        assert service.requests[-1].headers["Authorization"] == "Bearer pod-token"
        if method == "POST" and url == BASE:
            stored.update(body)
            return 201, body
        if url != f"{BASE}/signing" or (method == "GET" and not stored):
            return 404, {"kind": "Status"}
        if method == "DELETE":
            stored.clear()
            return 200, {"status": "Success"}
        return 200, stored

    service = StandIn(answer)

    class Client:
        """Http, but to the stand-in."""

        def __init__(self, policy: Any) -> None:
            assert policy.ca_file == str(tmp_path / "ca.crt")

        def __enter__(self) -> Any:
            return service.http

        def __exit__(self, *_: object) -> None: ...

    monkeypatch.setattr(kubernetes, "Http", Client)
    monkeypatch.setattr(kubernetes._cluster, "__defaults__", (tmp_path,))
    return service


def test_a_pair_is_kept_and_signs(cluster: StandIn) -> None:
    made = create_key("k8s://prod/signing", cluster.access(ENV, b"pw"))
    key = load_key("k8s://prod/signing", cluster.access(ENV))
    made.public.verify(key.sign(b"x"), b"x", key.hash_name)
    again = create_key("k8s://prod/signing", cluster.access(ENV, b""))
    assert again.public != made.public
    assert [one.method for one in cluster.requests[-2:]] == ["DELETE", "POST"]  # it is immutable
    assert json.loads(cluster.requests[-1].content)["immutable"] is True


def test_a_pair_that_exists_is_not_replaced_unasked(cluster: StandIn) -> None:
    create_key("k8s://prod/signing", cluster.access(ENV, b""))

    def no(question: str) -> None:
        raise Refused(question, code="declined")

    with pytest.raises(Refused, match="already exists"):
        create_key("k8s://prod/signing", replace(cluster.access(ENV, b""), confirm=no))
    assert cluster.requests[-1].method == "GET"


def test_a_secret_that_is_not_there(cluster: StandIn) -> None:
    with pytest.raises(SigwardenError):
        load_key("k8s://prod/other", cluster.access(ENV))


def test_a_cluster_that_refuses(cluster: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "_answer", lambda *_: (403, {"kind": "Status", "message": "secret words"}))
    with pytest.raises(Unreachable) as error:
        load_key("k8s://prod/signing", cluster.access(ENV))
    assert "secret words" not in str(error.value)
