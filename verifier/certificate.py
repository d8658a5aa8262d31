"""Whose certificate is it, and does a trusted authority stand behind it?

The one place to import from; the parts are in `names`, `identity`, `quick` and `chain`.
"""

from verifier.chain import check_chain
from verifier.identity import ANOMALIES, Identity, read_identity, read_tbs_identity
from verifier.names import Name
from verifier.quick import QuickIdentity, quick_identity

__all__ = [
    "ANOMALIES",
    "Identity",
    "Name",
    "QuickIdentity",
    "check_chain",
    "quick_identity",
    "read_identity",
    "read_tbs_identity",
]
