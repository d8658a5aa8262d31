"""Bundles themselves: ``bundle create`` from old pieces, ``bundle upgrade`` to version 0.3, ``bundle inspect``."""

from typing import Any

import click

from cli.cosign_flags import CosignCommand, Flag, options

_OUT = Flag("--out", "File to write; standard output without it.")


@click.group("bundle")
def bundle() -> None:
    """Make, upgrade and look into bundles."""


@bundle.command("create", cls=CosignCommand)
@options(
    Flag("--artifact", "The file that was signed."),
    Flag("--attestation", "A DSSE envelope (JSON) instead of a signature."),
    Flag("--bundle", "A bundle in cosign's old format."),
    Flag("--certificate", "Certificate of the signer."),
    Flag("--signature", "Detached signature."),
    Flag("--rfc3161-timestamp", "RFC 3161 timestamp."),
    Flag("--key", "Public key of the signer."),
    Flag("--sk", "Use a hardware security key.", None),
    Flag("--slot", "Slot of the security key.", hidden=True),
    Flag("--ignore-tlog", "Make a bundle without a log entry.", None),
    Flag("--rekor-url", "Rekor instance to fetch the log entry from.", hidden=True),
    Flag("--offline", "Open no network connection.", None),
    _OUT,
)
def create(**flags: Any) -> int:
    """Make a version 0.3 bundle from pieces."""
    from cli.bundle_making import create_bundle

    return create_bundle(flags)


@bundle.command("upgrade", cls=CosignCommand)
@click.argument("file")
@options(
    Flag("--rekor-url", "Rekor instance to fetch a missing inclusion proof from.", str, "https://rekor.sigstore.dev"),
    Flag("--offline", "Open no network connection.", None),
    _OUT,
)
def upgrade(file: str, **flags: Any) -> int:
    """Upgrade a bundle of an older version to 0.3."""
    from cli.bundle_making import upgrade_bundle

    return upgrade_bundle(file, flags)


@bundle.command("inspect", cls=CosignCommand)
@click.argument("file")
def inspect(file: str) -> int:
    """Describe what is in a bundle; nothing is verified."""
    from cli.bundle_inspect import inspect_bundle

    return inspect_bundle(file)
