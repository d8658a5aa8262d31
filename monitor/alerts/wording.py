"""Which words tell a finding, so that the person on call can decide in sixty seconds? Tables and their look-up."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from monitor.incidents import Incident


@dataclass(frozen=True, slots=True)
class Words:
    """How one kind is told: the headline, the question to answer, and what follows from yes and no."""

    headline: str
    question: str
    yes: str
    no: str


_ACK = 'sigwarden findings ack {id} --note "…"'
_TAMPER = Words(
    "",
    "Can a second machine on another network confirm it?",
    "trust no new entry of this log; export the evidence; tell the log's operator",
    "still export the evidence: one of the two networks was lied to",
)


def _tamper(headline: str) -> Words:
    return Words(headline, _TAMPER.question, _TAMPER.yes, _TAMPER.no)


WORDS: Mapping[str, Words] = MappingProxyType(
    {
        "unexpected-identity": Words(
            "signed in a way that is not expected",
            "Did one of us do this on purpose?",
            _ACK,
            "disable the workflow or account, revoke its tokens, block the digest",
        ),
        "untrusted-chain": Words(
            "our name in a certificate that proves nothing",
            "Is this certificate from an authority of our own?",
            "add that authority to trusted_root",
            f"{_ACK} (anyone can log a self-made certificate)",
        ),
        "lookalike": Words(
            "a name that reads like ours",
            "Is the name ours, written in another way?",
            _ACK,
            "warn those who might take it for ours; report the repository",
        ),
        "unreadable-entry": Words(
            "an entry that no reader understands",
            "Does reading it by hand explain it (sigwarden evidence export {id})?",
            _ACK,
            "keep the evidence; a kind that appears often needs an update of Sigwarden",
        ),
        "anomaly": Words(
            "an entry with something impossible about it",
            "Is it from a client of ours that is known to be broken?",
            _ACK,
            "treat the artifact as unverified and ask who made it",
        ),
        "fork": _tamper("the log signed two heads that cannot be of one tree"),
        "root-mismatch": _tamper("what the log served does not hash into the root it signed"),
        "missing-entries": _tamper("the log refuses entries that it signed"),
        "frozen-log-grew": _tamper("a log that was final has another head"),
        "rollback": _tamper("the log rewrote its history"),
        "bad-head": Words(
            "a head that no trusted key signed",
            "Has the log announced a new key or a new address?",
            "update the trust root or the configuration",
            "somebody may be answering in its place: compare from another network",
        ),
        "bad-proof": Words(
            "the log gave a proof that does not hold",
            "Does it come back on the next passes?",
            "compare from another network; it becomes TAMPER if the entries disagree too",
            _ACK,
        ),
        "withheld-entries": Words(
            "the log does not serve entries that it signed",
            "Are they served within the hour?",
            "it closes by itself (a lagging replica)",
            "treat releases of that time as unverified; ask the log's operator",
        ),
        "stale-head": Words(
            "the log still shows an old head",
            "Does another network see a newer head?",
            "our route to the log is stale or held back: find the cache or proxy",
            "the log stands still: ask its operator",
        ),
        "split-view": _tamper("another observer holds another head of this log"),
        "gap": Words(
            "a range of the log was not read",
            "Can the range still be read?",
            "leave it to be read, or widen the budget",
            "accept it with a note; every report will show it",
        ),
        "backlog": Words(
            "the log grows faster than we read it",
            "May we read faster?",
            "raise http.concurrency or the budget",
            "read less of this log; findings come late meanwhile",
        ),
        "unreachable": Words(
            "the log gave no usable answer",
            "Is it down for others too?",
            "wait; nothing is called clean meanwhile",
            "look at our network, proxy and TLS; TLS failures are never bypassed",
        ),
        "behind": Words(
            "what is proven is older than its target",
            "Is the log itself standing still?",
            "ask its operator",
            "look at sigwarden monitor status for what holds us up",
        ),
        "undeliverable-alert": Words(
            "a channel does not take our alerts",
            "Does sigwarden alert test say what is wrong?",
            "mend the token, the channel or the route; what waits is sent then",
            "watch the other channels meanwhile; nothing is lost",
        ),
        "store-fault": Words(
            "our own state cannot be written or read",
            "Is the disk full or read-only?",
            "make room; work goes on by itself",
            "look at the log of the daemon; reading stands still until it is mended",
        ),
        "clock-skew": Words(
            "our clock and the servers' disagree",
            "Is our clock wrong?",
            "mend its synchronisation",
            "a proxy or server lies about the time: look at which",
        ),
        "state-tampered": Words(
            "our own history was edited or lost",
            "Did we restore or edit the database ourselves?",
            "start again from a copy you trust; what it does not cover is a gap",
            "find out who can write to it; trust nothing it says",
        ),
        "watch-weakened": Words(
            "a watch or its expectation became wider",
            "Did one of us widen it?",
            _ACK,
            "undo it, and look for what was signed since",
        ),
        "watch-silent": Words(
            "a watch that used to match has stopped",
            "Have the releases stopped too?",
            _ACK,
            "signatures go where the watch does not look: find where",
        ),
    }
)

OTHER = Words("something to know", "Is it expected?", _ACK, "see the runbook")
"""For events that are told only where a route asks for them."""


def headline(incident: Incident) -> str:
    """What happened, in our own words."""
    if incident.kind == "unexpected-identity":
        return _difference(incident) or WORDS[incident.kind].headline
    words = WORDS.get(incident.kind)
    return words.headline if words else (incident.kind.replace("-", " "))


_BY_FIELD: Mapping[str, str] = MappingProxyType(
    {
        "never": "signed, though nothing ever should",
        "repo_id": "signed by another repository under our name",
        "owner_id": "signed by another owner under our name",
        "certificate": "signed with a certificate that no working authority makes",
        "issuer": "signed with an identity of an unexpected issuer",
        "name": "signed under a name written in another way",
        "san": "signed by an unexpected identity",
        "repository": "signed by an unexpected repository",
        "workflow": "signed by an unexpected workflow",
        "digests": "signed an artifact that is not in the released list",
        "per_run": "signed more often in one run than expected",
        "source-repository": "our workflow, run for somebody else's repository",
        "ref": "signed from an unexpected ref",
        "trigger": "signed in a run with an unexpected trigger",
        "runner": "signed on an unexpected runner",
    }
)
"""Most telling first: the first of these that differs makes the headline."""

_BY_REF: tuple[tuple[str, str], ...] = (
    ("refs/heads/", "signed from an unexpected branch"),
    ("refs/tags/", "signed from an unexpected tag"),
    ("refs/pull/", "signed from a pull request"),
)


def _difference(incident: Incident) -> str:
    for name in _BY_FIELD:
        if name in incident.fields:
            return _ref(incident) if name == "ref" else _BY_FIELD[name]
    return ""


def _ref(incident: Incident) -> str:
    got = [item.got for finding in incident.findings for item in finding.differs if item.field == "ref"]
    for prefix, phrase in _BY_REF:
        if got and all(value.startswith(prefix) for value in got):
            return phrase
    return _BY_FIELD["ref"]
