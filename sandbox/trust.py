"""What does a client of the sandbox trust? Trusted roots and signing configurations for any combination."""

import base64
import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sandbox.ca import CA
from sandbox.keys import SigningKey

TRUSTED_ROOT_V01 = "application/vnd.dev.sigstore.trustedroot+json;version=0.1"
TRUSTED_ROOT_V02 = "application/vnd.dev.sigstore.trustedroot.v0.2+json"
SIGNING_CONFIG = "application/vnd.dev.sigstore.signingconfig.v0.2+json"
EPOCH = datetime(2025, 12, 2, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Window:
    """When a key counts; both ends inclusive, no end is open."""

    start: datetime | None = EPOCH
    end: datetime | None = None

    def json(self) -> dict[str, str]:
        """protobuf JSON."""
        ends = {"start": self.start, "end": self.end}
        return {name: end.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") for name, end in ends.items() if end}


ALWAYS = Window()


def b64(data: bytes) -> str:
    """Standard base64, padded."""
    return base64.b64encode(data).decode()


def transparency_log(
    base_url: str, key: SigningKey, log_id: bytes | None = None, window: Window = ALWAYS
) -> dict[str, Any]:
    """One member of `tlogs` or `ctlogs`; `log_id` is SHA-256 of the SPKI unless given (Rekor v2: the C2SP id)."""
    return {
        "baseUrl": base_url,
        "hashAlgorithm": "SHA2_256",
        "publicKey": {"rawBytes": b64(key.spki), "keyDetails": key.details, "validFor": window.json()},
        "logId": {"keyId": b64(log_id or hashlib.sha256(key.spki).digest())},
    }


def authority(uri: str, chain: Sequence[bytes], organization: str, window: Window = ALWAYS) -> dict[str, Any]:
    """One member of `certificateAuthorities` or `timestampAuthorities`; the anchor comes last."""
    return {
        "subject": {"organization": organization, "commonName": "sandbox-intermediate"},
        "uri": uri,
        "certChain": {"certificates": [{"rawBytes": b64(der)} for der in chain]},
        "validFor": window.json(),
    }


def ca_member(ca: CA, uri: str = "https://fulcio.sandbox.test", window: Window = ALWAYS) -> dict[str, Any]:
    """The CA as a member of `certificateAuthorities`."""
    return authority(uri, ca.chain, ca.organization, window)


def ct_member(ca: CA, url: str = "https://ct.sandbox.test/2026", window: Window = ALWAYS) -> dict[str, Any]:
    """The key of the CA's CT log as a member of `ctlogs`."""
    return transparency_log(url, ca.ct, window=window)


def trusted_root(
    tlogs: Iterable[dict[str, Any]] = (),
    cas: Iterable[dict[str, Any]] = (),
    ctlogs: Iterable[dict[str, Any]] = (),
    tsas: Iterable[dict[str, Any]] = (),
    media_type: str = TRUSTED_ROOT_V01,
) -> bytes:
    """trusted_root.json; version 0.1 is what every client reads."""
    members = {
        "mediaType": media_type,
        "tlogs": list(tlogs),
        "certificateAuthorities": list(cas),
        "ctlogs": list(ctlogs),
        "timestampAuthorities": list(tsas),
    }
    return json.dumps(members, indent=1).encode() + b"\n"


def service(url: str, version: int, window: Window = ALWAYS, operator: str = "sandbox.test") -> dict[str, Any]:
    """One service of a signing config."""
    return {"url": url, "majorApiVersion": version, "validFor": window.json(), "operator": operator}


def signing_config(
    rekor: Iterable[dict[str, Any]] = (),
    cas: Iterable[dict[str, Any]] = (),
    oidcs: Iterable[dict[str, Any]] = (),
    tsas: Iterable[dict[str, Any]] = (),
    selector: str = "ANY",
) -> bytes:
    """signing_config.v0.2.json."""
    members = {
        "mediaType": SIGNING_CONFIG,
        "caUrls": list(cas),
        "oidcUrls": list(oidcs),
        "rekorTlogUrls": list(rekor),
        "tsaUrls": list(tsas),
        "rekorTlogConfig": {"selector": selector},
        "tsaConfig": {"selector": selector},
    }
    return json.dumps(members, indent=1).encode() + b"\n"
