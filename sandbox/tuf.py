"""How do clients learn whom to trust? A TUF repository with consistent snapshots, as Sigstore's, over HTTP.

Written from the TUF specification 1.0.31 (4.2 to 4.6) on its own: python-tuf is what reads it.
"""

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from sandbox.keys import SigningKey
from sandbox.service import Service
from sandbox.wire import Reply, Request

_ROLES = ("root", "timestamp", "snapshot", "targets")
_LASTING, _TIMESTAMP = timedelta(days=3650), timedelta(days=7)
_RENEW = timedelta(days=6)
_NOT_FOUND = Reply(404, b"Not Found\n", (), "text/plain; charset=utf-8")


class SandboxTUF(Service):
    """``with SandboxTUF() as tuf: tuf.publish({"trusted_root.json": data})``; `first_root` is where trust starts.

    One ECDSA key a role. The timestamp is signed again when it is a day old, as the real repository's is.
    """

    def __init__(
        self, *, seed: str | None = None, now: Callable[[], float] = time.time, latency: float = 0.0, port: int = 0
    ) -> None:
        super().__init__(latency=latency, port=port)
        self.now, self._seed = now, seed
        self.keys = {role: self._key(role) for role in _ROLES}
        self.files: dict[str, bytes] = {}
        self.versions = dict.fromkeys(_ROLES, 0)
        self._frozen = False
        self._write_root(self.keys["root"])
        self.first_root = self.files["/1.root.json"]

    # -- honest work ---------------------------------------------------------------------------------------------------

    def publish(self, targets: Mapping[str, bytes]) -> None:
        """Sign and serve a new version of everything but the root."""
        rows = {}
        for name, data in targets.items():
            digest = hashlib.sha256(data).hexdigest()
            rows[name] = {"length": len(data), "hashes": {"sha256": digest}}
            self.files[f"/targets/{digest}.{name}"] = data
        self._write("targets", {"targets": rows}, _LASTING)
        self._write("snapshot", {"meta": {"targets.json": {"version": self.versions["targets"]}}}, _LASTING)
        self.renew()

    def renew(self, lifetime: timedelta = _TIMESTAMP) -> None:
        """Sign a new timestamp that lasts so long."""
        self._write("timestamp", {"meta": {"snapshot.json": {"version": self.versions["snapshot"]}}}, lifetime)

    def rotate_root(self) -> SigningKey:
        """A new root with a new key of its own, signed by both; the old key."""
        old = self.keys["root"]
        self.keys["root"] = self._key(f"root {self.versions['root'] + 1}")
        self._write_root(old, self.keys["root"])
        return old

    # -- lies ----------------------------------------------------------------------------------------------------------

    def honest(self) -> None:
        """A fresh timestamp again; what was damaged stays so until it is published again."""
        super().honest()
        self._frozen = False

    def expire(self) -> None:
        """The timestamp is out of date, and nobody renews it."""
        self.renew(-timedelta(days=1))
        self._frozen = True

    def roll_back(self, role: str = "timestamp") -> None:
        """Serve version 1 of a role's metadata for the newest, signed as it was."""
        self.files[self._path(role, self.versions[role])] = self.files[f"{role} 1"]
        self._frozen = True

    def swap_target(self, name: str, data: bytes) -> None:
        """Serve other bytes for a target than the ones that were signed."""
        signed = json.loads(self.files[self._path("targets", self.versions["targets"])])["signed"]
        self.files[f"/targets/{signed['targets'][name]['hashes']['sha256']}.{name}"] = data

    def damage(self, role: str) -> None:
        """Change signed metadata without signing it again."""
        path = self._path(role, self.versions[role])
        value = json.loads(self.files[path])
        value["signed"]["version"] += 1
        self.files[path] = json.dumps(value).encode()

    def usurp_root(self) -> None:
        """A new root that only its own new key signs."""
        self.keys["root"] = self._key("usurper")
        self._write_root(self.keys["root"])

    # -- answers -------------------------------------------------------------------------------------------------------

    def respond(self, request: Request) -> Reply:
        """A file, or 404."""
        if request.method not in ("GET", "HEAD"):
            return _NOT_FOUND
        if request.path == "/timestamp.json" and not self._frozen and self._is_old():
            self.renew()
        data = self.files.get(request.path)
        return _NOT_FOUND if data is None else Reply(200, data)

    def _is_old(self) -> bool:
        held = self.files.get("/timestamp.json")
        if held is None:
            return False
        expires = datetime.fromisoformat(json.loads(held)["signed"]["expires"])
        return expires - self._time() < _RENEW

    def _time(self) -> datetime:
        return datetime.fromtimestamp(int(self.now()), UTC)

    def _key(self, role: str) -> SigningKey:
        return SigningKey.make("ecdsa-p256", None if self._seed is None else f"{self._seed}/tuf {role}")

    def _write_root(self, *signers: SigningKey) -> None:
        keys = {role: _public(key) for role, key in self.keys.items()}
        roles = {role: {"keyids": [_id_of(key)], "threshold": 1} for role, key in keys.items()}
        content = {"consistent_snapshot": True, "keys": {_id_of(key): key for key in keys.values()}, "roles": roles}
        self._write("root", content, _LASTING, *signers)

    def _write(self, role: str, content: dict[str, Any], lifetime: timedelta, *signers: SigningKey) -> None:
        self.versions[role] += 1
        signed = {
            "_type": role,
            "spec_version": "1.0.31",
            "version": self.versions[role],
            "expires": (self._time() + lifetime).strftime("%Y-%m-%dT%H:%M:%SZ"),
            **content,
        }
        message = canonical(signed)
        signatures = [
            {"keyid": _id_of(_public(key)), "sig": key.sign(message).hex()} for key in signers or (self.keys[role],)
        ]
        data = json.dumps({"signatures": signatures, "signed": signed}, indent=1).encode()
        self.files[self._path(role, self.versions[role])] = data
        self.files[f"{role} {self.versions[role]}"] = data

    def _path(self, role: str, version: int) -> str:
        return "/timestamp.json" if role == "timestamp" else f"/{version}.{role}.json"


def canonical(value: Any) -> bytes:
    """OLPC canonical JSON: sorted members, no space, only quote and backslash escaped; no floating point."""
    if isinstance(value, dict):
        return b"{" + b",".join(canonical(name) + b":" + canonical(value[name]) for name in sorted(value)) + b"}"
    if isinstance(value, list):
        return b"[" + b",".join(map(canonical, value)) + b"]"
    if isinstance(value, str):
        return b'"' + value.replace("\\", "\\\\").replace('"', '\\"').encode() + b'"'
    if value is None or isinstance(value, bool):
        return {None: b"null", True: b"true", False: b"false"}[value]
    return b"%d" % value


def _public(key: SigningKey) -> dict[str, Any]:
    return {"keytype": "ecdsa", "scheme": "ecdsa-sha2-nistp256", "keyval": {"public": key.pem.decode()}}


def _id_of(key: dict[str, Any]) -> str:
    return hashlib.sha256(canonical(key)).hexdigest()
