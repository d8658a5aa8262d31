"""Which signature algorithms does Sigstore know, and by which names?

One row per `PublicKeyDetails` value (Sigstore algorithm registry). The row never decides how a signature is checked:
that follows from the key itself; `keyDetails` in a bundle is the attacker's word.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Algorithm:
    """One row of the registry.

    `kind` is a `PublicKey.kind`, `bits` the RSA modulus, `hash` the prehash (None: pure), `padding` pkcs1 or pss,
    `cli` the name that commands use, `rekor_v2` whether a hashedrekord of Rekor v2 may use it.
    """

    number: int
    name: str
    kind: str
    hash: str | None = None
    cli: str | None = None
    bits: int | None = None
    padding: str | None = None
    pkcs1_key: bool = False  # the key bytes are PKCS#1 RSAPublicKey, not SPKI
    rekor_v2: bool = False
    deprecated: bool = False


def _ecdsa(number: int, curve: int, digest: int, *, current: bool) -> Algorithm:
    return Algorithm(
        number,
        f"PKIX_ECDSA_P{curve}_SHA_{digest}",
        f"ecdsa-p{curve}",
        f"sha{digest}",
        cli=f"ecdsa-sha2-{digest}-nistp{curve}",
        rekor_v2=current,
        deprecated=not current,
    )


def _rsa(number: int, padding: str, bits: int) -> Algorithm:
    return Algorithm(
        number,
        f"PKIX_RSA_{'PKCS1V15' if padding == 'pkcs1' else 'PSS'}_{bits}_SHA256",
        "rsa",
        "sha256",
        cli=f"rsa-sign-{padding}-{bits}-sha256",
        bits=bits,
        padding=padding,
        rekor_v2=padding == "pkcs1",
    )


ALGORITHMS: tuple[Algorithm, ...] = (
    Algorithm(1, "PKCS1_RSA_PKCS1V5", "rsa", padding="pkcs1", pkcs1_key=True, deprecated=True),
    Algorithm(2, "PKCS1_RSA_PSS", "rsa", padding="pss", pkcs1_key=True, deprecated=True),
    Algorithm(3, "PKIX_RSA_PKCS1V5", "rsa", padding="pkcs1", deprecated=True),
    Algorithm(4, "PKIX_RSA_PSS", "rsa", padding="pss", deprecated=True),
    _ecdsa(5, 256, 256, current=True),
    Algorithm(6, "PKIX_ECDSA_P256_HMAC_SHA_256", "ecdsa-p256", "sha256", deprecated=True),
    Algorithm(7, "PKIX_ED25519", "ed25519", cli="ed25519"),
    Algorithm(8, "PKIX_ED25519_PH", "ed25519", "sha512", cli="ed25519-ph", rekor_v2=True),
    _rsa(9, "pkcs1", 2048),
    _rsa(10, "pkcs1", 3072),
    _rsa(11, "pkcs1", 4096),
    _ecdsa(12, 384, 384, current=True),
    _ecdsa(13, 521, 512, current=True),
    Algorithm(14, "LMS_SHA256", "lms", deprecated=True),
    Algorithm(15, "LMOTS_SHA256", "lmots", deprecated=True),
    _rsa(16, "pss", 2048),
    _rsa(17, "pss", 3072),
    _rsa(18, "pss", 4096),
    _ecdsa(19, 384, 256, current=False),
    _ecdsa(20, 521, 256, current=False),
    Algorithm(21, "ML_DSA_65", "ml-dsa-65", cli="ml-dsa-65"),
    Algorithm(22, "ML_DSA_87", "ml-dsa-87", cli="ml-dsa-87"),
    Algorithm(23, "ML_DSA_44", "ml-dsa-44", cli="ml-dsa-44"),
)

BY_NAME = {row.name: row for row in ALGORITHMS}
BY_NUMBER = {row.number: row for row in ALGORITHMS}
BY_CLI = {row.cli: row for row in ALGORITHMS if row.cli and not row.deprecated}

# HashAlgorithm of protobuf-specs: number, name, our (hashlib's) name, what commands call it.
HASHES: tuple[tuple[int, str, str, str], ...] = (
    (1, "SHA2_256", "sha256", "sha2-256"),
    (2, "SHA2_384", "sha384", "sha2-384"),
    (3, "SHA2_512", "sha512", "sha2-512"),
    (4, "SHA3_256", "sha3_256", "sha3-256"),
    (5, "SHA3_384", "sha3_384", "sha3-384"),
)
