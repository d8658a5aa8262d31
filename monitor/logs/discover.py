"""Which logs are there to be watched?

Those of the trusted root (their keys are what counts), those that a signing config announces, and those pinned in our
own configuration, which win.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from monitor.logs.log import Head, LogKind, LogSpec, Service
from monitor.logs.rekor_v1 import RekorV1Service
from monitor.logs.tiled import TiledService
from verifier.errors import Malformed, Refused
from verifier.fetch.http import Http
from verifier.keys import PublicKey
from verifier.note import NoteKey, log_key_id
from verifier.trust import SigningConfig, TrustedLog, TrustedRoot

_V2_PATH = "/api/v2"


@dataclass(frozen=True, slots=True)
class LogPin:
    """A log as our configuration names it. What is missing comes from the trusted root.

    `origin` is the first line of its checkpoints (v2) or the host in them (v1); by default the host of `read_url`.
    `read` and `start` say how much of it is read, and from where; discovery does not look at them.
    """

    name: str
    kind: LogKind
    read_url: str | None = None
    origin: str | None = None
    keys: tuple[PublicKey, ...] = ()
    read: Literal["full", "index", "heads", "off"] = "full"
    start: int | str | None = None


class Unkeyed:
    """A log that a signing config announces and for which we have no key: a problem, not a silence."""

    def __init__(self, name: str, spec: LogSpec) -> None:
        self.name = name
        self._head = Head(
            spec,
            b"",
            (),
            problem=Refused(
                f"{name} is announced by the signing config, and the trusted root has no key for it",
                code="no-log-key",
                hint="refresh the trusted root, or pin the log with its key in the configuration",
            ),
        )

    def heads(self) -> Sequence[Head]:
        """Its problem; nothing is asked of a log that we could not check."""
        return [self._head]


def discover(trust: TrustedRoot, configs: Sequence[SigningConfig], pins: Sequence[LogPin], http: Http) -> list[Service]:
    """The services to poll, each once: pins first, then trusted logs, then announced logs that have no key."""
    announced = {host_of(one.url): one for config in configs for one in config.rekor_tlogs}
    services: list[Service] = [_pinned(pin, trust, http) for pin in pins]
    for origin, url, logs in _groups(trust):
        if any(_is_of(log, _origin(pin), pin.read_url) for pin in pins for log in logs):
            continue
        # a v1 log id is the hash of the key, and so is that of an ECDSA key on v2: then the signing config tells
        said = announced.get(host_of(url))
        v2 = logs[0].log_id != logs[0].key.sha256 or (said is not None and said.api_version == 2)
        keys = tuple(dict.fromkeys(log.note_key(origin) for log in logs))
        urls = (url + _V2_PATH, url) if v2 else (url,)
        services.append(_service("rekor-v2" if v2 else "rekor-v1", (origin, origin), urls, keys, http))
    taken = {place for pin in pins for place in (_origin(pin), host_of(pin.read_url or ""))}
    taken |= {place for origin, url, _ in _groups(trust) for place in (origin, host_of(url))}
    for host, said in announced.items():
        if host not in taken:
            kind: LogKind = "rekor-v2" if said.api_version == 2 else "rekor-v1"
            services.append(Unkeyed(host, LogSpec(kind, host, _with_scheme(said.url))))
    return services


def host_of(url: str) -> str:
    """The host of a URL without its port, also of one without a scheme, as a trusted root may have it."""
    try:
        return urlsplit(_with_scheme(url)).hostname or ""
    except ValueError:
        return ""


def _pinned(pin: LogPin, trust: TrustedRoot, http: Http) -> Service:
    """The service of a pin; Refused where neither it nor the trusted root says where, or by which key."""
    origin = _origin(pin)
    known = [log for log in trust.tlogs if _is_of(log, origin, pin.read_url)]
    url = pin.read_url or next((log.base_url for log in known), "")
    if not origin or not url:
        raise Refused(
            f"the log {pin.name} has no URL", code="no-read-url", hint="set read_url, or an origin that is trusted"
        )
    make = NoteKey.v1 if pin.kind == "rekor-v1" else NoteKey.c2sp
    keys = tuple(make(origin, key) for key in pin.keys or [log.key for log in known])
    if not keys:
        raise Refused(
            f"the log {pin.name} has no key", code="no-log-key", hint="set key_file, or a trusted_root that knows it"
        )
    base = _with_scheme(url)
    urls = (base,) if pin.kind == "rekor-v1" else (base, base + _V2_PATH) if pin.read_url else (base + _V2_PATH, base)
    return _service(pin.kind, (pin.name, origin), urls, keys, http)


def _origin(pin: LogPin) -> str:
    return pin.origin or host_of(pin.read_url or "")


def _service(
    kind: LogKind, names: tuple[str, str], urls: Sequence[str], keys: Sequence[NoteKey], http: Http
) -> Service:
    """The service of a kind; `names` are what we call it and what it calls itself."""
    if kind == "rekor-v1":
        return RekorV1Service(*names, urls[0], keys, http)
    if kind == "rekor-v2":
        return TiledService(*names, urls, keys, http)
    raise Refused(f"logs of kind {kind} cannot be read yet", code="log-kind")


def _groups(trust: TrustedRoot) -> Iterator[tuple[str, str, list[TrustedLog]]]:
    """Origin (host on v1), URL and logs; one row for all keys of a place. A log without a URL cannot be read."""
    rows: dict[tuple[str, str], list[TrustedLog]] = {}
    for log in trust.tlogs:
        if host_of(log.base_url):
            rows.setdefault((log.origin or host_of(log.base_url), _with_scheme(log.base_url)), []).append(log)
    for (origin, url), logs in rows.items():
        yield origin, url, logs


def _is_of(log: TrustedLog, origin: str, read_url: str | None) -> bool:
    """Whether a trusted log is the pinned one: by its origin, by its log id, or by its host."""
    if origin and origin in (log.origin, host_of(log.base_url)):
        return True
    if read_url and _with_scheme(read_url) == _with_scheme(log.base_url):
        return True
    with suppress(Malformed):
        return bool(origin) and log.log_id == log_key_id(origin, log.key) != log.key.sha256
    return False


def _with_scheme(url: str) -> str:
    return (url if "://" in url else f"https://{url}").rstrip("/")
