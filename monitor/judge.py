"""Is a hit expected, unexpected, untrusted, a look-alike, an anomaly?

The kind follows from what was proven first and from what was expected second. Each signer is judged for itself (row
43); everything odd is named.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from monitor.credentials import Credentials, LogTime
from monitor.expect import Expectation, Judged, Signed, judge, source_of
from monitor.facts import Facts, Subject, run_of
from monitor.findings import KINDS, SEVERITIES, Difference, Severity, finding_id
from monitor.match import CLAIM, IN_OPAQUE, Match
from monitor.patterns import CASE_FOLDED
from monitor.watch import Watch
from verifier.trust import TrustedRoot

# An authority that works makes none of these: with one, a signature is not as expected whatever else it says.
GRAVE = frozenset({"no-sct", "sct-invalid", "precertificate", "extension-twice", "san-twice", "body-ambiguous"})
# With these nobody can verify the signature: it proves as little as a certificate of one's own making.
WORTHLESS = frozenset({"time-before-certificate", "time-after-certificate"})


class History(Protocol):
    """What was found before; the leaf in question never counts, whatever the kind of its finding."""

    def count(self, watch: str) -> int:
        """Findings of a watch so far."""

    def seen(self, watch: str, field: str, value: str) -> int:
        """Findings of a watch so far whose `field` (ref, workflow, issuer, ...) had this value."""

    def run_count(self, watch: str, run: str, excluding: frozenset[str]) -> int:
        """Findings of a watch in one run, without those of these ids."""


class NoHistory:
    """Nothing was found before."""

    def count(self, watch: str) -> int:
        """None."""
        return 0

    def seen(self, watch: str, field: str, value: str) -> int:
        """None."""
        return 0

    def run_count(self, watch: str, run: str, excluding: frozenset[str]) -> int:
        """None."""
        return 0


@dataclass(frozen=True, slots=True)
class Rules:
    """What hits are judged by. `sha256` names the rules' text, for findings that cite it."""

    watches: tuple[Watch, ...]
    trust: TrustedRoot
    history: History
    sha256: str = ""
    by_name: Mapping[str, Watch] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_name", {watch.name: watch for watch in self.watches})


class Case(NamedTuple):
    """One match of one signer, with all that was found out about it."""

    watch: Watch
    match: Match
    subject: Subject | None
    facts: Facts
    credentials: Credentials | None
    time: LogTime
    signed: Signed | None
    leaf_hash: bytes


class Verdict(NamedTuple):
    """What a case is. `released`: whether the artifact is in a list of released ones, None without a list."""

    kind: str
    severity: Severity
    message: str
    differs: tuple[Difference, ...] = ()
    same: tuple[str, ...] = ()
    foreign: bool = False
    released: bool | None = None


def judge_case(case: Case, rules: Rules) -> Verdict:
    """What was proven first, what was expected second."""
    if case.signed is None or case.credentials is None or (case.subject and _in_unknown_kind(case)):
        return Verdict("unreadable-entry", "medium", f"watched {_where(case.match)} stands in an entry nobody can read")
    if not case.match.exact and not (case.match.reading == CASE_FOLDED and case.credentials.trusted):
        return Verdict("lookalike", "low", f"reads like a watched name ({case.match.reading}), and is another one")
    if case.match.field == CLAIM:
        return Verdict("untrusted-chain", "low", "an OpenPGP key names the address for itself: that proves nothing")
    if not case.credentials.trusted:
        return Verdict("untrusted-chain", "low", f"the certificate proves nothing: {case.credentials.chain}")
    worthless = [text for code, text in case.credentials.anomalies.items() if code in WORTHLESS]
    if case.credentials.forged or worthless:
        forged = ["the signature is not by this signer"] if case.credentials.forged else []
        return Verdict("anomaly", "low", "; ".join(forged + worthless))
    return _by_expectation(case, rules)


def _in_unknown_kind(case: Case) -> bool:
    """Whether the signer was found in bytes that no reader understands."""
    return case.subject is not None and case.subject.body < 0


def _where(match: Match) -> str:
    return "text" if match.reading == IN_OPAQUE else match.field


