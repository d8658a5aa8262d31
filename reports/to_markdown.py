"""How is a report written as Markdown? Nothing of an attacker's opens a link, tag, image, mention or table cell.

Quoted words stand in code spans, where Markdown and the mention filters of forges read nothing; their backticks and
bars are spelled out.
"""

from collections.abc import Iterator

from monitor.alerts.channel import Line, Quoted
from monitor.display import visible
from reports.document import Document, Section, Table

_SPECIAL = frozenset("\\`*_{}[]<>()#+!|~&@$")
_SPELLED = {"`": "\\x60", "|": "\\x7c"}


def to_markdown(page: Document) -> bytes:
    """UTF-8 text, GitHub's flavour of tables."""
    lines = [f"# {_line(page.title)}", "", _words(page.subtitle), "", "| | |", "|---|---|"]
    for entry in page.first_page:
        lines += [
            f"| {'**' + entry.label + '**' if not at else ''} | {_line(line)} |" for at, line in enumerate(entry.lines)
        ]
    for section in page.sections:
        lines += ["", f"## {_words(section.title)}", *_body(section)]
    return ("\n".join(lines) + "\n").encode("utf-8", "backslashreplace")


def _body(section: Section) -> Iterator[str]:
    for paragraph in section.paragraphs:
        yield ""
        yield _line(paragraph)
    if section.table is not None:
        yield ""
        yield from _table(section.table)
    if section.verbatim:
        yield ""
        # Indented, because a fence can be closed by what is inside.
        yield from ("    " + visible(line) for line in section.verbatim)


def _table(table: Table) -> Iterator[str]:
    yield f"| {' | '.join(map(_words, table.heads))} |"
    yield "|" + "---|" * len(table.heads)
    for row in table.rows:
        yield f"| {' | '.join(map(_line, row))} |"


def _line(line: Line) -> str:
    return "".join(_code(part.text) if isinstance(part, Quoted) else _words(part) for part in line)


def _words(text: str) -> str:
    return "".join(f"\\{char}" if char in _SPECIAL else char for char in visible(text))


def _code(text: str) -> str:
    inside = "".join(_SPELLED.get(char, char) for char in visible(text))
    return f"`{inside}`" if inside.strip() else ""
