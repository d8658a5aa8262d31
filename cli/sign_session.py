"""What do the signatures of one command share? One login, one connection to each service, one record of what is logged.

Whatever ends the session early, the person is told what is in a log already: that cannot be taken back.
"""

import contextlib
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import FrameType
from typing import TYPE_CHECKING, Any, cast

from cli.app import printable
from cli.sign_plan import Plan, plan_of
from cli.signer_of import signer_of
from cli.version import VERSION
from signer.journal import Journal
from signer.keys import scheme_of
from signer.keys.key import SigningKey
from signer.sign import Credential, Work, Workshop, needs, sign
from verifier.bundle import Bundle
from verifier.errors import Refused

if TYPE_CHECKING:
    from verifier.fetch.http import Http

# Rekor v2 answers when the entry is in a published tree, seconds later: then waiting is done side by side.
_SIDE_BY_SIDE = 8


@dataclass(frozen=True, slots=True)
class Session:
    """One call of a signing command."""

    plan: Plan
    workshop: Workshop
    credential: Callable[[], Credential]
    workers: int

    @property
    def key(self) -> SigningKey:
        """The key that signs."""
        return self.credential().key

    def needs(self, *, attest: bool, pure: bool = False) -> tuple[frozenset[str], bool]:
        """Which digests of an artifact are needed, and whether its bytes."""
        return needs(self.key, self.plan.services, attest=attest, pure=pure)

    def sign(self, work: Work) -> Bundle:
        """The finished, verified bundle."""
        return sign(work, self.credential(), self.workshop, datetime.now(UTC))

    def delivered(self, name: str) -> None:
        """The bundle is where it belongs."""
        self.workshop.journal.delivered(name)


@contextlib.contextmanager
def session(flags: Mapping[str, Any]) -> Iterator[Session]:
    """Plan, log in, and afterwards tell what is logged without a bundle to show for it."""
    now = datetime.now(UTC)
    plan = plan_of(flags, now)
    journal = Journal()
    waits = any(log.version == 2 for log in plan.services.logs)
    workers = flags["max_workers"] or (_SIDE_BY_SIDE if waits else 1)
    with (
        _told(journal),
        _terminated(),
        _network(flags, plan, workers) as http,
    ):
        credential = signer_of(flags, plan, http, now)
        workshop = Workshop(http, plan.services, plan.trust, journal, flags["rekor_entry_type"])
        yield Session(plan, workshop, credential, workers)


class _NoNetwork:
    """Stands where nothing is to be asked of anybody: a command that needs no service loads no client for one."""

    def __getattr__(self, name: str) -> object:
        raise Refused("this command was to use no network", code="offline")


@contextlib.contextmanager
def _network(flags: Mapping[str, Any], plan: Plan, workers: int) -> "Iterator[Http]":
    services = plan.services
    if not (plan.keyless or services.logs or services.tsas or scheme_of(flags["key"] or "") not in ("", "env")):
        yield cast("Http", _NoNetwork())
        return
    from verifier.fetch.http import Http, HttpPolicy

    with Http(HttpPolicy(user_agent=f"sigwarden/{VERSION}", ceiling=workers)) as http:
        yield http


@contextlib.contextmanager
def _told(journal: Journal) -> Iterator[None]:
    try:
        yield
    finally:
        for line in journal.lines():
            sys.stderr.write(f"NOTE: {printable(line)}\n")


@contextlib.contextmanager
def _terminated() -> Iterator[None]:
    """SIGTERM ends us as Ctrl-C does: with everything closed and told."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():  # only that one may take signals
        yield
        return
    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
