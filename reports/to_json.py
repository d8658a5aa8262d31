"""How is a report written for machines? Everything that was found out, in one object."""

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime
from typing import Any

from monitor.alerts.record import finding_record, timestamp
from monitor.findings import Class, Finding
from reports.report import Report

FORMAT = "sigwarden report v1"
_CLASSES: tuple[Class, ...] = ("TAMPER", "SUSPECT", "FINDING", "DEGRADED")


def to_json(report: Report) -> bytes:
    """ASCII JSON with sorted names, so that equal reports are equal bytes."""
    value = {
        "format": FORMAT,
        "verdict": {
            "clean": report.is_clean,
            "coverage": report.coverage,
            "open": {cls: report.open_of(cls) for cls in _CLASSES},
        },
        **_plain(report),
    }
    return json.dumps(value, ensure_ascii=True, sort_keys=True, indent=1).encode() + b"\n"


def _plain(value: Any) -> Any:
    """JSON values of anything in a report."""
    if isinstance(value, Finding):
        return finding_record(value)
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, datetime):
        return timestamp(value)
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    return value
