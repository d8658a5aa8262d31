"""What is in this Sigstore bundle?

Versions 0.1, 0.2 and 0.3 in both spellings of 0.3 (protocol.md 5.1, 5.2), read strictly: one meaning or none. Nothing
is verified here; `verification.verify` does that. Attacker-controlled: byte and count limits come before parsing.
"""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from verifier import jsonstrict, tbs
from verifier.dsse import Envelope, envelope_from_json
from verifier.entry import LogEntry, entry_from_tle, entry_to_tle
from verifier.errors import Malformed

V01 = "application/vnd.dev.sigstore.bundle+json;version=0.1"
V03 = "application/vnd.dev.sigstore.bundle.v0.3+json"
_MEDIA_TYPES: Mapping[str, str] = MappingProxyType(
    {
        V01: "0.1",
        "application/vnd.dev.sigstore.bundle+json;version=0.2": "0.2",
        "application/vnd.dev.sigstore.bundle+json;version=0.3": "0.3",
        V03: "0.3",
    }
)
LEGACY = "legacy"

# A bundle with a large SBOM inside is tens of MiB; the counts are sigstore-go's (pkg/bundle).
MAX_BYTES = 192 << 20
MAX_ENTRIES = MAX_TIMESTAMPS = 32
MAX_CERTIFICATES = 16

# HashAlgorithm of protobuf-specs, by name and number -> the name hashlib knows.
_HASHES: Mapping[str | int, str] = MappingProxyType(
    {"SHA2_256": "sha256", "SHA2_384": "sha384", "SHA2_512": "sha512", 1: "sha256", 2: "sha384", 3: "sha512"}
)
_HASH_NAMES: Mapping[str, str] = MappingProxyType({"sha256": "SHA2_256", "sha384": "SHA2_384", "sha512": "SHA2_512"})


@dataclass(frozen=True, slots=True)
class MessageSignature:
    """A signature over an artifact; the digest is a hint that must be true (protocol.md T65), or None if not given."""

    signature: bytes
    algorithm: str | None = None
    digest: bytes | None = None


@dataclass(frozen=True, slots=True)
class Bundle:
    """Everything needed to verify one signature.

    `certificates` has the leaf first and is empty when a key is meant (`key_hint` then says which, unauthenticated);
    `version` is "0.1", "0.2", "0.3" or "legacy" (cosign's formats, `legacy`); `timestamps` are DER TimeStampResp;
    `embedded_key` is the SPKI that a legacy bundle claims: compared with the caller's key, never used instead of it;
    `detached_sct` is an add-chain reply (JSON) beside the certificate, for certificates without an embedded one.
    """

    version: str
    media_type: str
    content: MessageSignature | Envelope
    certificates: tuple[bytes, ...] = ()
    key_hint: str = ""
    entries: tuple[LogEntry, ...] = ()
    timestamps: tuple[bytes, ...] = field(default=(), repr=False)
    embedded_key: bytes | None = None
    detached_sct: bytes | None = field(default=None, repr=False)

    @classmethod
    def parse(cls, data: bytes, *, allow_chain: bool = False) -> "Bundle":
        """A bundle from its JSON; Malformed if anything in it is unknown, missing, ambiguous or too large.

        `allow_chain` accepts a certificate chain in a 0.3 bundle, which the format forbids (cosign's
        ``--allow-certificate-chain``).
        """
        value = _members(jsonstrict.loads(data, max_bytes=MAX_BYTES), "the bundle", _TOP)
        media_type = value.get("mediaType")
        version = _MEDIA_TYPES.get(media_type) if isinstance(media_type, str) else None
        if version is None:
            raise Malformed(
                f"this is no bundle of a known version: its mediaType is {str(media_type)[:100]!r}",
                code="bundle-version",
                hint="versions 0.1, 0.2 and 0.3 are understood",
            )
        material = _members(value.get("verificationMaterial"), "verificationMaterial", _MATERIAL)
        certificates, hint = _signer(material, version, allow_chain=allow_chain)
        bundle = cls(
            version=version,
            media_type=str(media_type),
            content=_content(value),
            certificates=certificates,
            key_hint=hint,
            entries=_entries(material),
            timestamps=_timestamps(material),
        )
        _check_inclusion_material(bundle)
        return bundle

    @property
    def signature(self) -> bytes:
        """The raw signature bytes: what a timestamp covers."""
        return self.content.signature

    @property
    def leaf(self) -> bytes | None:
        """The signer's certificate (DER), None when a key is meant."""
        return self.certificates[0] if self.certificates else None

    def encode(self) -> bytes:
        """The bundle as compact JSON of version 0.3, with the current media type.

        Where an entry has a promise but no proof it is of version 0.1, the only one that allows this.
        """
        return json.dumps(self.to_json(), separators=(",", ":"), ensure_ascii=False).encode()

    def to_json(self) -> dict[str, Any]:
        """The object that `encode` writes: one certificate, or a key hint."""
        promised = any(entry.proof is None for entry in self.entries)
        material: dict[str, Any]
        if self.leaf is not None and promised:
            material = {"x509CertificateChain": {"certificates": [{"rawBytes": _b64(self.leaf)}]}}
        elif self.leaf is not None:
            material = {"certificate": {"rawBytes": _b64(self.leaf)}}
        else:
            material = {"publicKey": {"hint": self.key_hint} if self.key_hint else {}}
        if self.entries:
            material["tlogEntries"] = [entry_to_tle(entry) for entry in self.entries]
        if self.timestamps:
            stamps = [{"signedTimestamp": _b64(one)} for one in self.timestamps]
            material["timestampVerificationData"] = {"rfc3161Timestamps": stamps}
        media_type = V01 if promised else V03
        return {"mediaType": media_type, "verificationMaterial": material, **_content_to_json(self.content)}


