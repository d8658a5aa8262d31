"""Did the expected signer sign these files? ``verify-blob`` and ``verify-blob-attestation``, as cosign has them."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import click

from cli.cosign_flags import CosignCommand, options, warn
from cli.verify_flags import VERIFY_BLOB, VERIFY_BLOB_ATTESTATION

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
        files = (f"{flags['digestalg']}:{flags['digest']}",)
    elif not files and not flags["check_claims"]:
        files = ("sha256:" + "0" * 64,)  # nothing is compared with it
    return _verify(files, flags, "blob attestation")


def _verify(files: tuple[str, ...], flags: Mapping[str, Any], what: str) -> int:
    from cli.blob_job import Judge, run_all
    from cli.blob_source import jobs_of
    from cli.key_reference import load_public_key
    from cli.trust_material import trust_of
    from cli.verify_output import print_outcomes
    from cli.verify_policy import policy_of

    now = datetime.now(UTC)
    key = load_public_key(flags["key"], offline=flags["offline"]) if flags["key"] else None
    policy = policy_of(flags, key, now)
    jobs = jobs_of(files, flags)
    if flags["timestamp_certificate_chain"]:
        policy = replace(policy, timestamps=max(1, policy.timestamps))
    if flags["insecure_ignore_tlog"]:
        warn(_INSECURE.format(what))
    judge = Judge(trust_of(flags, with_certificate=key is None), policy, flags)
    return print_outcomes(run_all(jobs, judge, flags["max_workers"]), flags, now)
