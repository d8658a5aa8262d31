"""What does this service's JSON answer say?

Answers are attacker-controlled and may hold secrets: parsed strictly, never quoted.
"""

from typing import Any

from verifier.errors import Malformed
from verifier.fetch.call import Reply
from verifier.jsonstrict import loads

_MAX_BYTES = 16 << 20


def members_of(reply: Reply) -> dict[str, Any]:
    """The members of the object in an answer; Malformed (``service-reply``) for anything else."""
    try:
        value = loads(reply.body, max_bytes=_MAX_BYTES)
    except Malformed as error:
        raise _bad(reply, "it is not JSON") from error
    if not isinstance(value, dict):
        raise _bad(reply, "it is no object")
    return value


def text_of(reply: Reply, name: str) -> str:
    """One text member of the object in an answer; Malformed where it is missing or empty."""
    value = members_of(reply).get(name)
    if not isinstance(value, str) or not value:
        raise _bad(reply, f"it has no '{name}'")
    return value


def complaint_of(reply: Reply) -> str:
    """The ``message`` of an error answer, cut to one short line; empty where there is none."""
    try:
        message = members_of(reply).get("message")
    except Malformed:
        return ""
    return " ".join(message.split())[:300] if isinstance(message, str) else ""


def _bad(reply: Reply, why: str) -> Malformed:
    host = "/".join(reply.url.split("/", 3)[:3])
    return Malformed(f"{host} gave an unusable answer: {why}", code="service-reply")
