"""Where is our state kept?"""

from monitor.store.findings import FindingFilter
from monitor.store.lease import Lease
from monitor.store.remembered import Remembered
from monitor.store.rows import (
    Batch,
    CheckpointRow,
    Condition,
    FirstRows,
    GapRow,
    HealthRow,
    IncidentRow,
    LogRow,
    NewCheckpoint,
    NewLog,
    OutboxRow,
    RuleRow,
    StoredFinding,
    Tell,
    VerdictRow,
)
from monitor.store.store import Store

__all__ = [
    "Batch",
    "CheckpointRow",
    "Condition",
    "FindingFilter",
    "FirstRows",
    "GapRow",
    "HealthRow",
    "IncidentRow",
    "Lease",
    "LogRow",
    "NewCheckpoint",
    "NewLog",
    "OutboxRow",
    "Remembered",
    "RuleRow",
    "Store",
    "StoredFinding",
    "Tell",
    "VerdictRow",
]
