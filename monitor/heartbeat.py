"""Does somebody outside notice when we fall silent? A call that is made only while everything is well."""

import logging

from monitor.health import Health
from monitor.secrets import Secret
from verifier.errors import SigwardenError
from verifier.fetch.http import Http

log = logging.getLogger(__name__)

_ANSWER_LIMIT = 1 << 16


class Heartbeat:
    """Calls one address, a secret. The service behind it (a dead man's switch) alerts when the calls stop."""

    def __init__(self, url: Secret, http: Http) -> None:
        """`http` should keep secret addresses out of its messages (``HttpPolicy(secret_urls=True)``)."""
        self._url = url
        self._http = http
        self._withheld = ""

    def beat(self, health: Health) -> bool:
        """Call if all is well; True if the service took it. What holds it back is logged when it changes."""
        faults = "; ".join(f"{check.subject} {check.name}: {check.message}" for check in health.faults)
        why = faults or ("" if health.ok else "no log is followed")
        if why:
            if why != self._withheld:
                log.warning("the heartbeat is withheld: %s", why)
            self._withheld = why
            return False
        self._withheld = ""
        return self._call()

    def _call(self) -> bool:
        try:
            reply = self._http.get(self._url.reveal(), max_bytes=_ANSWER_LIMIT, accept="*/*, text/html")
        except SigwardenError as error:
            log.warning("the heartbeat did not arrive: %s", error.message)
            return False
        if not 200 <= reply.status < 300:
            log.warning("the heartbeat was answered with status %d", reply.status)
            return False
        return True
