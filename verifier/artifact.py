"""Which bytes were signed?

Pure: whoever reads the file feeds a `Hasher`; verification only ever sees digests, so a file of any size costs the same
memory. Pure Ed25519 and ML-DSA sign the bytes themselves: for them the content is kept.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from verifier.errors import Malformed, Refused

LENGTHS: Mapping[str, int] = MappingProxyType({"sha256": 32, "sha384": 48, "sha512": 64})


@dataclass(frozen=True, slots=True)
class Artifact:
    """Raw digests of one artifact by algorithm ("sha256", "sha384", "sha512"), and its bytes where they are kept."""

    digests: Mapping[str, bytes]
    content: bytes | None = field(default=None, repr=False)

    @classmethod
    def of(cls, content: bytes) -> "Artifact":
        """From the bytes themselves; digests other than SHA-256 are computed when they are asked for."""
        return cls(MappingProxyType({"sha256": hashlib.sha256(content).digest()}), content)

    @classmethod
    def from_digest(cls, text: str) -> "Artifact":
        """From ``sha256:<hex>`` (also sha384, sha512); Malformed on any other form."""
        algorithm, _, value = text.partition(":")
        algorithm = algorithm.lower()
        try:
            digest = bytes.fromhex(value)
        except ValueError:
            digest = b""
        if LENGTHS.get(algorithm) != len(digest) or len(value) != 2 * len(digest):
            raise Malformed(
                f"'{text[:100]}' is not a digest",
                code="artifact-digest",
                hint="write sha256:<64 hex digits>, sha384:<96> or sha512:<128>",
            )
        return cls(MappingProxyType({algorithm: digest}))

    def digest(self, algorithm: str) -> bytes:
        """The digest with this algorithm; Refused if the caller supplied another one only."""
        known = self.digests.get(algorithm)
        if known is not None:
            return known
        if self.content is not None and algorithm in LENGTHS:
            return hashlib.new(algorithm, self.content).digest()
        have = ", ".join(sorted(self.digests)) or "no"
        raise Refused(
            f"a {algorithm} digest of the artifact is needed, but only its {have} digest was given",
            code="artifact-digest-missing",
            hint="give the file instead of its digest",
        )

    def digest_or_none(self, algorithm: str) -> bytes | None:
        """Like `digest`, but None when it cannot be known."""
        if algorithm in self.digests or (self.content is not None and algorithm in LENGTHS):
            return self.digest(algorithm)
        return None


class Hasher:
    """Feeds chunks to the digests that a bundle needs; `keep` keeps the bytes as well (pure Ed25519, ML-DSA)."""

    def __init__(self, algorithms: Iterable[str] = ("sha256",), *, keep: bool = False) -> None:
        names = sorted(set(algorithms))
        for name in names:
            if name not in LENGTHS:
                raise Refused(f"unknown digest algorithm '{name}'", code="artifact-algorithm")
        self._hashes = {name: hashlib.new(name) for name in names}
        self._kept: list[bytes] | None = [] if keep else None

    def update(self, chunk: bytes | memoryview) -> None:
        """The next bytes of the artifact."""
        for one in self._hashes.values():
            one.update(chunk)
        if self._kept is not None:
            self._kept.append(bytes(chunk))

    def artifact(self) -> Artifact:
        """What was fed so far, as an Artifact."""
        content = b"".join(self._kept) if self._kept is not None else None
        return Artifact(MappingProxyType({name: one.digest() for name, one in self._hashes.items()}), content)
