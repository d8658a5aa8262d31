"""Where does watching begin? ``monitor init`` shows what will not be covered and what it costs, asks, and pins it."""

import getpass
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import click

from cli.config_file import LoadedConfig, load_config
from cli.logs import Followed, load_trust, not_followed, read_file, services
from cli.options import note, put, put_json
from cli.parts import database, http_policy
from cli.watches import load_watches
from cli.watchtower import utc_now
from monitor.bootstrap import LogPlan, Start, begin, parse_start, plan_log
from monitor.display import visible
from monitor.logs.log import Head, Service
from monitor.logs.open import open_log
from monitor.store import Store
from verifier.errors import Refused, SigwardenError, Untrue
from verifier.fetch.http import Http


class _Remembering:
    """A service whose heads are asked for once: what was shown is what is pinned."""

    def __init__(self, service: Service) -> None:
        self.name = service.name
        self._service = service
        self._heads: Sequence[Head] | None = None

    def heads(self) -> Sequence[Head]:
        """The heads, as they were at the first look."""
        if self._heads is None:
            self._heads = tuple(self._service.heads())
        return self._heads


def initialise(path: Path, start: str | None, only: str, *, as_json: bool, yes: bool) -> int:
    """Plan, show, ask, write. Nothing is written when one log cannot begin; the exit codes are those of a pass."""
    try:
        return _initialise(path, start, only, as_json=as_json, yes=yes)
    except Untrue as error:
        note(f"Error: {visible(error.message)}")
        note(
            f"  {error.hint or 'nothing was written: set the right key, origin and address, or look who answers there'}"
        )
        return 4 if error.code == "pin-contradicts" else 3


def _initialise(path: Path, start: str | None, only: str, *, as_json: bool, yes: bool) -> int:
    config = load_config(path)
    load_watches(config)
    trust = load_trust(config)
    with Http(http_policy(config)) as http:
        followed = services(config, trust, http)
        asked = [_Remembering(one.service) for one in followed]
        starts = _starts(config, followed, asked, start, only)
        blind = not_followed(config, trust, http)
        with _database(config) as store:
            known = {row.origin for row in store.logs()}
            plans = [
                plan_log(service.name, head, starts(head), open_log(head.spec, http))
                for service in asked
                for head in service.heads()
                if head.spec.origin not in known
            ]
            _show(plans, blind, as_json=as_json)
            if plans and not yes and not _agreed():
                note("Nothing was written.")
                return 1
            done = begin(asked, starts, store, lambda spec: open_log(spec, http), now=utc_now(), who=getpass.getuser())
    if as_json:
        put_json({"type": "summary", "instance": done.instance, "added": len(done.plans), "known": list(done.known)})
        return 0
    for origin in done.known:
        put(f"{visible(origin)}: followed already, stays as it is")
    put(f'Instance {done.instance}. Name it in the configuration (instance = "{done.instance}") so that another')
    put("database is refused. Next: sigwarden monitor once, or sigwarden monitor run.")
    return 0


def _database(config: LoadedConfig) -> Store:
    where = database(config)
    exists = not isinstance(where, Path) or where.exists()
    return Store(where, create=True, check=exists)


def _starts(
    config: LoadedConfig, followed: Sequence[Followed], asked: Sequence[Service], start: str | None, only: str
) -> Callable[[Head], Start]:
    """Where each log begins: the command line, for the logs it names; else the configuration."""
    chosen: dict[str, Start] = {}
    for one, service in zip(followed, asked, strict=True):
        for head in service.heads():
            text = start if start is not None and only in ("", head.spec.origin) else str(one.start)
            chosen[head.spec.origin] = parse_start(text, lambda name: _pin(config, name))
    if only and only not in chosen:
        raise Refused(
            f"no followed log has the origin {only}", code="no-such-log", hint=f"there are {', '.join(chosen)}"
        )
    return lambda head: chosen[head.spec.origin]


def _pin(config: LoadedConfig, name: str) -> bytes:
    """A checkpoint file: as typed, or beside the configuration."""
    if Path(name).is_file():
        return Path(name).read_bytes()[: 1 << 20]
    try:
        return read_file(config, name)
    except SigwardenError:
        raise Refused(
            f"'{name}' is no place to begin",
            code="bad-start",
            hint="--from now, 0, INDEX, or the path of a file with a signed checkpoint",
        ) from None


def _show(plans: Sequence[LogPlan], blind: Sequence[str], *, as_json: bool) -> None:
    for plan in plans:
        if as_json:
            put_json(
                {
                    "type": "log",
                    "log": plan.spec.origin,
                    "start": plan.start,
                    "size": plan.size,
                    "not_covered": [0, plan.start],
                    "requests": plan.cost.requests,
                    "bytes": plan.cost.bytes,
                    "seconds": round(plan.cost.seconds, 1),
                }
            )
            continue
        for sentence in plan.said:
            put(visible(sentence))
    for name in blind:
        if as_json:
            put_json({"type": "blind", "log": name, "message": "known to the trust root and not read"})
        else:
            put(f'{visible(name)}: NOT read (read = "off"): signatures in it stay unseen')


def _agreed() -> bool:
    """Ask where there is somebody to ask; a script says --yes or takes what it configured."""
    if not sys.stdin.isatty():
        return True
    return click.confirm("Begin so?", default=True, err=True)
