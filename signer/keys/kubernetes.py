"""Which key is in this Kubernetes secret? (``k8s://NAMESPACE/SECRET``)

Members ``cosign.key``, ``cosign.pub`` and ``cosign.password``. Inside a cluster over its API with the pod's own token;
elsewhere through ``kubectl``, which knows every way to log in. Secrets pass through pipes, never through arguments.
"""

import json
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from signer.answers import members_of
from signer.keys.key import SigningKey, generate
from signer.keys.pem import read_private_key, seal_key
from signer.keys.remote import ask, json_call
from verifier.errors import Malformed, Refused, Unreachable
from verifier.fetch.http import Http, HttpPolicy
from verifier.jsonstrict import b64, loads
from verifier.keys import PublicKey

if TYPE_CHECKING:
    from signer.keys import Access, Created

_NAME = r"[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?"
_REFERENCE = re.compile(rf"k8s://({_NAME})/({_NAME})", re.ASCII)
_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_LARGEST = 4 << 20
_SECONDS = 60


class _Cluster(Protocol):
    """Reads, makes and deletes one secret; a secret that is not there is None."""

    def read(self, namespace: str, name: str) -> Mapping[str, Any] | None: ...
    def make(self, namespace: str, secret: Mapping[str, Any]) -> None: ...
    def delete(self, namespace: str, name: str) -> None: ...


class _Inside:
    """The API of the cluster that this pod runs in."""

    def __init__(self, access: "Access", account: Path) -> None:
        host, port = access.env["KUBERNETES_SERVICE_HOST"], access.env.get("KUBERNETES_SERVICE_PORT") or "443"
        host = f"[{host}]" if ":" in host else host
        self._base = f"https://{host}:{port}/api/v1/namespaces"
        try:
            self._headers = {"Authorization": f"Bearer {(account / 'token').read_text('ascii').strip()}"}
        except (OSError, UnicodeDecodeError):
            raise Refused("this pod has no service account token", code="key-credentials") from None
        self._policy = HttpPolicy(user_agent=access.http.policy.user_agent, ca_file=str(account / "ca.crt"))

    def read(self, namespace: str, name: str) -> Mapping[str, Any] | None:
        with Http(self._policy) as http:
            call = json_call("GET", f"{self._base}/{namespace}/secrets/{name}", self._headers)
            reply = ask(http, call, "Kubernetes", 404)
        return None if reply.status == 404 else members_of(reply)

    def make(self, namespace: str, secret: Mapping[str, Any]) -> None:
        with Http(self._policy) as http:
            ask(http, json_call("POST", f"{self._base}/{namespace}/secrets", self._headers, secret), "Kubernetes")

    def delete(self, namespace: str, name: str) -> None:
        with Http(self._policy) as http:
            call = json_call("DELETE", f"{self._base}/{namespace}/secrets/{name}", self._headers)
            ask(http, call, "Kubernetes", 404)


class _Kubectl:
    """The user's own ``kubectl``."""

    def __init__(self, path: str) -> None:
        self._path = path

    def read(self, namespace: str, name: str) -> Mapping[str, Any] | None:
        output = self._run(["get", "secret", name, "-n", namespace, "-o", "json", "--ignore-not-found"], b"")
        if not output.strip():
            return None
        value = loads(output, max_bytes=_LARGEST)
        if not isinstance(value, dict):
            raise Malformed("kubectl gave no secret", code="service-reply")
        return value

    def make(self, namespace: str, secret: Mapping[str, Any]) -> None:
        self._run(["create", "-n", namespace, "-f", "-"], json.dumps(secret).encode())

    def delete(self, namespace: str, name: str) -> None:
        self._run(["delete", "secret", name, "-n", namespace, "--ignore-not-found"], b"")

    def _run(self, arguments: list[str], data: bytes) -> bytes:
        try:
            done = subprocess.run(  # noqa: S603 - the user's own kubectl, no shell, names checked
                [self._path, *arguments], input=data, capture_output=True, timeout=_SECONDS, check=True
            )
        except (OSError, subprocess.SubprocessError) as error:
            raise Unreachable(
                f"kubectl {arguments[0]} failed ({type(error).__name__})",
                code="key-provider",
                hint="try 'kubectl auth can-i get secrets' in that namespace",
            ) from None
        return done.stdout


def load(reference: str, access: "Access") -> SigningKey:
    """The private key, opened with the password that is beside it."""
    data = _data(reference, access)
    stored = _member(data, "cosign.password")
    pem = _needed(data, "cosign.key")
    return read_private_key(pem, access.password if stored is None else lambda: stored)


def public(reference: str, access: "Access") -> PublicKey:
    """The public key."""
    return PublicKey.from_pem(_needed(_data(reference, access), "cosign.pub"))


def create(reference: str, access: "Access") -> "Created":
    """A new key pair in the secret, which is immutable from then on; one that exists is replaced if it may be."""
    from base64 import b64encode

    from signer.keys import Created

    namespace, name = _parts(reference)
    cluster = _cluster(access)
    exists = cluster.read(namespace, name) is not None
    if exists:
        access.confirm(f"The secret {namespace}/{name} already exists. Overwrite?")
    password, key = access.password(), generate()
    members = {"cosign.key": seal_key(key, password), "cosign.pub": key.public.pem, "cosign.password": password}
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": namespace},
        "type": "Opaque",
        "immutable": True,
        "data": {member: b64encode(value).decode() for member, value in members.items()},
    }
    if exists:  # an immutable secret can only be made anew
        cluster.delete(namespace, name)
    cluster.make(namespace, secret)
    return Created(key.public, (f"Key pair written to the secret {namespace}/{name}",))


def _data(reference: str, access: "Access") -> Mapping[str, Any]:
    namespace, name = _parts(reference)
    secret = _cluster(access).read(namespace, name)
    data = secret.get("data") if secret is not None else None
    if not isinstance(data, dict):
        raise Refused(f"there is no secret {namespace}/{name} with data in it", code="key-missing")
    return data


def _member(data: Mapping[str, Any], name: str) -> bytes | None:
    return b64(data[name], f"the member {name} of the secret") if data.get(name) is not None else None


def _needed(data: Mapping[str, Any], name: str) -> bytes:
    value = _member(data, name)
    if value is None:
        raise Refused(f"the secret has no member {name}", code="key-missing")
    return value


def _parts(reference: str) -> tuple[str, str]:
    match = _REFERENCE.fullmatch(reference)
    if match is None:
        raise Refused("the reference is not usable: k8s://NAMESPACE/SECRET is needed", code="key-reference")
    return match[1], match[2]


def _cluster(access: "Access", account: Path = _ACCOUNT) -> _Cluster:
    if access.env.get("KUBERNETES_SERVICE_HOST") and (account / "token").exists():
        return _Inside(access, account)
    kubectl = shutil.which("kubectl", path=access.env.get("PATH"))
    if kubectl is None:
        raise Refused(
            "there is no way to the cluster: no service account of a pod, and no kubectl on the PATH",
            code="key-credentials",
        )
    return _Kubectl(kubectl)
