"""Keys kept as secrets: GitLab variables, GitHub secrets, Kubernetes secrets; and KMS plug-ins."""

import base64
import json
import os
import stat
import sys
from pathlib import Path
from typing import Any

import pytest
from nacl.public import PrivateKey, SealedBox

from signer.keys import create_key, load_key, load_public
from signer.keys.pem import read_private_key
from tests.unit.signer.keys.stand_in import Answer, StandIn, b64
from verifier.errors import Refused, SigwardenError, Unreachable, Untrue
from verifier.keys import PublicKey

# -- GitLab ----------------------------------------------------------------------------------------------------------

GITLAB = {"GITLAB_TOKEN": "glpat-secret"}


class GitLab:
    """Variables of one project (or group), over API v4."""

    def __init__(self, kind: str = "projects", name: str = "acme%2Fwidget", host: str = "https://gitlab.com") -> None:
        self.values: dict[str, dict[str, Any]] = {}
        self._base = f"{host}/api/v4/{kind}/{name}/variables"
        self.service = StandIn(self._answer)

    def _answer(self, service: StandIn, method: str, url: str, body: Any) -> Answer:
        assert service.requests[-1].headers["PRIVATE-TOKEN"] == "glpat-secret"
        if url == self._base and method == "GET":
            return 200, []
        if url == self._base and method == "POST":
            self.values[body["key"]] = body
            return 201, body
        name = url.removeprefix(self._base + "/")
        if name not in self.values:
            return 404, {"message": "404 Variable Not Found"}
        if method == "PUT":
            self.values[name] = body
        return 200, self.values[name]


@pytest.mark.parametrize("kind", ["projects", "groups"])
def test_gitlab_keeps_a_pair_and_signs_with_it(kind: str) -> None:
    gitlab = GitLab(kind)
    made = create_key("gitlab://acme/widget", gitlab.service.access(GITLAB, b"pass-word-1"))
    assert set(gitlab.values) == {"COSIGN_PRIVATE_KEY", "COSIGN_PUBLIC_KEY", "COSIGN_PASSWORD"}
    assert gitlab.values["COSIGN_PASSWORD"]["masked"] is True
    assert "pass-word-1" not in "".join(made.lines)
    key = load_key("gitlab://acme/widget", gitlab.service.access(GITLAB))
    made.public.verify(key.sign(b"x"), b"x", key.hash_name)
    assert load_public("gitlab://acme/widget", gitlab.service.access(GITLAB)) == made.public
    again = create_key("gitlab://acme/widget", gitlab.service.access(GITLAB, b"short"))
    assert again.public != made.public and gitlab.values["COSIGN_PASSWORD"]["masked"] is False


def test_gitlab_elsewhere() -> None:
    gitlab = GitLab(name="7", host="http://gitlab.internal")
    env = GITLAB | {"GITLAB_HOST": "http://gitlab.internal/"}
    create_key("gitlab://7", gitlab.service.access(env, b""))
    assert load_key("gitlab://7", gitlab.service.access(env)).sign(b"x")


def test_gitlab_without_token_or_key() -> None:
    with pytest.raises(Refused, match="GITLAB_TOKEN"):
        load_key("gitlab://acme/widget", GitLab().service.access({}))
    with pytest.raises(Refused, match="no variable"):
        load_key("gitlab://acme/widget", GitLab().service.access(GITLAB))
    with pytest.raises(Refused, match="no such project or group"):
        create_key("gitlab://someone/else", GitLab().service.access(GITLAB, b""))


# -- GitHub ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reference", "host", "base"),
    [
        ("github://acme/widget", "", "https://api.github.com/repos/acme/widget"),
        ("github://acme", "", "https://api.github.com/orgs/acme"),
        ("github://acme/widget", "ghe.acme.example", "https://ghe.acme.example/api/v3/repos/acme/widget"),
    ],
)
def test_github_gets_a_sealed_pair_and_cannot_give_it_back(reference: str, host: str, base: str) -> None:
    box, stored = PrivateKey.generate(), {}

    def answer(service: StandIn, method: str, url: str, body: Any) -> Answer:
        assert service.requests[-1].headers["Authorization"] == "Bearer ghp_secret"
        if (method, url) == ("GET", f"{base}/actions/secrets/public-key"):
            return 200, {"key_id": "77", "key": b64(bytes(box.public_key))}
        if method == "PUT" and body["key_id"] == "77" and ("visibility" in body) == ("orgs" in base):
            stored[url.rpartition("/")[2]] = SealedBox(box).decrypt(base64.b64decode(body["encrypted_value"]))
            return 201, None
        return 404, {}

    service = StandIn(answer)
    access = service.access({"GITHUB_TOKEN": "ghp_secret", "GITHUB_HOST": host}, b"pw")
    made = create_key(reference, access)
    assert stored["COSIGN_PASSWORD"] == b"pw"
    assert read_private_key(stored["COSIGN_PRIVATE_KEY"], lambda: b"pw").public == made.public
    assert PublicKey.from_pem(stored["COSIGN_PUBLIC_KEY"]) == made.public
    assert all(b"pw" not in one.content.split(b'"') for one in service.requests)
    with pytest.raises(Refused, match="does not give secrets back"):
        load_key(reference, access)


