"""Is a checkpoint opened only for the right log, the right key and a strict text?"""

import base64
import struct
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from verifier.checkpoint import open_checkpoint, read_checkpoint
from verifier.errors import Malformed, Untrue
from verifier.keys import PublicKey
from verifier.merkle import EMPTY_ROOT, Tree
from verifier.note import NoteKey

ORIGIN = "log2026-1.example.test"
V1_ORIGIN = "rekor.example.test - 2605736670972794746"
ROOT = bytes(range(32))
ED = ed25519.Ed25519PrivateKey.generate()
EC = ec.generate_private_key(ec.SECP256R1())
P384 = ec.generate_private_key(ec.SECP384R1())
RSA = rsa.generate_private_key(65537, 2048)
WITNESS = ed25519.Ed25519PrivateKey.generate()

Private = ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


def public(private: Private) -> PublicKey:
    return PublicKey.from_der(private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))


def sign(private: Private, data: bytes) -> bytes:
    if isinstance(private, ed25519.Ed25519PrivateKey):
        return private.sign(data)
    if isinstance(private, rsa.RSAPrivateKey):
        return private.sign(data, padding.PKCS1v15(), hashes.SHA256())
    return private.sign(data, ec.ECDSA(hashes.SHA256()))


def text(origin: str = ORIGIN, size: int | str = 42, root: bytes = ROOT, *extensions: str) -> bytes:
    lines = [origin, str(size), base64.b64encode(root).decode(), *extensions]
    return "".join(line + "\n" for line in lines).encode()


def line(key: NoteKey, blob: bytes) -> bytes:
    return f"— {key.name} {base64.b64encode(key.key_id + blob).decode()}\n".encode()


def log_line(key: NoteKey, private: Private, body: bytes) -> bytes:
    return line(key, sign(private, body))


def cosign_line(key: NoteKey, seconds: int, body: bytes) -> bytes:
    signature = WITNESS.sign(b"cosignature/v1\ntime %d\n" % seconds + body)
    return line(key, struct.pack(">Q", seconds) + signature)


LOG_KEY = NoteKey.c2sp(ORIGIN, public(ED))
V1_KEY = NoteKey.v1("rekor.example.test", public(EC))
WITNESS_KEY = NoteKey.cosigner("witness.example/w1", public(WITNESS))


def untrue(code: str, raw: bytes, keys: list[NoteKey], origin: str | None = ORIGIN) -> Untrue:
    with pytest.raises(Untrue) as caught:
        open_checkpoint(raw, keys, origin=origin)
    assert caught.value.code == code
    assert caught.value.evidence["checkpoint"] == raw
    return caught.value


@pytest.mark.parametrize("private", [ED, EC, P384, RSA], ids=["ed25519", "p256", "p384", "rsa"])
@pytest.mark.parametrize("flavour", [NoteKey.v1, NoteKey.c2sp], ids=["v1", "c2sp"])
def test_log_keys_of_every_kind(private: Private, flavour: Callable[[str, PublicKey], NoteKey]) -> None:
    key = flavour(ORIGIN, public(private))
    raw = text() + b"\n" + log_line(key, private, text())
    opened = open_checkpoint(raw, [key], origin=ORIGIN)
    assert (opened.origin, opened.size, opened.root, opened.raw) == (ORIGIN, 42, ROOT, raw)
    assert opened.tree == Tree(42, ROOT)
    assert opened.signers == (key.key_id.hex(),)
    assert (opened.extensions, opened.cosigned, opened.time, opened.frozen) == ((), (), None, False)
    for at in range(len(text())):
        changed = raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :]
        with pytest.raises((Untrue, Malformed)):
            open_checkpoint(changed, [key], origin=ORIGIN)


