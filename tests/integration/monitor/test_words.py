"""Do `monitor once` and `monitor status` say more than what was checked?"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from cli.app import run
from monitor.duties import Duties
from sandbox.rekor_v2 import SandboxV2
from sandbox.subjects import github

pytestmark = pytest.mark.integration


@pytest.fixture
def log() -> Iterator[SandboxV2]:
    with SandboxV2(seed="words") as box:
        box.fill(20)
        box.publish()
        yield box


@pytest.fixture
def call(log: SandboxV2, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    (tmp_path / "root.json").write_bytes(log.trusted_root)
    config = tmp_path / "sigwarden.toml"
    config.write_text(f"""
[logs.box]
trusted_root = "root.json"
v2 = {{ read_url = "{log.read_url}", origin = "{log.origin}" }}
[http]
retries = 0
[[watch]]
github_repo = "acme/widget"
expect.ref = "refs/tags/v*"
""")

    def command(*words: str) -> tuple[int, str]:
        capsys.readouterr()
        code = run([*words, "--config", str(config)])
        return code, capsys.readouterr().out

    return command


def test_what_was_signed_before_the_start_is_not_called_proven(call: Callable[..., tuple[int, str]]) -> None:
    assert call("monitor", "init", "--yes", "--from", "now")[0] == 0
    code, out = call("monitor", "once")
    assert code == 0
    assert "20 entries, all proven but 20 that are not read" in out
    records = [json.loads(line) for line in call("monitor", "once", "--json")[1].splitlines()]
    assert [one["gap"] for one in records if one["type"] == "log"] == [20]


def test_a_log_read_from_its_first_leaf_is_all_proven(call: Callable[..., tuple[int, str]]) -> None:
    call("monitor", "init", "--yes", "--from", "0")
    assert "20 entries, all proven, 20 new" in call("monitor", "once")[1]


def test_after_a_failed_look_nothing_is_called_well(log: SandboxV2, call: Callable[..., tuple[int, str]]) -> None:
    call("monitor", "init", "--yes", "--from", "0")
    call("monitor", "once")
    assert call("monitor", "status")[0] == 0
    log.status(500)
    code, out = call("monitor", "once")
    assert code == 3
    assert "no head, proven to 20" in out
    code, out = call("monitor", "status")
    assert code == 3
    assert "the last look ended OPERATIONAL" in out
    assert "as it should be" not in out
    code, out = call("monitor", "status", "--json")
    summary = json.loads(out.splitlines()[-1])
    assert code == 3
    assert summary["healthy"]  # the freshness target is still met
    assert not summary["well"]


def test_open_findings_are_counted_until_they_are_acknowledged(
    log: SandboxV2, call: Callable[..., tuple[int, str]]
) -> None:
    call("monitor", "init", "--yes", "--from", "0")
    log.sign_blob(github("acme/widget", ref="refs/heads/main"))
    log.publish()
    call("monitor", "once")
    code, out = call("monitor", "status")
    assert code == 0
    assert "Open      1 high: sigwarden findings list" in out
    assert "Nothing is open" not in out
    found = json.loads(call("findings", "list", "--json")[1])
    assert (found["proven"], found["facts"]["trust"]["inclusion"]) == (True, "ok")
    assert "not yet proven" not in call("findings", "show", found["id"])[1]
    call("findings", "ack", found["id"], "--note", "ours")
    assert "Nothing is open" in call("monitor", "status")[1]


def test_what_a_killed_pass_found_is_printed_by_the_next(
    log: SandboxV2, call: Callable[..., tuple[int, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was stored and the position moved on: without memory of what was printed, the next pass would say clean."""
    call("monitor", "init", "--yes", "--from", "0")
    log.sign_blob(github("acme/widget", ref="refs/heads/main"))
    log.publish()
    with monkeypatch.context() as patch:

        def die(*_: object) -> None:
            raise KeyboardInterrupt

        patch.setattr(Duties, "deliver", die)
        assert call("monitor", "once")[0] not in (0, 1)
    code, out = call("monitor", "once")
    assert code == 1
    assert "unexpected-identity" in out
    assert "Clean" not in out
    code, out = call("monitor", "once")
    assert (code, "unexpected-identity" in out) == (0, False)


def test_findings_that_are_alike_are_one_line_with_a_count(
    log: SandboxV2, call: Callable[..., tuple[int, str]]
) -> None:
    call("monitor", "init", "--yes", "--from", "0")
    for ref in ["refs/tags/v1"] * 30 + ["refs/heads/main"] * 12:
        log.sign_blob(github("acme/widget", ref=ref))
    log.publish()
    code, out = call("monitor", "once")
    lines = [line for line in out.splitlines() if "-identity" in line]
    assert code == 1
    assert len(lines) == 2
    assert "and 29 more like it" in lines[0]
    assert "and 11 more like it" in lines[1]
    assert "12 new findings. 30 expected signatures." in out


def test_a_pinned_head_that_the_log_contradicts_ends_as_tampering(
    log: SandboxV2, call: Callable[..., tuple[int, str]], tmp_path: Path
) -> None:
    log.fork(at=5, grow=10)
    with httpx.Client() as client:
        (tmp_path / "head").write_bytes(client.get(f"{log.read_url}/checkpoint").content)
    log.honest()
    log.fill(20)
    log.publish()
    assert call("monitor", "init", "--yes", "--from", str(tmp_path / "head"))[0] == 4
    assert call("monitor", "once")[0] == 2  # nothing was pinned


def test_a_head_that_nobody_trusted_signed_could_not_be_checked(
    log: SandboxV2, call: Callable[..., tuple[int, str]]
) -> None:
    log.unknown_key()
    assert call("monitor", "init", "--yes")[0] == 3
