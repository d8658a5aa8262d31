"""How is a report asked for? ``report --since --until``, and ``report verify`` to see that one is still what we say."""

import re
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click

from cli.config_model import parse_duration
from cli.options import config_option, put

_DAY = re.compile(r"\d{4}-\d\d-\d\d\Z")
_FORMATS = ("markdown", "html", "json")


class MomentType(click.ParamType[datetime]):
    """A date, a time (ISO 8601, UTC unless it says otherwise), or how long ago: ``7d``."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """The moment, or a usage error that shows how one is written."""
        if isinstance(value, datetime):
            return value
        try:
            return datetime.now(UTC).replace(microsecond=0) - parse_duration(value)
        except ValueError:
            pass
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            self.fail("a time is written like 2026-11-16, 2026-11-16T09:00:00Z, or 7d for seven days ago", param, ctx)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


@click.group(invoke_without_command=True)
@config_option
@click.option("--since", type=MomentType(), default="7d", show_default=True, help="First moment of the period.")
@click.option("--until", type=MomentType(), default=None, help="First moment after it (default: now).")
@click.option(
    "--format",
    "style",
    type=click.Choice(_FORMATS),
    default=None,
    help="By default from the file's name, else markdown.",
)
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@click.option("-o", "--out", type=click.Path(dir_okay=False, path_type=Path), help="Write to this file.")
@click.option("--title", default="Sigwarden", show_default=True, help="Whose report it is.")
@click.pass_context
def report(
    ctx: click.Context,
    config_path: Path,
    since: datetime,
    until: datetime | None,
    style: str | None,
    as_json: bool,
    out: Path | None,
    title: str,
) -> None:
    """Write the audit report of a period: coverage first, then findings, signers, rule changes, alerts, health."""
    if ctx.invoked_subcommand is not None:
        return
    from cli.config_file import load_config
    from cli.files import write_whole
    from cli.parts import open_store
    from reports.render import render_report
    from reports.report import build_report

    end = until or datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=1)
    if end <= since:
        raise click.UsageError("--until must be later than --since")
    name = "json" if as_json else style or _by_name(out)
    with open_store(load_config(config_path)) as store:
        data = render_report(build_report(store, since, end, title), name)
    if out is None:
        sys.stdout.buffer.write(data)
        sys.stdout.flush()
        return
    write_whole(out, data)
    put(f"{out}: {len(data)} bytes")


@report.command("verify")
@config_option
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def verify(config_path: Path, file: Path) -> int:
    """Does our database still say what this JSON report says? Exit 0 when it does, byte for byte; 1 when not."""
    from cli.config_file import load_config
    from cli.parts import open_store
    from reports.render import render_report
    from reports.report import build_report
    from verifier.errors import Malformed
    from verifier.jsonstrict import loads

    data = file.read_bytes()[: 256 << 20]
    try:
        held = loads(data, max_bytes=256 << 20)
        since, until = (datetime.fromisoformat(held[name]) for name in ("since", "until"))
        title = str(held["title"])
    except (KeyError, TypeError, ValueError):
        raise Malformed(f"{file} is not a report of ours in JSON", code="report-format") from None
    with open_store(load_config(config_path)) as store:
        again = render_report(build_report(store, since, until, title), "json")
    if again == data:
        put(f"{file}: as our database says, byte for byte")
        return 0
    put(f"{file}: DIFFERS from what our database says now for this period")
    put(
        "A finding proven, acknowledged or delivered since then changes it; so does an edit. Compare with a new report."
    )
    return 1


def _by_name(out: Path | None) -> str:
    suffixes = {".html": "html", ".json": "json"}
    return suffixes.get(out.suffix, "markdown") if out else "markdown"
