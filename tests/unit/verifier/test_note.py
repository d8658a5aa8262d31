"""Are signed notes split, named and matched to keys as C2SP says, and refused when loose?"""

import base64
import json
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from verifier.errors import Malformed, Untrue
from verifier.keys import PublicKey
from verifier.note import MAX_NOTE, NoteKey, log_key_id, parse_note
from verifier.tree_head import Claim, check_head_signature

# Public vectors: C2SP signed-note "Verifier keys", golang.org/x/mod sumdb/note, transparency-dev witness logs.yaml.
C2SP_VKEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
C2SP_NOTE = (
    "This is an example message.\n\n— example.com/foo "
    "Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
)
GO_VKEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_NOTE = (
    "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n\n"
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
REKOR_VKEY = (
    "rekor.sigstore.dev+c0d23d6a+AjBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABNhtmPtrWm3U1eQXBogSMdGvXwBcK5AW5i0hrZLOC96l"
    "+smGNM7nwZ4QvFK/4sueRoVj//QP22Ni4Qt9DPfkWLc="
)
PLUS_VKEY = "TEST+7997405c+AQcC+FTVKf0jlTdHDY3rbevmnKxxPjigCXlVtGe6RIr6"
WITNESS_VKEY = "remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2"

BLOB = base64.b64encode(b"abcdsignature").decode()
GOOD = f"text\n\n— name {BLOB}\n"


def der(private: PrivateKeyTypes) -> bytes:
    return private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


@pytest.mark.parametrize(("vkey", "raw"), [(C2SP_VKEY, C2SP_NOTE), (GO_VKEY, GO_NOTE)])
def test_published_notes_verify(vkey: str, raw: str) -> None:
    key, note = NoteKey.from_vkey(vkey), parse_note(raw.encode())
    line = note.signatures[0]
    assert (line.name, line.key_id) == (key.name, key.key_id)
    check_head_signature(key, line.blob, Claim(note.text, "", 0, b""))
    with pytest.raises(Untrue):
        check_head_signature(key, line.blob, Claim(note.text + b"!", "", 0, b""))


def test_published_verifier_keys() -> None:
    rekor = NoteKey.from_vkey(REKOR_VKEY)
    assert (rekor.name, rekor.key_id.hex(), rekor.kind) == ("rekor.sigstore.dev", "c0d23d6a", "log")
    assert rekor == NoteKey.v1("rekor.sigstore.dev", rekor.key)  # both flavours agree for ECDSA
    assert NoteKey.from_vkey(PLUS_VKEY).name == "TEST"  # a plus inside the base64
    witness = NoteKey.from_vkey(WITNESS_VKEY)
    assert (witness.kind, witness.key_id.hex()) == ("cosignature", "da77ade7")


def test_v1_and_c2sp_ids_differ_for_ed25519_and_rsa() -> None:
    edwards = PublicKey.from_der(der(ed25519.Ed25519PrivateKey.generate()))
    big = PublicKey.from_der(der(rsa.generate_private_key(65537, 2048)))
    for key in (edwards, big):
        assert NoteKey.v1("host", key).key_id == sha256(key.der).digest()[:4]
        assert NoteKey.v1("host", key).key_id != NoteKey.c2sp("host", key).key_id
    assert log_key_id("host", edwards) == sha256(b"host\n\x01" + edwards.der[-32:]).digest()
    assert log_key_id("host", big) == sha256(b"host\n\xffPKIX-RSA-PKCS#1v1.5" + big.der).digest()
    assert NoteKey.cosigner("host", edwards).key_id == sha256(b"host\n\x04" + edwards.der[-32:]).digest()[:4]
    assert NoteKey.rfc6962("host", edwards).key_id == sha256(b"host\n\x05" + sha256(edwards.der).digest()).digest()[:4]


def test_every_type_of_verifier_key() -> None:
    edwards, point, big = (
        der(ed25519.Ed25519PrivateKey.generate()),
        der(ec.generate_private_key(ec.SECP256R1())),
        der(rsa.generate_private_key(65537, 2048)),
    )
    rows = [
        (NoteKey.c2sp("n", PublicKey.from_der(edwards)), b"\x01" + edwards[-32:]),
        (NoteKey.c2sp("n", PublicKey.from_der(point)), b"\x02" + point),
        (NoteKey.cosigner("n", PublicKey.from_der(edwards)), b"\x04" + edwards[-32:]),
        (NoteKey.rfc6962("n", PublicKey.from_der(point)), b"\x05" + point),
        (NoteKey.c2sp("n", PublicKey.from_der(big)), b"\xffPKIX-RSA-PKCS#1v1.5" + big),
    ]
    for key, body in rows:
        assert NoteKey.from_vkey(f"n+{key.key_id.hex()}+{base64.b64encode(body).decode()}") == key


@pytest.mark.parametrize(
    "vkey",
    [
        "",
        "name",
        "name+12345678",
        C2SP_VKEY.replace("530d903a", "530D903A"),
        C2SP_VKEY.replace("530d903a", "530d903b"),
        C2SP_VKEY.replace("530d903a", "30d903a"),
        C2SP_VKEY.replace("foo", "fop"),
        C2SP_VKEY.replace("foo", "f o"),
        C2SP_VKEY[:-4],
        C2SP_VKEY + "AAAA",
        C2SP_VKEY.replace("Aeky", "Aaky"),
        C2SP_VKEY.replace("+Aeky", "+Aoky"),  # type 0x02 with an Ed25519 body
        "+" + C2SP_VKEY.split("+", 1)[1],
        "n+00000000+" + base64.b64encode(b"\x03" + bytes(32)).decode(),
        "n+00000000+" + base64.b64encode(b"\xff" + bytes(32)).decode(),
        "n+00000000+AA==",
        "n+00000000+====",
    ],
)
def test_bad_verifier_keys_are_malformed(vkey: str) -> None:
    with pytest.raises(Malformed):
        NoteKey.from_vkey(vkey)


def test_every_cut_of_a_verifier_key_is_malformed() -> None:
    for start in range(len(GO_VKEY)):
        for end in range(start, len(GO_VKEY) + 1):
            if (start, end) != (0, len(GO_VKEY)):
                with pytest.raises(Malformed):
                    NoteKey.from_vkey(GO_VKEY[start:end])


def test_a_good_note() -> None:
    note = parse_note(f"one\n\ntwo — x y\n\n— name {BLOB}\n— other+0 {BLOB}\n".replace("+0", "").encode())
    assert note.text == "one\n\ntwo — x y\n".encode()  # split at the last blank line
    assert [(one.name, one.key_id, one.blob) for one in note.signatures] == [
        ("name", b"abcd", b"signature"),
        ("other", b"abcd", b"signature"),
    ]


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "text\n",
        "text\n\n",
        f"— name {BLOB}\n",
        GOOD[:-1],
        GOOD + "\n",
        GOOD + "x\n",
        GOOD.replace("\n", "\r\n"),
        GOOD.replace("text", "te\tt"),
        GOOD.replace("text", "te\x00t"),
        GOOD.replace("—", "-"),
        GOOD.replace("—", "–"),
        GOOD.replace("— ", "—"),
        GOOD.replace("— ", "—  "),
        GOOD.replace("— name", "— "),
        GOOD.replace("name", "na+me"),
        GOOD.replace("name", "na me"),
        GOOD.replace("name", "na\u00a0me"),
        GOOD.replace("name", "na\u2028me"),
        GOOD.replace(BLOB, ""),
        GOOD.replace(BLOB, "YWJjZA=="),  # an id and no signature
        GOOD.replace(BLOB, "YWJjZGV="),  # not canonical
        GOOD.replace(BLOB, BLOB + " "),
        GOOD.replace(BLOB, BLOB.rstrip("=")),
        GOOD.replace(BLOB, BLOB[:4] + "\n" + BLOB[4:]),
        GOOD + f"— name {BLOB}\n",  # the same line twice
        "text\n\n" + "".join(f"— n{number} {BLOB}\n" for number in range(101)),
    ],
)
def test_loose_notes_are_malformed(raw: str) -> None:
    with pytest.raises(Malformed) as caught:
        parse_note(raw.encode())
    assert caught.value.code == "note"