@pytest.mark.parametrize("reference", ["github://", "github://a/b/c", "github://a b"])
def test_github_references_that_mean_nothing(reference: str) -> None:
    with pytest.raises(Refused):
        create_key(reference, StandIn(lambda *_: (404, {})).access({"GITHUB_TOKEN": "x"}, b""))


# -- Kubernetes ------------------------------------------------------------------------------------------------------

KUBECTL = """#!{python}
import json, pathlib, sys
store = pathlib.Path({store!r})
(store / "arguments").open("a").write(" ".join(sys.argv[1:]) + chr(10))
verb = sys.argv[1]
path = store / "secret.json"
if verb == "get":
    sys.stdout.write(path.read_text() if path.exists() else "")
elif verb == "create" and path.exists():
    sys.exit(1)
elif verb == "delete":
    path.unlink()
else:
    path.write_text(sys.stdin.read())
"""


def executable(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


def test_kubernetes_through_kubectl_and_its_pipes(tmp_path: Path) -> None:
    executable(tmp_path / "kubectl", KUBECTL.format(python=sys.executable, store=str(tmp_path)))
    service = StandIn(lambda *_: (500, {}))
    env = {"PATH": str(tmp_path)}
    made = create_key("k8s://prod/signing", service.access(env, b"k8s-password"))
    secret = json.loads((tmp_path / "secret.json").read_text())
    assert secret["immutable"] is True and secret["metadata"] == {"name": "signing", "namespace": "prod"}
    assert set(secret["data"]) == {"cosign.key", "cosign.pub", "cosign.password"}
    key = load_key("k8s://prod/signing", service.access(env))
    made.public.verify(key.sign(b"x"), b"x", key.hash_name)
    assert load_public("k8s://prod/signing", service.access(env)) == made.public
    create_key("k8s://prod/signing", service.access(env, b"other"))
    arguments = (tmp_path / "arguments").read_text()
    assert "create -n prod -f -" in arguments and "delete secret signing -n prod" in arguments
    assert "k8s-password" not in arguments and "PRIVATE" not in arguments


def test_kubernetes_faults(tmp_path: Path) -> None:
    service = StandIn(lambda *_: (500, {}))
    with pytest.raises(Refused, match="no way to the cluster"):
        load_key("k8s://prod/signing", service.access({"PATH": str(tmp_path)}))
    executable(tmp_path / "kubectl", f"#!{sys.executable}\nimport sys\nsys.exit('secret in the message')\n")
    with pytest.raises(Unreachable) as error:
        load_key("k8s://prod/signing", service.access({"PATH": str(tmp_path)}))
    assert "secret in the message" not in str(error.value)
    for reference in ("k8s://prod", "k8s://prod/a/b", "k8s://Prod/x", "k8s://-n/x", "k8s://a/--all"):
        with pytest.raises(Refused):
            load_key(reference, service.access({"PATH": str(tmp_path)}))


# -- plug-ins --------------------------------------------------------------------------------------------------------

PLUGIN = """#!{python}
import base64, hashlib, json, sys
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
assert sys.argv[1] == "v1"
asked = json.loads(sys.argv[2])
options, method = asked["initOptions"], asked["methodName"]
assert options["protocolVersion"] == "v1"
key = ec.derive_private_key(int(options["keyResourceID"]), ec.SECP256R1())
pem = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
if method in ("publicKey", "createKey"):
    answer = {{"publicKeyPEM": base64.b64encode(pem).decode()}}
elif method == "defaultAlgorithm":
    answer = {{"defaultAlgorithm": "ecdsa-p256-sha256"}}
else:
    message = asked["signMessage"]["signOptions"]["messageOptions"]
    assert message["hashFunc"] == 5 and sys.stdin.buffer.read() == b""
    made = key.sign(base64.b64decode(message["digest"]), ec.ECDSA(Prehashed(hashes.SHA256())))
    answer = {{"signature": base64.b64encode({change}).decode()}}
print(json.dumps({{method: answer}}))
"""


def plugin(folder: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> StandIn:
    executable(folder / "sigstore-kms-acme", text)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return StandIn(lambda *_: (500, {}))


def test_a_plugin_signs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    service = plugin(tmp_path, monkeypatch, PLUGIN.format(python=sys.executable, change="made"))
    key = load_key("acme://12345", service.access({}))
    key.public.verify(key.sign(b"x"), b"x", "sha256")
    assert create_key("acme://12345", service.access({})).public == key.public


def test_a_plugin_that_signs_something_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    service = plugin(tmp_path, monkeypatch, PLUGIN.format(python=sys.executable, change="made[::-1]"))
    with pytest.raises(Untrue):
        load_key("acme://12345", service.access({})).sign(b"x")


@pytest.mark.parametrize(
    "line",
    ["print('no json')", "print('{}')", 'print(\'{"errorMessage":"locked"}\')', "print('{\"publicKey\":{}}')", "0/0"],
)
def test_a_plugin_that_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str) -> None:
    service = plugin(tmp_path, monkeypatch, f"#!{sys.executable}\n{line}\n")
    with pytest.raises(SigwardenError):
        load_key("acme://12345", service.access({}))


def test_an_unknown_scheme_names_the_known_ones() -> None:
    with pytest.raises(Refused) as error:
        load_key("nosuch://x", StandIn(lambda *_: (500, {})).access({}))
    assert "hashivault" in error.value.hint and "sigstore-kms-nosuch" in error.value.hint
