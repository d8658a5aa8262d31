"""Sign files: ``sign-blob``, and statements about them: ``attest-blob``, as cosign has them."""

from typing import Any

import click

from cli.cosign_flags import CosignCommand, options
from cli.sign_flags import ATTEST_BLOB, SIGN_BLOB


@click.command("sign-blob", cls=CosignCommand)
@click.argument("files", nargs=-1)
@options(*SIGN_BLOB)
def sign_blob(files: tuple[str, ...], **flags: Any) -> int:
    """Sign files (a path, an URL, or - for standard input)."""
    from cli.early_key import begin

    early = begin(flags)
    from cli.sign_job import sign_files

    return sign_files(files, {**flags, "early_key": early})


@click.command("attest-blob", cls=CosignCommand)
@click.argument("files", nargs=-1)
@options(*ATTEST_BLOB)
def attest_blob(files: tuple[str, ...], **flags: Any) -> int:
    """Sign a statement about a file: provenance, an SBOM, a scan result, or anything else."""
    from cli.early_key import begin

    early = begin(flags)
    from cli.sign_job import attest_file

    return attest_file(files, {**flags, "early_key": early})