_TOP = frozenset({"mediaType", "verificationMaterial", "messageSignature", "dsseEnvelope"})
_SIGNERS = ("certificate", "x509CertificateChain", "publicKey")
_MATERIAL = frozenset({*_SIGNERS, "tlogEntries", "timestampVerificationData"})


def _bad(why: str, code: str = "bundle-shape") -> Malformed:
    return Malformed(why, code=code)


def _members(value: Any, name: str, allowed: frozenset[str]) -> dict[str, Any]:
    """The members of an object that are not null (protobuf JSON: null is the default value)."""
    if not isinstance(value, dict):
        raise _bad(f"{name} is missing or no object")
    unknown = value.keys() - allowed
    if unknown:
        raise _bad(f"{name} has an unknown member '{min(unknown)[:50]}'")
    return {key: one for key, one in value.items() if one is not None}


def _list(value: Any, name: str, limit: int) -> list[Any]:
    if not isinstance(value, list):
        raise _bad(f"{name} is no list")
    if len(value) > limit:
        raise _bad(f"{name} has more than {limit} elements", "bundle-limit")
    return value


def _bytes(value: Any, name: str) -> bytes:
    raw = jsonstrict.b64(value, name)
    if not raw:
        raise _bad(f"{name} is empty")
    return raw


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _signer(material: dict[str, Any], version: str, *, allow_chain: bool) -> tuple[tuple[bytes, ...], str]:
    """Certificates (leaf first) or the hint of a key; exactly one of the three forms."""
    given = [name for name in _SIGNERS if name in material]
    if len(given) != 1:
        raise _bad(f"verificationMaterial has {len(given)} of certificate, x509CertificateChain and publicKey, not one")
    name = given[0]
    if name == "publicKey":
        hint = _members(material[name], name, frozenset({"hint"})).get("hint", "")
        if not isinstance(hint, str):
            raise _bad("the hint of the public key is no text")
        return (), hint
    if name == "certificate":
        if version != "0.3":
            raise _bad(f"a bundle of version {version} has a certificate where a chain belongs", "bundle-material")
        return (_certificate(material[name]),), ""
    if version == "0.3" and not allow_chain:
        raise Malformed(
            "a bundle of version 0.3 must hold a single certificate, not a chain",
            code="bundle-chain",
            hint="--allow-certificate-chain accepts it",
        )
    members = _members(material[name], name, frozenset({"certificates"}))
    found = _list(members.get("certificates", []), "certificates", MAX_CERTIFICATES)
    if not found:
        raise _bad("the certificate chain is empty", "bundle-chain")
    certificates = tuple(_certificate(one) for one in found)
    if not allow_chain and any(_is_self_issued(one) for one in certificates):
        raise _bad("the certificate chain contains a root: trust comes from the trust root alone", "bundle-root")
    return certificates, ""