def test_bytes_that_are_no_text_and_giants_are_malformed() -> None:
    for raw in (b"\xff" + GOOD.encode(), GOOD.encode().replace(b"\xe2\x80\x94", b"\xe2\x80"), b"x" * (MAX_NOTE + 1)):
        with pytest.raises(Malformed):
            parse_note(raw)


def test_a_hundred_signatures_are_allowed() -> None:
    raw = "text\n\n" + "".join(f"— n{number} {BLOB}\n" for number in range(100))
    assert len(parse_note(raw.encode()).signatures) == 100


@given(st.binary(max_size=300) | st.text(alphabet="— \nnameYQ=+", max_size=80).map(str.encode))
def test_no_bytes_crash_a_note(raw: bytes) -> None:
    try:
        note = parse_note(raw)
    except Malformed:
        return
    assert note.raw == raw
    assert raw.startswith(note.text + b"\n")


@given(st.text(max_size=80))
def test_no_text_crashes_a_verifier_key(text: str) -> None:
    for vkey in (text, json.dumps(text), GO_VKEY[:20] + text):
        with pytest.raises(Malformed):
            NoteKey.from_vkey(vkey)


def test_names_of_keys_are_checked() -> None:
    key = PublicKey.from_der(der(ec.generate_private_key(ec.SECP256R1())))
    for name in ("", "a b", "a+b", "a\n"):
        with pytest.raises(Malformed):
            NoteKey.v1(name, key)
    with pytest.raises(Malformed):
        NoteKey.cosigner("witness", key)
    with pytest.raises(Malformed):
        NoteKey("name", b"abc", key, "log")
    odd: list[PrivateKeyTypes] = [ec.generate_private_key(ec.SECP256K1()), dsa.generate_private_key(1024)]
    for private in odd:
        with pytest.raises(Malformed):
            log_key_id("name", PublicKey.from_der(der(private)))
    body = base64.b64encode(b"\x02" + der(rsa.generate_private_key(65537, 2048))).decode()
    with pytest.raises(Malformed):
        NoteKey.from_vkey(f"n+00000000+{body}")
