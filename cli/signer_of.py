"""Who signs: a key, a key with a certificate of its owner's authority, or an identity for ten minutes?"""

import os
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from cli.inputs import read_input
from cli.login import log_in
from cli.prompt import signing_password
from cli.sign_plan import Plan
from signer.fulcio import check_certificate, check_name, request_certificate
from signer.keys import Access, load_key
from signer.keys.key import SigningKey, generate
from signer.sign import Credential
from signer.token import Token
from verifier.chain import check_chain
from verifier.errors import Refused, Untrue
from verifier.fetch.http import Http
from verifier.holder import key_of
from verifier.legacy import read_certificate
from verifier.pem import parse_pem

_MAX_KEY = 64 << 10
_MAX_PEM = 1 << 20
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


def signer_of(flags: Mapping[str, Any], plan: Plan, http: Http, now: datetime) -> Callable[[], Credential]:
    """What gives the credential for each artifact; asks for passwords and logs in, once."""
    key = _key(flags, http)
    if key is not None and not plan.keyless:
        fixed = Credential(key) if not flags["certificate"] else _certified(flags, key, plan, now)
        return lambda: fixed
    token = log_in(flags, http, plan.services.issuer, now)
    if key is None:
        sys.stderr.write("Generating ephemeral keys...\n")
        key = generate(flags["signing_algorithm"])
    identity = Identity(plan, http, token, key, sct=not flags["insecure_skip_verify"])
    identity.credential()
    return identity.credential


def access_of(http: Http, *, stdin_taken: bool = False) -> Access:
    """How key providers reach files, services and the person."""

    def read(reference: str) -> bytes:
        return read_input(reference, limit=_MAX_KEY)

    return Access(os.environ, http, read, lambda: signing_password(stdin_taken=stdin_taken), key_pin)


def key_pin() -> str:
    """The PIN of a token: ``COSIGN_PKCS11_PIN``, or a question at the terminal."""
    import getpass

    given = os.environ.get("COSIGN_PKCS11_PIN")
    if given is not None:
        return given
    if sys.stdin is None or not sys.stdin.isatty():
        raise Refused("the token wants a PIN", code="key-pin", hint="set COSIGN_PKCS11_PIN")
    return getpass.getpass("Enter PIN for security key: ", stream=sys.stderr)


def _key(flags: Mapping[str, Any], http: Http) -> SigningKey | None:
    access = access_of(http, stdin_taken=flags["stdin_taken"])
    if flags["sk"]:
        from signer.keys.piv import load_piv

        return load_piv(flags["slot"] or "signature", access)
    return load_key(flags["key"], access) if flags["key"] else None


def _certified(flags: Mapping[str, Any], key: SigningKey, plan: Plan, now: datetime) -> Credential:
    """The key with its owner's certificate, which must be for it and, where a chain or root is known, hold now."""
    leaf = read_certificate(read_input(flags["certificate"], limit=_MAX_PEM))
    if key_of(leaf).fingerprints.isdisjoint(key.public.fingerprints):
        raise Untrue("the certificate is for another key than --key", code="certificate-key")
    chain: tuple[bytes, ...] = ()
    if flags["certificate_chain"]:
        blocks = parse_pem(read_input(flags["certificate_chain"], limit=_MAX_PEM))
        chain = tuple(block.data for block in blocks)
    check_chain(leaf, plan.trust.cas, now, chain)
    return Credential(key, leaf, (leaf, *chain), sct=False)
