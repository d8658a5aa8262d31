"""The door of the command line: unknown commands, old spellings, and text that cannot move a cursor."""

import pytest

from cli.app import modern, printable, run


def test_an_unknown_command_is_told_as_cosign_does(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["mointor"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == [
        'Error: unknown command "mointor" for "sigwarden"',
        "Did you mean 'monitor'?",
        'error during command execution: unknown command "mointor" for "sigwarden"',
    ]


def test_old_single_dash_flags_are_rewritten_with_a_notice(capsys: pytest.CaptureFixture[str]) -> None:
    assert modern(["verify-blob", "-key", "k.pub", "-d", "-t30s", "-"]) == [
        "verify-blob",
        "--key",
        "k.pub",
        "-d",
        "-t30s",
        "-",
    ]
    assert "-key is spelled --key now" in capsys.readouterr().err


def test_nothing_after_two_dashes_is_a_flag() -> None:
    assert modern(["verify-blob", "--", "-key"]) == ["verify-blob", "--", "-key"]


@pytest.mark.parametrize("text", ["a\x1b[31mb", "a\u202eb", "a\u200bb", "a\x00b", "a\u2028b"])
def test_control_characters_are_spelled_out(text: str) -> None:
    shown = printable(text)
    assert shown.isascii()
    assert shown.startswith("a\\")
    assert shown.endswith("b")
