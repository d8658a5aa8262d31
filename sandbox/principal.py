"""Whom does Fulcio certify for a token? Issuers and their kinds, and the certificate subject that each kind makes.

After fulcio's config/identity/config.yaml and pkg/identity; the templates are written down here on their own.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from sandbox.claims import GITLAB, SPIFFE
from sandbox.subjects import GITHUB_ACTIONS, GOOGLE, Subject, email_name, issued_by, other_name, uri_name

_GITHUB_URL = "https://github.com"
_Claims = Mapping[str, Any]


class Kind(NamedTuple):
    """How tokens of an issuer become subjects: the type as the API names it, the claim that is proven, the maker."""

    name: str
    challenge: str
    subject: Callable[[_Claims], Subject]


def _text(claims: _Claims, name: str) -> str:
    value = claims[name]
    if not isinstance(value, str | int) or isinstance(value, bool) or value == "":
        raise ValueError(f"claim {name}")
    return str(value)


def _email(claims: _Claims) -> Subject:
    if claims.get("email_verified") not in (True, "true"):
        raise ValueError("email_verified claim is false")
    address = _text(claims, "email")
    if address.count("@") != 1 or address != address.strip():
        raise ValueError("email address is not valid")
    federated = claims.get("federated_claims")
    issuer = _text(federated, "connector_id") if isinstance(federated, dict) else _text(claims, "iss")
    return Subject((email_name(address),), issued_by(issuer) | {"token-subject": _text(claims, "sub")})


# Extension and how it is made of the claims: a template, filled with `url` and every claim.
_GITHUB = {
    "github-workflow-trigger": "{event_name}",
    "github-workflow-sha": "{sha}",
    "github-workflow-name": "{workflow}",
    "github-workflow-repository": "{repository}",
    "github-workflow-ref": "{ref}",
    "build-signer-uri": "{url}/{job_workflow_ref}",
    "build-signer-digest": "{job_workflow_sha}",
    "runner-environment": "{runner_environment}",
    "source-repository-uri": "{url}/{repository}",
    "source-repository-digest": "{sha}",
    "source-repository-ref": "{ref}",
    "source-repository-identifier": "{repository_id}",
    "source-repository-owner-uri": "{url}/{repository_owner}",
    "source-repository-owner-identifier": "{repository_owner_id}",
    "build-config-uri": "{url}/{workflow_ref}",
    "build-config-digest": "{workflow_sha}",
    "build-trigger": "{event_name}",
    "run-invocation-uri": "{url}/{repository}/actions/runs/{run_id}/attempts/{run_attempt}",
    "source-repository-visibility-at-signing": "{repository_visibility}",
    "deployment-environment": "{environment}",
    "token-subject": "{sub}",
}
_GITLAB = {
    "build-signer-uri": "https://{ci_config_ref_uri}",
    "build-signer-digest": "{ci_config_sha}",
    "runner-environment": "{runner_environment}",
    "source-repository-uri": "{url}/{project_path}",
    "source-repository-digest": "{sha}",
    "source-repository-ref": "{ref_path}",
    "source-repository-identifier": "{project_id}",
    "source-repository-owner-uri": "{url}/{namespace_path}",
    "source-repository-owner-identifier": "{namespace_id}",
    "build-config-uri": "https://{ci_config_ref_uri}",
    "build-config-digest": "{ci_config_sha}",
    "build-trigger": "{pipeline_source}",
    "run-invocation-uri": "{url}/{project_path}/-/jobs/{job_id}",
    "source-repository-visibility-at-signing": "{project_visibility}",
    "deployment-environment": "{environment}",
    "token-subject": "{sub}",
}


def _filled(claims: _Claims, url: str, san: str, rows: Mapping[str, str]) -> Subject:
    values = {"environment": "", "url": url} | {name: str(value) for name, value in claims.items()}
    made: dict[str, str | bytes | tuple[str | bytes, ...]] = {
        name: text for name, row in rows.items() if (text := row.format_map(values))
    }
    return Subject((uri_name(san.format_map(values)),), issued_by(_text(claims, "iss")) | made)


def _github(claims: _Claims) -> Subject:
    return _filled(claims, _GITHUB_URL, "{url}/{job_workflow_ref}", _GITHUB)


def _gitlab(claims: _Claims) -> Subject:
    return _filled(claims, _text(claims, "iss"), "https://{ci_config_ref_uri}", _GITLAB)


def _by_subject(claims: _Claims) -> Subject:
    """URI, SPIFFE id or user name: the token's subject is the name."""
    subject = _text(claims, "sub")
    if "!" in subject:
        return Subject((other_name(subject),), issued_by(_text(claims, "iss")))
    if not urlsplit(subject).scheme:
        raise ValueError("the subject is no URI")
    return Subject((uri_name(subject),), issued_by(_text(claims, "iss")))


EMAIL = Kind("email", "email", _email)
GITHUB = Kind("ci-provider", "sub", _github)
GITLAB_PIPELINE = Kind("ci-provider", "sub", _gitlab)
URI = Kind("uri", "sub", _by_subject)

ISSUERS: dict[str, Kind] = {
    GOOGLE: EMAIL,
    GITHUB_ACTIONS: GITHUB,
    GITLAB: GITLAB_PIPELINE,
    SPIFFE: Kind("spiffe", "sub", _by_subject),
}


def kind_of(claims: _Claims) -> Kind:
    """The kind of the token's issuer: by the table, else by what it claims (the sandbox's wildcard issuer)."""
    known = ISSUERS.get(str(claims.get("iss")))
    if known is not None:
        return known
    shapes = (("email", EMAIL), ("job_workflow_ref", GITHUB), ("ci_config_ref_uri", GITLAB_PIPELINE))
    return next((kind for claim, kind in shapes if claim in claims), URI)
