"""How did one file's verification go?

Jobs of one command line share the trust root and the policy; many of them are shared out to processes.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from cli.blob_source import Job, bundle_of
from cli.fork_map import fork_map
from cli.inputs import STDIN, read_artifact
from verifier.artifact import Artifact
from verifier.bundle import Bundle
from verifier.errors import SigwardenError
from verifier.holder import holder_of
from verifier.policy import Policy
from verifier.signature import needs
from verifier.trust import TrustedRoot
from verifier.verification import Verified, verify


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a job, in plain values that can travel between processes.

    `error` is (code, message, hint) of the failing check, None if the file verified; `facts` only where wanted.
    """

    name: str
    error: tuple[str, str, str] | None
    warnings: tuple[str, ...]
    facts: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class Judge:
    """What all jobs of one command line share."""

    trust: TrustedRoot
    policy: Policy
    flags: Mapping[str, Any]

    @property
    def wants_facts(self) -> bool:
        """Whether more is to be told than a line."""
        return bool(self.flags["output"] != "text")


def run(job: Job, judge: Judge) -> Outcome:
    """Read bundle and artifact once and verify; never raises our errors: one bad file does not hide the others."""
    bundle: Bundle | None = None
    artifact: Artifact | None = None
    verified: Verified | None = None
    failure: SigwardenError | None = None
    try:
        bundle = bundle_of(job, judge.flags)
        artifact = read_artifact(job.name, needs(bundle, judge.policy.key), offline=judge.flags["offline"])
        bundle = _with_entry(job, bundle, artifact, judge)
        verified = verify(bundle, artifact, judge.trust, judge.policy)
    except SigwardenError as error:
        failure = error
    facts = None
    if judge.wants_facts:
        from reports.signing_facts import Case, facts_of

        facts = facts_of(Case(job.name, bundle, artifact, judge.policy, verified, failure))
    told = (failure.code, failure.message, failure.hint) if failure is not None else None
    return Outcome(job.name, told, verified.warnings if verified is not None else (), facts)


def _with_entry(job: Job, bundle: Bundle, artifact: Artifact, judge: Judge) -> Bundle:
    """Detached files name no log entry: it is looked up where the caller names a log, and proven like any other."""
    url, policy = judge.flags["rekor_url"], judge.policy
    if job.bundle or bundle.entries or not url or policy.insecure_ignore_logs or judge.flags["offline"]:
        return bundle
    from cli.log_lookup import find_entry

    return replace(bundle, entries=(find_entry(bundle, holder_of(bundle, policy), artifact, url),))


def run_all(jobs: list[Job], judge: Judge, workers: int) -> list[Outcome]:
    """Every job; outcomes in their order. Many jobs are shared out to processes: verifying is work for a processor."""
    workers = min(workers, os.cpu_count() or 1, len(jobs) // _JOBS_A_PROCESS)
    if any(job.name == STDIN for job in jobs):
        workers = 1
    return fork_map(lambda job: run(job, judge), jobs, workers)


# Below this a process costs more than it saves.
_JOBS_A_PROCESS = 16
