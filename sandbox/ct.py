"""How does a CT log answer? One log of precertificates over real HTTP, in RFC 6962 or static-ct form, honest or not."""

import base64
import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, Self

from sandbox import ct_read, ct_write, sct, trust
from sandbox.ca import CA, HONEST, Certified, Profile
from sandbox.keys import NoteSigner, SigningKey, note_line
from sandbox.lies import Lies
from sandbox.sct import Sct, Submission
from sandbox.shard import Shard, View
from sandbox.subjects import Subject
from sandbox.tiled import NOT_FOUND, Tiled
from sandbox.tree import leaf_hash
from sandbox.wire import Reply, Request, Server

Form = Literal["rfc6962", "static"]


@dataclass(frozen=True)
class CtNoteSigner:
    """Signs tree heads; as a note the line of C2SP static-ct-api: RFC 6962 signature, type 5, with its time in ms."""

    name: str
    key: SigningKey
    now: Callable[[], float]

    @property
    def log_id(self) -> bytes:
        """SHA-256 of the key."""
        return hashlib.sha256(self.key.spki).digest()

    @property
    def full_id(self) -> bytes:
        """See NoteSigner."""
        return hashlib.sha256(self.name.encode() + b"\n\x05" + self.log_id).digest()

    def line(self, text: bytes) -> bytes:
        """See NoteSigner."""
        _, size, root = text.split(b"\n")[:3]
        stamp = int(self.now() * 1000).to_bytes(8, "big")
        signed = b"\0\1" + stamp + int(size).to_bytes(8, "big") + base64.b64decode(root)
        return note_line(self.name, self.full_id, stamp + sct.digitally_signed(self.key.sign(signed)))


@dataclass(frozen=True, slots=True)
class Beside:
    """What a log keeps beside a leaf, and the tree does not cover: the precertificate, and the chain above it."""

    precertificate: bytes = b""
    chain: tuple[bytes, ...] = ()


