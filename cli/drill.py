"""Does an alert arrive, and how fast? ``drill`` signs a harmless canary in a watched name and waits for the message."""

import getpass
import json
import secrets
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.cosign_flags import Flag, options
from cli.monitor import DurationType
from cli.options import config_option, json_option, note, put, put_json
from cli.sign_flags import IDENTITY, KEY, SERVICES

if TYPE_CHECKING:
    from cli.arrival import Arrival
    from cli.canary import Canary

_UNDELIVERED = 3
_HIDDEN = frozenset({"--rekor-url", "--rekor-version", "--tlog-upload", "--rekor-entry-type", "--staging"})
_FLAGS = (*KEY, *IDENTITY, *(flag for flag in SERVICES if flag.name not in _HIDDEN))
# What a signing session asks for beside these flags.
_FIXED: dict[str, Any] = {
    "tlog_upload": True,
    "rekor_entry_type": "dsse",
    "staging": False,
    "stdin_taken": False,
    "max_workers": None,
}
LAST_DRILL = "last_drill"
"""Name of the store's note about the last drill: JSON with ``at``, ``channels`` (seconds by name, null: none came)."""


@click.command("drill")
@config_option
@json_option
@click.option("--log", "log_name", default="", help="Which log to sign into, for example acme or acme.v2.")
@click.option("--max-wait", type=DurationType(), default="15m", show_default=True, help="Give up after this.")
@click.option("--keep-open", is_flag=True, help="Do not acknowledge the finding afterwards.")
@click.option("--public-log-i-know-this-is-permanent", "public", is_flag=True, help="Allow a public log, for ever.")
@options(*_FLAGS, Flag("--yes", "Answer yes to all questions.", None, short="-y"))
def drill(
    config_path: Path, as_json: bool, log_name: str, max_wait: timedelta, keep_open: bool, public: bool, **flags: Any
) -> int:
    """Sign a harmless canary in a watched name into a log that is followed, and time the alert.

    The canary is nothing but a line of text; the log keeps its digest and the certificate. It must be news to a watch,
    or nobody would be told: that is found out before anything is logged. A daemon that works on the same database is
    waited for; without one, passes are made here. Exit 0 when every channel took the alert, 3 when one did not.
    """
    from cli.arrival import Waiting, wait_for
    from cli.canary import plant, target_of
    from cli.config_file import load_config
    from cli.parts import open_store
    from cli.watchtower import build

    config = load_config(config_path)
    target = target_of(config, log_name, allow_public=public)
    name = f"D-{secrets.token_hex(4)}"
    with open_store(config) as store:
        tower = build(config, store)
        try:
            before = store.last_seq()
            canary = plant(name, target, tower, {**flags, **_FIXED})
            _begun(name, canary, as_json=as_json)
            arrival = wait_for(canary, Waiting(tower, before, max_wait.total_seconds()))
        finally:
            tower.close()
        now = datetime.now(UTC)
        store.set_meta(LAST_DRILL, json.dumps({"at": canary.logged_at.isoformat(), "channels": arrival.seconds}))
        if arrival.finding and not keep_open:
            store.ack(arrival.finding, who=getpass.getuser(), note=f"fire drill {name}", now=now)
    _told(name, arrival, as_json=as_json)
    return 0 if arrival.complete else _UNDELIVERED


def _begun(name: str, canary: "Canary", *, as_json: bool) -> None:
    from monitor.display import visible

    who, watches = visible(canary.who), ", ".join(canary.watches)
    if as_json:
        put_json(
            {
                "type": "canary",
                "drill": name,
                "identity": canary.who,
                "watches": canary.watches,
                "log": canary.url,
                "index": canary.index,
                "logged_at": canary.logged_at.isoformat(),
                "channels": canary.channels,
            }
        )
        return
    put(f"Drill {name}: signed as {who}, in the log {canary.url} at index {canary.index}.")
    note(f"An alert of the watch {watches} about {who} is this drill. Waiting for {', '.join(canary.channels)} ...")


def _told(name: str, arrival: "Arrival", *, as_json: bool) -> None:
    if as_json:
        for channel, seconds in arrival.seconds.items():
            error = arrival.errors.get(channel, "")
            put_json({"type": "channel", "channel": channel, "seconds": seconds, "error": error})
        summary = {"type": "summary", "drill": name, "finding": arrival.finding, "seen_seconds": arrival.seen}
        put_json(summary | {"ok": arrival.complete, "slowest": arrival.slowest})
        return
    from monitor.display import visible

    put(f"{'seen':<14}{'never' if arrival.seen is None else _seconds(arrival.seen)}  {arrival.finding}".rstrip())
    for channel, seconds in arrival.seconds.items():
        error = visible(arrival.errors.get(channel) or "no alert came in time")
        put(f"{channel:<14}{error if seconds is None else _seconds(seconds)}")
    put("Every channel was told." if arrival.complete else "NOT every channel was told: an alert would be lost.")


def _seconds(value: float) -> str:
    minutes, rest = divmod(max(0.0, value), 60)
    return f"{int(minutes)} m {rest:.0f} s" if minutes else f"{rest:.1f} s"
