"""How is a report written as a page? One file without scripts or anything from elsewhere; it prints well.

Everything is escaped by the template engine after control characters were spelled out, and a content security policy
allows nothing but our own style sheet, by its hash.
"""

import base64
import hashlib
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from monitor.alerts.channel import plain
from monitor.display import visible
from reports.document import Document

_STYLE = "report.css"


def to_html(page: Document) -> bytes:
    """UTF-8 HTML."""
    engine = _engine()
    style = _source(engine, _STYLE)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    text = engine.get_template("report.html.j2").render(
        page=page,
        style=Markup(style),  # noqa: S704 - our own file, the only text that is not escaped
        style_hash=f"sha256-{digest}",
    )
    return text.encode("utf-8", "backslashreplace")


@cache
def _engine() -> Environment:
    engine = Environment(loader=PackageLoader("reports"), autoescape=True, undefined=StrictUndefined)
    engine.filters["visible"] = visible
    engine.filters["plain"] = plain
    return engine


def _source(engine: Environment, name: str) -> str:
    if engine.loader is None:
        raise RuntimeError("the page has no templates")
    return engine.loader.get_source(engine, name)[0]