def test_v1_flavour_has_an_origin_that_is_not_the_name() -> None:
    raw = text(V1_ORIGIN) + b"\n" + log_line(V1_KEY, EC, text(V1_ORIGIN))
    assert open_checkpoint(raw, [V1_KEY], origin=V1_ORIGIN).origin == V1_ORIGIN
    assert open_checkpoint(raw, [V1_KEY], origin=None).origin == V1_ORIGIN
    untrue("checkpoint-origin", raw, [V1_KEY], "rekor.example.test")
    untrue("checkpoint-origin", raw, [V1_KEY], "rekor.example.test - 1")


def test_v1_timestamp_line_is_signed_and_read() -> None:
    body = text(V1_ORIGIN, 42, ROOT, "Timestamp: 1689177396617352539")
    raw = body + b"\n" + log_line(V1_KEY, EC, body)
    opened = open_checkpoint(raw, [V1_KEY], origin=V1_ORIGIN)
    assert opened.time == datetime.fromtimestamp(1689177396, UTC) + timedelta(microseconds=617352)
    untrue("checkpoint-signature", raw.replace(b"1689177396", b"1689177397"), [V1_KEY], V1_ORIGIN)


@pytest.mark.parametrize("claimed", ["", " ", "+1", "1.5", "-5", "9" * 20, "soon"])
def test_a_strange_timestamp_line_is_no_time(claimed: str) -> None:
    body = text(V1_ORIGIN, 42, ROOT, f"Timestamp: {claimed}")
    raw = body + b"\n" + log_line(V1_KEY, EC, body)
    assert open_checkpoint(raw, [V1_KEY], origin=V1_ORIGIN).time is None


def test_unknown_signers_are_ignored_in_any_place() -> None:
    other = NoteKey.c2sp("other.example", public(ed25519.Ed25519PrivateKey.generate()))
    same_name = NoteKey.c2sp(ORIGIN, public(ed25519.Ed25519PrivateKey.generate()))
    same_id = NoteKey("else.example", LOG_KEY.key_id, other.key, "log")
    noise = [line(one, b"garbage") for one in (other, same_name, same_id, WITNESS_KEY)]
    good = log_line(LOG_KEY, ED, text())
    for place in range(len(noise) + 1):
        raw = text() + b"\n" + b"".join([*noise[:place], good, *noise[place:]])
        opened = open_checkpoint(raw, [LOG_KEY], origin=ORIGIN)
        assert opened.signers == (LOG_KEY.key_id.hex(),)
        assert opened.cosigned == ()


def test_no_known_signer_is_said_with_the_ids() -> None:
    raw = text() + b"\n" + log_line(LOG_KEY, ED, text())
    other = NoteKey.c2sp(ORIGIN, public(ed25519.Ed25519PrivateKey.generate()))
    for keys in ([], [other], [V1_KEY]):
        assert LOG_KEY.key_id.hex() in untrue("checkpoint-unknown-key", raw, keys).message


def test_a_witness_alone_does_not_make_a_checkpoint() -> None:
    raw = text() + b"\n" + cosign_line(WITNESS_KEY, 1700000000, text())
    untrue("checkpoint-unknown-key", raw, [LOG_KEY, WITNESS_KEY])


def test_known_but_bad_condemns_the_note() -> None:
    good = log_line(LOG_KEY, ED, text())
    second = NoteKey.c2sp(ORIGIN, public(EC))
    bad_log = line(second, sign(EC, b"other text"))
    bad_witness = cosign_line(WITNESS_KEY, 1700000000, b"other text")
    for bad, key in ((bad_log, second), (bad_witness, WITNESS_KEY)):
        for body in (good + bad, bad + good):
            untrue("checkpoint-signature", text() + b"\n" + body, [LOG_KEY, key])
            assert open_checkpoint(text() + b"\n" + body, [LOG_KEY], origin=ORIGIN)


def test_of_two_lines_by_one_key_the_first_counts() -> None:
    good, bad = log_line(LOG_KEY, ED, text()), line(LOG_KEY, bytes(64))
    assert open_checkpoint(text() + b"\n" + good + bad, [LOG_KEY], origin=ORIGIN)
    untrue("checkpoint-signature", text() + b"\n" + bad + good, [LOG_KEY])


