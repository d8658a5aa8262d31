"""Which Sigstore is trusted from now on? ``initialize`` fetches its trust root through TUF and remembers the mirror."""

import hashlib
import sys
from typing import Any

import click

from cli.cosign_flags import CosignCommand, Flag, options, warn
from verifier.errors import Refused, Untrue

_MAX_ROOT = 512_000


@click.command("initialize", cls=CosignCommand)
@options(
    Flag("--mirror", "URL of the TUF repository; the public instance's without it."),
    Flag("--root", "The first root.json to trust: a file or an URL."),
    Flag("--root-checksum", "SHA-256 or SHA-512 of that file (hex, or sha256:hex)."),
    Flag("--staging", "Use the staging instance.", None),
)
@click.argument("ignored", nargs=-1)
def initialize(ignored: tuple[str, ...], **flags: Any) -> int:
    """Fetch the trust root of a Sigstore instance and use it from now on."""
    from cli.inputs import read_input
    from cli.tuf_instance import initialize as fetch

    if ignored:
        warn(f"the argument '{ignored[0]}' is ignored")
    if flags["mirror"] and flags["staging"]:
        raise Refused("--mirror and --staging exclude each other", code="usage")
    if flags["root_checksum"] and not flags["root"]:
        raise Refused("--root-checksum needs --root", code="usage")
    root = read_input(flags["root"], limit=_MAX_ROOT) if flags["root"] else None
    if root is not None:
        _check(root, flags["root_checksum"], flags["root"])
    instance = fetch(flags["mirror"] or "", root, staging=flags["staging"])
    expiry = instance.cache.expiry()
    until = f", metadata valid until {expiry:%Y-%m-%dT%H:%M:%SZ}" if expiry else ""
    sys.stderr.write(f"Trust root of {instance.mirror} fetched{until}\n")
    return 0


def _check(root: bytes, checksum: str | None, where: str) -> None:
    """The first root against what the user was told it is; over plain HTTP nothing else protects it."""
    if not checksum:
        if where.startswith("http://"):
            warn("the first root came over plain HTTP: give --root-checksum so that it cannot be swapped")
        return
    value = checksum.lower().rpartition(":")[2]
    algorithm = {64: "sha256", 128: "sha512"}.get(len(value))
    named = checksum.lower().rpartition(":")[0]
    if algorithm is None or named not in ("", algorithm):
        raise Refused("--root-checksum is neither SHA-256 nor SHA-512", code="usage")
    if hashlib.new(algorithm, root).hexdigest() != value:
        raise Untrue(
            "the root has another checksum than the given one", code="tuf-root-checksum", hint="do not trust it"
        )
