"""When did something exist, provably?

A `Moment` comes from a verified RFC 3161 token (`timestamp`) or from a verified signed entry timestamp (`entry`); the
clock of the caller is a third, weaker source that a policy has to ask for by an insecure name.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal


@dataclass(frozen=True, slots=True)
class Moment:
    """A proven time.

    `time` is aware (UTC); `source` says what proved it; `authority` names who (log id or TSA leaf, hex SHA-256, or
    "clock"), so that thresholds count distinct ones.
    """

    time: datetime
    source: Literal["timestamp", "log", "clock"]
    authority: str