def test_keys_that_share_name_and_id_are_all_tried() -> None:
    twin = NoteKey(LOG_KEY.name, LOG_KEY.key_id, public(ed25519.Ed25519PrivateKey.generate()), "log")
    raw = text() + b"\n" + log_line(LOG_KEY, ED, text())
    for keys in ([twin, LOG_KEY], [LOG_KEY, twin]):
        assert open_checkpoint(raw, keys, origin=ORIGIN).signers == (LOG_KEY.key_id.hex(),)
    untrue("checkpoint-signature", raw, [twin, twin])


def test_two_keys_of_the_log_and_two_witnesses() -> None:
    second = NoteKey.c2sp(ORIGIN, public(EC))
    other = NoteKey.cosigner("witness.example/w2", public(WITNESS))
    body = b"".join(
        (
            cosign_line(other, 1700000001, text()),
            log_line(second, EC, text()),
            cosign_line(WITNESS_KEY, 1700000000, text()),
            log_line(LOG_KEY, ED, text()),
        )
    )
    opened = open_checkpoint(text() + b"\n" + body, [LOG_KEY, second, WITNESS_KEY, other], origin=ORIGIN)
    assert set(opened.signers) == {LOG_KEY.key_id.hex(), second.key_id.hex()}
    assert [(one.name, one.time) for one in opened.cosigned] == [
        ("witness.example/w2", datetime.fromtimestamp(1700000001, UTC)),
        ("witness.example/w1", datetime.fromtimestamp(1700000000, UTC)),
    ]
    assert opened.time is None  # what a witness says is not what the log says


def test_the_origin_is_compared_and_replay_is_refused() -> None:
    raw = text() + b"\n" + log_line(LOG_KEY, ED, text())
    untrue("checkpoint-origin", raw, [LOG_KEY], "log2026-2.example.test")
    untrue("checkpoint-origin", raw, [LOG_KEY], "")
    other = text("another.example") + b"\n" + log_line(LOG_KEY, ED, text("another.example"))
    untrue("checkpoint-origin", other, [LOG_KEY])
    untrue("checkpoint-origin", other, [LOG_KEY], None)


@pytest.mark.parametrize(
    "origin", [ORIGIN + " - ", ORIGIN + " - x", ORIGIN + " - 1 - 2", ORIGIN + "- 1", ORIGIN + " - -1", ORIGIN + " - ١"]
)
def test_without_an_expected_origin_only_the_key_name_and_a_tree_id_will_do(origin: str) -> None:
    raw = text(origin) + b"\n" + log_line(LOG_KEY, ED, text(origin))
    untrue("checkpoint-origin", raw, [LOG_KEY], None)


def test_a_frozen_shard_has_a_dash_in_its_text() -> None:
    body = text(ORIGIN, 42, ROOT, "Log frozen — Sat Nov 21 02:20:00 UTC 2026")
    opened = open_checkpoint(body + b"\n" + log_line(LOG_KEY, ED, body), [LOG_KEY], origin=ORIGIN)
    assert opened.frozen
    assert opened.tree == Tree(42, ROOT)
    assert opened.extensions == ("Log frozen — Sat Nov 21 02:20:00 UTC 2026",)


def test_a_signature_line_moved_into_the_text_is_no_signature() -> None:
    good = log_line(LOG_KEY, ED, text())
    raw = text() + good + b"\n" + line(WITNESS_KEY, bytes(72))
    untrue("checkpoint-unknown-key", raw, [LOG_KEY])


