"""Which certificate does the authority give us for this identity and key, and does it hold?

Fulcio's ``POST /api/v2/signingCert`` (protocol.md 6.1). The answer is checked at once against the trust root: the chain
now, our key in the leaf, its certificate timestamps; a root that comes with the answer is never trusted.
"""

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from signer.answers import complaint_of, members_of
from signer.keys.key import SigningKey
from signer.token import Token
from verifier.certificate import read_identity
from verifier.chain import check_chain
from verifier.errors import Malformed, Unreachable, Untrue
from verifier.fetch.call import Reply, expect
from verifier.holder import key_of
from verifier.jsonstrict import b64
from verifier.pem import CERTIFICATE, parse_pem
from verifier.sct import check_detached_sct, check_sct
from verifier.trust import TrustedRoot

if TYPE_CHECKING:
    from verifier.fetch.http import Http

_MAX_ANSWER = 1 << 20
_LEEWAY = timedelta(minutes=5)  # the authority's clock may be ahead of ours
_ALGORITHMS = {"ecdsa": "ECDSA", "rsa": "RSA_PSS", "ed25519": "ED25519"}  # names of the API; it goes by the key


@dataclass(frozen=True, slots=True)
class Certificate:
    """A checked certificate: `der` the leaf, `chain` as the authority sent it (leaf first, DER), its time limits."""

    der: bytes
    chain: tuple[bytes, ...]
    not_before: datetime
    not_after: datetime


def request_certificate(
    http: "Http", url: str, token: Token, key: SigningKey
) -> tuple[tuple[bytes, ...], bytes | None]:
    """(chain, detached SCT) for `key` and the token's identity, not yet checked; Unreachable with Fulcio's reason."""
    public = {"algorithm": _ALGORITHMS.get(key.public.kind.partition("-")[0], ""), "content": key.public.pem.decode()}
    proof = base64.b64encode(key.sign(token.subject.encode())).decode()
    body = {
        "credentials": {"oidcIdentityToken": token.raw},
        "publicKeyRequest": {"publicKey": public, "proofOfPossession": proof},
    }
    reply = http.post(
        f"{url}/api/v2/signingCert",
        json.dumps(body).encode(),
        content_type="application/json",
        max_bytes=_MAX_ANSWER,
        headers={"Authorization": f"Bearer {token.raw}"},
    )
    _check_status(reply, token)
    return _read(members_of(reply))


def check_certificate(
    chain: Sequence[bytes],
    sct: bytes | None,
    key: SigningKey,
    trust: TrustedRoot,
    now: datetime,
    *,
    promised: bool = True,
) -> Certificate:
    """The leaf, if it is for our key, from a trusted authority, valid now, and promised to a trusted CT log.

    `promised` False: no certificate timestamp is demanded (an authority that logs nowhere).
    """
    leaf = chain[0]
    if key_of(leaf).fingerprints.isdisjoint(key.public.fingerprints):
        raise Untrue("the authority certified another key than ours", code="certificate-key")
    identity = read_identity(leaf)
    if identity.not_before is None or identity.not_after is None:
        raise Malformed("the certificate's validity cannot be read", code="certificate-validity")
    at = identity.not_before if now < identity.not_before <= now + _LEEWAY else now
    try:
        path = check_chain(leaf, trust.cas, at, tuple(chain[1:]))
        if sct is None and promised:
            check_sct(leaf, path[min(1, len(path) - 1)], trust.ctlogs)
        elif sct is not None and promised:
            check_detached_sct(sct, leaf, trust.ctlogs)
    except Untrue as error:
        raise Untrue(
            f"failed to verify leaf certificate: {error.message}",
            code=error.code,
            hint="is this the trust root of the instance that issued it? is the clock right?",
        ) from error
    return Certificate(leaf, tuple(chain), identity.not_before, identity.not_after)


def check_name(certificate: Certificate, token: Token) -> None:
    """Raise Untrue unless the certificate names whom the token names."""
    names = [name.value for name in read_identity(certificate.der).names]
    # an e-mail address is the whole name; a workflow is known without the host of its server
    exact = "@" in token.name and "/" not in token.name
    if not any(name == token.name if exact else name.endswith(token.name) for name in names):
        raise Untrue(
            f"the authority certified {', '.join(names)[:200] or 'nobody'}, and not the identity that logged in",
            code="certificate-name",
        )


def _check_status(reply: Reply, token: Token) -> None:
    try:
        expect(reply, 200, 201)
    except Unreachable as error:
        said = complaint_of(reply).replace(token.raw, "…")
        raise Unreachable(
            f"{error.message}{': ' + said if said else ''}",
            code="fulcio",
            cause=error.cause,
            status=error.status,
            retry_after=error.retry_after,
            hint="the authority refused the identity token or the key" if reply.status < 500 else "",
        ) from None


def _read(members: Mapping[str, Any]) -> tuple[tuple[bytes, ...], bytes | None]:
    embedded, detached = members.get("signedCertificateEmbeddedSct"), members.get("signedCertificateDetachedSct")
    found = embedded or detached
    try:
        pems = found["chain"]["certificates"] if isinstance(found, dict) else None
        sct = b64(detached["signedCertificateTimestamp"]) if detached and not embedded else None
    except (KeyError, TypeError):
        pems, sct = None, None
    if not isinstance(pems, list) or not pems or len(pems) > 10 or not all(isinstance(one, str) for one in pems):
        raise Malformed("the authority's answer has no certificate chain", code="service-reply")
    blocks = [parse_pem(one.encode()) for one in pems]
    if any(len(one) != 1 or one[0].label != CERTIFICATE for one in blocks):
        raise Malformed("the authority's answer has something other than certificates", code="service-reply")
    return tuple(one[0].data for one in blocks), sct
