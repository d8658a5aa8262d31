"""Configuration: every fault at once with file, line and suggestion; no secret is ever written or shown."""

from datetime import timedelta
from pathlib import Path

import pytest

from cli.config_file import LoadedConfig, load_config
from cli.secret_sources import read_source
from cli.toml_lines import line_of, lines_of
from verifier.errors import Refused

EXAMPLE = Path(__file__).resolve().parents[3] / "config.example.toml"


def load(tmp_path: Path, text: str) -> LoadedConfig:
    path = tmp_path / "c.toml"
    path.write_text(text, "utf-8")
    return load_config(path)


def refusal(tmp_path: Path, text: str) -> str:
    with pytest.raises(Refused) as raised:
        load(tmp_path, text)
    return str(raised.value)


def test_the_example_loads() -> None:
    config = load_config(EXAMPLE)
    assert config.file.contact == "security@acme.example"
    assert [watch.get("name") for watch in config.file.watch] == [
        None,
        "org",
        "release managers",
        "anything else by its name",
    ]


def test_an_unknown_key_names_line_and_suggestion(tmp_path: Path) -> None:
    message = refusal(tmp_path, 'contact = "a@b"\n\n[daemon]\nlisten = "127.0.0.1:1"\nlog_fromat = "json"\n')
    assert "c.toml:5: daemon.log_fromat: there is no such setting (did you mean 'log_format'?)" in message


def test_every_fault_is_named_at_once(tmp_path: Path) -> None:
    message = refusal(
        tmp_path,
        'contct = "x"\n[http]\nretries = -1\n[logs.acme]\nv2 = { read_url = "https://x", evry = "1m" }\n',
    )
    assert "c.toml:1: contct" in message
    assert "c.toml:3: http.retries" in message
    assert "c.toml:5: logs.acme.v2.evry" in message


@pytest.mark.parametrize(
    "text",
    [
        '[channels]\nslack = { webhook = "https://hooks.slack.com/services/T0/B0/verysecret" }\n',
        '[channels]\nslack = { slack_token = "xoxb-verysecret", channel = "C1" }\n',
        'heartbeat_url = "https://ping.example/verysecret"\n',
        '[channels]\nhook = { webhook = "https://x", secret = "whsec_verysecret" }\n',
    ],
)
def test_a_secret_in_the_file_is_refused_and_not_repeated(tmp_path: Path, text: str) -> None:
    message = refusal(tmp_path, text)
    assert "use env:NAME" in message
    assert "verysecret" not in message


def test_syntax_errors_name_the_place(tmp_path: Path) -> None:
    assert "line 2" in refusal(tmp_path, 'contact = "x"\n= 3\n')


@pytest.mark.parametrize("value", ['"0s"', '"soon"', "0", "-3", '""', "true"])
def test_durations_are_checked(tmp_path: Path, value: str) -> None:
    assert "duration" in refusal(tmp_path, f"[logs.a]\nv2 = {{ every = {value} }}\n")


def test_durations_are_read(tmp_path: Path) -> None:
    config = load(tmp_path, '[logs.a]\nv2 = { every = "1h30m", freshness = 45 }\n')
    section = config.file.logs["a"].v2
    assert section is not None
    assert (section.every, section.freshness) == (timedelta(minutes=90), timedelta(seconds=45))


def test_routes_name_channels_that_exist(tmp_path: Path) -> None:
    message = refusal(tmp_path, '[routes]\ncritical = ["nobody"]\n')
    assert "nobody" in message


def test_missing_large_and_broken_files(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="cannot read"):
        load_config(tmp_path / "absent.toml")
    (tmp_path / "big.toml").write_bytes(b"#" * (5 << 20))
    with pytest.raises(Refused, match="larger"):
        load_config(tmp_path / "big.toml")
    (tmp_path / "bytes.toml").write_bytes(b"contact = '\xff'")
    with pytest.raises(Refused, match="UTF-8"):
        load_config(tmp_path / "bytes.toml")
    deep = tmp_path / "deep.toml"
    deep.write_text("x = " + "[" * 5000 + "]" * 5000)
    with pytest.raises(Refused):
        load_config(deep)


def test_lines_of_lists_of_tables() -> None:
    lines = lines_of('[[watch]]\nname = "a"\n[[watch]]\nname = "b"\n[[watch.expect]]\nref = "x"\n')
    assert line_of(("watch", 1, "name"), lines) == 4
    assert line_of(("watch", 1, "expect", 0, "ref"), lines) == 6
    assert line_of(("watch", 1, "nothing"), lines) == 3
    assert line_of(("other",), lines) is None


def test_sources_of_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGWARDEN_TEST", "one")
    (tmp_path / "two").write_text("two\n")
    assert read_source("env:SIGWARDEN_TEST", "x", tmp_path) == "one"
    assert read_source("file:two", "x", tmp_path) == "two"
    assert read_source("command:printf three", "x", tmp_path) == "three"


@pytest.mark.parametrize("source", ["env:SIGWARDEN_ABSENT", "file:absent", "command:false", "command:'", "command:"])
def test_a_source_that_gives_nothing_is_named(tmp_path: Path, source: str) -> None:
    with pytest.raises(Refused) as raised:
        read_source(source, "the webhook", tmp_path)
    assert "the webhook" in str(raised.value)


def test_a_failing_command_shows_nothing_of_its_output(tmp_path: Path) -> None:
    with pytest.raises(Refused) as raised:
        read_source("command:sh -c 'echo verysecret; echo verysecret >&2; exit 1'", "the token", tmp_path)
    assert "verysecret" not in str(raised.value)
