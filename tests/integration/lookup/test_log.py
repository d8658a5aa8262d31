"""The look-ups against a server that answers, lists what is not there, omits, and lies: nothing unproven is shown."""

import base64
import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from cli.app import run
from sandbox.rekor_v1 import SandboxV1
from sandbox.rekor_v2 import SandboxV2
from sandbox.subjects import email, github

HOST, ORIGIN = "rekor.sandbox.test", "log.sandbox.test"
Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Call:
    def do(*words: str) -> tuple[int, str, str]:
        code = run(["log", *words])
        out, err = capsys.readouterr()
        return code, out, err

    return do


@pytest.fixture
def v1(tmp_path: Path) -> Iterator[tuple[SandboxV1, list[str]]]:
    """A Rekor v1 with two shards; entries by bob at 3 (older shard) and by a workflow at 9."""
    with SandboxV1(HOST, seed="lookup", base_url=f"https://{HOST}") as log:
        log.fill(3)
        log.sign_blob(email("bob@example.com"), artifact=b"bob's")
        log.fill(2)
        log.publish()
        log.new_shard()
        log.fill(3)
        log.sign_blob(github("acme/widget", ref="refs/tags/v1"), artifact=b"widget")
        log.publish()
        (tmp_path / "root.json").write_bytes(log.trusted_root)
        yield log, ["--rekor_server", log.url, "--trusted-root", str(tmp_path / "root.json"), "--retry", "0"]


@pytest.fixture
def v2(tmp_path: Path) -> Iterator[tuple[SandboxV2, list[str]]]:
    """A Rekor v2 shard; bob signs at 300."""
    with SandboxV2(ORIGIN, seed="lookup", base_url=f"https://{ORIGIN}") as log:
        log.fill(300)
        log.sign_blob(email("bob@example.com"), artifact=b"bob's")
        log.fill(20)
        log.publish()
        (tmp_path / "root2.json").write_bytes(log.trusted_root)
        where = ["--origin", ORIGIN, "--read-url", log.read_url, "--trusted-root", str(tmp_path / "root2.json")]
        yield log, [*where, "--retry", "0"]


def only(out: str) -> str:
    [line] = out.split()
    return line


def test_search_get_verify_and_older_spellings(v1: tuple[SandboxV1, list[str]], call: Call) -> None:
    _, where = v1
    code, out, err = call("search", *where, "--email", "bob@example.com")
    assert code == 0
    assert "Found matching entries (listed by UUID):" in err
    found = only(out)
    assert len(found) == 80
    for name in ("--uuid", "--entry-uuid"):
        code, out, _ = call("get", *where, name, found)
        assert code == 0
        assert f"UUID: {found}\n" in out
        assert "Index: 3\n" in out
    code, out, _ = call("get", *where, "--log-index", "3", "--format", "json")
    assert json.loads(out)["UUID"] == found
    code, out, _ = call("verify", *where, "--uuid", found[-64:])
    assert code == 0
    assert out.rstrip().endswith(out.split("Current Root Hash: ")[1][:64])


@pytest.mark.parametrize(
    ("words", "index"),
    [
        (["--subject", "bob@example.com"], 3),
        (["--sha", hashlib.sha256(b"widget").hexdigest()], 9),
        (["--sha", "sha256:" + hashlib.sha256(b"widget").hexdigest().upper()], 9),
        (["--email", "bob@example.com", "--sha", hashlib.sha256(b"bob's").hexdigest(), "--operator", "and"], 3),
    ],
)
def test_every_way_to_search(v1: tuple[SandboxV1, list[str]], call: Call, words: list[str], index: int) -> None:
    _, where = v1
    code, out, _ = call("search", *where, *words)
    assert code == 0
    code, out, _ = call("get", *where, "--uuid", only(out))
    assert f"Index: {index}\n" in out


def test_an_artifact_is_hashed(v1: tuple[SandboxV1, list[str]], call: Call, tmp_path: Path) -> None:
    (tmp_path / "widget").write_bytes(b"widget")
    code, out, _ = call("search", *v1[1], "--artifact", str(tmp_path / "widget"))
    assert (code, len(out.split())) == (0, 1)


def test_nothing_found_claims_nothing(v1: tuple[SandboxV1, list[str]], call: Call) -> None:
    code, out, err = call("search", *v1[1], "--email", "nobody@example.com")
    assert (code, out) == (1, "")
    assert "no matching entries found" in err


def test_what_is_listed_and_is_not_it_is_named_and_left_out(v1: tuple[SandboxV1, list[str]], call: Call) -> None:
    log, where = v1
    _, everything, _ = call("search", *where, "--sha", hashlib.sha256(b"widget").hexdigest())
    other = only(everything)
    log.index_answers(lambda _query, ids: [*ids, other, "0" * 15 + "1" + "ab" * 32])
    code, out, err = call("search", *where, "--email", "bob@example.com")
    assert code == 0
    assert only(out) != other
    assert f"{other} is listed, and shows nothing of what was asked" in err
    assert "is listed and not proven" in err


