"""Which policy do the flags of a verifying command describe?

Cosign's rules (cosign.md 4.2, 4.3) and messages; identities may be repeated and are alternatives. Contradictions are
refused; what cosign ignores in silence is told.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from cli.cosign_flags import warn
from verifier.errors import Refused
from verifier.keys import PublicKey
from verifier.patterns import Pattern
from verifier.policy import IdentityRule, Policy, rule_of

_WORKFLOW = ("trigger", "sha", "name", "repository", "ref")
PREDICATE_TYPES: Mapping[str, str] = {
    "custom": "https://cosign.sigstore.dev/attestation/v1",
    "slsaprovenance": "https://slsa.dev/provenance/v0.2",
    "slsaprovenance02": "https://slsa.dev/provenance/v0.2",
    "slsaprovenance1": "https://slsa.dev/provenance/v1",
    "spdx": "https://spdx.dev/Document",
    "spdxjson": "https://spdx.dev/Document",
    "cyclonedx": "https://cyclonedx.org/bom",
    "link": "https://in-toto.io/Link/v1",
    "vuln": "https://cosign.sigstore.dev/attestation/vuln/v1",
    "openvex": "https://openvex.dev/ns",
}


def policy_of(flags: Mapping[str, Any], key: PublicKey | None, now: datetime) -> Policy:
    """The policy; Refused where the flags contradict each other or leave the signer open."""
    _check_exclusions(flags)
    ignore_logs = bool(flags["insecure_ignore_tlog"] or flags["private_infrastructure"])
    policy = Policy(
        identities=() if key is not None else tuple(_rules(flags)),
        key=key,
        logs=flags["log_threshold"],
        times=flags["time_threshold"],
        timestamps=1 if flags["use_signed_timestamps"] else 0,
        predicate_type=predicate_type(flags["type"]) if "type" in flags else None,
        insecure_ignore_logs=ignore_logs,
        insecure_ignore_scts=flags["insecure_ignore_sct"],
        insecure_ignore_subject=flags.get("check_claims") is False,
        insecure_clock=now if ignore_logs else None,
    )
    if key is not None and any(flags[name] for name in _identity_names(flags) if name not in _EXCLUSIVE):
        warn("issuer, workflow and extension flags have no effect with --key")
    return policy.checked()


def predicate_type(name: str) -> str:
    """The URI behind a short name; anything else is the type itself, compared exactly."""
    return PREDICATE_TYPES.get(name, name)


_EXCLUSIVE = ("certificate_identity", "certificate_identity_regexp")


def _identity_names(flags: Mapping[str, Any]) -> list[str]:
    prefixes = ("certificate_identity", "certificate_oidc", "certificate_github", "certificate_extension")
    return [name for name in flags if name.startswith(prefixes)]


def _check_exclusions(flags: Mapping[str, Any]) -> None:
    if flags["key"] and flags["sk"]:
        raise Refused("--key and --sk exclude each other", code="usage")
    given = [name for name in ("key", *_EXCLUSIVE) if flags[name]]
    if len(given) > 1:
        spelled = " and ".join(f"--{name.replace('_', '-')}" for name in given)
        raise Refused(
            f"{spelled} exclude each other",
            code="usage",
            hint="see 'verificationMaterial' in the bundle: a certificate needs an identity, a publicKey --key",
        )


def _rules(flags: Mapping[str, Any]) -> Iterable[IdentityRule]:
    """One rule for each combination of a name and an issuer: both lists are alternatives.

    An exact issuer and an expression for it must both hold, as in cosign.
    """
    sans = _patterns(flags, "certificate_identity")
    issuers = [Pattern(text) for text in flags["certificate_oidc_issuer"] if text]
    expressions = [Pattern.regex(text) for text in flags["certificate_oidc_issuer_regexp"] if text]
    _require(sans, "certificate-identity")
    _require(issuers or expressions, "certificate-oidc-issuer")
    extensions = _extensions(flags)
    alternatives = [[first, second] for first in issuers for second in expressions]
    if not alternatives:
        alternatives = [[one] for one in (*issuers, *expressions)]
    for san in sans:
        for issuer in alternatives:
            yield rule_of([san], issuer, extensions)


def _patterns(flags: Mapping[str, Any], name: str) -> list[Pattern]:
    exact = [Pattern(text) for text in flags[name] if text]
    return exact + [Pattern.regex(text) for text in flags[f"{name}_regexp"] if text]


def _require(found: object, name: str) -> None:
    if not found:
        raise Refused(
            f"--{name} or --{name}-regexp is required for verification in keyless mode",
            code="policy-undefined",
            hint="or give --key to verify with a public key",
        )


def _extensions(flags: Mapping[str, Any]) -> dict[str, Pattern]:
    found: dict[str, Pattern] = {}
    for part in _WORKFLOW:
        value = flags[f"certificate_github_workflow_{part}"]
        if value:
            found[f"github-workflow-{part}"] = Pattern(value)
    for text in flags["certificate_extension"]:
        name, value = _pair(text)
        found[name] = Pattern(value)
    for text in flags["certificate_extension_regexp"]:
        name, value = _pair(text)
        found[name] = Pattern.regex(value)
    return found


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not value:
        raise Refused(
            f"'{text}' is not NAME=VALUE", code="usage", hint="for example source-repository-ref=refs/heads/main"
        )
    return name, value
