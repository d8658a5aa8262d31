"""A person's decisions about a log, through the command line: kept, shown, and refused for what is not followed."""

import json
from pathlib import Path

import pytest

from cli.app import run
from sandbox.rekor_v2 import SandboxV2

ORIGIN = "log.sandbox.test"


@pytest.fixture
def config(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> list[str]:
    with SandboxV2(ORIGIN, seed="decide", base_url=f"https://{ORIGIN}") as log:
        log.fill(40)
        log.publish()
        (tmp_path / "root.json").write_bytes(log.trusted_root)
        (tmp_path / "c.toml").write_text(
            f'[logs.x]\ntrusted_root = "root.json"\nv2 = {{ read_url = "{log.read_url}", origin = "{ORIGIN}" }}\n'
        )
        where = ["--config", str(tmp_path / "c.toml")]
        assert run(["monitor", "init", *where, "--yes", "--from", "30"]) == 0
        assert run(["monitor", "once", *where]) == 0
    capsys.readouterr()
    return where


def test_archive_keeps_the_head_and_says_so(config: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["monitor", "archive", ORIGIN, "--note", "the instance was switched off", *config]) == 0
    capsys.readouterr()
    run(["monitor", "status", "--json", *config])
    [log, _] = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert (log["state"], log["proven"]) == ("archived", 40)
    assert run(["report", *config, "--until", "2100-01-01"]) == 0
    assert "archived" in capsys.readouterr().out


def test_an_accepted_gap_stands_in_the_report(config: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["monitor", "accept-gap", ORIGIN, "0", "30", "--note", "before our time", *config]) == 0
    capsys.readouterr()
    assert run(["report", *config, "--until", "2100-01-01"]) == 0
    assert "before our time" in capsys.readouterr().out
    assert run(["findings", "list", "--all", "--kind", "gap-accepted", *config]) == 0
    assert "before our time" in capsys.readouterr().out


@pytest.mark.parametrize(
    "words",
    [
        ["archive", "nobody.example", "--note", "x"],
        ["accept-gap", "nobody.example", "0", "5", "--note", "x"],
        ["accept-gap", ORIGIN, "5", "5", "--note", "x"],
        ["accept-gap", ORIGIN, "35", "45", "--note", "x"],
        ["archive", ORIGIN],
    ],
)
def test_what_makes_no_sense_is_refused(config: list[str], words: list[str]) -> None:
    assert run(["monitor", *words, *config]) == 2
