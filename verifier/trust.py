"""Whom do we trust, for what, and since when?

Reads the trusted root of protobuf-specs (sigstore_trustroot.proto) in the versions 0.1 and 0.2. An entry that we cannot
use (a key of an unknown kind) is skipped and named in `problems`: it must not make the others useless.
"""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from hashlib import sha256
from itertools import chain
from typing import Literal, TypeVar
from urllib.parse import urlsplit

from verifier.errors import Malformed
from verifier.jsonstrict import loads
from verifier.keys import PublicKey, algorithm_named
from verifier.members import Members
from verifier.note import NoteKey, log_key_id
from verifier.signing_config import Service, SigningConfig, choose_services
from verifier.window import Window

__all__ = [
    "Authority",
    "Service",
    "SigningConfig",
    "TrustedLog",
    "TrustedRoot",
    "Window",
    "choose_services",
    "parse_client_trust",
]

MAX_BYTES = 4 << 20
_MEDIA_TYPES = (
    "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
    "application/vnd.dev.sigstore.trustedroot.v0.1+json",
    "application/vnd.dev.sigstore.trustedroot.v0.2+json",
)
_Entry = TypeVar("_Entry")
_CLIENT_TYPE = "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json"
_CODE = "trusted-root"
_ROOT = ("mediaType", "tlogs", "ctlogs", "certificateAuthorities", "timestampAuthorities")
_LOG = ("baseUrl", "hashAlgorithm", "publicKey", "logId", "checkpointKeyId", "operator")
_AUTHORITY = ("subject", "uri", "certChain", "validFor", "operator")


@dataclass(frozen=True, slots=True)
class TrustedLog:
    """A transparency log whose signatures count.

    `log_id` (32 bytes) is SHA-256 of the SPKI (Rekor v1, CT) or the C2SP key id (Rekor v2: covers the origin too).
    `origin` is the checkpoint origin, where the log id confirms the one that the base URL suggests. `window` is for
    signatures with a time: a SET, an SCT; a Rekor v2 checkpoint has none.
    """

    base_url: str
    log_id: bytes
    key: PublicKey
    window: Window
    hash_algorithm: str = "sha256"
    operator: str = ""
    origin: str | None = None
    kind: Literal["rekor", "ct"] = "rekor"
    checkpoint_key_id: bytes | None = None

    def note_key(self, origin: str) -> NoteKey:
        """The key on this log's checkpoints: a CT tree head, Rekor v1's flavour, or C2SP's, as the log id tells."""
        if self.kind == "ct":
            return NoteKey.rfc6962(origin, self.key)
        if self.log_id != sha256(self.key.der).digest():
            return NoteKey.c2sp(origin, self.key)
        host, _, tree_id = origin.rpartition(" - ")  # v1 signs as the bare host: "<host> - <tree id>"
        return NoteKey.v1(host if host and tree_id.isdecimal() else origin, self.key)


@dataclass(frozen=True, slots=True)
class Authority:
    """A certificate or timestamp authority: DER certificates in the order of the file, the last one is the anchor."""

    kind: Literal["ca", "tsa"]
    uri: str
    chain: tuple[bytes, ...]
    window: Window
    operator: str = ""


@dataclass(frozen=True, slots=True)
class TrustedRoot:
    """Everything that one trusted root file vouches for, and what in it we could not use."""

    tlogs: tuple[TrustedLog, ...] = ()
    ctlogs: tuple[TrustedLog, ...] = ()
    cas: tuple[Authority, ...] = ()
    tsas: tuple[Authority, ...] = ()
    raw: bytes = b""
    problems: tuple[str, ...] = ()

    @classmethod
    def parse(cls, raw: bytes) -> "TrustedRoot":
        """From a trusted root file; Malformed (``trusted-root`` or ``json``) if it is none."""
        return _root(Members(loads(raw, max_bytes=MAX_BYTES), "trusted root", _CODE), raw)

    @classmethod
    def merge(cls, *roots: "TrustedRoot") -> "TrustedRoot":
        """All that any of these roots trusts, each entry once; `raw` stays empty, since no file says this."""
        return cls(
            tlogs=_once(root.tlogs for root in roots),
            ctlogs=_once(root.ctlogs for root in roots),
            cas=_once(root.cas for root in roots),
            tsas=_once(root.tsas for root in roots),
            problems=_once(root.problems for root in roots),
        )


