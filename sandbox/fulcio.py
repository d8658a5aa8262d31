"""Which certificate does an identity token get? Fulcio's HTTP API over the sandbox's CA and its own CT log.

``POST /api/v2/signingCert`` with proof of possession or a CSR, ``GET /api/v2/trustBundle``, ``/api/v2/configuration``
(fulcio.proto; protocol.md 6.1). Refusals have the real server's codes and words.
"""

import base64
import binascii
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

from sandbox import jwt
from sandbox.ca import CA, HONEST, Profile
from sandbox.certificates import pem_of
from sandbox.keys import SigningKey, check_signature
from sandbox.principal import ISSUERS, kind_of
from sandbox.service import Service, json_reply, problem
from sandbox.subjects import Subject
from sandbox.wire import Reply, Request

AUDIENCE = "sigstore"
_LARGEST_TOKEN = 64 << 10
_SIGN, _BUNDLE, _CONFIGURATION = "/api/v2/signingCert", "/api/v2/trustBundle", "/api/v2/configuration"
_IDENTITY = "There was an error processing the identity token"
_SIGNATURE = "The signature supplied in the request could not be verified"
_KEY = "The public key supplied in the request could not be parsed"
_WEAK = "The public key supplied in the request is insecure"
_CSR = "The certificate signing request could not be parsed"
_CT = "Error entering certificate in CTL"


class _Refused(Exception):
    """An InvalidArgument of the real server; its message is the argument."""


@dataclass(frozen=True, slots=True)
class Tale:
    """What is wrong with the certificates at the moment."""

    profile: Profile = HONEST
    other_key: bool = False
    other_subject: Subject | None = None
    rogue: bool = False
    chain: tuple[bytes, ...] | None = None


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate that was asked for over HTTP: DER, and whom it names."""

    der: bytes
    subject: Subject = field(repr=False)


class SandboxFulcio(Service):
    """``with SandboxFulcio(ca, keys=lambda: oidc.keys) as fulcio: fulcio.url``; `issued` is what it certified.

    Tokens of any issuer count if one of `keys` signed them: the sandbox has one token mint for all issuers.
    """

    def __init__(
        self,
        ca: CA,
        *,
        keys: Callable[[], tuple[SigningKey, ...]],
        now: Callable[[], float] = time.time,
        issuer: Callable[[], str] = lambda: "",
        latency: float = 0.0,
        port: int = 0,
    ) -> None:
        super().__init__(latency=latency, port=port)
        self.ca, self.keys, self.now, self._issuer = ca, keys, now, issuer
        self.issued: list[Issued] = []
        self.tale = Tale()

    # -- lies ----------------------------------------------------------------------------------------------------------

    def honest(self) -> None:
        """Certify what was asked for, and log it."""
        super().honest()
        self.tale = Tale()

    def unlogged(self) -> None:
        """Issue without telling the CT log: no SCT in the certificate."""
        self._profile(sct=False)

    def secretly(self) -> None:
        """Issue with an SCT that the CT log signs and never honours: the precertificate is not in it."""
        self._profile(secret=True)

    def wrong_key(self) -> None:
        """Certify a key that nobody asked for."""
        self.tale = replace(self.tale, other_key=True)

    def wrong_subject(self, subject: Subject) -> None:
        """Certify somebody else than the token names."""
        self.tale = replace(self.tale, other_subject=subject)

    def untrusted(self) -> None:
        """Issue from a CA with the same names that nobody trusts."""
        self.tale = replace(self.tale, rogue=True)

    def wrong_chain(self, *chain: bytes) -> None:
        """Send these certificates above the leaf."""
        self.tale = replace(self.tale, chain=chain)

    def expired(self, start: datetime) -> None:
        """Certificates that begin at `start`, ten minutes long."""
        self._profile(not_before=start)

    def ct_down(self, times: int | None = None) -> None:
        """The CT log does not answer, so nothing is issued: 500."""
        body = json.dumps({"code": 13, "message": _CT}).encode()
        self.refuse(500, times, only=_SIGN, body=body)

    def busy(self, times: int | None = None, retry_after: str | None = None) -> None:
        """The front end's 429."""
        self.refuse(429, times, retry_after, only=_SIGN, body=b'{"code": 8, "message": "too many requests"}')

    def _profile(self, **changes: Any) -> None:
        self.tale = replace(self.tale, profile=replace(self.tale.profile, **changes))

    # -- answers -------------------------------------------------------------------------------------------------------

    def respond(self, request: Request) -> Reply:
        """The answer to any request."""
        if request.path == _SIGN and request.method == "POST":
            return self._sign(request)
        if request.path == _BUNDLE and request.method == "GET":
            return json_reply({"chains": [{"certificates": [pem_of(one).decode() for one in self.ca.chain]}]})
        if request.path == _CONFIGURATION and request.method == "GET":
            return json_reply({"issuers": self._configuration()})
        if request.path in (_SIGN, _BUNDLE, _CONFIGURATION):
            return problem(501, 12, "Method Not Allowed")
        return problem(404, 5, "Not Found")

    def _configuration(self) -> list[dict[str, Any]]:
        rows = {self._issuer(): kind_of({"email": ""})} | ISSUERS
        return [
            {"issuerUrl": url, "audience": AUDIENCE, "challengeClaim": kind.challenge, "issuerType": kind.name}
            for url, kind in rows.items()
            if url
        ]

    def _sign(self, request: Request) -> Reply:
        try:
            asked = json.loads(request.body)
            if not isinstance(asked, dict):
                raise _Refused("invalid JSON")
            subject, challenge = self._authenticate(_token_of(request, asked))
            key = _proven_key(asked, challenge)
        except (ValueError, RecursionError):
            return problem(400, 3, "invalid JSON")
        except _Refused as refused:
            return problem(400, 3, str(refused))
        chain = [pem_of(one).decode() for one in self._issue(subject, key)]
        return json_reply({"signedCertificateEmbeddedSct": {"chain": {"certificates": chain}}})

    def _authenticate(self, raw: str) -> tuple[Subject, str]:
        """Whom a token names, and the text whose signature proves possession; refused where it does not count."""
        try:
            if len(raw) > _LARGEST_TOKEN:
                raise _Refused(_IDENTITY)
            token = jwt.read(raw)
            self._check_signature(token)
            claims, now = token.claims, self.now()
            audience = claims["aud"]
            if AUDIENCE not in (audience if isinstance(audience, list) else [audience]):
                raise _Refused(_IDENTITY)
            if not float(claims.get("nbf", claims["iat"])) <= now < float(claims["exp"]):
                raise _Refused(_IDENTITY)
            kind = kind_of(claims)
            return kind.subject(claims), str(claims[kind.challenge])
        except (ValueError, KeyError, TypeError, AttributeError):
            raise _Refused(_IDENTITY) from None

    def _check_signature(self, token: jwt.Jwt) -> None:
        for key in self.keys():
            if jwt.key_id(key) == token.header.get("kid"):
                try:
                    return jwt.check(token, key)
                except InvalidSignature:
                    break
        raise _Refused(_IDENTITY)

    def _issue(self, subject: Subject, public: object) -> tuple[bytes, ...]:
        tale = self.tale
        ca = self.ca.rogue() if tale.rogue else self.ca
        spki = SigningKey.make().spki if tale.other_key else _spki(public)
        made = ca.certify(tale.other_subject or subject, spki, tale.profile)
        self.issued.append(Issued(made, tale.other_subject or subject))
        return made, *(ca.chain if tale.chain is None else tale.chain)


