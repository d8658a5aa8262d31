"""What do the bodies of log entries look like on the wire?

Typed shapes for msgspec, with the members in canonical (RFC 8785) order: encoding a decoded body gives its own bytes
back exactly if it was canonical and held nothing else. `bytes` members are standard base64 in JSON. Shapes follow
Rekor's schemas (``pkg/types/<kind>/<version>``) and rekor-tiles' protobuf JSON; members that we do not use are left
out.
"""

import msgspec
from msgspec import UNSET, UnsetType, field


class Wire(msgspec.Struct, rename="camel", omit_defaults=True, kw_only=True, gc=False):
    """Base of every shape: names in camel case, unset members left out."""


class Hash(Wire):
    """``{"algorithm":"sha256","value":"<hex>"}``."""

    algorithm: str
    value: str


class Content(Wire):
    """``{"content":"<base64>"}``."""

    content: bytes


class HashHolder(Wire):
    """``{"hash":{...}}``."""

    hash: Hash


class KeyedSignature(Wire):
    """A signature and the PEM text of its key, certificate or chain (leaf first)."""

    content: bytes
    public_key: Content


class HashedRekord001Spec(Wire):
    """Spec of hashedrekord 0.0.1."""

    data: HashHolder
    signature: KeyedSignature


class HashedRekord001(Wire):
    """Body of hashedrekord 0.0.1."""

    api_version: str
    kind: str
    spec: HashedRekord001Spec


class RawBytes(Wire):
    """``{"rawBytes":"<base64 DER>"}``."""

    raw_bytes: bytes


class Verifier002(Wire):
    """Rekor v2: exactly one of a raw key and a leaf certificate."""

    key_details: str | int
    public_key: RawBytes | UnsetType = UNSET
    x509_certificate: RawBytes | UnsetType = field(default=UNSET, name="x509Certificate")


class Signature002(Wire):
    """Rekor v2: signature with its verifier."""

    content: bytes
    verifier: Verifier002


class Digest002(Wire):
    """Rekor v2: ``{"algorithm":"SHA2_256","digest":"<base64>"}``."""

    algorithm: str | int
    digest: bytes


class HashedRekord002Inner(Wire):
    """The one member of the spec of hashedrekord 0.0.2."""

    data: Digest002
    signature: Signature002


class HashedRekord002Spec(Wire):
    """Spec of hashedrekord 0.0.2; alpha logs used the second spelling."""

    current: HashedRekord002Inner | UnsetType = field(default=UNSET, name="hashedRekordV002")
    alpha: HashedRekord002Inner | UnsetType = field(default=UNSET, name="hashedRekordV0_0_2")


class HashedRekord002(Wire):
    """Body of hashedrekord 0.0.2."""

    api_version: str
    kind: str
    spec: HashedRekord002Spec


class DsseSignature001(Wire):
    """``signature`` is the base64 text of the envelope; ``verifier`` base64 of a PEM text."""

    signature: str
    verifier: bytes


class Dsse001Spec(Wire):
    """Spec of dsse 0.0.1."""

    envelope_hash: Hash
    payload_hash: Hash
    signatures: list[DsseSignature001]


class Dsse001(Wire):
    """Body of dsse 0.0.1."""

    api_version: str
    kind: str
    spec: Dsse001Spec


class Dsse002Inner(Wire, kw_only=True):
    """The one member of the spec of dsse 0.0.2; some documents call the hash ``data``."""

    data: Digest002 | UnsetType = UNSET
    payload_hash: Digest002 | UnsetType = UNSET
    signatures: list[Signature002]


class Dsse002Spec(Wire):
    """Spec of dsse 0.0.2 (removed from the server in 2026, still in older shards)."""

    current: Dsse002Inner | UnsetType = field(default=UNSET, name="dsseV002")
    alpha: Dsse002Inner | UnsetType = field(default=UNSET, name="dsseV0_0_2")


class Dsse002(Wire):
    """Body of dsse 0.0.2."""

    api_version: str
    kind: str
    spec: Dsse002Spec


class Intoto001Content(Wire):
    """Hash of the envelope; the payload's is absent in old entries."""

    hash: Hash
    payload_hash: Hash | UnsetType = UNSET


class Intoto001Spec(Wire):
    """Spec of intoto 0.0.1: no signature is recorded."""

    content: Intoto001Content
    public_key: bytes


class Intoto001(Wire):
    """Body of intoto 0.0.1."""

    api_version: str
    kind: str
    spec: Intoto001Spec


class IntotoSignature002(Wire):
    """``sig`` is base64 of the base64 text of the envelope."""

    keyid: str | UnsetType = UNSET
    public_key: bytes | UnsetType = UNSET
    sig: bytes | UnsetType = UNSET


class IntotoEnvelope002(Wire):
    """The envelope; a handful of old entries keep its payload."""

    payload: bytes | UnsetType = UNSET
    payload_type: str | UnsetType = UNSET
    signatures: list[IntotoSignature002] = field(default_factory=list)


class Intoto002Content(Wire):
    """``hash`` is whatever the client claimed; ``payloadHash`` was computed by the server."""

    envelope: IntotoEnvelope002
    hash: Hash | UnsetType = UNSET
    payload_hash: Hash | UnsetType = UNSET


class Intoto002Spec(Wire):
    """Spec of intoto 0.0.2."""

    content: Intoto002Content


class Intoto002(Wire):
    """Body of intoto 0.0.2."""

    api_version: str
    kind: str
    spec: Intoto002Spec