def test_unknown_extension_lines_are_tolerated_and_signed() -> None:
    body = text(ORIGIN, 42, ROOT, "anything", "— even this")
    opened = open_checkpoint(body + b"\n" + log_line(LOG_KEY, ED, body), [LOG_KEY], origin=ORIGIN)
    assert opened.extensions == ("anything", "— even this")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\n",
        b"origin\n",
        b"origin\n5\n",
        text(""),
        *(text(ORIGIN, size) for size in ("+5", "05", " 5", "5 ", "-5", "0x5", "5.0", "", "٥", "5e1", "00")),
        text(ORIGIN, 2**63),
        text(ORIGIN, 10**19),
        text(ORIGIN, 5, ROOT[:31]),
        text(ORIGIN, 5, ROOT + b"\0"),
        text(ORIGIN, 5, b""),
        text(ORIGIN, 0, ROOT),
        text().replace(b"=", b""),
        text(ORIGIN, 5, b"\xff" * 32).replace(b"/", b"_"),
        text(ORIGIN, 5, bytes(32)).replace(b"AAA=", b"AAB="),
        text().replace(b"\n42", b"\n\n42"),
        text(ORIGIN, 42, ROOT, "a", "", "b"),
        text().replace(b"\n", b"\r\n"),
        text() + text(),
        text(ORIGIN, 42).replace(b"42\n", b"42\n42\n"),
    ],
)
def test_loose_text_is_malformed_even_if_signed(body: bytes) -> None:
    raw = body + b"\n" + log_line(LOG_KEY, ED, body)
    if body == text() + text():  # a second checkpoint below the first is only extension lines
        assert open_checkpoint(raw, [LOG_KEY], origin=ORIGIN).size == 42
        return
    for use in (read_checkpoint, lambda data: open_checkpoint(data, [LOG_KEY], origin=ORIGIN)):
        with pytest.raises(Malformed):
            use(raw)


def test_the_largest_and_the_smallest_size() -> None:
    for body in (text(ORIGIN, 2**63 - 1), text(ORIGIN, 0, EMPTY_ROOT)):
        assert open_checkpoint(body + b"\n" + log_line(LOG_KEY, ED, body), [LOG_KEY], origin=ORIGIN).raw.startswith(
            body
        )


def tree_head_line(key: NoteKey, private: Private, moment: int, size: int = 42, kind: int = 3) -> bytes:
    signature = sign(private, struct.pack(">BBQQ", 0, 1, moment, size) + ROOT)
    return line(key, struct.pack(">QBBH", moment, 4, kind, len(signature)) + signature)


@pytest.mark.parametrize(("private", "kind"), [(EC, 3), (RSA, 1)], ids=["ecdsa", "rsa"])
def test_rfc6962_tree_heads(private: Private, kind: int) -> None:
    key = NoteKey.rfc6962(ORIGIN, public(private))
    good = tree_head_line(key, private, 1795227360834, kind=kind)
    opened = open_checkpoint(text() + b"\n" + good, [key], origin=ORIGIN)
    assert opened.time == datetime(2026, 11, 21, 2, 16, 0, 834000, UTC)
    assert opened.signers == (key.key_id.hex(),)
    for bad in (
        tree_head_line(key, private, 1795227360834, size=43, kind=kind),
        tree_head_line(key, private, 1795227360834, kind=2),
        line(key, b"short"),
    ):
        untrue("checkpoint-signature", text() + b"\n" + bad, [key])
    blob = base64.b64decode(good.split(b" ")[2])[4:]
    for wrong in (blob + b"\0", blob[:-1], struct.pack(">Q", 1) + blob[8:], blob[:8] + b"\x02" + blob[9:]):
        untrue("checkpoint-signature", text() + b"\n" + line(key, wrong), [key])


def test_absurd_signed_times_are_malformed_not_a_crash() -> None:
    key = NoteKey.rfc6962(ORIGIN, public(EC))
    with pytest.raises(Malformed):
        open_checkpoint(text() + b"\n" + tree_head_line(key, EC, 2**64 - 1), [key], origin=ORIGIN)
    body = log_line(LOG_KEY, ED, text()) + cosign_line(WITNESS_KEY, 2**63, text())
    with pytest.raises(Malformed):
        open_checkpoint(text() + b"\n" + body, [LOG_KEY, WITNESS_KEY], origin=ORIGIN)


