"""What does a signer of an entry prove: chain, certificate timestamp, signature, time?

Only hits are checked here: one chain costs as much as scanning a hundred entries. Every check is tried, and says in a
few words how it ended; nothing is raised.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from monitor.facts import CERTIFIED, Facts, Subject
from verifier import tbs
from verifier.bodies import Body
from verifier.certificate import ANOMALIES
from verifier.chain import check_chain
from verifier.entry import LogEntry, check_set, entry_from_rest
from verifier.errors import SigwardenError, Untrue
from verifier.keys import PublicKey
from verifier.sct import check_sct
from verifier.trust import TrustedLog, TrustedRoot

OK = "ok"
NOT_APPLICABLE = "not applicable: a bare key"
UNKNOWN_SIGNATURE = "not in the log: the signature of an envelope covers more than the entry holds"
# A log stamps entries by its own clock, Fulcio certificates by another, ours is a third.
SKEW = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class LogTime:
    """When Rekor v1 says that it took an entry. `proven`: its signed entry timestamp holds; else `why` says why not."""

    at: datetime | None
    proven: bool
    why: str
    entry: LogEntry | None = None


@dataclass(frozen=True, slots=True)
class Credentials:
    """How each check of one signer ended: "ok" or what is wrong. `anomalies` are codes, a few words each."""

    chain: str
    sct: str
    signature: str
    anomalies: Mapping[str, str] = field(default_factory=dict)

    @property
    def trusted(self) -> bool:
        """Whether the name is a trusted authority's word (or the key itself is watched)."""
        return self.chain in (OK, NOT_APPLICABLE)

    @property
    def forged(self) -> bool:
        """Whether the signature is certainly not by this signer."""
        return self.signature.startswith("wrong")


def read_log_time(extra: bytes, body: bytes, tlogs: Sequence[TrustedLog]) -> LogTime:
    """The integrated time beside a v1 leaf, checked; no time at all elsewhere. Attacker-controlled."""
    if not extra:
        return LogTime(None, False, "the log gives no time")
    try:
        ((entry_id, obj),) = json.loads(extra).items()
        entry = entry_from_rest(entry_id, obj)
    except (ValueError, AttributeError, RecursionError, SigwardenError):
        return LogTime(None, False, "what the log says beside the leaf cannot be read")
    if entry.body != body or entry.integrated_time is None:
        return LogTime(None, False, "the log gives no time for this body", entry)
    proven, why = _set_holds(entry, tlogs)
    try:
        return LogTime(datetime.fromtimestamp(entry.integrated_time, UTC), proven, why, entry)
    except (ValueError, OverflowError, OSError):
        return LogTime(None, False, "the integrated time is no date", entry)


def _set_holds(entry: LogEntry, tlogs: Sequence[TrustedLog]) -> tuple[bool, str]:
    known = [log for log in tlogs if log.log_id == entry.log_id]
    why = "no trusted key of this log to check it with"
    for log in known:
        try:
            check_set(entry, log)
        except SigwardenError as error:
            why = error.message
        else:
            return True, OK
    return False, why


def check_credentials(facts: Facts, subject: Subject, trust: TrustedRoot, time: LogTime, now: datetime) -> Credentials:
    """All checks of one signer."""
    anomalies = dict(_odd_body(facts))
    if len({frozenset(body.digests) for body in facts.bodies}) > 1 or len(facts.bodies) > 1:
        anomalies["body-ambiguous"] = "the body has a key twice: it can be read in several ways"
    signature = _signature(facts, subject)
    if subject.identity is None:
        bare = subject.signer.kind not in CERTIFIED
        chain = NOT_APPLICABLE if bare else "the certificate cannot be read"
        return Credentials(chain, NOT_APPLICABLE, signature, anomalies | _times(subject, time, now))
    chain, path = _chain(subject, trust)
    sct = _sct(path, trust) if path else "not checked: no trusted issuer"
    anomalies |= {code: _said(code) for code in subject.identity.anomalies if code != "no-sct" or trust.ctlogs}
    if path and trust.ctlogs and sct != OK and "no-sct" not in anomalies:
        anomalies["sct-invalid"] = f"no certificate timestamp of a trusted log holds: {sct}"
    return Credentials(chain, sct, signature, anomalies | _times(subject, time, now))


