"""Which services make and record this signature?

The signing config of the instance decides by cosign's rules; a URL that the user names wins over it. What cannot end in
a verifiable signature is refused here, before anybody logs in.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from verifier.errors import Refused
from verifier.signing_config import Service, SigningConfig, choose_services

# Major API versions that we speak (protocol.md 5.5); 1 of Fulcio is the API below /api/v2.
_REKOR, _OTHERS = frozenset({1, 2}), frozenset({1})
DEFAULT_ISSUER = "https://oauth2.sigstore.dev/auth"


@dataclass(frozen=True, slots=True)
class Log:
    """A Rekor instance to write to: its base URL, and the major version of its API."""

    url: str
    version: int


@dataclass(frozen=True, slots=True)
class Services:
    """Where to go: one CA, one issuer of identity tokens, logs, and complete URLs of timestamp authorities."""

    fulcio: str | None = None
    issuer: str | None = None
    logs: tuple[Log, ...] = ()
    tsas: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Overrides:
    """URLs that the user named. `rekor_version` is that of `rekor`; `use_logs` False leaves all logs out."""

    fulcio: str | None = None
    issuer: str | None = None
    rekor: str | None = None
    rekor_version: int = 1
    tsa: str | None = None
    use_logs: bool = True


def choose(config: SigningConfig | None, overrides: Overrides, now: datetime, *, keyless: bool) -> Services:
    """The services to use now; Refused (``no-service``, ``no-selector``) where the config leaves it open.

    Without a config only what `overrides` names is used. A key needs neither CA nor issuer.
    """
    found = _from_config(config, now, keyless=keyless, logs=overrides.use_logs and not overrides.rekor)
    if overrides.fulcio:
        found = replace(found, fulcio=_base(overrides.fulcio))
    if overrides.issuer:
        found = replace(found, issuer=_base(overrides.issuer))
    if overrides.rekor and overrides.use_logs:
        found = replace(found, logs=(Log(_base(overrides.rekor), overrides.rekor_version),))
    if overrides.tsa:
        found = replace(found, tsas=(overrides.tsa,))
    if keyless:
        _check_keyless(found)
    return found


def _from_config(config: SigningConfig | None, now: datetime, *, keyless: bool, logs: bool) -> Services:
    if config is None:
        return Services()
    tsas = choose_services(config.tsas, config.tsa_selection.selector, config.tsa_selection.count, now, _OTHERS)
    chosen: tuple[Service, ...] = ()
    if logs:
        selection = config.rekor_selection
        chosen = choose_services(config.rekor_tlogs, selection.selector, selection.count, now, _REKOR)
    return Services(
        fulcio=_first(config.cas, now) if keyless else None,
        issuer=_first(config.oidcs, now) if keyless else None,
        logs=tuple(Log(_base(one.url), one.api_version) for one in chosen),
        tsas=tuple(one.url for one in tsas),
    )


def _first(services: tuple[Service, ...], now: datetime) -> str | None:
    chosen = choose_services(services, "ANY", 1, now, _OTHERS)
    return _base(chosen[0].url) if chosen else None


def _base(url: str) -> str:
    return url.rstrip("/")


def _check_keyless(services: Services) -> None:
    """A certificate lives for minutes: a CA must issue it, and something must prove when it was used."""
    if services.fulcio is None:
        raise Refused(
            "no certificate authority is configured, and there is no key to sign with",
            code="no-service",
            hint="name one with --fulcio-url or in the signing config, or sign with --key",
        )
    if not services.tsas and not any(log.version == 1 for log in services.logs):
        raise Refused(
            "nothing would prove the time of the signature: no timestamp authority and no Rekor v1 log is configured",
            code="no-time",
            hint="a Rekor v2 log signs no time; add --timestamp-server-url or a timestamp authority to the config",
        )
