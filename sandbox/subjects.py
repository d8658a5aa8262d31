"""Whom does the sandbox's CA certify? Names and claims as Fulcio would write them, and as it never would."""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Self

from sandbox import der

GOOGLE = "https://accounts.google.com"
GITHUB_ACTIONS = "https://token.actions.githubusercontent.com"
ARC = "1.3.6.1.4.1.57264.1"

# Arc below 1.3.6.1.4.1.57264.1 by name; 1 to 6 hold raw bytes, the others a DER UTF8String (Fulcio, docs/oid-info.md).
# Written down apart from the verifier's table on purpose: each is a check of the other.
CLAIMS: dict[str, int] = {
    "issuer-v1": 1,
    "github-workflow-trigger": 2,
    "github-workflow-sha": 3,
    "github-workflow-name": 4,
    "github-workflow-repository": 5,
    "github-workflow-ref": 6,
    "issuer": 8,
    "build-signer-uri": 9,
    "build-signer-digest": 10,
    "runner-environment": 11,
    "source-repository-uri": 12,
    "source-repository-digest": 13,
    "source-repository-ref": 14,
    "source-repository-identifier": 15,
    "source-repository-owner-uri": 16,
    "source-repository-owner-identifier": 17,
    "build-config-uri": 18,
    "build-config-digest": 19,
    "build-trigger": 20,
    "run-invocation-uri": 21,
    "source-repository-visibility-at-signing": 22,
    "deployment-environment": 23,
    "token-subject": 24,
}


def email_name(value: str | bytes) -> bytes:
    """rfc822Name; bytes go in as they are, IA5 or not."""
    return der.tlv(0x81, value if isinstance(value, bytes) else value.encode("utf-8", "surrogatepass"))


def dns_name(value: str | bytes) -> bytes:
    """dNSName."""
    return der.tlv(0x82, value if isinstance(value, bytes) else value.encode())


def uri_name(value: str | bytes) -> bytes:
    """uniformResourceIdentifier."""
    return der.tlv(0x86, value if isinstance(value, bytes) else value.encode("utf-8", "surrogatepass"))


def ip_name(address: str) -> bytes:
    """iPAddress."""
    return der.tlv(0x87, ipaddress.ip_address(address).packed)


def other_name(value: str, type_id: str = f"{ARC}.7") -> bytes:
    """otherName with a UTF8String; Fulcio's user names by default."""
    return der.tlv(0xA0, der.oid(type_id), der.tlv(0xA0, der.utf8(value)))


@dataclass(frozen=True, slots=True)
class Subject:
    """What a certificate says.

    `names` are whole GeneralName elements, None for no SAN extension at all. In `claims` text is encoded as the table
    says and bytes become the extension's value as they are; a dotted OID may stand for a name; a value may be a tuple
    to write the extension more than once.
    """

    names: tuple[bytes, ...] | None
    claims: Mapping[str, str | bytes | tuple[str | bytes, ...]] = field(default_factory=dict)
    san_critical: bool = True

    def with_claims(self, **claims: str | bytes | None) -> Self:
        """The same subject with claims set (underscores for hyphens), or removed by None."""
        merged = dict(self.claims)
        for key, value in claims.items():
            merged.pop(key.replace("_", "-"), None)
            if value is not None:
                merged[key.replace("_", "-")] = value
        return replace(self, claims=merged)

    def extensions(self) -> list[bytes]:
        """The SAN and Fulcio extensions."""
        out = []
        if self.names is not None:
            out.append(der.extension("2.5.29.17", der.sequence(*self.names), critical=self.san_critical))
        for key, value in self.claims.items():
            out.extend(claim_extension(key, one) for one in (value if isinstance(value, tuple) else (value,)))
        return out


