"""What do identity tokens say? The claims of people, workflows, pipelines and workloads, as issuers write them."""

import hashlib
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from sandbox.subjects import GITHUB_ACTIONS, GOOGLE

GITLAB = "https://gitlab.com"
SPIFFE = "https://spiffe.sandbox.test"
_COMMIT = "5f0c3e5b9d9a1c2e4f6a8b0c2d4e6f8a0b1c3d5e"
_GITHUB = re.compile(r"https://github\.com/([^/@]+/[^/@]+?)(?:/(\.github/workflows/[^@]+))?(?:@(.+))?")
_GITLAB = re.compile(r"(https://[^/]+)/(.+?)//([^@]+)@(.+)")

Claims = Mapping[str, Any]


def person(address: str, connector: str | None = GOOGLE) -> dict[str, Any]:
    """Somebody who logged in by Dex, which names who vouches in ``federated_claims``; `connector` None: directly."""
    user = str(int.from_bytes(hashlib.sha256(address.encode()).digest()[:6], "big"))
    claims: dict[str, Any] = {"sub": user, "email": address, "email_verified": True}
    if connector is None:
        return claims
    return claims | {"federated_claims": {"connector_id": connector, "user_id": user}}


def github_run(  # noqa: PLR0913 - the claims of one run of a workflow, as in subjects.github
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
    commit: str = _COMMIT,
) -> dict[str, Any]:
    """A run of a GitHub workflow; `source`: another repository that calls the workflow."""
    caller = source or repo
    called = f"{repo}/{workflow}@{ref}"
    return {
        "iss": GITHUB_ACTIONS,
        "sub": f"repo:{caller}:ref:{ref}",
        "repository": caller,
        "repository_id": str(repo_id),
        "repository_owner": caller.split("/")[0],
        "repository_owner_id": str(owner_id),
        "repository_visibility": "public",
        "ref": ref,
        "ref_type": "tag" if ref.startswith("refs/tags/") else "branch",
        "sha": commit,
        "event_name": trigger,
        "workflow": "release",
        "workflow_ref": called if source is None else f"{caller}/.github/workflows/call.yml@{ref}",
        "workflow_sha": commit,
        "job_workflow_ref": called,
        "job_workflow_sha": commit,
        "run_id": str(run),
        "run_number": str(run),
        "run_attempt": "1",
        "runner_environment": runner,
        "actor": "octocat",
    }


def gitlab_job(
    project: str,
    ref: str = "refs/heads/main",
    *,
    server: str = GITLAB,
    config: str = ".gitlab-ci.yml",
    trigger: str = "push",
    commit: str = _COMMIT,
) -> dict[str, Any]:
    """A job of a GitLab pipeline. Ids are numbers with seven digits: they have been rendered wrongly before."""
    kind, name = ("tag" if ref.startswith("refs/tags/") else "branch"), ref.split("/", 2)[-1]
    host = urlsplit(server).netloc
    return {
        "iss": server,
        "sub": f"project_path:{project}:ref_type:{kind}:ref:{name}",
        "project_path": project,
        "project_id": "12345678",
        "project_visibility": "public",
        "namespace_path": project.rpartition("/")[0],
        "namespace_id": "7654321",
        "ref": name,
        "ref_type": kind,
        "ref_path": ref,
        "sha": commit,
        "ci_config_ref_uri": f"{host}/{project}//{config}@{ref}",
        "ci_config_sha": commit,
        "pipeline_source": trigger,
        "pipeline_id": "1001",
        "job_id": "2002",
        "runner_environment": "gitlab-hosted",
    }


def workload(subject: str, issuer: str = SPIFFE) -> dict[str, Any]:
    """Something that is named by its subject alone: a SPIFFE id, a URI, or ``user!domain``."""
    return {"iss": issuer, "sub": subject}


def claims_of(identity: str | Claims, issuer: str | None = None) -> dict[str, Any]:
    """Claims for an identity as a certificate would show it; `issuer` is who the certificate shall say vouches."""
    if not isinstance(identity, str):
        return dict(identity)
    if match := _GITHUB.fullmatch(identity):
        claims = github_run(match[1], match[2] or ".github/workflows/release.yml", match[3] or "refs/tags/v1.0.0")
        return claims | ({"iss": issuer} if issuer else {})
    if (match := _GITLAB.fullmatch(identity)) and issuer in (None, match[1]):
        return gitlab_job(match[2], match[4], server=match[1], config=match[3])
    if "://" in identity or "!" in identity:
        return workload(identity, issuer or SPIFFE)
    return person(identity, issuer or GOOGLE)
