"""With which services, and against whose trust, does this command line sign?

Decided before anybody types a password or logs in: contradictions are refused, an explicit URL wins over the signing
config, and nothing is fetched that is not needed.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import click

from cli.cosign_flags import warn
from cli.inputs import read_input
from cli.trust_material import NOTHING, trust_of
from signer.services import Overrides, Services, choose
from verifier.errors import Refused
from verifier.signing_config import SigningConfig
from verifier.trust import TrustedRoot

# cosign's own defaults where a signing config is refused with --use-signing-config=false
_PUBLIC = {
    "fulcio_url": "https://fulcio.sigstore.dev",
    "rekor_url": "https://rekor.sigstore.dev",
    "oidc_issuer": "https://oauth2.sigstore.dev/auth",
}
_UNSUPPORTED = (
    "timestamp_client_cacert",
    "timestamp_client_cert",
    "timestamp_client_key",
    "timestamp_server_name",
)
_TRUST_VARIABLES = (
    "SIGSTORE_ROOT_FILE",
    "SIGSTORE_REKOR_PUBLIC_KEY",
    "SIGSTORE_CT_LOG_PUBLIC_KEY_FILE",
    "SIGSTORE_TSA_CERTIFICATE_FILE",
)


@dataclass(frozen=True, slots=True)
class Plan:
    """What is settled about a call: services, trust, and whether a certificate has to be asked for."""

    services: Services
    trust: TrustedRoot
    keyless: bool


def plan_of(flags: Mapping[str, Any], now: datetime) -> Plan:
    """The plan; Refused for contradictory flags or where no verifiable signature can come of it."""
    _check(flags)
    keyless = not (flags["key"] or flags["sk"]) or bool(flags["issue_certificate"])
    urls = _urls(flags)
    overrides = Overrides(
        fulcio=urls["fulcio_url"] if keyless else None,
        issuer=urls["oidc_issuer"],
        rekor=urls["rekor_url"],
        rekor_version=int(flags["rekor_version"]),
        tsa=flags["timestamp_server_url"],
        use_logs=flags["tlog_upload"],
    )
    services = choose(_config(flags, overrides, keyless=keyless), overrides, now, keyless=keyless)
    return Plan(services, _trust(flags, services, keyless=keyless), keyless)


def _check(flags: Mapping[str, Any]) -> None:
    if flags["key"] and flags["sk"]:
        raise Refused("--key and --sk exclude each other", code="usage", hint="give one of them")
    if flags["signing_config"] and _typed("use_signing_config"):
        raise Refused("--signing-config and --use-signing-config exclude each other", code="usage")
    for name in _UNSUPPORTED:
        if flags[name]:
            raise Refused(
                f"--{name.replace('_', '-')} is not supported: timestamps are asked for without a client certificate",
                code="usage",
            )
    if (flags["certificate"] or flags["certificate_chain"]) and not (flags["key"] or flags["sk"]):
        raise Refused("--certificate needs the --key that it is for", code="usage")


def _typed(name: str) -> bool:
    context = click.get_current_context(silent=True)
    source = context.get_parameter_source(name) if context is not None else None
    return source not in (None, click.core.ParameterSource.DEFAULT)


def _urls(flags: Mapping[str, Any]) -> dict[str, str | None]:
    """URLs from flags; without a signing config cosign's defaults stand for what is not named."""
    given: dict[str, str | None] = {name: flags[name] or None for name in _PUBLIC}
    if flags["use_signing_config"] or flags["signing_config"]:
        return given
    return {name: given[name] or public for name, public in _PUBLIC.items()}


def _config(flags: Mapping[str, Any], urls: Overrides, *, keyless: bool) -> SigningConfig | None:
    """The signing config that fills what the URLs leave open; None where nothing is left open."""
    if flags["signing_config"]:
        return SigningConfig.parse(read_input(flags["signing_config"]))
    if not flags["use_signing_config"]:
        return None
    logs_known = bool(urls.rekor) or not urls.use_logs
    if logs_known and (urls.fulcio or not keyless) and (urls.rekor or urls.fulcio or urls.tsa):
        return None
    if urls.rekor or urls.fulcio or urls.tsa:
        warn("the given URLs are used; services that are not named come from the signing config of the instance")
    from cli.tuf_instance import signing_config_bytes

    return SigningConfig.parse(signing_config_bytes(staging=flags["staging"], offline=False))


def _trust(flags: Mapping[str, Any], services: Services, *, keyless: bool) -> TrustedRoot:
    """What the finished bundle is verified with: nothing, where only our own key vouches for it."""
    with_certificate = keyless or bool(flags["certificate"])
    if not with_certificate and not services.logs and not services.tsas and not flags["trusted_root"]:
        return NOTHING
    if keyless or not flags["certificate"] or flags["trusted_root"] or any(map(os.environ.get, _TRUST_VARIABLES)):
        chain = None
    else:
        chain = flags["certificate_chain"]
    return trust_of(
        {
            "trusted_root": flags["trusted_root"],
            "staging": flags["staging"],
            "offline": False,
            "insecure_ignore_tlog": not services.logs,
            "private_infrastructure": False,
            "insecure_ignore_sct": bool(flags["certificate"]) or flags["insecure_skip_verify"],
            "use_signed_timestamps": bool(services.tsas),
            "certificate_chain": chain,
            "ca_roots": None,
            "ca_intermediates": None,
            "timestamp_certificate_chain": None,
        },
        with_certificate=with_certificate,
    )