def claim_extension(key: str, value: str | bytes) -> bytes:
    """One Fulcio extension; raises KeyError for a name that is not in the table."""
    arc = CLAIMS.get(key)
    dotted = f"{ARC}.{arc}" if arc else key
    if not arc and not key[:1].isdigit():
        raise KeyError(key)
    if isinstance(value, str):
        value = value.encode("utf-8", "surrogatepass") if arc and arc < 7 else der.utf8(value)
    return der.extension(dotted, value)


def issued_by(issuer: str | None) -> dict[str, str | bytes | tuple[str | bytes, ...]]:
    """Both issuer extensions, as Fulcio writes them today."""
    return {} if issuer is None else {"issuer-v1": issuer, "issuer": issuer}


def email(address: str, issuer: str | None = GOOGLE) -> Subject:
    """A person who logged in."""
    return Subject((email_name(address),), issued_by(issuer))


def uri(value: str, issuer: str | None = None) -> Subject:
    """Any workload that is named by a URI."""
    return Subject((uri_name(value),), issued_by(issuer))


def username(value: str, issuer: str | None = None) -> Subject:
    """``user!domain`` as Fulcio's otherName."""
    return Subject((other_name(value),), issued_by(issuer))


def subject_of(identity: "str | Subject", issuer: str | None = None) -> Subject:
    """A subject from plain text: a URI, ``user!domain``, or an e-mail address."""
    if isinstance(identity, Subject):
        return identity
    if "://" in identity:
        return uri(identity, issuer)
    return username(identity, issuer) if "!" in identity else email(identity, issuer or GOOGLE)


def github(  # noqa: PLR0913 - the claims of one run of a workflow
    repo: str,
    workflow: str = ".github/workflows/release.yml",
    ref: str = "refs/tags/v1.0.0",
    *,
    run: int = 1,
    trigger: str = "push",
    repo_id: int = 123456789,
    owner_id: int = 987654,
    runner: str = "github-hosted",
    source: str | None = None,
    commit: str = "5f0c3e5b9d9a1c2e4f6a8b0c2d4e6f8a0b1c3d5e",
) -> Subject:
    """A GitHub Actions run with every claim of Fulcio's table; `source`: another repository that calls the workflow."""
    server = "https://github.com/"
    workflow_uri = f"{server}{repo}/{workflow}@{ref}"
    caller = source or repo
    claims: dict[str, str | bytes | tuple[str | bytes, ...]] = {
        "issuer-v1": GITHUB_ACTIONS,
        "github-workflow-trigger": trigger,
        "github-workflow-sha": commit,
        "github-workflow-name": "release",
        "github-workflow-repository": caller,
        "github-workflow-ref": ref,
        "issuer": GITHUB_ACTIONS,
        "build-signer-uri": workflow_uri,
        "build-signer-digest": commit,
        "runner-environment": runner,
        "source-repository-uri": server + caller,
        "source-repository-digest": commit,
        "source-repository-ref": ref,
        "source-repository-identifier": str(repo_id),
        "source-repository-owner-uri": server + caller.split("/")[0],
        "source-repository-owner-identifier": str(owner_id),
        "build-config-uri": workflow_uri if source is None else f"{server}{caller}/.github/workflows/call.yml@{ref}",
        "build-config-digest": commit,
        "build-trigger": trigger,
        "run-invocation-uri": f"{server}{caller}/actions/runs/{run}/attempts/1",
        "source-repository-visibility-at-signing": "public",
        "token-subject": f"repo:{caller}:ref:{ref}",
    }
    return Subject((uri_name(workflow_uri),), claims)


def gitlab(project: str, ref: str = "refs/heads/main", issuer: str = "https://gitlab.com") -> Subject:
    """A GitLab pipeline."""
    config = f"{issuer}/{project}//.gitlab-ci.yml@{ref}"
    claims = issued_by(issuer) | {"build-signer-uri": config, "source-repository-uri": f"{issuer}/{project}"}
    return Subject((uri_name(config),), claims | {"source-repository-ref": ref, "build-config-uri": config})