def parse_client_trust(raw: bytes) -> tuple[TrustedRoot, SigningConfig]:
    """The two halves of a ClientTrustConfig file; Malformed otherwise."""
    members = Members(loads(raw, max_bytes=MAX_BYTES), "client trust config", _CODE)
    if members.text("mediaType") != _CLIENT_TYPE:
        raise members.malformed("is of an unknown type", "mediaType")
    return _root(members.child("trustedRoot"), raw), SigningConfig.read(members.child("signingConfig"))


def _root(members: Members, raw: bytes) -> TrustedRoot:
    if members.text("mediaType") not in _MEDIA_TYPES:
        raise members.malformed("is of an unknown type: not a trusted root of version 0.1 or 0.2", "mediaType")
    problems = [f"{path} is unknown here and ignored" for path in members.others(_ROOT)]
    return TrustedRoot(
        tlogs=tuple(_logs(members, "tlogs", "rekor", problems)),
        ctlogs=tuple(_logs(members, "ctlogs", "ct", problems)),
        cas=tuple(_authorities(members, "certificateAuthorities", "ca", problems)),
        tsas=tuple(_authorities(members, "timestampAuthorities", "tsa", problems)),
        raw=raw,
        problems=tuple(problems),
    )


def _logs(root: Members, name: str, kind: Literal["rekor", "ct"], problems: list[str]) -> Iterator[TrustedLog]:
    for members in root.children(name):
        problems += [f"{path} is unknown here and ignored" for path in members.others(_LOG)]
        key_members = members.child("publicKey")
        window = Window.read(key_members.child("validFor"))
        log_id = members.child("logId").data("keyId")
        if members.enum("hashAlgorithm") not in ("SHA2_256", 1):
            problems.append(f"{members.path} is skipped: its tree does not use SHA-256")
            continue
        key = _key(key_members, problems)
        if key is None or len(log_id) != 32:
            problems.append(f"{members.path} is skipped: {'no usable key' if key is None else 'its log id is cut'}")
            continue
        log = TrustedLog(
            members.text("baseUrl", ""),
            log_id,
            key,
            window,
            operator=members.text("operator", ""),
            kind=kind,
            checkpoint_key_id=members.child("checkpointKeyId").data("keyId") if "checkpointKeyId" in members else None,
        )
        yield _with_origin(log, members.path, problems)


def _key(members: Members, problems: list[str]) -> PublicKey | None:
    """The key, if it is one we can load. What the file says about its kind matters only for old PKCS#1 bytes."""
    data, details = members.data("rawBytes"), members.enum("keyDetails")
    try:
        row = algorithm_named(details)
    except Malformed:
        row = None
    try:
        key = PublicKey.from_pkcs1_der(data) if row and row.pkcs1_key else PublicKey.from_der(data)
    except Malformed as error:
        problems.append(f"{members.path}: {error.message}")
        return None
    if row is None or row.kind != key.kind:
        problems.append(f"{members.path}.keyDetails does not describe its {key.kind} key")
    return key


def _with_origin(log: TrustedLog, path: str, problems: list[str]) -> TrustedLog:
    """Find the origin among what the base URL suggests: the one whose key id is the log id (rekor-tiles pkg/note)."""
    if log.log_id == log.key.sha256:
        return log
    with suppress(ValueError, Malformed):  # no URL at all, or a key that C2SP has no id for
        url = urlsplit(log.base_url if "//" in log.base_url else f"//{log.base_url}")
        for origin in (url.netloc, url.hostname or "", (url.netloc + url.path).rstrip("/")):
            if origin and log_key_id(origin, log.key) == log.log_id:
                return replace(log, origin=origin)
    problems.append(f"{path}: the log id belongs neither to the key nor to the key with the host of its base URL")
    return log


def _authorities(root: Members, name: str, kind: Literal["ca", "tsa"], problems: list[str]) -> Iterator[Authority]:
    for members in root.children(name):
        problems += [f"{path} is unknown here and ignored" for path in members.others(_AUTHORITY)]
        window = Window.read(members.child("validFor"))
        certificates = tuple(one.data("rawBytes") for one in members.child("certChain").children("certificates"))
        if certificates:
            yield Authority(kind, members.text("uri", ""), certificates, window, members.text("operator", ""))
        else:
            problems.append(f"{members.path} is skipped: it has no certificate")


def _once(groups: Iterable[tuple[_Entry, ...]]) -> tuple[_Entry, ...]:
    return tuple(dict.fromkeys(chain.from_iterable(groups)))
