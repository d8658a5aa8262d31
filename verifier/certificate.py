"""Whose certificate is it, and does a trusted authority stand behind it?

The one place to import from; the readers are in `names`, `identity` and `quick`.
"""

from verifier.identity import ANOMALIES, Identity, read_identity, read_tbs_identity
from verifier.names import Name
from verifier.quick import QuickIdentity, quick_identity

__all__ = [
    "ANOMALIES",
    "Identity",
    "Name",
    "QuickIdentity",
    "quick_identity",
    "read_identity",
    "read_tbs_identity",
]
