"""Which typed members does this JSON object have?

One place for the rules of protobuf JSON: null and absent are the default, bytes are base64, times RFC 3339. Every
complaint names the path of the member, never its value.
"""

import re
from collections.abc import Collection, Iterator
from datetime import UTC, datetime
from typing import Any

from verifier.errors import Malformed
from verifier.jsonstrict import b64, integer

MAX_ITEMS = 1000  # more logs, authorities or certificates than this is no trust root
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)", re.ASCII)


class Members:
    """The members of one JSON object, read by type; Malformed (with the given code) for any other type."""

    __slots__ = ("_members", "code", "path")

    def __init__(self, value: Any, path: str, code: str) -> None:
        self.path = path
        self.code = code
        if not isinstance(value, dict):
            raise self.malformed("is not an object")
        self._members: dict[str, Any] = value

    def malformed(self, why: str, name: str = "") -> Malformed:
        """The complaint about this object, or about its member `name`."""
        return Malformed(f"{self.path}{'.' if name else ''}{name} {why}", code=self.code)

    def __contains__(self, name: str) -> bool:
        return self._members.get(name) is not None

    def others(self, known: Collection[str]) -> list[str]:
        """The paths of members that are not `known`."""
        return [f"{self.path}.{name!a}" for name in self._members if name not in known]

    def text(self, name: str, default: str | None = None) -> str:
        """A text; Malformed if it is absent and there is no default."""
        value = self._get(name, default)
        if not isinstance(value, str):
            raise self.malformed("is not text", name)
        return value

    def number(self, name: str, default: int | None = None) -> int:
        """A 64-bit integer, written as a number or as text."""
        try:
            return integer(self._get(name, default))
        except Malformed as error:
            raise self.malformed("is not an integer", name) from error

    def enum(self, name: str, default: str | int = 0) -> str | int:
        """The name or the number of an enum value."""
        value = self._get(name, default)
        if not isinstance(value, str | int) or isinstance(value, bool):
            raise self.malformed("is neither a name nor a number", name)
        return value

    def data(self, name: str) -> bytes:
        """Bytes, in base64."""
        try:
            return b64(self._get(name, None))
        except Malformed as error:
            raise self.malformed("is not canonical base64", name) from error

    def time(self, name: str) -> datetime | None:
        """A moment in UTC (RFC 3339), None if absent."""
        if name not in self:
            return None
        text = self.text(name)
        try:
            if _TIME.fullmatch(text):
                return datetime.fromisoformat(text).astimezone(UTC)
        except (ValueError, OverflowError):
            pass
        raise self.malformed("is not an RFC 3339 time", name)

    def child(self, name: str) -> "Members":
        """An object."""
        return Members(self._get(name, None), f"{self.path}.{name}", self.code)

    def children(self, name: str) -> Iterator["Members"]:
        """The objects of a list, none if it is absent."""
        for place, value in enumerate(self._list(name)):
            yield Members(value, f"{self.path}.{name}[{place}]", self.code)

    def texts(self, name: str) -> list[str]:
        """The texts of a list, none if it is absent."""
        values = self._list(name)
        if not all(isinstance(value, str) for value in values):
            raise self.malformed("holds something else than text", name)
        return values

    def _list(self, name: str) -> list[Any]:
        value = self._get(name, [])
        if not isinstance(value, list) or len(value) > MAX_ITEMS:
            raise self.malformed(f"is not a list of at most {MAX_ITEMS}", name)
        return value

    def _get(self, name: str, default: Any) -> Any:
        value = self._members.get(name)
        value = default if value is None else value
        if value is None:
            raise self.malformed("is missing", name)
        return value
