"""How does a Rekor v2 shard answer? A tile log over real HTTP on loopback, honest until told otherwise."""

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Self

from sandbox import rekor_v2_write, trust
from sandbox.ca import CA, Certified
from sandbox.entries import hashedrekord_v2
from sandbox.keys import C2spNoteSigner, SigningKey
from sandbox.lies import Lies
from sandbox.shard import Shard
from sandbox.subjects import Subject
from sandbox.tiled import Tiled
from sandbox.wire import Reply, Request, Server


class SandboxV2(Tiled):
    """One shard: ``with SandboxV2() as log: log.sign_blob("me@corp.test"); log.publish()``.

    `url` is the base; heads and tiles are below ``url + prefix``. `requests` records what was asked.
    """

    def __init__(  # noqa: PLR0913 - the ways in which one fake log differs from another
        self,
        origin: str = "log.sandbox.test",
        *,
        ca: CA | None = None,
        seed: str | None = None,
        now: Callable[[], float] = time.time,
        prefix: str = "",
        gzipped: bool = False,
        key_kind: str = "ed25519",
        latency: float = 0.0,
        base_url: str | None = None,
        port: int = 0,
    ) -> None:
        super().__init__(prefix=prefix, gzipped=gzipped)
        self.seed, self.now = seed, now
        self.ca = ca or CA(seed=seed, now=lambda: datetime.fromtimestamp(now(), UTC))
        self.signer = C2spNoteSigner(
            origin, SigningKey.make(key_kind, None if seed is None else f"{seed}/log/{origin}")
        )
        self.old_signers: list[C2spNoteSigner] = []
        self.shards = [Shard(origin, [self.signer])]
        self.lies = Lies()
        self.frozen = False
        self.requests: list[Request] = []
        self.successors: list[SandboxV2] = []
        self.server = Server(self._answer, latency=latency, port=port)
        self._base_url = base_url
        self._signed = 0

    # -- life ----------------------------------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        self.server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.lies.released.set()
        for successor in self.successors:
            successor.__exit__()
        self.server.stop()

    @property
    def url(self) -> str:
        """Base URL without a trailing slash."""
        return self.server.url

    @property
    def read_url(self) -> str:
        """Where checkpoint and tiles are."""
        return self.url + self.prefix

    @property
    def origin(self) -> str:
        """First line of its checkpoints, and name of its key."""
        return self.shard.origin

    @property
    def vkey(self) -> str:
        """The newest key as a note verifier key."""
        return self.signer.vkey

    @property
    def size(self) -> int:
        """How many entries the newest head covers."""
        return self.shard.size

    @property
    def checkpoint(self) -> bytes:
        """The newest honest head."""
        return self.shard.checkpoint()

    # -- honest work ---------------------------------------------------------------------------------------------------

    def add(self, body: bytes) -> int:
        """Log a body as it is; its index."""
        return self.shard.add(body)

    def sign_blob(
        self,
        identity: str | Subject | Certified | SigningKey = "release@watched.example",
        issuer: str | None = None,
        artifact: bytes | None = None,
    ) -> int:
        """Log an honest hashedrekord 0.0.2 of a fresh certificate for `identity` (or of a given certificate or key)."""
        self._signed += 1
        data = artifact if artifact is not None else f"artifact {self._signed}".encode()
        signer = identity if isinstance(identity, Certified | SigningKey) else self.ca.certificate(identity, issuer)
        return self.add(hashedrekord_v2(signer, data))

    def fill(self, count: int) -> range:
        """Log `count` small entries of one bystander's key: their indexes."""
        key = SigningKey.make("ecdsa-p256", "bystander")
        start = len(self.shard.bodies)
        for number in range(start, start + count):
            self.add(hashedrekord_v2(key, b"filler %d" % number))
        return range(start, start + count)

    def publish(self, size: int | None = None) -> bytes:
        """Sign a new head over everything (or `size` entries); the note."""
        self.mark_partials(self.shard.publish(size))
        return self.checkpoint

    def rotate_key(self) -> C2spNoteSigner:
        """Sign with a new key of the same name; the trusted root has both. The old signer."""
        old, kind = self.signer, self.signer.key.kind
        seed = None if self.seed is None else f"{self.seed}/rotated {len(self.old_signers)}"
        self.old_signers.append(old)
        self.signer = C2spNoteSigner(self.origin, SigningKey.make(kind, seed))
        self.shard.signers = [self.signer]
        return old

    def freeze(self, when: str = "Thu Jan  1 00:00:00 UTC 2026") -> bytes:
        """Sign the last head again with the line that makes the shard final, and refuse writes."""
        self.frozen = True
        self.shard.extensions = [f"Log frozen — {when}"]
        return self.publish()

    def grow_frozen(self, count: int = 1, *, keep_line: bool = False) -> bytes:
        """Break the promise of freeze(): sign a larger head, with or without the final line."""
        self.freeze()
        if not keep_line:
            self.shard.extensions = []
        self.fill(count)
        return self.publish()

    def new_shard(self, origin: str | None = None, *, start: bool = True) -> "SandboxV2":
        """A successor with its own origin, key and URL, known to this log's trusted root and closed with it."""
        seed = None if self.seed is None else f"{self.seed}/shard {len(self.successors)}"
        made = SandboxV2(origin or f"next{len(self.successors)}.{self.origin}", ca=self.ca, seed=seed, now=self.now)
        self.successors.append(made)
        made.server.start() if start else None
        return made

    # -- trust ---------------------------------------------------------------------------------------------------------

    @property
    def base_url(self) -> str:
        """What the trusted root calls this log."""
        return self._base_url or self.url

    @base_url.setter
    def base_url(self, url: str) -> None:
        self._base_url = url

    def tlog_members(self) -> list[dict[str, Any]]:
        """Its keys, old and new, and those of its successors, as members of a trusted root."""
        signers = [*self.old_signers, self.signer]
        own = [trust.transparency_log(self.base_url, signer.key, signer.full_id) for signer in signers]
        return own + [member for successor in self.successors for member in successor.tlog_members()]

    @property
    def trusted_root(self) -> bytes:
        """trusted_root.json of this log, its successors and its CA."""
        return trust.trusted_root(self.tlog_members(), [trust.ca_member(self.ca)], [trust.ct_member(self.ca)])

    @property
    def signing_config(self) -> bytes:
        """signing_config.v0.2.json that names this log and its successors, newest first."""
        urls = [log.base_url for log in [*reversed(self.successors), self]]
        return trust.signing_config([trust.service(url, 2) for url in urls])

    # -- answers -------------------------------------------------------------------------------------------------------

    def _answer(self, request: Request) -> Reply:
        self.requests.append(request)
        return self.lies.refusal(request) or self.lies.deliver(request, self._honest_answer(request))

    def _honest_answer(self, request: Request) -> Reply:
        if request.path.startswith("/api/v2/log/entries"):
            return rekor_v2_write.answer(self, request)
        return self.read(request)

    def encode(self, items: Sequence[bytes]) -> bytes:
        """A bundle: each entry with its length."""
        return b"".join(len(item).to_bytes(2, "big") + item for item in items)
