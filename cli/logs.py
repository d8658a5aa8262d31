"""Which logs does the configuration follow, and by which trust?"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from cli.config_file import LoadedConfig
from cli.config_model import LogSection, LogsSection
from monitor.logs.discover import LogPin, discover
from monitor.logs.log import LogKind, Service
from monitor.logs.rekor_v1 import RekorV1Service
from verifier.errors import Malformed, Refused
from verifier.fetch.http import Http
from verifier.keys import PublicKey
from verifier.note import NoteKey
from verifier.pem import PUBLIC_KEY, parse_pem
from verifier.trust import SigningConfig, TrustedRoot

PUBLIC = ("public", "staging")
"""Names under ``[logs]`` whose shards and keys come from a trust root that we know."""

_KINDS: dict[str, LogKind] = {"v1": "rekor-v1", "v2": "rekor-v2"}
_DEFAULTS = LogsSection(v1=LogSection(read="off"), v2=LogSection())
_LARGEST = 16 << 20


@dataclass(frozen=True, slots=True)
class Followed:
    """A service that is polled, with its settings. `instance` is its name under ``[logs]``."""

    instance: str
    service: Service
    section: LogSection

    @property
    def start(self) -> int | str:
        """Where reading begins on the first run."""
        return self.section.start if self.section.start is not None else "now"

    @property
    def every(self) -> timedelta:
        """How often it is polled."""
        return self.section.every


@dataclass(frozen=True, slots=True)
class Trust:
    """The trust root of each instance under ``[logs]``, and all of them together (what certificates are judged by)."""

    instances: dict[str, TrustedRoot]
    configs: dict[str, SigningConfig]

    @property
    def merged(self) -> TrustedRoot:
        """Everything that any instance trusts."""
        return TrustedRoot.merge(*self.instances.values())


def sections(config: LoadedConfig) -> dict[str, LogsSection]:
    """The instances to follow: those of the configuration, or the public one."""
    return dict(config.file.logs) or {"public": _DEFAULTS}


def load_trust(config: LoadedConfig, *, offline: bool = False) -> Trust:
    """Read every trust root: files, and TUF for the public instances (its cache when the network is away)."""
    roots: dict[str, TrustedRoot] = {}
    configs: dict[str, SigningConfig] = {}
    for name, section in sections(config).items():
        files = [one for one in (section.trusted_root, *_protocol_roots(section)) if one]
        if files:
            roots[name] = TrustedRoot.merge(*(_parsed(config, one) for one in files))
        elif name in PUBLIC:
            roots[name], configs[name] = _public(config, name, offline=offline)
        else:
            roots[name] = TrustedRoot()
    return Trust(roots, configs)


def services(config: LoadedConfig, trust: Trust, http: Http) -> list[Followed]:
    """Every service to poll. Refused where a log is not named completely."""
    found: list[Followed] = []
    for name, section in sections(config).items():
        found += _of_instance(config, name, section, trust, http)
    if not found:
        raise Refused(
            f"{config.path}: no log is followed: every one is read = 'off'",
            code="no-logs",
            hint="a watcher that reads nothing would be silent for ever: set read = 'full' for at least one log",
        )
    return found


def read_file(config: LoadedConfig, name: str) -> bytes:
    """A file that the configuration names, relative to it. Refused when it cannot be read."""
    try:
        with (config.folder / name).open("rb") as file:
            return file.read(_LARGEST)
    except OSError as error:
        raise Refused(f"{_place(config, name)}: cannot read {name}: {error.strerror}", code="config-file") from None


def _place(config: LoadedConfig, name: str) -> str:
    """``file:line`` of the first line that names a file, for messages."""
    lines = (number for number, line in enumerate(config.text.splitlines(), 1) if name in line)
    line = next(lines, None)
    return f"{config.path}:{line}" if line else str(config.path)


def _parsed(config: LoadedConfig, name: str) -> TrustedRoot:
    """A trust root that the configuration names."""
    try:
        return TrustedRoot.parse(read_file(config, name))
    except Malformed as error:
        raise Refused(
            f"{_place(config, name)}: {name} is no trust root: {error.message}",
            code="trusted-root",
            hint="a trusted_root.json of Sigstore is needed: sigwarden trusted-root create makes one",
        ) from None


def _protocol_roots(section: LogsSection) -> Iterator[str]:
    for protocol in (section.v1, section.v2):
        if protocol and protocol.trusted_root:
            yield protocol.trusted_root


def _public(config: LoadedConfig, name: str, *, offline: bool) -> tuple[TrustedRoot, SigningConfig]:
    """What TUF says of a public instance, or the file that ``trust`` names."""
    from cli.tuf_instance import signing_config_bytes, trusted_root_bytes

    staging = name == "staging" or config.file.trust == "staging"
    config_bytes = signing_config_bytes(staging=staging, offline=offline or config.file.trust not in _TUF)
    if config.file.trust in _TUF:
        root = trusted_root_bytes(staging=staging, offline=offline)
    else:
        root = read_file(config, config.file.trust)
    return TrustedRoot.parse(root), SigningConfig.parse(config_bytes)


_TUF = ("production", "staging")


def _of_instance(config: LoadedConfig, name: str, section: LogsSection, trust: Trust, http: Http) -> Iterator[Followed]:
    pinned = {
        protocol: one
        for protocol, one in (("v1", section.v1), ("v2", section.v2))
        if one is not None and (one.address or one.origin)
    }
    if name not in PUBLIC and not pinned:
        raise Refused(
            f"{config.where('logs', name)}: logs.{name} names no log",
            code="no-read-url",
            hint="give v1 or v2 a url (read_url), and for v2 its origin; only 'public' and 'staging' are known by name",
        )
    for protocol, one in pinned.items():
        if one.read == "off":
            continue
        pin = LogPin(
            name=f"{name} {protocol}",
            kind=_KINDS[protocol],
            read_url=one.address,
            origin=one.origin,
            keys=_keys(config, one),
        )
        # pins come first; what else the trust root knows is not this instance's business
        yield Followed(name, discover(trust.instances[name], (), (pin,), http)[0], one)
    if name in PUBLIC:
        signing = [trust.configs[name]] if name in trust.configs else []
        for service in discover(trust.instances[name], signing, (), http):
            protocol = "v1" if isinstance(service, RekorV1Service) else "v2"
            settings = getattr(section, protocol) or getattr(_DEFAULTS, protocol)
            if protocol not in pinned and settings.read != "off":
                yield Followed(name, service, settings)


def not_followed(config: LoadedConfig, trust: Trust, http: Http) -> list[str]:
    """The logs that a trust root names and this configuration does not read: what it is blind to."""
    followed = {one.service.name for one in services(config, trust, http)}
    blind: list[str] = []
    for name in set(PUBLIC) & set(sections(config)):
        signing = [trust.configs[name]] if name in trust.configs else []
        known = [service.name for service in discover(trust.instances[name], signing, (), http)]
        blind += [one for one in known if one not in followed]
    return sorted(blind)


def _keys(config: LoadedConfig, section: LogSection) -> tuple[PublicKey, ...]:
    if not section.key_file:
        return ()
    data = read_file(config, section.key_file)
    try:
        if b"-----BEGIN" not in data:
            return (NoteKey.from_vkey(data.decode("ascii", "replace").strip()).key,)
        keys = tuple(PublicKey.from_der(block.data) for block in parse_pem(data) if block.label == PUBLIC_KEY)
    except Malformed as error:
        raise Refused(
            f"{_place(config, section.key_file)}: {section.key_file} is no key of a log: {error.message}",
            code="key-file",
            hint="a PEM file or a vkey is needed",
        ) from None
    if not keys:
        raise Refused(
            f"{_place(config, section.key_file)}: {section.key_file} holds no PUBLIC KEY",
            code="key-file",
            hint="a PEM file or a vkey is needed",
        )
    return keys
