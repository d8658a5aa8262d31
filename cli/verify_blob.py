"""Did the expected signer sign these files? ``verify-blob`` and ``verify-blob-attestation``, as cosign has them."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from cli.cosign_flags import CosignCommand, options, warn
from cli.verify_flags import VERIFY_BLOB, VERIFY_BLOB_ATTESTATION
from verifier.errors import Refused, SigwardenError

if TYPE_CHECKING:
    from cli.blob_job import Judge
    from cli.blob_source import Job

_INSECURE = (
    "Skipping tlog verification is an insecure practice that lacks transparency and auditability verification "
    "for the {}."
)


@click.command("verify-blob", cls=CosignCommand)
@click.argument("files", nargs=-1)
@options(*VERIFY_BLOB)
def verify_blob(files: tuple[str, ...], **flags: Any) -> int:
    """Verify signatures of files (a path, an URL, sha256:DIGEST, or - for standard input)."""
    return _verify(files, flags, "blob")


@click.command("verify-blob-attestation", cls=CosignCommand)
@click.argument("files", nargs=-1)
@options(*VERIFY_BLOB_ATTESTATION)
def verify_blob_attestation(files: tuple[str, ...], **flags: Any) -> int:
    """Verify attestations about files, by predicate type and subject."""
    if flags["digest"]:
        if files:
            raise Refused(
                f"{files[0]} and --digest exclude each other: only one of them would be verified", code="usage"
            )
        files = (f"{flags['digestalg']}:{flags['digest']}",)
    elif not files and not flags["check_claims"]:
        files = ("sha256:" + "0" * 64,)  # nothing is compared with it
    return _verify(files, flags, "blob attestation")


def _verify(files: tuple[str, ...], flags: dict[str, Any], what: str) -> int:
    from cli.blob_job import run_all
    from cli.verify_output import print_failure, print_outcomes

    now = datetime.now(UTC)
    if flags["json"]:
        flags["output"] = "json"
    try:
        jobs, judge = _prepared(files, flags, what, now)
    except SigwardenError as error:
        print_failure(files, error, flags, now)
        raise
    return print_outcomes(run_all(jobs, judge, flags["max_workers"]), flags, now)


def _prepared(files: tuple[str, ...], flags: Mapping[str, Any], what: str, now: datetime) -> "tuple[list[Job], Judge]":
    """What is to be verified, and against what: everything that all files of the command line share."""
    from cli.blob_job import Judge
    from cli.blob_source import jobs_of
    from cli.key_reference import load_public_key
    from cli.trust_material import trust_of
    from cli.verify_policy import policy_of

    key = load_public_key(flags["key"], offline=flags["offline"]) if flags["key"] else None
    policy = policy_of(flags, key, now)
    jobs = jobs_of(files, flags)
    if flags["timestamp_certificate_chain"]:
        policy = replace(policy, timestamps=max(1, policy.timestamps))
    if flags["insecure_ignore_tlog"]:
        warn(_INSECURE.format(what))
    return jobs, Judge(trust_of(flags, with_certificate=key is None), policy, flags)
