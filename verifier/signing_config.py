"""Which services should a signer use now?

Reads the signing config of protobuf-specs (v0.2; v0.1 with its plain URLs too) and chooses from it as sigstore-go does.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import urlsplit

from verifier.errors import Refused
from verifier.jsonstrict import loads
from verifier.members import Members
from verifier.window import Window

MAX_BYTES = 1 << 20
_V01 = "application/vnd.dev.sigstore.signingconfig.v0.1+json"
_V02 = "application/vnd.dev.sigstore.signingconfig.v0.2+json"
_CODE = "signing-config"
_SELECTORS = {0: "", 1: "ALL", 2: "ANY", 3: "EXACT"}  # ServiceSelector of sigstore_trustroot.proto
_NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Service:
    """One service: its URL, the major version of its API, when to use it, and who runs it."""

    url: str
    api_version: int
    window: Window
    operator: str = ""


@dataclass(frozen=True, slots=True)
class Selection:
    """How many services of a kind to use: ANY, ALL, EXACT (then `count`), or empty: not said."""

    selector: str = ""
    count: int = 0


@dataclass(frozen=True, slots=True)
class SigningConfig:
    """The services of one signing config. Rekor and timestamp services are chosen by their selection, others first."""

    rekor_tlogs: tuple[Service, ...] = ()
    cas: tuple[Service, ...] = ()
    oidcs: tuple[Service, ...] = ()
    tsas: tuple[Service, ...] = ()
    rekor_selection: Selection = field(default_factory=Selection)
    tsa_selection: Selection = field(default_factory=Selection)

    @classmethod
    def parse(cls, raw: bytes) -> "SigningConfig":
        """From a signing config file; Malformed (``signing-config`` or ``json``) if it is none."""
        return cls.read(Members(loads(raw, max_bytes=MAX_BYTES), "signing config", _CODE))

    @classmethod
    def read(cls, members: Members) -> "SigningConfig":
        """From the parsed JSON object."""
        kind = members.text("mediaType")
        if kind == _V01:
            return _read_v01(members)
        if kind != _V02:
            raise members.malformed("is of an unknown type: not a signing config of version 0.1 or 0.2", "mediaType")
        return cls(
            _services(members, "rekorTlogUrls"),
            _services(members, "caUrls"),
            _services(members, "oidcUrls"),
            _services(members, "tsaUrls"),
            _selection(members, "rekorTlogConfig"),
            _selection(members, "tsaConfig"),
        )


def choose_services(
    services: Sequence[Service], selector: str, count: int, now: datetime, supported: Collection[int]
) -> tuple[Service, ...]:
    """The services to use now; none if none are listed. Refused (``no-service``) if the rule cannot be met.

    Valid now (both ends inside) and of a supported API version; of these the highest version only, even if that leaves
    too few; newest start first; one per operator. Then ANY takes the first, ALL all, EXACT `count` (sigstore-go
    pkg/root/signing_config.go). For authorities and identity providers ask with ANY.
    """
    if not services:
        return ()
    if selector not in ("ANY", "ALL", "EXACT") or (selector == "EXACT" and count < 1):
        raise Refused("the signing config does not say how many of its services to use", code="no-selector")
    current = [one for one in services if one.window.contains(now) and one.api_version in supported]
    newest = max((one.api_version for one in current), default=0)
    ordered = sorted(
        (one for one in current if one.api_version == newest), key=lambda one: one.window.start or _NEVER, reverse=True
    )
    by_operator: dict[str, Service] = {}
    for one in ordered:
        by_operator.setdefault(one.operator, one)
    wanted = {"ANY": 1, "ALL": max(len(by_operator), 1), "EXACT": count}[selector]
    if len(by_operator) < wanted:
        raise Refused(
            f"the signing config has {len(by_operator)} usable services where {wanted} are needed",
            code="no-service",
            hint="its services may have expired: refresh the trust material, or name the service URL",
        )
    return tuple(by_operator.values())[:wanted]


def _services(members: Members, name: str) -> tuple[Service, ...]:
    return tuple(
        Service(
            _url(one, "url", one.text("url")),
            one.number("majorApiVersion", 0),
            Window.read(one.child("validFor")),
            one.text("operator", ""),
        )
        for one in members.children(name)
    )


def _selection(members: Members, name: str) -> Selection:
    if name not in members:
        return Selection()
    config = members.child(name)
    value = config.enum("selector")
    selector = _SELECTORS.get(value, "?") if isinstance(value, int) else value
    selector = "" if selector == "SERVICE_SELECTOR_UNDEFINED" else selector
    if selector not in _SELECTORS.values():
        raise config.malformed("is none of ANY, ALL and EXACT", "selector")
    return Selection(selector, config.number("count", 0))


def _read_v01(members: Members) -> SigningConfig:
    """The legacy form: plain URLs, without version, period and operator; one of each is used."""

    def plain(*urls: str, name: str) -> tuple[Service, ...]:
        return tuple(Service(_url(members, name, url), 1, Window(), url) for url in urls if url)

    return SigningConfig(
        plain(*members.texts("tlogUrls"), name="tlogUrls"),
        plain(members.text("caUrl", ""), name="caUrl"),
        plain(members.text("oidcUrl", ""), name="oidcUrl"),
        plain(*members.texts("tsaUrls"), name="tsaUrls"),
        Selection("ANY"),
        Selection("ANY"),
    )


def _url(members: Members, name: str, url: str) -> str:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise members.malformed("is not an http or https URL", name)
    return url
