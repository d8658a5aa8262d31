"""What is looked for: how is it asked of an index, and how is a hit recognised?"""

import base64
import hashlib
import re
from dataclasses import dataclass
from typing import Any

from cli.inputs import read_artifact, read_input
from monitor.facts import read_facts
from monitor.match import Matcher
from monitor.watch import Watch, build_watch
from verifier.bodies_packages import read_key
from verifier.errors import Refused
from verifier.key_names import fingerprints
from verifier.keys import PublicKey
from verifier.pem import CERTIFICATE, encode_pem, parse_pem
from verifier.signers import Signer

FORMATS = ("pgp", "minisign", "x509", "ssh", "tuf")
_SHA = re.compile(r"(?:(sha1|sha256|sha512):)?([0-9a-fA-F]+)\Z")
_BY_LENGTH = {40: "sha1", 64: "sha256", 128: "sha512"}
_LONGEST_SUBJECT = 512


@dataclass(frozen=True, slots=True)
class Query:
    """One thing to look for: the members it puts into an index query, and a watch that recognises it (None: no way)."""

    name: str
    members: tuple[dict[str, Any], ...]
    watch: Watch | None

    def recognises(self, body: bytes) -> bool:
        """Whether a proven entry shows what was asked; an index may list whatever it likes."""
        if self.watch is None:
            return True
        return any(match.exact for match in Matcher([self.watch]).match(read_facts(body)))


def by_email(email: str) -> Query:
    """Entries by an e-mail address."""
    if "@" not in email:
        raise Refused(f"'{email}' is no e-mail address", code="usage", hint="another name is searched with --subject")
    return Query("email", ({"email": email},), build_watch({"name": "email", "email": email}))


def by_subject(subject: str) -> Query:
    """Entries by any name in a certificate (Rekor 1.5.4 and newer; at most 512 bytes)."""
    if not 1 <= len(subject.encode()) <= _LONGEST_SUBJECT:
        raise Refused(f"a subject has 1 to {_LONGEST_SUBJECT} bytes", code="usage")
    return Query("subject", ({"subject": subject},), build_watch({"name": "subject", "san": f"exact:{subject}"}))


def by_hash(text: str) -> Query:
    """Entries by the digest of an artifact."""
    match = _SHA.match(text)
    name = match and (match.group(1) or _BY_LENGTH.get(len(match.group(2))))
    if not match or not name or _BY_LENGTH.get(len(match.group(2))) != name:
        raise Refused(
            f"'{text}' is no digest", code="usage", hint="sha1:, sha256: or sha512: and the right number of hex digits"
        )
    digest = f"{name}:{match.group(2).lower()}"
    return Query("sha", ({"hash": digest},), build_watch({"name": "sha", "digests": [digest]}))


def by_artifact(reference: str) -> Query:
    """Entries by an artifact: a path, an URL, or standard input."""
    digest = read_artifact(reference, (("sha256",), False)).digest("sha256")
    return by_hash(f"sha256:{digest.hex()}")


def by_key(reference: str, style: str) -> Query:
    """Entries by a public key or certificate in any of the PKI formats.

    An index keeps the key of a dsse or intoto entry under another name (as a hash): both are asked for.
    """
    data = read_input(reference, limit=1 << 20)
    members: list[dict[str, Any]] = [
        {"publicKey": {"format": style, "content": base64.b64encode(data).decode()}},
    ]
    wanted: list[str] = []
    if style == "x509":
        canonical, wanted = _x509(data)
        members.append({"hash": f"sha256:{hashlib.sha256(canonical).hexdigest()}"})
    else:
        wanted = _fingerprints(data, style)
    watch = build_watch({"name": "key", "key_fingerprint": wanted}) if wanted else None
    return Query("key", tuple(members), watch)


def _x509(data: bytes) -> tuple[bytes, list[str]]:
    """The canonical PEM that an index hashes, and the fingerprints by which we recognise the key."""
    block = parse_pem(data)[0]
    if block.label == CERTIFICATE:
        signer = Signer("certificate", block.data, (), None)
        return encode_pem(CERTIFICATE, block.data), [hashlib.sha256(block.data).hexdigest(), *_named(signer)]
    key = PublicKey.from_pem(data)
    return key.pem, [one.hex() for one in key.fingerprints]


def _fingerprints(data: bytes, style: str) -> list[str]:
    return _named(read_key(style, data)) if style != "tuf" else []


def _named(signer: Signer) -> list[str]:
    return sorted(one.hex() for one in fingerprints(signer))
