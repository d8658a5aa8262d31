"""Is this true? Pure: no network, disk, clock, randomness or environment (but for `verifier.fetch`).

The library in one import; each name is loaded when it is first used, so that a worker that only hashes pays for nothing
else::

    from verifier import Artifact, Bundle, Policy, TrustedRoot, verify

    trust = TrustedRoot.parse(trusted_root_json)
    policy = Policy.identity("alice@example.com", issuer="https://accounts.google.com")
    verified = verify(Bundle.parse(bundle_json), Artifact.of(content), trust, policy)
    print(verified.identity.names[0].value, verified.moments[0].time)
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from verifier.artifact import Artifact, Hasher
    from verifier.bundle import Bundle
    from verifier.errors import Malformed, Refused, SigwardenError, Unreachable, Untrue
    from verifier.keys import PublicKey
    from verifier.legacy import from_pieces, read_bundle
    from verifier.policy import IdentityRule, Policy
    from verifier.trust import SigningConfig, TrustedRoot
    from verifier.verification import Verified, verify

__all__ = [
    "Artifact",
    "Bundle",
    "Hasher",
    "IdentityRule",
    "Malformed",
    "Policy",
    "PublicKey",
    "Refused",
    "SigningConfig",
    "SigwardenError",
    "TrustedRoot",
    "Unreachable",
    "Untrue",
    "Verified",
    "from_pieces",
    "read_bundle",
    "verify",
]

_HOMES = {
    "artifact": ("Artifact", "Hasher"),
    "bundle": ("Bundle",),
    "errors": ("Malformed", "Refused", "SigwardenError", "Unreachable", "Untrue"),
    "keys": ("PublicKey",),
    "legacy": ("from_pieces", "read_bundle"),
    "policy": ("IdentityRule", "Policy"),
    "trust": ("SigningConfig", "TrustedRoot"),
    "verification": ("Verified", "verify"),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> object:
    """The public name, from its module (PEP 562)."""
    if name not in _HOME_OF:
        raise AttributeError(f"module 'verifier' has no attribute {name!r}")
    return getattr(import_module(f"verifier.{_HOME_OF[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
