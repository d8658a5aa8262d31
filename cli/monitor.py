"""How are logs followed from the command line? ``monitor init | run | once | status``."""

import os
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.config_model import parse_duration
from cli.options import config_option, json_option, note, put, put_json
from verifier.errors import Refused

if TYPE_CHECKING:
    from cli.passing import Pass
    from monitor.findings import Finding
    from monitor.follow import TickResult

LEASE_HELD = 3


class DurationType(click.ParamType[timedelta]):
    """``90s``, ``10m``: a duration on the command line."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """The duration, or a usage error that shows how one is written."""
        try:
            return parse_duration(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


@click.group()
def monitor() -> None:
    """Follow logs: prove what was read, tell what was found."""


@monitor.command("once")
@config_option
@json_option
@click.option("--max-time", type=DurationType(), default="10m", show_default=True, help="Stop at a batch after this.")
@click.option("--max-requests", type=click.IntRange(1), default=100_000, show_default=True, help="For each log.")
def once(config_path: Path, as_json: bool, max_time: timedelta, max_requests: int) -> int:
    """One whole pass over all logs, then end.

    Exit 0 clean, 1 unexpected findings, 2 usage or configuration, 3 could not check everything, 4 a log contradicts
    itself; the highest that applies. What a limit cut off is read by the next pass.
    """
    from cli.config_file import load_config
    from cli.parts import open_store
    from cli.passing import begin_printed, end_printed, one_pass
    from cli.watchtower import build, utc_now
    from monitor.logging import configure
    from monitor.machinery import Limits

    config = load_config(config_path)
    with open_store(config) as store:
        tower = build(config, store)
        configure(config.file.daemon.log_format, tower.redact)
        try:
            store.acquire_lease(utc_now())
            limits = Limits(max_requests=max_requests, seconds=max_time.total_seconds())
            done = one_pass(tower, limits, since=begin_printed(store))
            store.release_lease(utc_now())
        except Refused as error:
            if error.code not in ("lease-held", "lease-lost"):
                raise
            note(f"Error: {error}")
            return LEASE_HELD
        finally:
            tower.close()
        _show(done, as_json=as_json)
        end_printed(store)
    return done.exit_code


@monitor.command("run")
@config_option
@click.option("--no-listen", is_flag=True, help="Open no port for /healthz, /readyz and /metrics.")
def run(config_path: Path, no_listen: bool) -> int:
    """The daemon: follow until SIGTERM; SIGHUP reads the configuration again."""
    from cli.daemon import run_daemon

    ending = run_daemon(config_path, listen=not no_listen)
    if ending.abandoned:
        note(
            f"ended without {', '.join(ending.abandoned)}: nothing is lost, the next start goes on from the last batch"
        )
        os._exit(0)  # threads that hang in a socket would keep us
    return 0


@monitor.command("status")
@config_option
@json_option
def status(config_path: Path, as_json: bool) -> int:
    """Where we stand in each log, from our own state alone. Exit 3 when anything is not well."""
    from cli.config_file import load_config
    from cli.parts import open_store
    from cli.status import show_status

    config = load_config(config_path)
    with open_store(config) as store:
        return show_status(config, store, as_json=as_json)


@monitor.command("init")
@config_option
@json_option
@click.option("--from", "start", default=None, metavar="now|0|INDEX|FILE", help="Where reading begins (default: now).")
@click.option("--log", "only", default="", help="Only this log, by origin: with an INDEX or a checkpoint FILE.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
def init(config_path: Path, as_json: bool, start: str | None, only: str, yes: bool) -> int:
    """Pin where reading begins; say what is not covered and what the reading will cost."""
    from cli.initialise import initialise

    return initialise(config_path, start, only, as_json=as_json, yes=yes)


@monitor.command("archive")
@config_option
@click.argument("origin")
@click.option("--note", "words", required=True, help="Why: it stands in the report.")
def archive(config_path: Path, origin: str, words: str) -> None:
    """Say that the log ORIGIN is gone for good. Its last verified head is kept."""
    from cli.decide import archive as decide

    decide(config_path, origin, words)


@monitor.command("accept-gap")
@config_option
@click.argument("origin")
@click.argument("start", type=click.IntRange(0))
@click.argument("end", type=click.IntRange(1))
@click.option("--note", "words", required=True, help="Why: it stands in every report.")
def accept_gap(config_path: Path, origin: str, start: int, end: int, words: str) -> None:
    """Accept that the entries [START, END) of the log ORIGIN stay unread."""
    from cli.decide import accept

    accept(config_path, origin, start, end, words)


def log_record(tick: "TickResult", gap: int = 0) -> dict[str, Any]:
    """One log of a pass as JSON. `gap` entries of it are never read."""
    return {
        "type": "log",
        "log": tick.origin,
        "verdict": tick.verdict,
        "size": tick.size,
        "proven": tick.proven_to,
        "lag": tick.lag,
        "gap": gap,
        "read": tick.read,
        "requests": tick.requests,
        "incomplete": tick.incomplete,
        "message": tick.message,
    }


def log_line(tick: "TickResult", gap: int = 0) -> str:
    """One log of a pass for a person. `gap` entries of it are never read: nothing says "all" then."""
    from monitor.display import visible

    whole = "all proven" if not gap else f"all proven but {gap} that are not read (see status)"
    seen = tick.size or tick.verdict == "OK"  # a failed look has no size
    proven = whole if seen and tick.proven_to == tick.size else f"proven to {tick.proven_to}"
    size = f"{tick.size} entries" if seen else "no head"
    words = f"; {visible(tick.message)}" if tick.message and tick.verdict != "OK" else ""
    later = "; stopped by a limit, the rest comes with the next pass" if tick.incomplete else ""
    return f"{tick.verdict:<12}{visible(tick.origin)}: {size}, {proven}, {tick.read} new{words}{later}"


def _show(done: "Pass", *, as_json: bool) -> None:
    from monitor.alerts.record import finding_record
    from monitor.display import cut, visible

    if as_json:
        for finding in done.findings:
            put_json({"type": "finding", **finding_record(finding)})
        for tick in done.ticks:
            put_json(log_record(tick, done.gaps.get(tick.origin, 0)))
        put_json(done.summary())
        return
    alike: dict[tuple[object, ...], list[Finding]] = {}
    for finding in done.findings:
        what = (finding.kind, finding.severity, finding.watch, finding.identity or finding.log, finding.message)
        alike.setdefault((*what, finding.proven), []).append(finding)
    for first, *more in alike.values():
        state = "PROVEN" if first.proven else "pending"
        who = cut(visible(first.identity or first.log), 100)
        words = cut(visible(first.message), 200)
        count = f" and {len(more)} more like it" if more else ""
        put(f"{first.severity.upper():<9}{first.kind}  {who}  {words}  [{state}, {first.id}{count}]")
    for tick in done.ticks:
        put(log_line(tick, done.gaps.get(tick.origin, 0)))
    for name, why in done.undelivered.items():
        put(f"UNDELIVERED  channel {visible(name)}: {visible(why)}")
    put(_conclusion(done))


def _conclusion(done: "Pass") -> str:
    """The last line: what this pass is worth."""
    if done.exit_code == 4:
        return "A log contradicts itself. The evidence is kept: sigwarden findings list, sigwarden evidence export ID."
    if done.exit_code == 3:
        return "Not everything could be checked: nothing here is called clean."
    told = [one for one in done.findings if one.cls == "FINDING"]
    expected = sum(one.kind == "expected-identity" for one in done.findings)
    counted = f" {expected} expected signature{'s' if expected > 1 else ''}." if expected else ""
    findings = "1 new finding." if len(told) == 1 else f"{len(told)} new findings."
    return f"{findings}{counted}" if told else f"Clean: everything new is proven.{counted}"