def test_a_server_that_answers_with_another_entry_is_refused(v1: tuple[SandboxV1, list[str]], call: Call) -> None:
    log, where = v1
    log.aim(1).swap_leaf(3, b'{"apiVersion":"0.0.1","kind":"hashedrekord","spec":{}}')
    code, out, err = call("get", *where, "--log-index", "9")
    assert (code, out) == (1, "")
    assert "Error:" in err


def test_a_log_without_a_trusted_key_proves_nothing(
    v1: tuple[SandboxV1, list[str]], call: Call, tmp_path: Path
) -> None:
    log, _ = v1
    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    (tmp_path / "other.pem").write_bytes(key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    where = ["--rekor_server", log.url, "--rekor-public-key", str(tmp_path / "other.pem")]
    code, out, err = call("get", *where, "--log-index", "3")
    assert (code, out) == (1, "")
    assert "not trusted" in err
    (tmp_path / "right.pem").write_bytes(log.key.pem)
    assert (
        call("get", "--rekor_server", log.url, "--rekor-public-key", str(tmp_path / "right.pem"), "--log-index", "9")[0]
        == 0
    )


def test_info_remembers_and_tells_a_rollback(v1: tuple[SandboxV1, list[str]], call: Call, tmp_path: Path) -> None:
    log, where = v1
    state = ["--state", str(tmp_path / "state.json")]
    assert call("info", *where, *state)[0] == 0
    log.fill(5)
    log.publish()
    code, out, _ = call("info", *where, *state)
    assert code == 0
    assert "Active Tree Size:       9" in out
    assert "Total Tree Size:        15" in out
    log.aim(1).rollback(4)
    code, _, err = call("info", *where, *state)
    assert code == 1
    assert "has shown 9 leaves before and shows 4 now" in err
    (tmp_path / "state.json").write_text("{")
    log.honest()
    assert call("info", *where, *state)[0] == 2


def test_upload_and_the_same_again(v1: tuple[SandboxV1, list[str]], call: Call, tmp_path: Path) -> None:
    _, where = v1
    key = ec.generate_private_key(ec.SECP256R1())
    (tmp_path / "key.pub").write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    (tmp_path / "artifact").write_bytes(b"mine")
    (tmp_path / "artifact.sig").write_bytes(base64.b64encode(key.sign(b"mine", ec.ECDSA(SHA256()))))
    pieces = ["--artifact", str(tmp_path / "artifact"), "--signature", str(tmp_path / "artifact.sig")]
    pieces += ["--public-key", str(tmp_path / "key.pub")]
    code, first, _ = call("upload", *where, *pieces)
    assert code == 0
    assert "Created entry at index 10, available at: " in first
    assert call("upload", *where, *pieces)[1].split()[4] == "10,"
    code, out, _ = call("search", *where, "--public-key", str(tmp_path / "key.pub"))
    assert (code, len(out.split())) == (0, 1)
    code, out, _ = call("verify", *where, *pieces)
    assert code == 0
    assert "Entry Index: 4" in out
    (tmp_path / "artifact.sig").write_bytes(base64.b64encode(key.sign(b"mine", ec.ECDSA(SHA256()))))
    assert call("verify", *where, *pieces)[0] == 1


def test_v2_by_index_and_by_proven_scan(v2: tuple[SandboxV2, list[str]], call: Call) -> None:
    log, where = v2
    code, out, err = call("search", *where, "--email", "bob@example.com")
    assert (code, out.split()) == (0, ["300"])
    assert "[0, 321)" in err
    assert call("search", *where, "--email", "bob@example.com", "--from", "301")[0] == 1
    assert call("get", *where, "--log-index", "300")[0] == 0
    assert call("verify", *where, "--log-index", "300")[0] == 0
    assert call("get", *where, "--log-index", "321")[0] == 1
    assert call("proof", *where, "--first-size", "3", "--last-size", "321")[0] == 0
    assert call("proof", *where, "--first-size", "3", "--last-size", "322")[0] == 1
    log.swap_leaf(300, log.shard.bodies[299])
    code, _, err = call("search", *where, "--email", "bob@example.com")
    assert code == 1
    assert "does not hash into the root" in err
    assert call("get", *where, "--log-index", "300")[0] == 1


@pytest.mark.parametrize(
    "words",
    [
        ["search"],
        ["get"],
        ["get", "--uuid", "a", "--log-index", "1"],
        ["verify"],
        ["search", "--sha", "xyz"],
        ["search", "--email", "bob"],
        ["get", "--uuid", "nothex"],
        ["upload"],
        ["proof", "--first-size", "9", "--last-size", "3"],
    ],
)
def test_wrong_usage_is_2(v1: tuple[SandboxV1, list[str]], call: Call, words: list[str]) -> None:
    assert call(words[0], *v1[1], *words[1:])[0] == 2
