"""What went wrong, and by whose fault?

Four classes: the bytes (`Malformed`), the claim (`Untrue`), the way there (`Unreachable`), the request (`Refused`).
Each carries a stable `code` (for ``--json`` and tests), an optional `hint` (what to do next) and `evidence`: the
bytes that show it.
"""

from collections.abc import Mapping
from types import MappingProxyType

Evidence = Mapping[str, bytes | str]
_NOTHING: Evidence = MappingProxyType({})


class SigwardenError(Exception):
    """Base of all our errors; never raised itself.

    `message` says what happened and why, without secrets; `code` is a stable kebab-case slug; `hint` says what to do.
    """

    def __init__(self, message: str, *, code: str, hint: str = "", evidence: Evidence = _NOTHING) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.hint = hint
        self.evidence = evidence

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})" if self.hint else self.message


class Malformed(SigwardenError):
    """The bytes are not of the format they claim to be."""


class Untrue(SigwardenError):
    """Well-formed, but a signature, a proof or a policy does not hold."""


class Unreachable(SigwardenError):
    """A service gave no usable answer.

    `cause` is one of dns, connect, tls, timeout, status, redirect, too-large, protocol; `status` the HTTP status where
    there was one; `retry_after` seconds to wait, where the server said so.
    """

    def __init__(  # noqa: PLR0913 - the facts of one failed request
        self,
        message: str,
        *,
        code: str = "unreachable",
        cause: str = "connect",
        status: int | None = None,
        retry_after: float | None = None,
        hint: str = "",
        evidence: Evidence = _NOTHING,
    ) -> None:
        super().__init__(message, code=code, hint=hint, evidence=evidence)
        self.cause = cause
        self.status = status
        self.retry_after = retry_after


class Refused(SigwardenError):
    """We will not do this: undefined policy, bad configuration, wrong usage."""
