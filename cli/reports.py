"""Which reports does the daemon write by itself, and who gets the first page?"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cli.config_file import LoadedConfig
from cli.config_model import ReportSection
from cli.files import write_whole
from monitor.alerts.channel import Channel, Field, Message
from monitor.jobs import Job
from monitor.store import Store
from reports.report import Report

_LAST = "report:{name}"


def report_jobs(config: LoadedConfig, store: Store, channels: Mapping[str, Channel]) -> list[Job]:
    """A job for each ``[reports.NAME]``; one that was missed while we were away runs at the start."""
    return [
        Job(f"report {name}", _writer(config, store, name, channels), at=section.at, last=_last(store, name))
        for name, section in config.file.reports.items()
    ]


def _last(store: Store, name: str) -> datetime | None:
    held = store.get_meta(_LAST.format(name=name))
    return datetime.fromisoformat(held) if held else None


def _writer(config: LoadedConfig, store: Store, name: str, channels: Mapping[str, Channel]) -> Callable[[], None]:
    section = config.file.reports[name]

    def write() -> None:
        """Files first: a channel that fails then fails this job, which is tried again with the same report."""
        from reports.report import build_report

        until = datetime.now(UTC).replace(second=0, microsecond=0)
        done = build_report(store, until - timedelta(days=section.days), until)
        files = _write_files(done, section, config.folder / section.folder, f"{name}-{until:%Y-%m-%d}")
        message = report_message(done, f"{name}-{until:%Y-%m-%d}", [file.name for file in files])
        for channel in section.to:
            channels[channel].send(message)
        store.set_meta(_LAST.format(name=name), until.isoformat())

    return write


def _write_files(done: Report, section: ReportSection, folder: Path, stem: str) -> list[Path]:
    from reports.render import FORMATS, render_report

    folder.mkdir(parents=True, exist_ok=True)
    files = [folder / f"{stem}{FORMATS[style].suffix}" for style in section.formats]
    for style, file in zip(section.formats, files, strict=True):
        write_whole(file, render_report(done, style))
    return files


def report_message(done: Report, stem: str, files: Sequence[str]) -> Message:
    """The first page as a message; the files stay where they are written."""
    from reports.first_page import first_page, stamp

    return Message(
        id=f"report-{done.instance}-{stem}",
        reason="report",
        severity="info",
        title=(f"Sigwarden report, {stamp(done.since)} to {stamp(done.until)}",),
        fields=tuple(Field(entry.label, entry.lines) for entry in first_page(done)),
        footer=(f"written: {', '.join(files)}",),
        data={"type": "report", "since": done.since.isoformat(), "until": done.until.isoformat(), "files": list(files)},
    )
