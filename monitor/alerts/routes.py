"""Who is told about a finding, and who again when nobody answers? Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from types import MappingProxyType

from monitor.findings import SEVERITIES, Finding, Severity
from monitor.incidents import is_told

SILENT: Mapping[Severity, tuple[str, ...]] = MappingProxyType({"info": ()})
"""Severities that go nowhere unless a route names them; any other that is not named goes to every channel."""


@dataclass(frozen=True, slots=True)
class Repeat:
    """An incident of at least `severity` that nobody acknowledged within `after` is repeated to `channels`."""

    severity: Severity
    after: timedelta
    channels: tuple[str, ...]

    def concerns(self, severity: Severity) -> bool:
        """Whether an incident of this severity is repeated at all."""
        return SEVERITIES.index(severity) <= SEVERITIES.index(self.severity)


@dataclass(frozen=True, slots=True)
class Routes:
    """Which severities go where. `watches` gives the channels of watches that name their own.

    `channels` are all names in the order of the configuration.
    """

    channels: tuple[str, ...]
    by_severity: Mapping[Severity, tuple[str, ...]] = field(default_factory=dict)
    watches: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    repeat: Repeat | None = None

    def of(self, finding: Finding) -> tuple[str, ...]:
        """Channels for a finding, each once, in order; none for what is expected."""
        return self.channels_for(finding.watch, finding.severity) if is_told(finding) else ()

    def channels_for(self, watch: str, severity: Severity) -> tuple[str, ...]:
        """Channels for anything about a watch (empty: about a log or ourselves) of a severity."""
        own = self.watches.get(watch, ())
        if own and severity not in SILENT:
            return own
        if severity in self.by_severity:
            return self.by_severity[severity]
        return SILENT.get(severity, self.channels)
