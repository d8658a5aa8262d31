"""Which notes of the sandbox the verifier opens: every honest one, and no malformed one."""

import pytest

from sandbox.keys import C2spNoteSigner, RekorV1NoteSigner, SigningKey, Witness
from sandbox.lies import MALFORMED_NOTES, also_signed_by, broken_signature, other_origin, signed_by
from sandbox.shard import Shard
from verifier.checkpoint import open_checkpoint
from verifier.errors import Malformed, Untrue
from verifier.keys import PublicKey
from verifier.note import NoteKey


def shard(signer: C2spNoteSigner | RekorV1NoteSigner, origin: str) -> Shard:
    made = Shard(origin, [signer])
    for number in range(5):
        made.add(b"entry %d" % number)
    made.publish()
    return made


V2 = C2spNoteSigner("log.test", SigningKey.make("ed25519", "v2"))
V2_ECDSA = C2spNoteSigner("log.test", SigningKey.make("ecdsa-p256", "v2"))
V1 = RekorV1NoteSigner("rekor.test", SigningKey.make("ecdsa-p256", "v1"))


@pytest.mark.parametrize("signer", [V2, V2_ECDSA])
def test_the_verifier_opens_v2_notes(signer: C2spNoteSigner) -> None:
    log = shard(signer, "log.test")
    opened = open_checkpoint(log.checkpoint(), [NoteKey.from_vkey(signer.vkey)], origin="log.test")
    assert (opened.size, opened.root) == (5, log.tree.root())


def test_the_verifier_opens_v1_notes() -> None:
    log = shard(V1, "rekor.test - 1234")
    key = NoteKey.v1("rekor.test", PublicKey.from_der(V1.key.spki))
    assert open_checkpoint(log.checkpoint(), [key], origin="rekor.test - 1234").size == 5


def test_witnesses_and_the_frozen_line_are_no_fault() -> None:
    log = shard(V2, "log.test")
    witness = Witness("witness.test", SigningKey.make("ed25519", "w"), lambda: 1.8e9)
    keys = [NoteKey.from_vkey(V2.vkey), NoteKey.from_vkey(witness.vkey)]
    for first in (False, True):
        note = also_signed_by([witness], first=first)(log.text(log.view), log.signers)
        opened = open_checkpoint(note, keys, origin="log.test")
        assert [one.name for one in opened.cosigned] == ["witness.test"]
    log.extensions = ["Log frozen — Thu Jan  1 00:00:00 UTC 2026"]
    assert open_checkpoint(log.checkpoint(), keys, origin="log.test").frozen


@pytest.mark.parametrize("form", MALFORMED_NOTES)
def test_every_malformed_note_is_refused(form: str) -> None:
    """Each is signed by the log itself: only the parser stands in the way."""
    log = shard(V2, "log.test")
    note = MALFORMED_NOTES[form](log.text(log.view), log.signers)
    with pytest.raises((Malformed, Untrue)):
        open_checkpoint(note, [NoteKey.from_vkey(V2.vkey)], origin="log.test")


def test_strangers_other_origins_and_broken_signatures_are_told_apart() -> None:
    log, keys = shard(V2, "log.test"), [NoteKey.from_vkey(V2.vkey)]
    stranger = C2spNoteSigner("log.test", SigningKey.make("ed25519", "stranger"))
    codes = []
    for lie in (signed_by([stranger]), other_origin("other.test"), broken_signature):
        with pytest.raises(Untrue) as caught:
            open_checkpoint(lie(log.text(log.view), log.signers), keys, origin="log.test")
        codes.append(caught.value.code)
    assert codes == ["checkpoint-unknown-key", "checkpoint-origin", "checkpoint-signature"]