def _said(code: str) -> str:
    return ANOMALIES.get(code, code.replace("-", " "))


def _odd_body(facts: Facts) -> list[tuple[str, str]]:
    if facts.problem is not None:
        return [(facts.problem.code, facts.problem.message)]
    return []


def _chain(subject: Subject, trust: TrustedRoot) -> tuple[str, tuple[bytes, ...]]:
    """How the chain to a trusted authority ended at the beginning of the certificate's validity, and the chain."""
    at = subject.identity.not_before if subject.identity else None
    if at is None:
        return "its validity cannot be read", ()
    try:
        return OK, check_chain(subject.signer.der, trust.cas, at, subject.signer.chain)
    except SigwardenError as error:
        return error.message, ()


def _sct(path: tuple[bytes, ...], trust: TrustedRoot) -> str:
    if not trust.ctlogs:
        return "not checked: no CT log is trusted"
    if len(path) < 2:
        return "not checked: the certificate is its own authority"
    try:
        check_sct(path[0], path[1], trust.ctlogs, path[2] if len(path) > 2 else None)
    except SigwardenError as error:
        return error.message
    return OK


def _signature(facts: Facts, subject: Subject) -> str:
    """Whether the signature over the digest is by this signer; Rekor v2 takes ECDSA as DER and as r||s."""
    body = facts.bodies[subject.body] if 0 <= subject.body < len(facts.bodies) else None
    if body is None or subject.signer.signature is None:
        return "not in the log"
    if body.digest_of != "artifact":
        return UNKNOWN_SIGNATURE
    try:
        key = PublicKey.from_der(_spki(subject))
    except SigwardenError as error:
        return f"not checked: {error.message}"
    return _first(_attempts(key, subject.signer.signature, body))


def _spki(subject: Subject) -> bytes:
    if subject.signer.kind not in CERTIFIED:
        return subject.signer.der
    return tbs.walk_certificate(subject.signer.der).spki


def _attempts(key: PublicKey, signature: bytes, body: Body) -> list[Callable[[], None]]:
    attempts: list[Callable[[], None]] = []
    for algorithm, value in body.digests:
        check = partial(key.verify_digest, signature, bytes.fromhex(value), algorithm)
        attempts.append(partial(check, allow_raw=True))
        if key.kind == "rsa":
            attempts.append(partial(check, pss=True))
    return attempts


def _first(attempts: list[Callable[[], None]]) -> str:
    verdict = "not checked: no digest"
    for attempt in attempts:
        try:
            attempt()
        except Untrue as error:
            verdict = "wrong: not by this signer" if error.code == "signature" else f"not checked: {error.message}"
        except SigwardenError as error:
            verdict = f"not checked: {error.message}"
        else:
            return OK
    return verdict


def _times(subject: Subject, time: LogTime, now: datetime) -> dict[str, str]:
    """Impossible times (row 30). A log's clock is never trusted for order; here it is only compared."""
    odd: dict[str, str] = {}
    at, identity = time.at, subject.identity
    if at is not None and at > now + SKEW:
        odd["time-future"] = f"the log says it took the entry in the future, {_iso(at)}"
    if identity is None:
        return odd
    if identity.not_before is not None and identity.not_before > now + SKEW:
        odd["certificate-future"] = f"the certificate is only valid from {_iso(identity.not_before)}"
    if at is not None and identity.not_before is not None and at < identity.not_before - SKEW:
        odd["time-before-certificate"] = f"the log took the entry at {_iso(at)}, before its certificate was valid"
    if at is not None and identity.not_after is not None and at > identity.not_after + SKEW:
        odd["time-after-certificate"] = f"the log took the entry at {_iso(at)}, after its certificate had expired"
    return odd


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def shown_time(time: LogTime, subject: Subject | None) -> dict[str, Any]:
    """The time of a finding as JSON: where it comes from is said, and what is not known."""
    shown: dict[str, Any] = {}
    if time.at is not None:
        shown |= {"at": _iso(time.at), "source": "SET" if time.proven else f"claimed by the log, unproven: {time.why}"}
    if subject is not None and subject.identity is not None:
        for name in ("not_before", "not_after"):
            value = getattr(subject.identity, name)
            if value is not None:
                shown[name] = _iso(value)
    return shown
