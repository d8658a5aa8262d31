"""How does an alert reach a machine? A signed webhook, as Standard Webhooks 1.0 describes it."""

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import UTC, datetime

from monitor.alerts.channel import Message, Receipt, plain
from monitor.alerts.record import timestamp
from monitor.alerts.settings import ChannelSettings
from monitor.secrets import Secret
from verifier.errors import Refused, Unreachable
from verifier.fetch.http import Http, HttpPolicy, Reply

_ANSWER_LIMIT = 1 << 16
_PREFIX = "whsec_"
_KEY_BYTES = range(24, 65)
"""What the specification allows for a symmetric secret."""


class Webhook:
    """Posts JSON to one address. The receiver drops repetitions by ``webhook-id`` and old ones by the timestamp."""

    follows = True

    def __init__(
        self, name: str, url: Secret, secret: Secret, http: Http, clock: Callable[[], datetime] | None = None
    ) -> None:
        self.name = name
        self._url = url
        self._keys = signing_keys(secret)
        self._http = http
        self._clock = clock or _now

    def send(self, message: Message, thread: str = "") -> Receipt:
        """POST once; 2xx is success, anything else an error by whether it may pass by itself."""
        at = self._clock()
        body = payload(message, at)
        headers = {
            "webhook-id": message.id,
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": signature(self._keys, message.id, int(at.timestamp()), body),
        }
        reply = self._http.post(
            self._url.reveal(), body, content_type="application/json", max_bytes=_ANSWER_LIMIT, headers=headers
        )
        _check(reply)
        return Receipt()

    def probe(self) -> None:
        """A webhook cannot be asked without sending something."""

    def close(self) -> None:
        """Close its connections."""
        self._http.close()


def open_webhook(settings: ChannelSettings, policy: HttpPolicy) -> Webhook:
    """The channel of an address with a secret."""
    if settings.secret is None:
        raise settings.incomplete("a webhook needs secret: its receiver cannot know otherwise who is speaking")
    return Webhook(settings.name, settings.address(), settings.secret, settings.client(policy))


def signing_keys(secret: Secret) -> tuple[bytes, ...]:
    """Keys of ``whsec_`` and base64; several, separated by spaces, while the receiver changes to a new one."""
    keys = tuple(_key(text) for text in secret.reveal().split())
    if not keys:
        raise _bad_secret("is empty")
    return keys


def _key(text: str) -> bytes:
    if not text.startswith(_PREFIX):
        raise _bad_secret(f"does not start with {_PREFIX}")
    try:
        key = base64.b64decode(text.removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        raise _bad_secret("is not base64") from None
    if len(key) not in _KEY_BYTES:
        raise _bad_secret(f"has {len(key)} bytes, not 24 to 64")
    return key


def _bad_secret(why: str) -> Refused:
    hint = "make one with: echo whsec_$(openssl rand -base64 32)"
    return Refused(f"the secret of a webhook {why}", code="webhook-secret", hint=hint)


def payload(message: Message, at: datetime) -> bytes:
    """The body: ``type``, ``timestamp``, ``data``; ASCII, so that no character changes on its way."""
    text = {"title": plain(message.title), "severity": message.severity, "reason": message.reason}
    fields = [{"label": field.label, "lines": [plain(line) for line in field.lines]} for field in message.fields]
    data = dict(message.data) | {"message": text | {"fields": fields}}
    kind = f"sigwarden.{'incident' if message.incident else message.reason}"
    return json.dumps({"type": kind, "timestamp": timestamp(at), "data": data}, ensure_ascii=True).encode()


def signature(keys: tuple[bytes, ...], message_id: str, seconds: int, body: bytes) -> str:
    """``v1,`` and base64 of HMAC-SHA256 over ``id.timestamp.body``, one for each key."""
    signed = f"{message_id}.{seconds}.".encode() + body
    made = (hmac.digest(key, signed, hashlib.sha256) for key in keys)
    return " ".join(f"v1,{base64.b64encode(mac).decode()}" for mac in made)


def _check(reply: Reply) -> None:
    status = reply.status
    if 200 <= status < 300:
        return
    if 300 <= status < 400:
        raise Unreachable(f"the webhook redirects ({status}), which we do not follow", cause="redirect", status=status)
    if status in (408, 425, 429) or status >= 500:
        wait = reply.headers.get("Retry-After", "")
        seconds = float(wait[:9]) if wait.isascii() and wait.isdigit() else None
        raise Unreachable(f"the webhook answered {status}", cause="status", status=status, retry_after=seconds)
    raise Refused(
        f"the webhook refused the message with status {status}",
        code=f"webhook-{status}",
        hint="check its address and that the receiver knows the secret; then: sigwarden alert test",
    )


def _now() -> datetime:
    return datetime.now(UTC)
