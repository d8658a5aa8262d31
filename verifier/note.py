"""Who claims to have signed this text, and by which keys could it be checked?

C2SP signed-note, as checkpoints use it. Attacker-controlled until a signature has been checked; bytes throughout, since
a text may hold the very dash that starts a signature line (a frozen shard does).
"""

import re
from dataclasses import dataclass
from hashlib import sha256
from typing import Literal

from verifier.errors import Malformed
from verifier.jsonstrict import b64
from verifier.keys import PublicKey

# A post-quantum cosignature is 3.3 KB of base64, and C2SP wants 16 signatures accepted at least.
MAX_NOTE = 1 << 20
MAX_SIGNATURES = 100
_DASH = b"\xe2\x80\x94 "  # U+2014 EM DASH and a space
_CONTROL = re.compile(rb"[\x00-\x09\x0b-\x1f]")
_RSA_LABEL = b"PKIX-RSA-PKCS#1v1.5"
_VKEY = re.compile(r"([^+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/=]+)", re.ASCII)

ED25519, ECDSA, COSIGNATURE, RFC6962, ML_DSA_44, OTHER = 0x01, 0x02, 0x04, 0x05, 0x06, 0xFF

Kind = Literal["log", "cosignature", "rfc6962"]


@dataclass(frozen=True, slots=True)
class NoteSignature:
    """One signature line: the signer's name, 4 bytes of key id, and the rest of the decoded base64."""

    name: str
    key_id: bytes
    blob: bytes


@dataclass(frozen=True, slots=True)
class Note:
    """A signed note, nothing checked yet: `text` is what is signed, with its last newline; `raw` is all of it."""

    text: bytes
    signatures: tuple[NoteSignature, ...]
    raw: bytes


@dataclass(frozen=True, slots=True)
class NoteKey:
    """A key we trust on notes: lines with exactly this name and key id must verify with it.

    `kind` says what is signed: the note text (log), text and time by a witness (cosignature), or a CT tree head
    (rfc6962).
    """

    name: str
    key_id: bytes
    key: PublicKey
    kind: Kind

    def __post_init__(self) -> None:
        check_name(self.name)
        if len(self.key_id) != 4:
            raise Malformed("the id of a note key is 4 bytes", code="note-key")

    @classmethod
    def v1(cls, host: str, key: PublicKey) -> "NoteKey":
        """A Rekor v1 log key: the name is the bare host, the id SHA-256(SPKI)[:4] for every kind of key."""
        return cls(host, key.sha256[:4], key, "log")

    @classmethod
    def c2sp(cls, name: str, key: PublicKey) -> "NoteKey":
        """A log key as C2SP signed-note has it (Rekor v2): the name is the origin."""
        return cls(name, log_key_id(name, key)[:4], key, "log")

    @classmethod
    def cosigner(cls, name: str, key: PublicKey) -> "NoteKey":
        """A witness (C2SP tlog-cosignature), with an Ed25519 or an ML-DSA-44 key."""
        types = {"ed25519": COSIGNATURE, "ml-dsa-44": ML_DSA_44}
        if key.kind not in types:
            raise Malformed(f"witnesses sign with Ed25519 or ML-DSA-44, not with {key.kind}", code="note-key")
        return cls(name, _key_id(name, types[key.kind], key.raw)[:4], key, "cosignature")

    @classmethod
    def rfc6962(cls, origin: str, key: PublicKey) -> "NoteKey":
        """A static-CT log key: its lines hold an RFC 6962 tree head signature (C2SP static-ct-api)."""
        return cls(origin, _key_id(origin, RFC6962, key.sha256)[:4], key, "rfc6962")

    @classmethod
    def from_vkey(cls, text: str) -> "NoteKey":
        """From the verifier key form ``name+hash+base64(type || key)``; Malformed if any part is wrong."""
        parts = _VKEY.fullmatch(text.strip())
        if not parts:
            raise Malformed("a verifier key is written name+hash+base64", code="note-key")
        name, written_id = parts[1], bytes.fromhex(parts[2])
        key = _from_vkey_bytes(name, b64(parts[3], "the key in a verifier key"))
        if key.key_id != written_id:
            raise Malformed("the hash in a verifier key does not belong to its name and key", code="note-key")
        return key


