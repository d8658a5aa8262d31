"""Who must have signed, and how much proof is demanded?

A policy that says nothing is refused, not satisfied: no identity and no key, an empty value, a threshold below one.
What weakens it has "insecure" in its name.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from verifier.errors import Refused, Untrue
from verifier.extensions import EXTENSIONS, oid_of
from verifier.identity import Identity
from verifier.keys import PublicKey
from verifier.patterns import Pattern

# A certificate in which these were found has two readings: what we match may not be what others see.
_FATAL = frozenset(
    {
        "issuer-mismatch",
        "extension-twice",
        "extensions-damaged",
        "extension-damaged",
        "san-twice",
        "san-damaged",
        "trailing-bytes",
        "unknown-field",
        "precertificate",
    }
)


@dataclass(frozen=True, slots=True)
class IdentityRule:
    """One accepted signer: a name fits all of `san`, the issuer all of `issuer`, each extension its own pattern."""

    san: tuple[Pattern, ...]
    issuer: tuple[Pattern, ...]
    extensions: Mapping[str, Pattern] = field(default_factory=dict)

    def why_not(self, identity: Identity) -> str:
        """The first thing about `identity` that differs from this rule; empty if nothing does."""
        names = [name.value for name in identity.names if name.kind in ("ip", "othername") or _plain(name)]
        if not any(all(pattern.matches(name) for pattern in self.san) for name in names):
            shown = ", ".join(names[:5]) or "no name"
            return f"expected the name {' and '.join(map(str, self.san))}, got {shown}"
        if not all(pattern.matches(identity.issuer) for pattern in self.issuer):
            return f"expected the issuer {' and '.join(map(str, self.issuer))}, got {identity.issuer or 'none'}"
        for name, pattern in self.extensions.items():
            value = identity.extensions.get(name)
            if value is None or not pattern.matches(value):
                return f"expected {name} {pattern}, got {'none' if value is None else repr(value)}"
        return ""


def _plain(name: object) -> bool:
    """Whether the text of a name is exactly its bytes, so that no other reading of it exists."""
    value, raw = getattr(name, "value", ""), getattr(name, "raw", b"")
    return bool(value.encode() == raw)


@dataclass(frozen=True, slots=True)
class Policy:
    """What a signature must satisfy.

    `identities` are alternatives; `key` excludes them. `logs`, `times` and `scts` are how many *distinct*
    transparency logs, time authorities and CT logs must vouch; `timestamps` how many distinct RFC 3161 authorities
    among the times. `predicate_type` is compared exactly where given. `insecure_clock` is the time to use where
    nothing proves one.
    """

    identities: tuple[IdentityRule, ...] = ()
    key: PublicKey | None = None
    logs: int = 1
    times: int = 1
    scts: int = 1
    timestamps: int = 0
    predicate_type: str | None = None
    insecure_ignore_logs: bool = False
    insecure_ignore_scts: bool = False
    insecure_ignore_subject: bool = False
    insecure_clock: datetime | None = None

    @classmethod
    def identity(cls, san: str, issuer: str, extensions: Mapping[str, str] | None = None) -> "Policy":
        """Signed by exactly this name (e-mail, URI, ...) as this issuer asserted it, with these extension values."""
        rule = rule_of([Pattern(san)], [Pattern(issuer)], {k: Pattern(v) for k, v in (extensions or {}).items()})
        return cls(identities=(rule,)).checked()

    @classmethod
    def any_of(cls, rules: Iterable[IdentityRule]) -> "Policy":
        """Signed by one of several."""
        return cls(identities=tuple(rules)).checked()

    @classmethod
    def public_key(cls, key: PublicKey) -> "Policy":
        """Signed by this key."""
        return cls(key=key).checked()

    def insecurely(self, *, ignore_logs: bool = False, ignore_scts: bool = False) -> "Policy":
        """The same policy without the demand for a log entry or a certificate timestamp."""
        return replace(self, insecure_ignore_logs=ignore_logs, insecure_ignore_scts=ignore_scts)

    def checked(self) -> "Policy":
        """This policy, or Refused where it leaves open who must have signed, or demands less than one proof."""
        if self.key is None and not self.identities:
            raise Refused(
                "the policy names neither an identity nor a key",
                code="policy-undefined",
                hint="give an identity and its issuer, or a public key",
            )
        if self.key is not None and self.identities:
            raise Refused("the policy names both a key and identities", code="policy-contradiction")
        if min(self.logs, self.times, self.scts) < 1 or self.timestamps < 0:
            raise Refused("a threshold of the policy is below one", code="policy-threshold")
        for rule in self.identities:
            if not rule.san or not rule.issuer or not all(one.text for one in (*rule.san, *rule.issuer)):
                raise Refused("an identity of the policy has an empty name or issuer", code="policy-undefined")
        return self

    @property
    def warnings(self) -> tuple[str, ...]:
        """What about the patterns accepts more than it seems to."""
        patterns = [
            pattern for rule in self.identities for pattern in (*rule.san, *rule.issuer, *rule.extensions.values())
        ]
        return tuple(dict.fromkeys(pattern.warning for pattern in patterns if pattern.warning))


def rule_of(
    san: Iterable[Pattern], issuer: Iterable[Pattern], extensions: Mapping[str, Pattern] | None = None
) -> IdentityRule:
    """A rule with extension names made canonical; Refused for a name that no extension has."""
    canonical: dict[str, Pattern] = {}
    for name, pattern in (extensions or {}).items():
        oid = oid_of(name)
        if oid is None:
            known = ", ".join(row.name for row in EXTENSIONS.values())
            raise Refused(
                f"no certificate extension is called '{name}'", code="policy-extension", hint=f"one of {known}"
            )
        canonical[EXTENSIONS[oid].name] = pattern
    return IdentityRule(tuple(san), tuple(issuer), canonical)


def check_identity(identity: Identity, policy: Policy) -> IdentityRule:
    """The rule that the signer's certificate satisfies; Untrue with the difference from the last one tried."""
    odd = sorted(_FATAL.intersection(identity.anomalies))
    if odd:
        raise Untrue(
            f"the certificate can be read in two ways: {', '.join(odd)}",
            code="certificate-ambiguous",
            hint="no honest authority issues such a certificate",
        )
    difference = ""
    for rule in policy.identities:
        difference = rule.why_not(identity)
        if not difference:
            return rule
    raise Untrue(
        f"failed to verify certificate identity: none of the expected identities matched: {difference}",
        code="identity",
        hint="the signature is valid, but by somebody else",
    )