def _by_expectation(case: Case, rules: Rules) -> Verdict:
    watch, signed = case.watch, case.signed
    if signed is None or case.credentials is None:
        raise AssertionError("only signers are judged by expectation")
    if is_foreign(case) and watch.foreign_source == "count":
        return Verdict("expected-identity", "info", "an outsider ran our workflow: counted, not told", foreign=True)
    base = judge(signed, watch.require)
    best = _closest_block(case, base, rules)
    grave = [text for code, text in case.credentials.anomalies.items() if code in GRAVE]
    differs = best.differs + _name_differs(case) + _foreign_differs(case)
    severity = watch.severity
    if grave and not differs:
        severity = "medium" if SEVERITIES.index(watch.severity) < SEVERITIES.index("medium") else watch.severity
    if grave:
        differs += (Difference("certificate", "; ".join(grave), ()),)
    released = _released(case)
    if not differs:
        return Verdict("expected-identity", "info", _expected_message(watch), (), best.same, False, released)
    message = _differing(differs)
    return Verdict("unexpected-identity", severity, message, differs, best.same, is_foreign(case), released)


def _expected_message(watch: Watch) -> str:
    return "as expected" if watch.expect else "recorded: the watch expects nothing in particular"


def _differing(differs: Sequence[Difference]) -> str:
    names = list(dict.fromkeys(one.field.replace("_", " ") for one in differs))
    if names == ["never"]:
        return "signed, and nothing should ever be"
    listed = names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
    return f"{listed} {'differs' if len(names) == 1 else 'differ'}"


def _closest_block(case: Case, base: Judged, rules: Rules) -> Judged:
    """The block that is met, else the one with the fewest differences; what is always required counts in each."""
    expect = case.watch.expect
    if expect == "never":
        return Judged((Difference("never", "signed", ("never",)),), base.same)
    blocks = [_block(case, block, base, rules) for block in expect] or [base]
    return min(blocks, key=lambda judged: len(judged.differs))


def _block(case: Case, block: Expectation, base: Judged, rules: Rules) -> Judged:
    if case.signed is None:
        return base
    judged = judge(case.signed, block.requirements)
    differs = base.differs + judged.differs + _not_released(case, block)
    if not differs:  # the cap is asked last: it needs the history
        differs = _surplus(case, block, rules)
    return Judged(differs, base.same + judged.same)


def _not_released(case: Case, block: Expectation) -> tuple[Difference, ...]:
    """Rows 91 and 95: everything as expected, but not something that was released."""
    if block.digests is None or case.facts.digests & block.digests:
        return ()
    got = ", ".join(sorted(case.facts.digests)) or "(not named in the log)"
    return (Difference("digests", got, (f"one of {len(block.digests)} released",)),)


def _released(case: Case) -> bool | None:
    """Whether the artifact is in a list of released ones; None without such a list."""
    blocks = () if case.watch.expect == "never" else case.watch.expect
    lists = [block.digests for block in blocks if block.digests is not None]
    return any(case.facts.digests & digests for digests in lists) if lists else None


def _surplus(case: Case, block: Expectation, rules: Rules) -> tuple[Difference, ...]:
    """Row 91: more signatures of one run than there should be."""
    if block.per_run is None or case.subject is None:
        return ()
    own = frozenset(finding_id(kind, case.watch.name, case.leaf_hash) for kind in KINDS)
    count = rules.history.run_count(case.watch.name, run_of(case.subject), own) + 1
    if count <= block.per_run:
        return ()
    return (Difference("per_run", str(count), (f"at most {block.per_run}",)),)


def _name_differs(case: Case) -> tuple[Difference, ...]:
    """A name in another case is the same account to GitHub and to mail servers, and still not the one named."""
    if case.match.exact:
        return ()
    group = [pattern.value for pattern in case.watch.patterns]
    return (Difference("name", case.match.value, tuple(group[:3])),)


def is_foreign(case: Case) -> bool:
    """Row 93: our workflow, run for a repository that is not ours."""
    if case.signed is None or case.match.field != "san" or not (case.signed.projects or case.signed.owners):
        return False
    source = source_of(case.signed)
    return source is not None and not case.signed.ours(source)


def _foreign_differs(case: Case) -> tuple[Difference, ...]:
    if case.signed is None or not is_foreign(case):
        return ()
    source = source_of(case.signed)
    wanted = tuple(sorted((*case.signed.projects, *(f"{owner}/*" for owner in case.signed.owners))))
    return (Difference("source-repository", f"{source.host}/{source.project}" if source else "", wanted[:3]),)
