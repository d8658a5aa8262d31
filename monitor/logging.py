"""What does a line of our own log look like? One line per record, JSON or text, escaped and without secrets."""

import json
import logging
import sys
from datetime import UTC, datetime
from typing import IO, Any, Literal

from monitor.display import visible
from monitor.secrets import Redactor

LogFormat = Literal["text", "json"]

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_LONGEST = 16_384
"""Characters of one record; what a server sends must not fill the disk through us."""


class _OneLine(logging.Formatter):
    """Shared by both formats: the message with its error, redacted and cut."""

    def __init__(self, redact: Redactor) -> None:
        super().__init__()
        self._redact = redact

    def _text(self, record: logging.LogRecord) -> str:
        try:
            text = record.getMessage()
        except (TypeError, ValueError):  # a wrong format string must not hide what was to be said
            text = f"{record.msg} {record.args}"
        if record.exc_info and record.exc_info[1] is not None:
            text = f"{text}\n{self.formatException(record.exc_info)}"
        return self._clean(text)

    def _clean(self, text: str) -> str:
        return self._redact(text)[:_LONGEST]

    def _extra(self, record: logging.LogRecord) -> dict[str, str | int | float | bool | None]:
        """What the caller gave as ``extra``: facts beside the sentence."""
        return {key: self._fact(value) for key, value in vars(record).items() if key not in _STANDARD}

    def _fact(self, value: Any) -> str | int | float | bool | None:
        return value if value is None or isinstance(value, bool | int | float) else self._clean(str(value))


class TextFormatter(_OneLine):
    """``2026-11-23T02:14:07Z WARNING monitor.follow: sentence key=value``."""

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        facts = "".join(f" {key}={value}" for key, value in self._extra(record).items())
        return visible(f"{_moment(record)} {record.levelname} {record.name}: {self._text(record)}{facts}")


class JsonFormatter(_OneLine):
    """One JSON object per line, ASCII only, so that no character of a record can end the line early."""

    def format(self, record: logging.LogRecord) -> str:
        """One line; the record's own fields win over ``extra``."""
        line = self._extra(record) | {
            "time": _moment(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": self._text(record),
        }
        return json.dumps(line, ensure_ascii=True, sort_keys=True)


def _moment(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


FORMATTERS: dict[LogFormat, type[_OneLine]] = {"text": TextFormatter, "json": JsonFormatter}


def configure(style: LogFormat, redact: Redactor, *, verbose: bool = False, stream: IO[str] | None = None) -> None:
    """Send every record of the process to one handler (standard error); called once by the command line.

    Libraries that speak about each request are quietened: they would write whole URLs, which may hold secrets.
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(FORMATTERS[style](redact))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.DEBUG if verbose else logging.INFO)
    for noisy in ("httpx", "httpcore", "slack_sdk", "alembic"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    # a poll that takes longer than its interval is news for us, through lag and freshness, not for every second
    logging.getLogger("apscheduler").setLevel(logging.ERROR)
