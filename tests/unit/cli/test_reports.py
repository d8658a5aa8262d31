"""The scheduled report writes its files and sends its first page; a failing channel fails the job, not the files."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from cli.config_file import load_config
from cli.reports import report_jobs
from monitor.alerts.channel import Message, Receipt
from monitor.store import Store
from verifier.errors import Unreachable


class Recorder:
    """A channel that remembers, or fails."""

    def __init__(self, name: str, *, fails: bool = False) -> None:
        self.name = name
        self.follows = False
        self.messages: list[Message] = []
        self._fails = fails

    def send(self, message: Message, thread: str = "") -> Receipt:
        if self._fails:
            raise Unreachable("the channel is away", code="channel")
        self.messages.append(message)
        return Receipt()

    def probe(self) -> None:
        """Nothing to see."""

    def close(self) -> None:
        """Nothing to end."""


CONFIG = """
[channels]
tty = { type = "console" }
[reports]
weekly = { at = "Mon 07:00 UTC", formats = ["html", "json"], to = ["tty"] }
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "c.toml").write_text(CONFIG)
    return tmp_path


def test_files_and_first_page(folder: Path) -> None:
    config, channel = load_config(folder / "c.toml"), Recorder("tty")
    with Store(folder / "s.db", create=True) as store:
        store.bootstrap(datetime.now(UTC))
        [job] = report_jobs(config, store, {"tty": channel})
        assert job.last is None
        job.run()
        assert {path.suffix for path in (folder / "reports-out").iterdir()} == {".html", ".json"}
        [message] = channel.messages
        assert [field.label for field in message.fields][:2] == ["VERDICT", "COVERAGE"]
        assert report_jobs(config, store, {"tty": channel})[0].last is not None


def test_a_failing_channel_fails_the_job_and_keeps_the_files(folder: Path) -> None:
    config = load_config(folder / "c.toml")
    with Store(folder / "s.db", create=True) as store:
        store.bootstrap(datetime.now(UTC))
        [job] = report_jobs(config, store, {"tty": Recorder("tty", fails=True)})
        with pytest.raises(Unreachable):
            job.run()
        assert len(list((folder / "reports-out").iterdir())) == 2
        assert report_jobs(config, store, {})[0].last is None
