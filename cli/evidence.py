"""How is a finding proven to others? ``evidence export`` writes a file, ``evidence verify`` needs nothing else."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.options import config_option, json_option, note, put, put_json

if TYPE_CHECKING:
    from verifier.note import NoteKey


@click.group()
def evidence() -> None:
    """Export evidence, or verify it with no network and no database."""


@evidence.command("export")
@config_option
@click.argument("finding_id", metavar="ID")
@click.option(
    "-o", "--out", type=click.Path(dir_okay=False, path_type=Path), help="The file (default: ID.evidence.json)."
)
def export(config_path: Path, finding_id: str, out: Path | None) -> None:
    """Write the evidence of a finding to a file ("-" for standard output)."""
    from cli.config_file import load_config
    from cli.files import write_whole
    from cli.parts import open_store
    from monitor.evidence import export_evidence

    with open_store(load_config(config_path)) as store:
        finding = store.finding(finding_id).finding
    data = export_evidence(finding)
    if out == Path("-"):
        sys.stdout.buffer.write(data)
        return
    target = out or Path(f"{finding.id}.evidence.json")
    write_whole(target, data)
    put(f"{target}: {len(data)} bytes. Check it anywhere: sigwarden evidence verify {target}")
    if not finding.proven:
        note("This finding is not proven yet: the file shows what was seen, not that the log signed it.")


@evidence.command("verify")
@json_option
@click.option(
    "--key",
    "key_files",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A key of the log that you trust: a vkey, or with --origin a PEM. Without it, the key in the file is named.",
)
@click.option("--origin", default="", help="The name that a PEM key signs under.")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path))
def verify(as_json: bool, key_files: tuple[Path, ...], origin: str, file: Path) -> int:
    """Recompute everything in FILE. Exit 0 when all of it holds, 1 when anything does not."""
    from cli.app import say
    from monitor.display import visible
    from monitor.evidence import MAX_BYTES, verify_evidence
    from verifier.errors import SigwardenError

    stream = sys.stdin.buffer if file == Path("-") else file.open("rb")
    with stream:
        data = stream.read(MAX_BYTES + 1)
    try:
        keys = [key for path in key_files for key in _note_keys(path.read_bytes()[: 1 << 20], origin)]
        checks = verify_evidence(data, keys or None)
    except SigwardenError as error:
        if as_json:
            put_json({"type": "evidence", "ok": False, "code": error.code, "message": error.message})
        else:
            say(error)
            put("NOT VERIFIED")
        return 1
    for check in checks:
        if as_json:
            put_json({"type": "check", "name": check.name, "said": check.said, "leans_on": check.leans_on})
        else:
            leans = f"  (rests on {visible(check.leans_on)})" if check.leans_on else ""
            put(f"ok  {visible(check.name)}: {visible(check.said)}{leans}")
    if as_json:
        put_json({"type": "evidence", "ok": True, "checks": len(checks)})
    else:
        put("VERIFIED")
    return 0


def _note_keys(data: bytes, origin: str) -> "list[NoteKey]":
    """The keys in a file: a vkey, or PEM keys in both flavours that logs sign with."""
    from verifier.errors import Refused
    from verifier.keys import PublicKey
    from verifier.note import NoteKey

    if b"-----BEGIN" not in data:
        return [NoteKey.from_vkey(data.decode("ascii", "replace").strip())]
    if not origin:
        raise Refused("a PEM key needs --origin, the name that the log signs under", code="usage")
    key = PublicKey.from_pem(data)
    return [NoteKey.c2sp(origin, key), NoteKey.v1(origin.split(" - ", maxsplit=1)[0], key)]
