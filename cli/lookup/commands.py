"""What does a log hold? ``log search | get | verify | info | proof | upload``, as rekor-cli names them."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.app import printable
from cli.lookup.options import Where, open_http, shared
from cli.options import note, put, put_json
from verifier.errors import Refused, SigwardenError

if TYPE_CHECKING:
    from cli.lookup.trust import Proven

FORMATS = ("pgp", "minisign", "x509", "ssh", "tuf")


@click.group("log")
def log() -> None:
    """Look entries up in Rekor v1 and v2; every answer is proven before it is shown."""


@log.command("get")
@shared
@click.option("--uuid", "--entry-uuid", "uuid", help="Entry by UUID (64 hex) or entry id (80 hex).")
@click.option(
    "--log-index", "--index", "log_index", type=click.IntRange(0), help="Entry by index (v1: the global one)."
)
def get(where: Where, uuid: str | None, log_index: int | None) -> None:
    """Fetch one entry, prove it, print it."""
    from cli.lookup.shown import shown_entry

    proven, attestation = _one(where, uuid, log_index)
    put(shown_entry(proven, attestation, where.style))


@log.command("verify")
@shared
@click.option("--uuid", "--entry-uuid", "uuid", help="Entry by UUID or entry id.")
@click.option("--log-index", "--index", "log_index", type=click.IntRange(0), help="Entry by index.")
@click.option("--artifact", help="The artifact: its entries are looked up.")
@click.option("--artifact-hash", "--sha", "artifact_hash", help="The artifact's digest instead.")
@click.option("--signature", help="Only entries with this signature (file).")
@click.option("--public-key", "public_key", help="Only entries by this key or certificate (file).")
@click.option("--pki-format", type=click.Choice(FORMATS), default="x509", show_default=True)
def verify(where: Where, uuid: str | None, log_index: int | None, **pieces: str | None) -> int:
    """Prove that an entry is in the log, and print each step. Exit 1 when it is not proven."""
    from cli.lookup.shown import shown_steps

    if uuid is not None or log_index is not None:
        put(shown_steps(_one(where, uuid, log_index)[0], where.style))
        return 0
    if not pieces["artifact"] and not pieces["artifact_hash"]:
        raise click.UsageError("which entry? --uuid, --log-index, or --artifact with --signature and --public-key")
    from cli.lookup.search import entries_of_pieces

    found = entries_of_pieces(where, pieces)
    for proven in found:
        put(shown_steps(proven, where.style))
    if not found:
        note("no proven entry of this log is about exactly that; that the index lists none proves nothing")
    return 0 if found else 1


@log.command("search")
@shared
@click.option("--artifact", help="Artifact: a path, an URL, or - for standard input.")
@click.option("--sha", "--hash", "sha", help="Digest of an artifact: [sha1:|sha256:|sha512:]HEX.")
@click.option("--public-key", "public_key", help="Public key or certificate (file).")
@click.option("--pki-format", type=click.Choice(FORMATS), default="x509", show_default=True)
@click.option("--email", help="E-mail address.")
@click.option("--subject", "--san", "subject", help="Any name in the certificate.")
@click.option("--operator", type=click.Choice(("and", "or")), default="or", show_default=True)
@click.option("--from", "start", type=click.IntRange(0), default=0, help="On v2: read from this index on.")
def search(where: Where, operator: str, start: int, **wanted: str | None) -> int:
    """Entries about an artifact, a key or a name. Every hit is fetched and proven; that none is found proves nothing.

    Rekor v2 has no index: the shard is read from --from to its head, proven, and searched here.
    """
    from cli.lookup.search import search_v1, search_v2

    if not any(value for name, value in wanted.items() if name != "pki_format"):
        raise click.UsageError("what is looked for? --email, --subject, --sha, --artifact or --public-key")
    found = search_v2(where, wanted, operator, start) if where.is_v2 else search_v1(where, wanted, operator)
    if where.style == "json":
        put_json({"UUIDs": [one.name for one in found]})
    elif found:
        note("Found matching entries (listed by UUID):" if not where.is_v2 else "Found matching entries (by index):")
        for one in found:
            put(one.name)
    if not found:
        note("no matching entries found")
    return 0 if found else 1


@log.command("info")
@shared
@click.option(
    "--store_tree_state/--no-store_tree_state", "--store-tree-state", "store", default=True, show_default=True
)
@click.option("--state", type=click.Path(dir_okay=False, path_type=Path), help="File that keeps the tree state.")
def info(where: Where, store: bool, state: Path | None) -> None:
    """The log's signed heads, proven consistent with what it showed last time."""
    from cli.lookup.heads import show_info

    show_info(where, store=store, state=state)


@log.command("proof")
@shared
@click.option("--first-size", type=click.IntRange(1), default=1, show_default=True)
@click.option("--last-size", type=click.IntRange(1), required=True)
@click.option("--tree-id", "tree_id", default="", help="A tree of Rekor v1 (default: the active one).")
def proof(where: Where, first_size: int, last_size: int, tree_id: str) -> None:
    """The consistency proof between two sizes."""
    from cli.lookup.heads import show_proof

    if first_size > last_size:
        raise click.UsageError("--first-size must not be larger than --last-size")
    show_proof(where, first_size, last_size, tree_id)


@log.command("upload")
@shared
@click.option("--type", "kind", default="hashedrekord", show_default=True, help="Kind of entry.")
@click.option("--artifact", help="The artifact (file); for dsse and intoto the envelope.")
@click.option("--artifact-hash", "artifact_hash", help="The artifact's digest instead: sha256:HEX.")
@click.option("--signature", help="The signature (file, raw or base64).")
@click.option("--public-key", "public_key", help="The key or certificate that verifies it (file).")
@click.option("--pki-format", type=click.Choice(FORMATS), default="x509", show_default=True)
@click.option("--entry", help="A whole proposed entry (JSON file), of any kind.")
def upload(where: Where, kind: str, **pieces: str | None) -> None:
    """Put an entry into a log. It is public and stays for ever."""
    from cli.lookup.upload import upload as run

    run(where, kind, pieces)


def _one(where: Where, uuid: str | None, log_index: int | None) -> "tuple[Proven, bytes]":
    """The one entry that was named, proven."""
    from cli.lookup.rekor_v1 import RekorV1
    from cli.lookup.rekor_v2 import open_shard
    from cli.lookup.trust import prove, trusted_logs

    if (uuid is None) == (log_index is None):
        raise click.UsageError("which entry? Either --uuid or --log-index")
    trusted = trusted_logs(where.trusted_root, where.rekor_public_key, staging=where.staging)
    with open_http(where) as http:
        if where.origin is not None:
            if log_index is None:
                raise Refused(
                    "Rekor v2 knows no UUIDs: an entry is named by origin and index",
                    code="usage",
                    hint="give --log-index; 'log search --sha' reads the shard for a digest",
                )
            return open_shard(where.origin, where.read_url, trusted, http).prove(log_index), b""
        server = RekorV1(http, where.url)
        answer = server.by_id(uuid) if uuid is not None else server.by_index(log_index or 0)
        return prove(answer.entry, trusted), answer.attestation


__all__ = ["SigwardenError", "log", "printable"]
