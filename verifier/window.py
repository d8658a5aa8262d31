"""Was this moment inside that period?"""

from dataclasses import dataclass
from datetime import datetime

from verifier.members import Members


@dataclass(frozen=True, slots=True)
class Window:
    """A period of validity with both ends inside (protobuf-specs TimeRange); None is open. Times are aware."""

    start: datetime | None = None
    end: datetime | None = None

    def contains(self, moment: datetime) -> bool:
        """Whether `moment` (aware) lies in the period; both ends belong to it."""
        return (self.start is None or self.start <= moment) and (self.end is None or moment <= self.end)

    @classmethod
    def read(cls, members: Members) -> "Window":
        """From ``validFor``; a missing start is Malformed, not "since ever" (conformance suite)."""
        start, end = members.time("start"), members.time("end")
        if start is None:
            raise members.malformed("is missing: a period of validity needs a start", "start")
        return cls(start, end)