def test_cosignatures_sign_their_time() -> None:
    good = cosign_line(WITNESS_KEY, 1700000000, text())
    blob = base64.b64decode(good.split(b" ")[2])[4:]
    assert open_checkpoint(
        text() + b"\n" + log_line(LOG_KEY, ED, text()) + good, [LOG_KEY, WITNESS_KEY], origin=ORIGIN
    ).cosigned
    for wrong in (struct.pack(">Q", 1700000001) + blob[8:], blob[8:], blob[:7], blob + b"\0"):
        raw = text() + b"\n" + log_line(LOG_KEY, ED, text()) + line(WITNESS_KEY, wrong)
        untrue("checkpoint-signature", raw, [LOG_KEY, WITNESS_KEY])


def test_ml_dsa_cosignatures() -> None:
    mldsa = pytest.importorskip("cryptography.hazmat.primitives.asymmetric.mldsa")
    private = mldsa.MLDSA44PrivateKey.generate()
    key = NoteKey.cosigner("w/pq", PublicKey.from_raw("ml-dsa-44", private.public_key().public_bytes_raw()))
    vkey = base64.b64encode(b"\x06" + key.key.raw).decode()
    assert NoteKey.from_vkey(f"w/pq+{key.key_id.hex()}+{vkey}") == key

    def signed(seconds: int, size: int) -> bytes:
        message = b"subtree/v1\n\0\x04w/pq" + struct.pack(">QB", seconds, len(ORIGIN)) + ORIGIN.encode()
        message += struct.pack(">QQ", 0, size) + ROOT
        return line(key, struct.pack(">Q", seconds) + private.sign(message))

    head = text() + b"\n" + log_line(LOG_KEY, ED, text())
    keys = [LOG_KEY, key]
    opened = open_checkpoint(head + signed(1700000000, 42), keys, origin=ORIGIN)
    assert opened.cosigned[0].time == datetime.fromtimestamp(1700000000, UTC)
    assert open_checkpoint(head + signed(0, 42), keys, origin=ORIGIN).cosigned[0].time is None
    untrue("checkpoint-signature", head + signed(1700000000, 43), keys)
    untrue("checkpoint-signature", head + line(key, b"\0" * 8), keys)
    long = "o" * 256
    far = text(long) + b"\n" + log_line(LOG_KEY, ED, text(long)) + line(key, bytes(8 + 2420))
    untrue("checkpoint-signature", far, keys, long)


def test_reading_without_trust_shows_everything() -> None:
    raw = text(ORIGIN, 42, ROOT, "x") + b"\n" + line(LOG_KEY, b"bad") + line(WITNESS_KEY, b"bad")
    seen = read_checkpoint(raw)
    assert (seen.origin, seen.size, seen.root, seen.extensions) == (ORIGIN, 42, ROOT, ("x",))
    assert seen.signers == ((ORIGIN, LOG_KEY.key_id.hex()), (WITNESS_KEY.name, WITNESS_KEY.key_id.hex()))


@given(st.binary(max_size=200))
def test_no_bytes_crash_a_checkpoint(data: bytes) -> None:
    for raw in (data, text() + b"\n" + data, data + b"\n" + log_line(LOG_KEY, ED, data)):
        with pytest.raises((Malformed, Untrue)):
            open_checkpoint(raw, [LOG_KEY], origin=ORIGIN)


@given(st.binary(min_size=1, max_size=80))
def test_no_signature_blob_crashes_a_check(blob: bytes) -> None:
    for key in (LOG_KEY, V1_KEY, WITNESS_KEY, NoteKey.rfc6962(ORIGIN, public(EC))):
        untrue("checkpoint-signature", text() + b"\n" + line(key, blob), [key])
