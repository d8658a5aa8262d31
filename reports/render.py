"""In which formats can a report be written? To add one: a file `to_x.py` and a row."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from reports.pages import document
from reports.report import Report
from reports.to_html import to_html
from reports.to_json import to_json
from reports.to_markdown import to_markdown
from verifier.errors import Refused


@dataclass(frozen=True, slots=True)
class Format:
    """One way to write a report: the suffix of its files, and how."""

    suffix: str
    render: Callable[[Report], bytes]


FORMATS: Mapping[str, Format] = MappingProxyType(
    {
        "markdown": Format(".md", lambda report: to_markdown(document(report))),
        "json": Format(".json", to_json),
        "html": Format(".html", lambda report: to_html(document(report))),
    }
)


def render_report(report: Report, name: str) -> bytes:
    """`report` in a format of the table; the same report gives the same bytes."""
    if name not in FORMATS:
        raise Refused(
            f"a report cannot be written as '{name}'", code="report-format", hint=f"one of {', '.join(FORMATS)}"
        )
    return FORMATS[name].render(report)
