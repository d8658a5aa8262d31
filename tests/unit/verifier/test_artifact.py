"""Artifacts: digests in, nothing else needed."""

import hashlib

import pytest

from verifier.artifact import Artifact, Hasher
from verifier.errors import Malformed, Refused


def test_chunks_give_the_digests_of_the_whole() -> None:
    hasher = Hasher(("sha256", "sha512"))
    for chunk in (b"a" * 1000, b"", memoryview(b"b" * 7)):
        hasher.update(chunk)
    artifact = hasher.artifact()
    whole = b"a" * 1000 + b"b" * 7
    assert artifact.digest("sha256") == hashlib.sha256(whole).digest()
    assert artifact.digest("sha512") == hashlib.sha512(whole).digest()
    assert artifact.content is None


def test_content_is_kept_only_on_demand() -> None:
    hasher = Hasher(keep=True)
    hasher.update(b"abc")
    assert hasher.artifact().content == b"abc"
    assert hasher.artifact().digest("sha384") == hashlib.sha384(b"abc").digest()


def test_a_digest_that_was_not_computed_is_asked_for() -> None:
    artifact = Artifact.from_digest("sha256:" + "0" * 64)
    assert artifact.digest_or_none("sha384") is None
    with pytest.raises(Refused) as caught:
        artifact.digest("sha384")
    assert caught.value.code == "artifact-digest-missing"


@pytest.mark.parametrize(
    "text",
    ["", "sha256:", "sha256:" + "0" * 63, "sha256:" + "0" * 128, "md5:" + "0" * 32, "0" * 64, "sha256: " + "0" * 63],
)
def test_what_is_no_digest_is_malformed(text: str) -> None:
    with pytest.raises(Malformed):
        Artifact.from_digest(text)


def test_an_unknown_algorithm_is_refused() -> None:
    with pytest.raises(Refused):
        Hasher(("sha1",))
