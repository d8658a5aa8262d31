"""Which key is this at AWS KMS? (``awskms://[ENDPOINT]/ID``; extra ``aws``)

KMS's JSON API over our own HTTP: GetPublicKey, Sign of a digest, CreateKey and CreateAlias. botocore only finds the
credentials (its standard chain) and signs the requests.
"""

import base64
import json
import re
from typing import TYPE_CHECKING, Any

from signer.answers import members_of
from signer.keys.key import SigningKey
from signer.keys.remote import RemoteKey, ask, text_in
from verifier.errors import Malformed, Refused
from verifier.fetch.call import Call
from verifier.jsonstrict import b64
from verifier.keys import PublicKey

if TYPE_CHECKING:
    from signer.keys import Access, Created

_ID = r"(?:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|mrk-[0-9a-f]{32})"
_ALIAS = r"alias/[A-Za-z0-9/_-]{1,250}"
_ARN = rf"arn:aws[a-z-]*:kms:(?P<region>[a-z0-9-]+):[0-9]{{12}}:(?:key/{_ID}|{_ALIAS})"
_REFERENCE = re.compile(rf"awskms://(?P<host>[A-Za-z0-9.:\[\]-]*)/(?P<id>{_ID}|{_ALIAS}|{_ARN})", re.ASCII)
_ALGORITHMS = {
    "ecdsa-p256": "ECDSA_SHA_256",
    "ecdsa-p384": "ECDSA_SHA_384",
    "ecdsa-p521": "ECDSA_SHA_512",
    "rsa": "RSASSA_PKCS1_V1_5_SHA_256",
}
_MAX_ANSWER = 1 << 20


class _Service:
    """KMS in one region, with the user's credentials."""

    def __init__(self, reference: str, access: "Access") -> None:
        match = _REFERENCE.fullmatch(reference)
        if match is None:
            raise Refused(
                "the reference is not usable: awskms://[ENDPOINT]/ID is needed",
                code="key-reference",
                hint="ID is a key's UUID, mrk-..., alias/NAME, or a full ARN",
            )
        if access.env.get("AWS_TLS_INSECURE_SKIP_VERIFY"):
            raise Refused("TLS is always verified here: unset AWS_TLS_INSECURE_SKIP_VERIFY", code="key-endpoint")
        self.id, self._http = match["id"], access.http
        session = _session()
        self._credentials = session.get_credentials()
        self._region = match["region"] or session.get_config_variable("region")
        if self._credentials is None or not self._region:
            raise Refused(
                "there are no AWS credentials, or no region", code="key-credentials", hint="see 'aws configure'"
            )
        self._url = _endpoint(match["host"], self._region, access)

    def call(self, action: str, **members: Any) -> dict[str, Any]:
        """What KMS answers to one action of its API."""
        from botocore.auth import SigV4Auth
        from botocore.awsrequest import AWSRequest

        body = json.dumps(members, separators=(",", ":")).encode()
        headers = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": f"TrentService.{action}"}
        request = AWSRequest("POST", self._url, headers=headers, data=body)
        SigV4Auth(self._credentials.get_frozen_credentials(), "kms", self._region).add_auth(request)
        signed = {name: str(value) for name, value in request.headers.items()}
        call = Call("POST", self._url, _MAX_ANSWER, headers=signed, content=body)
        reply = ask(self._http, call, "AWS KMS")
        return members_of(reply) if reply.body else {}

    def public(self) -> tuple[PublicKey, list[Any]]:
        """The public half, and the algorithms that the key may be used with."""
        answer = self.call("GetPublicKey", KeyId=self.id)
        algorithms = answer.get("SigningAlgorithms")
        if not isinstance(algorithms, list):
            raise Refused("the key at AWS KMS is not for signing", code="key-scheme")
        return PublicKey.from_der(b64(text_in(answer, "PublicKey"), "AWS's public key")), algorithms


def load(reference: str, access: "Access") -> SigningKey:
    """The key, ready to sign."""
    service = _Service(reference, access)
    public, algorithms = service.public()
    algorithm = _ALGORITHMS.get(public.kind, "")
    if algorithm not in algorithms:
        raise Refused(f"the key at AWS KMS does not sign with {algorithm or public.kind}", code="key-scheme")

    def sign(digest: bytes) -> bytes:
        answer = service.call(
            "Sign",
            KeyId=service.id,
            Message=base64.b64encode(digest).decode(),
            MessageType="DIGEST",
            SigningAlgorithm=algorithm,
        )
        if answer.get("SigningAlgorithm", algorithm) != algorithm:
            raise Malformed("AWS KMS signed with another algorithm than was asked for", code="service-reply")
        return b64(text_in(answer, "Signature"), "AWS's signature")

    return RemoteKey(public, sign, "AWS KMS")


def public(reference: str, access: "Access") -> PublicKey:
    """The public half."""
    return _Service(reference, access).public()[0]


def create(reference: str, access: "Access") -> "Created":
    """A new P-256 key behind an alias; Refused for other references, which KMS itself gives out."""
    from signer.keys import Created

    service = _Service(reference, access)
    if not service.id.startswith("alias/"):
        raise Refused(
            "a new key at AWS KMS needs an alias", code="key-reference", hint="awskms:///alias/NAME; KMS names the key"
        )
    made = service.call("CreateKey", KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY", Description="made by sigwarden")
    service.call("CreateAlias", AliasName=service.id, TargetKeyId=text_in(made, "KeyMetadata", "KeyId"))
    return Created(service.public()[0])


def _endpoint(host: str, region: str, access: "Access") -> str:
    """The endpoint of the reference, of AWS's own variables, or of the region."""
    if host:
        return f"https://{host}/"
    given = access.env.get("AWS_ENDPOINT_URL_KMS") or access.env.get("AWS_ENDPOINT_URL")
    if given:
        return given.rstrip("/") + "/"
    return f"https://kms.{region}.amazonaws.com{'.cn' if region.startswith('cn-') else ''}/"


def _session() -> Any:
    try:
        import botocore.session
    except ImportError:
        raise Refused(
            "keys at AWS KMS need the package botocore", code="key-extra", hint="install sigwarden[aws]"
        ) from None
    return botocore.session.get_session()
