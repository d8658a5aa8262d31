"""The runbook has a section for each kind of finding, and none for what does not exist."""

import re
from pathlib import Path

from monitor.findings import KINDS

RUNBOOK = Path(__file__).resolve().parents[2] / "docs" / "runbook.md"


def sections() -> dict[str, str]:
    """Heading to text of each section."""
    parts = re.split(r"^## (\S+)\n", RUNBOOK.read_text("utf-8"), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_every_kind_has_its_section() -> None:
    assert set(sections()) == set(KINDS)


def test_sections_name_the_class_and_severity_of_the_table() -> None:
    for slug, text in sections().items():
        kind = KINDS[slug]
        assert text.startswith(f"[{kind.cls}, "), slug
        assert kind.severity in text.split("]", 1)[0] or "severity of the watch" in text.split("]", 1)[0], slug
