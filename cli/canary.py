"""Which log may a drill sign into, would anybody be told, and what is then in the log?

Everything that can be refused is refused before the log is asked: an entry cannot be taken back.
"""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import rfc8785

from cli.config_file import LoadedConfig
from cli.config_model import LogSection
from cli.logs import PUBLIC, load_trust, sections
from cli.sign_session import Session, session
from cli.watchtower import Watchtower, utc_now
from monitor.assess import assess
from monitor.findings import Finding
from monitor.logs.discover import host_of
from monitor.logs.log import LogSpec
from monitor.match import Matcher
from monitor.scan import RawHit, watch_test
from signer.keys.key import prehashing
from signer.sign import Credential, Work
from verifier.artifact import Artifact
from verifier.bundle import Bundle
from verifier.certificate import read_identity
from verifier.compact import hash_leaf
from verifier.errors import Refused
from verifier.fetch.tuf_cache import MIRRORS, shipped
from verifier.keys import algorithm_for
from verifier.trust import TrustedRoot

_PUBLIC_HOSTS = ("sigstore.dev", "sigstage.dev")
_VERSIONS = {"v1": 1, "v2": 2}
_FLAG = "--public-log-i-know-this-is-permanent"


@dataclass(frozen=True, slots=True)
class Target:
    """A log to write to: ``instance.protocol`` of the configuration, its URL, and the trust root that knows it."""

    name: str
    url: str
    version: int
    trusted_root: str | None


@dataclass(frozen=True, slots=True)
class Canary:
    """What was planted: who it says signed it, where it is, since when, and who should be told."""

    who: str
    watches: tuple[str, ...]
    channels: tuple[str, ...]
    url: str
    index: int
    leaf_hash: bytes
    logged_at: datetime


def target_of(config: LoadedConfig, wanted: str, *, allow_public: bool) -> Target:
    """The one log to sign into; Refused where it is open which, none is named, or it is public and not allowed."""
    targets = [one for one in _targets(config) if wanted in ("", one.name, one.name.split(".")[0])]
    if len(targets) != 1:
        names = ", ".join(one.name for one in targets) or "none with an address"
        raise Refused(
            f"{'which log? there are ' + names if targets else f'no log to sign into: {names}'}",
            code="drill-log",
            hint="name one with --log; it needs url, read_url or write_url in the configuration",
        )
    (target,) = targets
    if _is_public(config, target) and not allow_public:
        raise Refused(
            f"{target.name} is a public log: the canary would stand in it for ever, with its identity",
            code="drill-public",
            hint=f"drill against a sandbox (sigwarden sandbox up) or a private log; or say {_FLAG}",
        )
    return target


def plant(name: str, target: Target, tower: Watchtower, flags: Mapping[str, Any]) -> Canary:
    """Sign and log the canary. Refused, with nothing logged, where no channel would be told of it."""
    flags = {**flags, "rekor_url": target.url, "rekor_version": str(target.version)}
    if not flags["trusted_root"] and target.trusted_root:
        flags["trusted_root"] = str(tower.config.folder / target.trusted_root)
    text = f"Sigwarden fire drill {name} at {utc_now():%Y-%m-%d %H:%M:%SZ}. Harmless: nothing was released.\n"
    artifact = Artifact.of(text.encode())
    with session(flags) as shared:
        credential = shared.credential()
        foreseen = foresee(credential, artifact, tower, target)
        channels = _channels(foreseen, tower)
        bundle = _logged(shared, Work(f"the canary {name}", artifact))
    entry = bundle.entries[0]
    return Canary(
        who=_who(credential),
        watches=tuple(dict.fromkeys(one.watch for one in foreseen)),
        channels=channels,
        url=target.url,
        index=entry.index if entry.global_index is None else entry.global_index,
        leaf_hash=entry.leaf_hash,
        logged_at=datetime.now(UTC),
    )


def foresee(credential: Credential, artifact: Artifact, tower: Watchtower, target: Target) -> Sequence[Finding]:
    """The findings that the canary will make, worst first; Refused if no watch would see it."""
    body = _body(credential, artifact)
    matches = tuple(match for _, match in watch_test(Matcher(tower.watches), [body]))
    spec = LogSpec("rekor-v2", target.name, target.url)
    found = assess(RawHit(0, hash_leaf(body), body, b"", matches), spec, tower.rules, utc_now())
    if not found:
        raise Refused(
            f"no watch would see a signature by {_who(credential)}",
            code="drill-unwatched",
            hint="log in as somebody that a [[watch]] names, or add a watch for the drill's identity",
        )
    return found


def _logged(shared: Session, work: Work) -> Bundle:
    bundle = shared.sign(work)
    shared.delivered(work.name)
    return bundle


def _channels(foreseen: Sequence[Finding], tower: Watchtower) -> tuple[str, ...]:
    channels = tuple(dict.fromkeys(channel for one in foreseen for channel in tower.routes.of(one)))
    if channels:
        return channels
    first = foreseen[0]
    raise Refused(
        f"nobody would be told: the watch '{first.watch}' says {first.message} ({first.kind}, {first.severity})",
        code="drill-silent",
        hint="a drill needs news: a watch with expect = 'never' for its identity, and a channel for its severity",
    )


def _targets(config: LoadedConfig) -> Sequence[Target]:
    found = []
    for name, section in sections(config).items():
        for protocol, version in _VERSIONS.items():
            one: LogSection | None = getattr(section, protocol)
            url = one and one.read != "off" and (one.write_url or one.address)
            if one and url:
                root = one.trusted_root or section.trusted_root
                found.append(Target(f"{name}.{protocol}", url.rstrip("/"), version, root))
    return found


def _is_public(config: LoadedConfig, target: Target) -> bool:
    """By name, by host, or by a key of the public instances in the trust root that knows the log (a proxy's host)."""
    instance = target.name.split(".")[0]
    host = host_of(target.url)
    if instance in PUBLIC or any(host == one or host.endswith("." + one) for one in _PUBLIC_HOSTS):
        return True
    logs = load_trust(config, offline=True).instances[instance].tlogs
    known = [log for log in logs if host_of(log.base_url) == host] or logs
    roots = (TrustedRoot.parse(shipped(name, "trusted_root.json")) for name in MIRRORS)
    public = {log.key.sha256 for root in roots for log in root.tlogs}
    return any(log.key.sha256 in public for log in known)


def _body(credential: Credential, artifact: Artifact) -> bytes:
    """The hashedrekord 0.0.2 that a log would make of this signature: what our own rules are tried on."""
    key = prehashing(credential.key)
    name = key.hash_name or "sha256"
    digest = artifact.digest(name)
    raw = credential.certificate if credential.certificate is not None else key.public.der
    member = "publicKey" if credential.certificate is None else "x509Certificate"
    verifier = {"keyDetails": algorithm_for(key.public).name, member: {"rawBytes": _b64(raw)}}
    data = {"algorithm": name.upper().replace("SHA", "SHA2_"), "digest": _b64(digest)}
    signature = {"content": _b64(key.sign_digest(digest)), "verifier": verifier}
    spec: Any = {"hashedRekordV002": {"data": data, "signature": signature}}
    return rfc8785.dumps({"apiVersion": "0.0.2", "kind": "hashedrekord", "spec": spec})


def _who(credential: Credential) -> str:
    if credential.certificate is None:
        return f"the key {hashlib.sha256(credential.key.public.der).hexdigest()}"
    return ", ".join(one.value for one in read_identity(credential.certificate).names)


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()