def _token_of(request: Request, asked: dict[str, Any]) -> str:
    """The token in the body, else in the Authorization header."""
    credentials = asked.get("credentials")
    given = credentials.get("oidcIdentityToken") if isinstance(credentials, dict) else None
    if given:
        return str(given)
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _proven_key(asked: dict[str, Any], challenge: str) -> object:
    """The public key whose possession is proven, by a CSR or by a signature over the challenge."""
    if asked.get("certificateSigningRequest"):
        return _key_of_csr(asked["certificateSigningRequest"])
    request = asked.get("publicKeyRequest")
    request = request if isinstance(request, dict) else {}
    public = request.get("publicKey")
    try:
        key = load_pem_public_key(str(public["content"] if isinstance(public, dict) else "").encode())
    except (ValueError, KeyError, UnsupportedAlgorithm):
        raise _Refused(_KEY) from None
    _check_strength(key)
    try:
        check_signature(key, challenge.encode(), base64.b64decode(str(request.get("proofOfPossession")), validate=True))
    except (InvalidSignature, TypeError, binascii.Error):
        raise _Refused(_SIGNATURE) from None
    return key


def _key_of_csr(text: object) -> object:
    try:
        csr = x509.load_pem_x509_csr(base64.b64decode(str(text), validate=True))
        key = csr.public_key()
    except (ValueError, binascii.Error, UnsupportedAlgorithm):
        raise _Refused(_CSR) from None
    _check_strength(key)
    if not csr.is_signature_valid:
        raise _Refused(_SIGNATURE)
    return key


def _check_strength(key: object) -> None:
    """Keys that Fulcio takes: P-256, P-384, P-521, RSA 2048 to 4096 with the usual exponent, Ed25519."""
    if isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name in ("secp256r1", "secp384r1", "secp521r1"):
        return
    if isinstance(key, rsa.RSAPublicKey) and 2048 <= key.key_size <= 4096 and key.public_numbers().e == 65537:
        return
    if not isinstance(key, ed25519.Ed25519PublicKey):
        raise _Refused(_WEAK)


def _spki(key: object) -> bytes:
    assert isinstance(key, ec.EllipticCurvePublicKey | rsa.RSAPublicKey | ed25519.Ed25519PublicKey)
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def clock(now: Callable[[], float]) -> Callable[[], datetime]:
    """A clock of seconds as a clock of datetimes."""
    return lambda: datetime.fromtimestamp(now(), UTC)
