"""What may stand in a log that nobody should have to read? Bodies and certificates that break readers.

Each is the leaf of an honest log: proven, and hostile. Where it can, it carries the watched certificate, so that a
reader that gives up is blind to it.
"""

import json
from collections.abc import Callable

from sandbox import der, subjects
from sandbox.ca import CA, HONEST, Certified, Profile
from sandbox.entries import hashedrekord_v1, hashedrekord_v2
from sandbox.subjects import Subject, subject_of

MAX_V2_BODY = 65535
_P256 = der.oid("1.2.840.10045.3.1.7")
_ARTIFACT = b"hostile"


def body(watched: Certified, version: int = 2) -> bytes:
    """The honest body that the others are made from."""
    return (hashedrekord_v1 if version == 1 else hashedrekord_v2)(watched, _ARTIFACT)


def _verifier(made: bytes) -> tuple[bytes, bytes]:
    """The member that holds the certificate, and the object around it, as they stand in a body."""
    spec = json.loads(made)["spec"]
    if "hashedRekordV002" in spec:
        holder = spec["hashedRekordV002"]["signature"]["verifier"]
        return b'"x509Certificate":' + _compact(holder["x509Certificate"]), _compact(holder)
    holder = spec["signature"]
    return b'"publicKey":' + _compact(holder["publicKey"]), _compact(holder)


def _compact(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":"), sort_keys=True).encode()


def duplicate_key(watched: Certified, other: Certified, *, watched_first: bool, version: int = 2) -> bytes:
    """Two signers under one name: Go takes the last, others the first."""
    first, last = (watched, other) if watched_first else (other, watched)
    member, _ = _verifier(body(first, version))
    made = body(last, version)
    kept, _ = _verifier(made)
    return made.replace(kept, member + b"," + kept)


def _padded(made: bytes, size: int) -> bytes:
    """A member of spaces that makes the body exactly `size` bytes long."""
    opening = b'{"a":"'
    return opening + b" " * (size - len(made) - len(opening) - 1) + b'",' + made[1:]


def bodies(watched: Certified, other: Certified, version: int = 2) -> dict[str, bytes]:
    """Hostile bodies by name."""
    made = body(watched, version)
    text = made.decode()
    made_of: dict[str, Callable[[], bytes]] = {
        "duplicate key, watched first": lambda: duplicate_key(watched, other, watched_first=True, version=version),
        "duplicate key, watched last": lambda: duplicate_key(watched, other, watched_first=False, version=version),
        "deep": lambda: made[:-1] + b',"x":' + b"[" * 10_000 + b"]" * 10_000 + b"}",
        "huge integer": lambda: made[:-1] + b',"x":' + b"9" * 5000 + b"}",
        "float as integer": lambda: made[:-1] + b',"x":1.0e400}',
        "not a number": lambda: made[:-1] + b',"x":NaN}',
        "lone surrogate": lambda: made[:-1] + b',"x":"\\ud800"}',
        "byte order mark": lambda: b"\xef\xbb\xbf" + made,
        "not UTF-8": lambda: made[:-1] + b',"x":"\xff\xfe"}',
        "spaces": lambda: json.dumps(json.loads(text), indent=2).encode(),
        "escaped": lambda: text.replace("hashedrekord", "\\u0068ashedrekord").encode(),
        "trailing bytes": lambda: made + b"\n{}",
        "truncated": lambda: made[:-20],
        "array": lambda: b"[" + made + b"]",
        "null": lambda: b"null",
        "empty": lambda: b"",
        "unknown kind": lambda: text.replace("hashedrekord", "unheard").encode(),
        "unknown version": lambda: text.replace('"apiVersion":"0.0.', '"apiVersion":"7.7.').encode(),
        "kind of another case": lambda: text.replace('"hashedrekord"', '"HashedRekord"').encode(),
        "no spec": lambda: made[: made.index(b',"spec"')] + b"}",
        "bad base64": lambda: text.replace('"content":"', '"content":"*', 1).encode(),
        "full size": lambda: _padded(made, MAX_V2_BODY),
    }
    return {name: build() for name, build in made_of.items()}


def certificates(ca: CA, watched: str | Subject) -> dict[str, Certified]:
    """Certificates by name, each with the watched subject, that a strict parser refuses or stumbles over."""
    subject = subject_of(watched)
    names = subject.names or ()
    many = tuple(subjects.email_name(f"p{number}@x.test") for number in range(500))

    def of(who: Subject = subject, profile: Profile = HONEST) -> Certified:
        return ca.certificate(who, profile=profile)

    def bent(made: Certified, change: Callable[[bytes], bytes]) -> Certified:
        return Certified(change(made.der), made.key, made.chain)

    twice = dict(subject.claims) | {"issuer": ("https://one.test", "https://two.test")}
    odd = der.extension("2.999." + "9" * 200, b"\x05\x00")
    big = der.extension("2.999.1", b"\x04" * 20_000)
    return {
        "trailing bytes": bent(of(), lambda data: data + b"\0\0"),
        "negative serial": of(profile=Profile(serial=-7)),
        "serial zero": of(profile=Profile(serial=0)),
        "huge object identifier": of(profile=Profile(extra=(odd,))),
        "20 kB extension": of(profile=Profile(extra=(big,))),
        "500 names, watched last": of(Subject((*many, *names), subject.claims)),
        "an extension twice": of(Subject(subject.names, twice)),
        "issuer of a wrong type": of(subject.with_claims(issuer=der.tlv(der.OCTET_STRING, b"https://one.test"))),
        "issuer not DER": of(subject.with_claims(issuer=b"https://one.test")),
        "SAN with a wrong length": bent(of(), _longer_san),
        "signature of zeros": bent(of(), lambda data: data[:-60] + b"\0" * 60),
        "unknown curve": bent(of(), lambda data: data.replace(_P256, _P256[:2] + b"\x7f" * 8)),
    }


def _longer_san(data: bytes) -> bytes:
    """The inner length of the SAN's value says one byte more than there is."""
    at = data.index(b"\x55\x1d\x11") + 3
    at = data.index(b"\x30", at)
    return data[: at + 1] + bytes((data[at + 1] + 1,)) + data[at + 2 :]
