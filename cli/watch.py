"""What would a watch have matched? ``watch test`` runs the rules over entries that are given to it."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from cli.options import config_option, json_option, note, put, put_json
from verifier.errors import Malformed, Refused

_LARGEST = 256 << 20


@click.group()
def watch() -> None:
    """Try a watch against entries."""


@watch.command("test")
@config_option
@json_option
@click.option("--name", "only", multiple=True, help="Only this watch; repeat for more.")
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
def test(config_path: Path, as_json: bool, only: tuple[str, ...], files: tuple[Path, ...]) -> int:
    """What would the watches match in FILES?

    A file is a Sigstore bundle, a canonical entry body, a certificate (PEM or DER), an entry tile of Rekor v2, or JSON
    lines with any of these. Exit 0 when something matched, 1 when nothing did.
    """
    from cli.config_file import load_config
    from cli.watches import load_watches
    from monitor.display import visible
    from monitor.match import Matcher
    from monitor.scan import watch_test

    watches = load_watches(load_config(config_path))
    if unknown := set(only) - {one.name for one in watches}:
        raise click.UsageError(f"no such watch: {', '.join(sorted(unknown))}")
    matcher = Matcher([one for one in watches if not only or one.name in only])
    hits = entries = 0
    for path in files:
        bodies = list(entries_of(path.read_bytes()[:_LARGEST], str(path)))
        entries += len(bodies)
        for index, match in watch_test(matcher, bodies):
            hits += 1
            if as_json:
                put_json(
                    {
                        "type": "match",
                        "file": str(path),
                        "entry": index,
                        "watch": match.watch,
                        "field": match.field,
                        "value": match.value,
                        "reading": match.reading,
                    }
                )
            else:
                how = "" if match.reading == "exact" else f" (read as {match.reading}: a look-alike)"
                put(f"{path}#{index}: watch '{match.watch}' matches {match.field} {visible(match.value)}{how}")
    note(f"{hits} matches in {entries} entries")
    return 0 if hits else 1


def entries_of(data: bytes, name: str) -> Iterator[bytes]:
    """The entry bodies in a file of any of the known shapes. Refused when it is none of them."""
    from verifier.tiles import parse_entry_bundle

    if data.lstrip()[:1] == b"{":
        yield from _json_entries(data, name)
        return
    if b"-----BEGIN CERTIFICATE-----" in data or data[:1] == b"\x30":
        yield data  # read as an opaque entry: certificates inside are found
        return
    for width in range(256, 0, -1):
        try:
            yield from parse_entry_bundle(data, width)
        except Malformed:
            continue
        return
    raise Refused(f"{name} is neither a bundle, an entry, a certificate nor an entry tile", code="watch-test-input")


def _json_entries(data: bytes, name: str) -> Iterator[bytes]:
    try:
        yield from _bodies(json.loads(data), data)
    except ValueError:
        for number, line in enumerate(data.splitlines(), 1):
            if not line.strip():
                continue
            try:
                yield from _bodies(json.loads(line), line)
            except ValueError:
                raise Refused(f"{name}:{number}: this line is not JSON", code="watch-test-input") from None


def _bodies(document: Any, raw: bytes) -> Iterator[bytes]:
    """Entry bodies inside a bundle; anything else is taken as a body itself."""
    material = document.get("verificationMaterial") if isinstance(document, dict) else None
    if not isinstance(material, dict):
        yield raw
        return
    bodies = [entry.get("canonicalizedBody") for entry in material.get("tlogEntries") or () if isinstance(entry, dict)]
    found = [base64.b64decode(body) for body in bodies if isinstance(body, str)]
    yield from found or [raw]
