"""The acts of the demonstration are what they claim to be."""

from pathlib import Path

import httpx
import pytest

from sandbox.demo import REPO, Demo
from tests.integration.sandbox.reader import head_v2, leaves_v2, root_of
from verifier.bodies import read_body
from verifier.certificate import read_identity

pytestmark = pytest.mark.integration


def named(leaves: list[bytes]) -> list[int]:
    """Where the watched repository is in a certificate."""
    found = []
    for index, leaf in enumerate(leaves):
        (signer,) = read_body(leaf).signers
        if signer.kind == "certificate" and REPO in read_identity(signer.der).names[0].value:
            found.append(index)
    return found


def test_quiet_surprise_lie_confession(tmp_path: Path) -> None:
    with Demo() as demo, httpx.Client() as client:
        log = demo.log
        expected = demo.quiet()
        unexpected = demo.surprise()
        assert named(leaves_v2(log, client, log.size)) == expected + unexpected
        (hidden,) = demo.lie()
        head = head_v2(log, client)
        lying = leaves_v2(log, client, head.size)
        assert root_of(lying) != head.root and hidden not in named(lying)
        assert demo.confess() == [hidden]
        honest = leaves_v2(log, client, head.size)
        assert root_of(honest) == head.root and hidden in named(honest)
        key, root = demo.write_trust(tmp_path)
        assert key.read_bytes().startswith(b"-----BEGIN PUBLIC KEY")
        assert b"log.sandbox.test" in root.read_bytes()
