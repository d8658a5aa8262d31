"""What is a Rekor v1 instance: its shards, keys and trust, and the lies that only several shards can tell?"""

import hashlib
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Self

from sandbox import trust
from sandbox.ca import CA, Certified
from sandbox.entries import hashedrekord_v1
from sandbox.keys import HeldNotes, RekorV1NoteSigner, SigningKey
from sandbox.lies import Lies
from sandbox.misbehave import Misbehaving
from sandbox.shard import Shard, View
from sandbox.subjects import Subject
from sandbox.wire import Request


class Instance(Misbehaving):
    """Shards stand in `shards`, oldest first; the last one is active. Indexes are in-tree."""

    def __init__(self, host: str, seed: str | None, now: Callable[[], float], ca: CA | None, key_kind: str) -> None:
        self.host, self.seed, self.now, self.key_kind = host, seed, now, key_kind
        self.ca = ca or CA(seed=seed, now=lambda: datetime.fromtimestamp(now(), UTC))
        self.shards: list[Shard] = []
        self.lies = Lies()
        self.old_keys: list[SigningKey] = []
        self._signed = 0
        self.new_shard()

    @property
    def origin(self) -> str:
        """First line of the active shard's checkpoints."""
        return self.shard.origin

    @property
    def size(self) -> int:
        """How many entries the active shard's newest head covers."""
        return self.shard.size

    @property
    def checkpoint(self) -> bytes:
        """The active shard's newest honest head."""
        return self.shard.checkpoint()

    def base(self, number: int = -1) -> int:
        """Global index of a shard's first entry: the sizes of all older shards."""
        return sum(shard.size for shard in self.shards[: number % len(self.shards)])

    # -- honest work ---------------------------------------------------------------------------------------------------

    def add(self, body: bytes) -> int:
        """Log a body as it is in the active shard; its in-tree index."""
        return self.shard.add(body, int(self.now()))

    def sign_blob(
        self,
        identity: str | Subject | Certified | SigningKey = "release@watched.example",
        issuer: str | None = None,
        artifact: bytes | None = None,
    ) -> int:
        """Log an honest hashedrekord 0.0.1 of a fresh certificate for `identity` (or of a given certificate or key)."""
        self._signed += 1
        data = artifact if artifact is not None else f"artifact {self._signed}".encode()
        signer = identity if isinstance(identity, Certified | SigningKey) else self.ca.certificate(identity, issuer)
        return self.add(hashedrekord_v1(signer, data))

    def fill(self, count: int) -> range:
        """Log `count` small entries of one bystander's key: their in-tree indexes."""
        key = SigningKey.make("ecdsa-p256", "bystander")
        start = len(self.shard.bodies)
        for number in range(start, start + count):
            self.add(hashedrekord_v1(key, b"filler %d %d" % (len(self.shards), number)))
        return range(start, start + count)

    def publish(self, size: int | None = None) -> bytes:
        """Let the active shard's head cover everything (or `size` entries); the note."""
        self.shard.publish(size)
        return self.checkpoint

    def new_shard(self, *, new_key: bool = False) -> Shard:
        """Retire the active shard, and begin an empty one, with a key of its own if asked."""
        number = len(self.shards)
        seed = f"{self.seed or time.time_ns()}/tree {number}"
        tree_id = int.from_bytes(hashlib.sha256(seed.encode()).digest()[:8], "big") >> 1 | 1 << 60
        if not self.shards or new_key:
            key = SigningKey.make(self.key_kind, None if self.seed is None else f"{self.seed}/log {number}")
        else:
            key = self.key
        made = Shard(f"{self.host} - {tree_id}", [RekorV1NoteSigner(self.host, key)])
        self.shards.append(made)
        return made

    @property
    def key(self) -> SigningKey:
        """The key of the active shard."""
        return key_of(self.shard)

    def rotate_key(self) -> SigningKey:
        """Sign the active shard with a new key; the trusted root has both. The old key."""
        old = self.key
        self.old_keys.append(old)
        seed = None if self.seed is None else f"{self.seed}/rotated {len(self.old_keys)}"
        self.shard.signers = [RekorV1NoteSigner(self.host, SigningKey.make(old.kind, seed))]
        return old

    # -- lies that only an instance of several shards can tell ---------------------------------------------------------

    def aim(self, number: int) -> Self:
        """Let the lies be about shard `number`; honest() aims at the active one again."""
        self.lies.aim = number
        return self

    def grow_frozen(self, number: int = 0, count: int = 1) -> View:
        """A retired shard has a larger head."""
        shard = self.shards[number]
        extra = [hashedrekord_v1(self.key, b"late %d" % late, b"late") for late in range(count)]
        view = shard.view.forked(0, shard.bodies[0], None, extra)
        self.lies.inactive[number] = view
        return view

    def change_inactive(self, number: int, size: int, *, signed: bool = True) -> None:
        """A retired shard reports another size: with a head signed for it, or only as a number beside the old head."""
        if signed:
            self.lies.inactive[number] = self.shards[number].view.at(size)
        else:
            self.lies.claimed[number] = size

    def shard_gone(self, number: int = 0) -> None:
        """A retired shard is not in the answers any more."""
        self.lies.inactive[number] = None

    def shuffle(self) -> None:
        """Honest, but entries/retrieve answers in the reverse of the order asked."""
        self.garble(_reversed, "/api/v1/log/entries/retrieve")

    def index_answers(self, change: Callable[[dict[str, Any], list[str]], list[str]]) -> None:
        """Let `change` decide what the search index finds, from the query and the honest answer."""
        self.lies.index = change

    def index_omits(self, *entry_ids: str) -> None:
        """The search index leaves out these entries, or all."""
        self.index_answers(lambda _query, found: [one for one in found if entry_ids and one not in entry_ids])

    def index_ignores_subject(self) -> None:
        """An old server: it does not know `subject` and answers 200 with nothing."""
        self.index_answers(lambda query, found: [] if "subject" in query else found)

    def index_floods(self, count: int = 1000) -> None:
        """The search index adds `count` entries that do not exist."""
        fakes = [f"{tree_id_of(self.shard):016x}{n:064x}" for n in range(1, count + 1)]
        self.index_answers(lambda _query, found: [*found, *fakes])

    # -- trust and views -----------------------------------------------------------------------------------------------

    @property
    def base_url(self) -> str:
        """What the trusted root calls this log."""
        raise NotImplementedError

    def tlog_members(self) -> list[dict[str, Any]]:
        """Every key it ever had, once, as members of a trusted root."""
        keys = {key.spki: key for key in [*self.old_keys, *(key_of(shard) for shard in self.shards)]}
        return [trust.transparency_log(self.base_url, key) for key in keys.values()]

    @property
    def trusted_root(self) -> bytes:
        """trusted_root.json of this log and its CA."""
        return trust.trusted_root(self.tlog_members(), [trust.ca_member(self.ca)], [trust.ct_member(self.ca)])

    @property
    def signing_config(self) -> bytes:
        """signing_config.v0.2.json that names this log."""
        return trust.signing_config([trust.service(self.base_url, 1)])

    def view_of(self, number: int, request: Request) -> View | None:
        """What this request is shown of a shard; None where it is gone."""
        truth = self.shards[number].view
        if number in self.lies.inactive:
            return self.lies.inactive[number]
        return self.lies.seen_by(request, truth) if self.aimed(number) else truth

    def aimed(self, number: int) -> bool:
        """Whether the lies are about this shard."""
        return self.lies.aim % len(self.shards) == number

    def note_of(self, number: int, view: View) -> bytes:
        """The signed head of a shard over `view`."""
        shard, lies = self.shards[number], self.lies
        if lies.note is not None and self.aimed(number):
            return lies.note(shard.text(view), shard.signers)
        return shard.checkpoint(view)


def _reversed(body: bytes) -> bytes:
    found = json.loads(body)
    return json.dumps(found[::-1] if isinstance(found, list) else found).encode()


def tree_id_of(shard: Shard) -> int:
    """The decimal number at the end of a v1 origin."""
    return int(shard.origin.rsplit(" ", 1)[1])


def pem_of(shard: Shard) -> bytes:
    """The public key of a shard, PEM."""
    signer = shard.signers[0]
    assert isinstance(signer, RekorV1NoteSigner | HeldNotes)
    return signer.pem


def key_of(shard: Shard) -> SigningKey:
    """The key that signs for a shard."""
    signer = shard.signers[0]
    assert isinstance(signer, RekorV1NoteSigner)
    return signer.key
