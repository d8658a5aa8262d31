"""Who signs with an identity? A login, a key that lives as long as we do, and a certificate for ten minutes."""

import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from cli.login import log_in
from cli.sign_plan import Plan
from signer.fulcio import check_certificate, check_name, request_certificate
from signer.keys.key import SigningKey, generate
from signer.sign import Credential
from signer.token import Token
from verifier.fetch.http import Http

# A certificate is used while it surely lasts until the log has the entry: Rekor v2 takes up to 20 seconds.
_MARGIN = timedelta(seconds=60)


@dataclass(slots=True)
class Identity:
    """A login and what came of it: asks for a new certificate when the last one is about to end."""

    plan: Plan
    http: Http
    token: Token
    key: SigningKey
    sct: bool = True
    _last: Credential | None = None
    _until: datetime | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def credential(self) -> Credential:
        """The certificate of this login; one is enough for many artifacts."""
        with self._lock:
            now = datetime.now(UTC)
            if self._last is None or self._until is None or now + _MARGIN > self._until:
                assert self.plan.services.fulcio is not None
                chain, sct = request_certificate(self.http, self.plan.services.fulcio, self.token, self.key)
                checked = check_certificate(chain, sct, self.key, self.plan.trust, now, promised=self.sct)
                check_name(checked, self.token)
                self._last = Credential(self.key, checked.der, checked.chain, sct=self.sct)
                self._until = checked.not_after
            return self._last


def identity_of(flags: Mapping[str, Any], plan: Plan, http: Http, key: SigningKey | None) -> Identity:
    """Logs in, makes a key unless there is one, and has it certified."""
    token = log_in(flags, http, plan.services.issuer, datetime.now(UTC))
    if key is None:
        sys.stderr.write("Generating ephemeral keys...\n")
        key = generate(flags["signing_algorithm"])
    identity = Identity(plan, http, token, key, sct=not flags["insecure_skip_verify"])
    identity.credential()
    return identity
