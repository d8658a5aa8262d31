"""Do alerts arrive? ``alert test`` sends one message through each channel."""

import secrets
from datetime import UTC, datetime
from pathlib import Path

import click

from cli.options import config_option, json_option, put, put_json


@click.group()
def alert() -> None:
    """Send a test message through the channels, or the messages that were given up."""


@alert.command("test")
@config_option
@json_option
@click.option("--channel", "only", multiple=True, help="Only this channel; repeat for more.")
def test(config_path: Path, as_json: bool, only: tuple[str, ...]) -> int:
    """Send a harmless message to every channel and say what each answered. Exit 3 when one did not take it."""
    from cli.config_file import load_config
    from cli.parts import channels
    from monitor.alerts.channel import Field, Message
    from monitor.display import visible
    from verifier.errors import SigwardenError

    config = load_config(config_path)
    opened = channels(config)
    if unknown := set(only) - set(opened):
        raise click.UsageError(f"no such channel: {', '.join(sorted(unknown))}; there are {', '.join(opened)}")
    if not opened:
        raise click.UsageError(f"{config_path} has no channels: add one under [channels]")
    message = Message(
        id=f"test-{secrets.token_hex(8)}",
        reason="test",
        severity="info",
        title=("Sigwarden test: this channel works",),
        fields=(Field("What", (("Sent by `sigwarden alert test`; nothing was found.",),)),),
        footer=(datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%SZ"),),
        data={"type": "test"},
    )
    failed = 0
    for name, channel in opened.items():
        if only and name not in only:
            continue
        try:
            channel.send(message)
            outcome = ""
        except SigwardenError as error:
            outcome = str(error)
            failed += 1
        if as_json:
            put_json({"type": "channel", "channel": name, "delivered": not outcome, "error": outcome})
        else:
            put(f"{name}: {'delivered' if not outcome else 'FAILED: ' + visible(outcome)}")
    return 3 if failed else 0


@alert.command("retry")
@config_option
def retry(config_path: Path) -> None:
    """Owe every message again that was given up; the next delivery sends it."""
    from cli.config_file import load_config
    from cli.parts import open_store

    with open_store(load_config(config_path)) as store:
        count = store.outbox_revive(datetime.now(UTC))
    put(f"{count} messages are owed again")
