"""How do Rekor v1's answers look, byte for byte: member order, final newline, headers?"""

import json
from typing import Any

from sandbox.wire import Reply

# Go's net/http sends what does not fit its buffer in chunks.
_BUFFER = 2048
_VARY = (("Vary", "Origin"),)
_UNCACHED = (
    ("Cache-Control", "no-cache, no-store, no-transform, must-revalidate, private, max-age=0"),
    ("Expires", "Thu, 01 Jan 1970 00:00:00 GMT"),
    ("Pragma", "no-cache"),
    *_VARY,
    ("X-Accel-Expires", "0"),
)


def dumps(value: Any) -> str:
    """Compact JSON with members in alphabetical order, as Go writes maps and the server's models."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def headers(*, uncached: bool) -> tuple[tuple[str, str], ...]:
    """GET answers say not to cache them, POST answers do not."""
    return _UNCACHED if uncached else _VARY


def json_reply(value: Any, *, uncached: bool = False, status: int = 200) -> Reply:
    """A handler's answer: JSON and one newline."""
    body = dumps(value).encode("utf-8", "replace") + b"\n"
    return Reply(status, body, headers(uncached=uncached), chunked=len(body) > _BUFFER)


def error(code: int, message: str, *, newline: bool = True, uncached: bool = False, status: int | None = None) -> Reply:
    """An error body; those of the parameter layer end without a newline."""
    body = dumps({"code": code, "message": message}) + ("\n" if newline else "")
    return Reply(status or code, body.encode(), headers(uncached=uncached))


def parameter_error(code: int, message: str) -> Reply:
    """A refusal of the parameter layer: HTTP 422 with a 6xx code inside."""
    return error(code, message, newline=False, status=422)


def not_found(*, uncached: bool = True) -> Reply:
    """No entry: an empty 404."""
    return Reply(404, b"", headers(uncached=uncached), "")
