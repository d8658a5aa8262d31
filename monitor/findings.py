"""What is a finding, and how is it named for ever?

A finding is one thing that the log, the watch rules or our own machinery made true. Its id is stable, so a repeated
batch finds the same finding again and changes nothing.
"""

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType
from typing import Any, Literal, Self

Severity = Literal["critical", "high", "medium", "low", "info"]
Class = Literal["OK", "FINDING", "TAMPER", "SUSPECT", "DEGRADED", "EVENT"]

SEVERITIES: tuple[Severity, ...] = ("critical", "high", "medium", "low", "info")
"""Worst first: `SEVERITIES.index` orders findings."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One row of the table of kinds: what it means, how bad it is unless a watch says otherwise."""

    slug: str
    cls: Class
    severity: Severity
    told_when: str


KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        kind.slug: kind
        for kind in (
            Kind("expected-identity", "OK", "info", "a watch's hit meets its expectation, or the watch has none"),
            Kind("unexpected-identity", "FINDING", "high", "a hit differs from what is expected"),
            Kind("untrusted-chain", "FINDING", "low", "a watched name in a certificate that proves nothing"),
            Kind("lookalike", "FINDING", "low", "a name that reads like a watched one"),
            Kind("unreadable-entry", "FINDING", "info", "proven, but no reader understands it"),
            Kind("anomaly", "FINDING", "low", "impossible times, disagreeing extensions, missing SCT, bad signature"),
            Kind("fork", "TAMPER", "critical", "two signed heads that cannot be of one tree"),
            Kind("root-mismatch", "TAMPER", "critical", "what was read does not hash into the signed root"),
            Kind("missing-entries", "TAMPER", "critical", "entries below a signed size are refused for good"),
            Kind("frozen-log-grew", "TAMPER", "critical", "a log that was final has another head"),
            Kind("rollback", "TAMPER", "critical", "a head older than ours that is not an ancestor of ours"),
            Kind("bad-head", "SUSPECT", "high", "a head that no trusted key signed, or of the wrong origin"),
            Kind("bad-proof", "SUSPECT", "high", "a consistency or inclusion proof that does not hold"),
            Kind("withheld-entries", "SUSPECT", "high", "entries below a signed size are not served"),
            Kind("stale-head", "SUSPECT", "high", "a head older than ours, still served after its grace time"),
            Kind("split-view", "SUSPECT", "high", "another observer holds another head"),
            Kind("gap", "DEGRADED", "medium", "a range that was not read"),
            Kind("backlog", "DEGRADED", "medium", "the log grows faster than we read"),
            Kind("unreachable", "DEGRADED", "medium", "a log or service gave no usable answer"),
            Kind("behind", "DEGRADED", "medium", "the newest proven head is older than its freshness target"),
            Kind("undeliverable-alert", "DEGRADED", "high", "a channel did not take an alert"),
            Kind("store-fault", "DEGRADED", "high", "our own state could not be written or read"),
            Kind("clock-skew", "DEGRADED", "high", "our clock and the servers' disagree"),
            Kind("state-tampered", "DEGRADED", "high", "our own state was edited or lost"),
            Kind("trust-changed", "EVENT", "info", "the trust root has changed"),
            Kind("shard-added", "EVENT", "info", "a new log or shard is followed"),
            Kind("key-rotated", "EVENT", "info", "a log signs with another trusted key"),
            Kind("watch-weakened", "EVENT", "medium", "a watch or its expectation became wider"),
            Kind("watch-silent", "EVENT", "medium", "a watch that used to match has stopped"),
            Kind("gap-accepted", "EVENT", "info", "a person accepted an unread range"),
        )
    }
)


@dataclass(frozen=True, slots=True)
class Difference:
    """One field of a hit that is not as expected."""

    field: str
    got: str
    expected: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Location:
    """Where a leaf stands: the origin of its log and the in-tree index."""

    log: str
    index: int


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding. `facts` holds JSON values only; `group` keys the incident that a person sees.

    `log` is the origin; `index` the in-tree index, None for findings about a log as a whole. `evidence` names raw blobs
    (note, proof, body, ...) that make it provable to someone else.
    """

    id: str
    kind: str
    severity: Severity
    log: str
    index: int | None
    watch: str
    identity: str
    message: str
    proven: bool
    seen_at: datetime
    group: str
    differs: tuple[Difference, ...] = ()
    same: tuple[str, ...] = ()
    locations: tuple[Location, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    evidence: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def cls(self) -> Class:
        """The class of its kind (TAMPER, SUSPECT, ...), which decides exit codes."""
        return KINDS[self.kind].cls

    def proved(self) -> Self:
        """The same finding once its leaf hashes into a signed root."""
        return replace(self, proven=True)


def finding_id(kind: str, *parts: str | int | bytes) -> str:
    """A stable id, ``F-`` and 12 base32 characters of SHA-256 over kind and parts.

    For a leaf the parts are watch and leaf hash; for a log they are origin and size (design, section 3).
    """
    digest = hashlib.sha256(b"sigwarden finding v1")
    for part in (kind, *parts):
        data = part if isinstance(part, bytes) else str(part).encode("utf-8", "surrogatepass")
        digest.update(len(data).to_bytes(8, "big") + data)
    return "F-" + base64.b32encode(digest.digest())[:12].decode()
