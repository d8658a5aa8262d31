"""A TUF repository that a test can grow, freeze, roll back and break: signed metadata in a folder, served as files."""

import copy
import http.server
import json
import threading
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Self

from securesystemslib.signer._crypto_signer import CryptoSigner
from tuf.api._payload import MetaFile, Root, Snapshot, TargetFile, Targets, Timestamp
from tuf.api.metadata import Metadata

FAR = datetime(2040, 1, 1, tzinfo=UTC)


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Nothing is printed."""


class TufRepository:
    """Four roles, one key each, consistent snapshots; `publish` writes what `targets` holds."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "targets").mkdir(parents=True)
        self.signers = {name: CryptoSigner.generate_ecdsa() for name in ("root", "timestamp", "snapshot", "targets")}
        root = Root(version=1, expires=FAR, consistent_snapshot=True)
        for name, signer in self.signers.items():
            root.add_key(signer.public_key, name)
        self.root = Metadata(root)
        self.version = 0
        self.expires = FAR
        self._write_root()

    @property
    def root_bytes(self) -> bytes:
        """The newest root."""
        return (self.folder / f"{self.root.signed.version}.root.json").read_bytes()

    def publish(self, targets: dict[str, bytes], *, version: int | None = None) -> None:
        """Sign and write a new version of everything."""
        self.version = version if version is not None else self.version + 1
        files = {name: TargetFile.from_data(name, data) for name, data in targets.items()}
        for name, data in targets.items():
            (self.folder / "targets" / f"{files[name].hashes['sha256']}.{name}").write_bytes(data)
        self._sign("targets", Targets(version=self.version, expires=FAR, targets=files), f"{self.version}.targets.json")
        meta = {"targets.json": MetaFile(self.version)}
        self._sign("snapshot", Snapshot(version=self.version, expires=FAR, meta=meta), f"{self.version}.snapshot.json")
        stamp = Timestamp(version=self.version, expires=self.expires, snapshot_meta=MetaFile(self.version))
        self._sign("timestamp", stamp, "timestamp.json")

    def rotate_root(self) -> None:
        """A second root, signed by the same key."""
        self.root = Metadata(copy.deepcopy(self.root.signed))
        self.root.signed.version += 1
        self._write_root()

    def expire(self) -> None:
        """From the next publish on the timestamp is out of date."""
        self.expires = datetime.now(UTC) - timedelta(days=1)

    def damage(self, name: str) -> None:
        """Change one signed value of a file, without signing it again."""
        path = self.folder / name
        value: Any = json.loads(path.read_bytes())
        value["signed"]["version"] += 1
        path.write_text(json.dumps(value))

    def _sign(self, role: str, signed: Any, name: str) -> None:
        metadata: Metadata[Any] = Metadata(signed)
        metadata.sign(self.signers[role])
        (self.folder / name).write_bytes(metadata.to_bytes())

    def _write_root(self) -> None:
        self.root.sign(self.signers["root"])
        (self.folder / f"{self.root.signed.version}.root.json").write_bytes(self.root.to_bytes())

    def __enter__(self) -> Self:
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(self.folder)))
        self.thread = threading.Thread(target=lambda: self.server.serve_forever(0.01), daemon=True)
        self.thread.start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()
