"""How is the trust of a private Sigstore written down? ``trusted-root create`` and ``signing-config create``.

Services are given as cosign's key=value specs (cosign.md 1.4): ``url=…,certificate-chain=…`` and the like.
"""

from typing import Any

import click

from cli.cosign_flags import CosignCommand, Flag, options

_OUT = Flag("--out", "File to write; standard output without it.")
_CA_SPEC = "url=URL,certificate-chain=PEM[,start-time=T,end-time=T]"
_LOG_SPEC = "url=URL,public-key=PEM,start-time=T[,end-time=T,origin=NAME]"
_SERVICE_SPEC = "url=URL,api-version=N,start-time=T,operator=NAME[,end-time=T]"


@click.group("trusted-root")
def trusted_root() -> None:
    """Write trust roots."""


@click.group("signing-config")
def signing_config() -> None:
    """Write signing configs."""


@trusted_root.command("create", cls=CosignCommand)
@options(
    Flag("--fulcio", f"A certificate authority: {_CA_SPEC}.", many=True),
    Flag("--ctfe", f"A certificate transparency log: {_LOG_SPEC}.", many=True),
    Flag("--rekor", f"A transparency log: {_LOG_SPEC}.", many=True),
    Flag("--tsa", f"A timestamp authority: {_CA_SPEC}.", many=True),
    Flag("--with-default-services", "Start from the public instance's trust root.", None),
    Flag("--no-default-fulcio", "Leave its certificate authorities out.", None),
    Flag("--no-default-ctfe", "Leave its certificate transparency logs out.", None),
    Flag("--no-default-rekor", "Leave its transparency logs out.", None),
    Flag("--no-default-tsa", "Leave its timestamp authorities out.", None),
    Flag("--offline", "Take the public instance's trust root from the cache.", None),
    _OUT,
)
def create_trusted_root(**flags: Any) -> int:
    """Write a trust root from keys and certificates."""
    from cli.trust_documents import trusted_root_document, write_document

    write_document(trusted_root_document(flags), flags["out"])
    return 0


@signing_config.command("create", cls=CosignCommand)
@options(
    Flag("--fulcio", f"A certificate authority: {_SERVICE_SPEC}.", many=True),
    Flag("--oidc-provider", f"An OIDC issuer: {_SERVICE_SPEC}.", many=True),
    Flag("--rekor", f"A transparency log: {_SERVICE_SPEC}.", many=True),
    Flag("--tsa", f"A timestamp authority: {_SERVICE_SPEC}.", many=True),
    Flag("--rekor-config", "How many logs to use: ANY, ALL or EXACT:N."),
    Flag("--tsa-config", "How many timestamp authorities to use: ANY, ALL or EXACT:N."),
    Flag("--base-config", "Signing config to start from."),
    Flag("--with-default-services", "Start from the public instance's signing config.", None),
    Flag("--with-default-rekor-v2", "Start from the public instance's signing config for Rekor v2.", None),
    Flag("--no-default-fulcio", "Leave its certificate authorities out.", None),
    Flag("--no-default-oidc", "Leave its OIDC issuers out.", None),
    Flag("--no-default-rekor", "Leave its transparency logs out.", None),
    Flag("--no-default-tsa", "Leave its timestamp authorities out.", None),
    Flag("--offline", "Take the public instance's signing config from the cache.", None),
    _OUT,
)
def create_signing_config(**flags: Any) -> int:
    """Write a signing config (v0.2) from services."""
    from cli.trust_documents import signing_config_document, write_document

    write_document(signing_config_document(flags), flags["out"])
    return 0
