"""What is a report made of, whatever it is written as? Labelled lines, paragraphs, tables, verbatim text."""

from dataclasses import dataclass, field

from monitor.alerts.channel import Line, Quoted

__all__ = ["Document", "Entry", "Line", "Quoted", "Section", "Table", "one"]


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the first page: a label and what belongs to it."""

    label: str
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of cells under headings; every cell is a line."""

    heads: tuple[str, ...]
    rows: tuple[tuple[Line, ...], ...]


@dataclass(frozen=True, slots=True)
class Section:
    """A heading with paragraphs, at most one table, and verbatim lines (a difference)."""

    title: str
    paragraphs: tuple[Line, ...] = ()
    table: Table | None = None
    verbatim: tuple[str, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class Document:
    """A title, a first page that says everything at a glance, and the sections behind it."""

    title: Line
    subtitle: str
    first_page: tuple[Entry, ...]
    sections: tuple[Section, ...]


def one(text: str) -> Line:
    """A line of our own words only."""
    return (text,)
