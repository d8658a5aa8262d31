"""Which reports does the daemon write by itself?"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from cli.config_file import LoadedConfig
from cli.config_model import ReportSection
from cli.files import write_whole
from monitor.alerts.deliver import Deliverer
from monitor.jobs import Job
from monitor.store import Store

_LAST = "report:{name}"


def report_jobs(config: LoadedConfig, store: Store, _deliverer: Deliverer) -> list[Job]:
    """A job for each ``[reports.NAME]``; one that was missed while we were away runs at the start."""
    return [
        Job(f"report {name}", _writer(config, store, name, section), at=section.at, last=_last(store, name))
        for name, section in config.file.reports.items()
    ]


def _last(store: Store, name: str) -> datetime | None:
    held = store.get_meta(_LAST.format(name=name))
    return datetime.fromisoformat(held) if held else None


def _writer(config: LoadedConfig, store: Store, name: str, section: ReportSection) -> Callable[[], None]:
    def write() -> None:
        from reports.render import FORMATS, render_report
        from reports.report import build_report

        until = datetime.now(UTC).replace(second=0, microsecond=0)
        done = build_report(store, until - timedelta(days=section.days), until)
        folder = config.folder / section.folder
        folder.mkdir(parents=True, exist_ok=True)
        for style in section.formats:
            write_whole(folder / f"{name}-{until:%Y-%m-%d}{FORMATS[style].suffix}", render_report(done, style))
        store.set_meta(_LAST.format(name=name), until.isoformat())

    return write
