"""Who signs: a key, a key with a certificate of its owner's authority, or an identity (`identity_of`)?"""

import os
import sys
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from cli.inputs import read_input
from cli.prompt import signing_password
from cli.sign_plan import Plan
from signer.keys import Access, load_key
from signer.keys.key import SigningKey
from signer.sign import Credential
from verifier.chain import check_chain
from verifier.errors import Refused, Untrue
from verifier.holder import key_of
from verifier.legacy import read_certificate
from verifier.pem import parse_pem

if TYPE_CHECKING:
    from cli.early_key import EarlyKey
    from verifier.fetch.http import Http

_MAX_KEY = 64 << 10
_MAX_PEM = 1 << 20


def signer_of(flags: Mapping[str, Any], plan: Plan, http: "Http", now: datetime) -> Callable[[], Credential]:
    """What gives the credential for each artifact; asks for passwords and logs in, once."""
    key = _key(flags, http)
    if key is not None and not plan.keyless:
        fixed = Credential(key) if not flags["certificate"] else _certified(flags, key, plan, now)
        return lambda: fixed
    from cli.identity_of import identity_of

    return identity_of(flags, plan, http, key).credential


def access_of(http: "Http", *, stdin_taken: bool = False) -> Access:
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


def _key(flags: Mapping[str, Any], http: "Http") -> SigningKey | None:
    if flags.get("early_key") is not None:
        early: EarlyKey = flags["early_key"]
        return early.key()
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