def _is_self_issued(certificate: bytes) -> bool:
    parts = tbs.walk_certificate(certificate)
    return parts.issuer == parts.subject


def _certificate(value: Any) -> bytes:
    return _bytes(_members(value, "a certificate", frozenset({"rawBytes"})).get("rawBytes"), "a certificate")


def _entries(material: dict[str, Any]) -> tuple[LogEntry, ...]:
    found = _list(material.get("tlogEntries", []), "tlogEntries", MAX_ENTRIES)
    entries = tuple(entry_from_tle(one) for one in found)
    places = {(one.log_id, one.index if one.global_index is None else one.global_index) for one in entries}
    if len(places) != len(entries):
        raise _bad("the bundle has the same log entry twice", "bundle-duplicate-entry")
    return entries


def _timestamps(material: dict[str, Any]) -> tuple[bytes, ...]:
    data = material.get("timestampVerificationData", {})
    members = _members(data, "timestampVerificationData", frozenset({"rfc3161Timestamps"}))
    found = _list(members.get("rfc3161Timestamps", []), "rfc3161Timestamps", MAX_TIMESTAMPS)
    allowed = frozenset({"signedTimestamp"})
    return tuple(_bytes(_members(one, "a timestamp", allowed).get("signedTimestamp"), "a timestamp") for one in found)


def _content(value: dict[str, Any]) -> MessageSignature | Envelope:
    if ("messageSignature" in value) == ("dsseEnvelope" in value):
        raise _bad("the bundle must have exactly one of messageSignature and dsseEnvelope")
    if "dsseEnvelope" in value:
        return envelope_from_json(value["dsseEnvelope"])
    members = _members(value["messageSignature"], "messageSignature", frozenset({"messageDigest", "signature"}))
    signature = _bytes(members.get("signature"), "the signature")
    if "messageDigest" not in members:
        return MessageSignature(signature)
    hint = _members(members["messageDigest"], "messageDigest", frozenset({"algorithm", "digest"}))
    algorithm = hint.get("algorithm")
    name = _HASHES.get(algorithm) if isinstance(algorithm, str) or type(algorithm) is int else None
    if name is None:
        raise _bad("the message digest has an unknown algorithm")
    return MessageSignature(signature, name, _bytes(hint.get("digest"), "the message digest"))


def _content_to_json(content: MessageSignature | Envelope) -> dict[str, Any]:
    if isinstance(content, Envelope):
        signature = {"sig": _b64(content.signature), **({"keyid": content.key_id} if content.key_id else {})}
        payload = {"payload": _b64(content.payload), "payloadType": content.payload_type}
        return {"dsseEnvelope": {**payload, "signatures": [signature]}}
    members: dict[str, Any] = {}
    if content.algorithm is not None and content.digest is not None:
        members["messageDigest"] = {"algorithm": _HASH_NAMES[content.algorithm], "digest": _b64(content.digest)}
    members["signature"] = _b64(content.signature)
    return {"messageSignature": members}


def _check_inclusion_material(bundle: Bundle) -> None:
    """What each version must carry for each log entry (protocol.md 5.1)."""
    for entry in bundle.entries:
        if bundle.version == "0.1":
            if entry.set is None:
                raise _bad("a bundle of version 0.1 needs an inclusion promise", "bundle-inclusion")
        elif entry.proof is None or not entry.proof.checkpoint:
            raise Malformed(
                f"a bundle of version {bundle.version} needs an inclusion proof with a checkpoint",
                code="bundle-inclusion",
                hint="'bundle upgrade' fetches the missing proof",
            )
