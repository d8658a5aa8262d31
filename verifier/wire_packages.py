"""What do the bodies of Rekor v1's older entry kinds look like on the wire?

Signed packages, files, metadata and messages; rules as in `wire`. Shapes follow Rekor's schemas
(``pkg/types/<kind>/v0.0.1``).
"""

from typing import Any

from msgspec import UNSET, UnsetType, field

from verifier.wire import Content, Hash, HashHolder, KeyedSignature, Wire


class Rekord001Signature(Wire):
    """A signature and its key in one of four formats: pgp, minisign, x509, ssh."""

    content: bytes
    format: str
    public_key: Content


class Rekord001Spec(Wire):
    """Spec of rekord."""

    data: HashHolder
    signature: Rekord001Signature


class Rekord001(Wire):
    """Body of rekord 0.0.1."""

    api_version: str
    kind: str
    spec: Rekord001Spec


class Rfc3161Spec(Wire):
    """Spec of rfc3161: a DER TimeStampResp."""

    tsr: Content


class Rfc3161001(Wire):
    """Body of rfc3161 0.0.1."""

    api_version: str
    kind: str
    spec: Rfc3161Spec


class AlpinePackage(Wire):
    """Hash of an .apk and its .PKGINFO."""

    hash: Hash
    pkginfo: dict[str, str] | UnsetType = UNSET


class AlpineSpec(Wire):
    """Spec of alpine."""

    package: AlpinePackage
    public_key: Content


class Alpine001(Wire):
    """Body of alpine 0.0.1."""

    api_version: str
    kind: str
    spec: AlpineSpec


class HelmProvenance(Wire):
    """The armored PGP signature of a provenance file."""

    signature: Content


class HelmChart(Wire):
    """Hash of a chart, as the signed provenance file says it."""

    hash: Hash
    provenance: HelmProvenance


class HelmSpec(Wire):
    """Spec of helm."""

    chart: HelmChart
    public_key: Content


class Helm001(Wire):
    """Body of helm 0.0.1."""

    api_version: str
    kind: str
    spec: HelmSpec


class JarSpec(Wire):
    """Spec of jar: a PEM PKCS7 signature and the PEM certificate of its first signer."""

    archive: HashHolder
    signature: KeyedSignature


class Jar001(Wire):
    """Body of jar 0.0.1."""

    api_version: str
    kind: str
    spec: JarSpec


class RpmPackage(Wire):
    """Some headers and the hash of an .rpm."""

    hash: Hash
    headers: dict[str, str] | UnsetType = UNSET


class RpmSpec(Wire):
    """Spec of rpm."""

    package: RpmPackage
    public_key: Content


class Rpm001(Wire):
    """Body of rpm 0.0.1."""

    api_version: str
    kind: str
    spec: RpmSpec


class TufContent(Wire):
    """TUF metadata: base64 of canonical JSON, in some early entries the object itself."""

    content: str | dict[str, Any]


class TufSpec(Wire):
    """Spec of tuf."""

    metadata: TufContent
    root: TufContent
    spec_version: str | UnsetType = field(default=UNSET, name="spec_version")


class Tuf001(Wire):
    """Body of tuf 0.0.1."""

    api_version: str
    kind: str
    spec: TufSpec


class CoseData(Wire, kw_only=True):
    """Hashes of a COSE_Sign1 message and of its payload."""

    envelope_hash: Hash | UnsetType = UNSET
    payload_hash: Hash


class CoseSpec(Wire):
    """Spec of cose: the signature is not recorded."""

    data: CoseData
    public_key: bytes


class Cose001(Wire):
    """Body of cose 0.0.1."""

    api_version: str
    kind: str
    spec: CoseSpec