class SandboxCT(Tiled):
    """``with SandboxCT() as log: log.certify("me@corp.test")``: a certificate whose precertificate is in the log.

    The log belongs to `ca` (which from now on tells it of everything that it issues). `form` is what it offers to
    readers: ``rfc6962`` (get-sth, get-entries, proofs) or ``static`` (checkpoint and tiles; its SCTs name the index).
    `eager`: each submission is in a published head before its SCT is handed out; otherwise publish() is yours.
    """

    bundles = "data"

    def __init__(  # noqa: PLR0913 - the ways in which one fake log differs from another
        self,
        ca: CA | None = None,
        *,
        form: Form = "rfc6962",
        origin: str = "ct.sandbox.test/2026",
        seed: str | None = None,
        now: Callable[[], float] = time.time,
        prefix: str = "/2026",
        eager: bool = True,
        latency: float = 0.0,
        port: int = 0,
    ) -> None:
        super().__init__(prefix=prefix)
        self.now, self.form, self.eager = now, form, eager
        self.ca = ca or CA(seed=seed, now=lambda: datetime.fromtimestamp(now(), UTC))
        self.ca.log = self
        self.key = self.ca.ct
        self.shards = [Shard(origin, [CtNoteSigner(origin, self.key, now)])]
        self.lies = Lies()
        self.requests: list[Request] = []
        self.server = Server(self._answer, latency=latency, port=port)
        self._beside: dict[bytes, Beside] = {}
        self._known: dict[bytes, int] = {}
        self._heads: dict[tuple[int, bytes], bytes] = {}

    # -- life ----------------------------------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        self.server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.lies.released.set()
        self.server.stop()

    @property
    def url(self) -> str:
        """Base URL: ``url + /ct/v1/...`` in the one form, ``url + /checkpoint`` in the other."""
        return self.server.url + self.prefix

    @property
    def member(self) -> dict[str, Any]:
        """The log as a member of `ctlogs`."""
        return trust.transparency_log(self.url, self.key)

    @property
    def trusted_root(self) -> bytes:
        """trusted_root.json of this log and its CA."""
        return trust.trusted_root((), [trust.ca_member(self.ca)], [self.member])

    @property
    def origin(self) -> str:
        """First line of its checkpoints."""
        return self.shard.origin

    @property
    def size(self) -> int:
        """How many entries the newest head covers."""
        return self.shard.size

    # -- honest work ---------------------------------------------------------------------------------------------------

    def certify(
        self, identity: str | Subject = "release@watched.example", issuer: str | None = None, profile: Profile = HONEST
    ) -> Certified:
        """Let the CA issue a certificate, which logs its precertificate here."""
        return self.ca.certificate(identity, issuer, profile)

    def fill(self, count: int) -> range:
        """Log `count` precertificates of bystanders: their indexes."""
        start = len(self.shard.bodies)
        key = SigningKey.make("ecdsa-p256", "bystander")
        eager, self.eager = self.eager, False
        for number in range(start, start + count):
            self.ca.certificate(f"bystander{number}@other.example", key=key)
        self.eager = eager
        return range(start, start + count)

    def take(self, submission: Submission, *, secret: bool = False) -> Sct:
        """Log a (pre)certificate: its SCT. The same one again: the same promise. `secret`: an empty promise."""
        entry = submission.entry
        with self.shard.lock:
            name = hashlib.sha256(entry).digest()
            index = self._known.get(name, len(self.shard.bodies))
            stamp = self.shard.times[index] if name in self._known else int(self.now() * 1000)
            extensions = sct.leaf_index(index) if self.form == "static" else b""
            if name not in self._known and not secret:
                self._known[name] = self.adopt(sct.timestamped(entry, stamp, extensions), submission, stamp)
                if self.eager:
                    self.publish()
        return sct.promise(self.key, entry, stamp, extensions)

    def adopt(self, leaf: bytes, submission: Submission, stamp: int = 0) -> int:
        """Append a MerkleTreeLeaf as it is; its index."""
        precertificate = submission.certificate if submission.tbs is not None else b""
        self._beside[leaf_hash(leaf)] = Beside(precertificate, submission.chain)
        return self.shard.add(leaf, stamp)

    def publish(self, size: int | None = None) -> bytes:
        """Sign a new head over everything (or `size` entries); as a note."""
        self.mark_partials(self.shard.publish(size))
        return self.note(self.shard.view)

    def stand_in(self, **what: int) -> bytes:
        """See Misbehaving: a certificate of nobody."""
        made = CA(seed=f"fork {sorted(what.items())}").certificate("forked@sandbox.test")
        return sct.timestamped(Submission(made.der, ()).entry, int(self.now() * 1000), b"")

    def beside(self, leaf: bytes) -> Beside:
        """What is kept beside a leaf; nothing for one that was never logged."""
        return self._beside.get(leaf_hash(leaf), Beside())

    # -- answers -------------------------------------------------------------------------------------------------------

    def note(self, view: View) -> bytes:
        """The signed head over `view`: RFC 6962 servers keep the bytes until the tree grows, static ones sign anew."""
        if self.form == "static" or self.lies.note is not None:
            return super().note(view)
        name = view.size, view.root
        if name not in self._heads:
            self._heads[name] = super().note(view)
        return self._heads[name]

    def encode(self, items: Sequence[bytes]) -> bytes:
        """A data tile: each TimestampedEntry, precertificate and fingerprints of the chain (C2SP static-ct-api)."""
        return b"".join(self._tile_leaf(item) for item in items)

    def _tile_leaf(self, leaf: bytes) -> bytes:
        extra = self.beside(leaf)
        precertificate = sct.sized(extra.precertificate, 3) if leaf[10:12] == b"\0\1" else b""
        return leaf[2:] + precertificate + sct.sized(b"".join(hashlib.sha256(one).digest() for one in extra.chain), 2)

    def _answer(self, request: Request) -> Reply:
        self.requests.append(request)
        return self.lies.refusal(request) or self.lies.deliver(request, self._honest_answer(request))

    def _honest_answer(self, request: Request) -> Reply:
        if not request.path.startswith(self.prefix + "/"):
            return NOT_FOUND
        path = request.path.removeprefix(self.prefix)
        if path in ct_write.PATHS:
            return ct_write.answer(self, path, request)
        if self.form == "rfc6962":
            return ct_read.answer(self, path, request)
        if path.startswith("/issuer/"):
            return self._issuer(path.removeprefix("/issuer/"))
        return self.read(request)

    def _issuer(self, name: str) -> Reply:
        for extra in self._beside.values():
            for one in extra.chain:
                if hashlib.sha256(one).hexdigest() == name:
                    return Reply(200, one, (("Cache-Control", "max-age=31536000, immutable"),), "application/pkix-cert")
        return NOT_FOUND

    def _stranger(self) -> NoteSigner:
        return CtNoteSigner(self.origin, SigningKey.make("ecdsa-p256", "stranger"), self.now)