def log_key_id(name: str, key: PublicKey) -> bytes:
    """The whole 32-byte key id of a C2SP log key, which Rekor v2 uses as log id (rekor-tiles pkg/note)."""
    if key.kind == "ed25519":
        return _key_id(name, ED25519, key.raw)
    if key.kind == "rsa":
        return _key_id(name, OTHER, _RSA_LABEL + key.der)
    if key.kind.startswith("ecdsa-p"):  # the NIST curves only, says signed-note
        return key.sha256
    raise Malformed(f"no note signature type for a log key of kind {key.kind}", code="note-key")


def parse_note(raw: bytes) -> Note:
    """Split a signed note, strictly (C2SP signed-note): Malformed (code ``note``) for anything loose."""
    if len(raw) > MAX_NOTE:
        raise _bad(f"{len(raw)} bytes, more than {MAX_NOTE}")
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _bad(f"not UTF-8 at byte {error.start}") from error
    if _CONTROL.search(raw):
        raise _bad("it holds a control character")
    split = raw.rfind(b"\n\n")
    text, block = raw[: split + 1], raw[split + 2 :]
    if split < 0 or not block.endswith(b"\n"):
        raise _bad("no signature lines after a blank line, or the last line is cut")
    lines = block[:-1].split(b"\n")
    if len(lines) > MAX_SIGNATURES:
        raise _bad(f"{len(lines)} signature lines, more than {MAX_SIGNATURES}")
    if len(set(lines)) != len(lines):
        raise _bad("a signature line stands there twice")
    return Note(text, tuple(_parse_signature(line) for line in lines), raw)


def check_name(name: str) -> None:
    """Malformed unless this can be the name of a note key: not empty, no white space, no plus."""
    if not name or "+" in name or any(letter.isspace() for letter in name):
        raise Malformed("the name of a note key is empty or holds white space or a plus", code="note-key")


def _parse_signature(line: bytes) -> NoteSignature:
    if not line.startswith(_DASH):
        raise _bad("a signature line does not begin with an em dash and a space")
    name, _, text = line[len(_DASH) :].decode("utf-8").partition(" ")
    try:
        check_name(name)
        data = b64(text)
    except Malformed as error:
        raise _bad("a signature line is not a name and base64") from error
    if len(data) < 5:
        raise _bad("a signature line holds no signature")
    return NoteSignature(name, data[:4], data[4:])


def _from_vkey_bytes(name: str, data: bytes) -> NoteKey:
    kind, body = data[0], data[1:]
    if kind == ED25519:
        return NoteKey.c2sp(name, PublicKey.from_raw("ed25519", body))
    if kind == ECDSA:
        return NoteKey.c2sp(name, _expect(PublicKey.from_der(body), "ecdsa-p"))
    if kind == COSIGNATURE:
        return NoteKey.cosigner(name, PublicKey.from_raw("ed25519", body))
    if kind == RFC6962:
        return NoteKey.rfc6962(name, PublicKey.from_der(body))
    if kind == ML_DSA_44:
        return NoteKey.cosigner(name, PublicKey.from_raw("ml-dsa-44", body))
    if kind == OTHER and body.startswith(_RSA_LABEL):
        return NoteKey.c2sp(name, _expect(PublicKey.from_der(body[len(_RSA_LABEL) :]), "rsa"))
    raise Malformed(f"a verifier key of unknown type {kind:#04x}", code="note-key")


def _expect(key: PublicKey, kind: str) -> PublicKey:
    if not key.kind.startswith(kind):
        raise Malformed(f"a verifier key whose type does not fit its {key.kind} key", code="note-key")
    return key


def _key_id(name: str, kind: int, key: bytes) -> bytes:
    return sha256(name.encode("utf-8") + b"\n" + bytes([kind]) + key).digest()


def _bad(why: str) -> Malformed:
    return Malformed(f"not a signed note: {why}", code="note")
