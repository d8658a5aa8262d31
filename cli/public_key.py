"""What is the public half of this key? ``public-key`` prints it as PEM."""

import sys
from pathlib import Path
from typing import Any

import click

from cli.cosign_flags import CosignCommand, Flag, options
from verifier.errors import Refused


@click.command("public-key", cls=CosignCommand)
@options(
    Flag("--key", "The key: a file (private or public), env://VARIABLE, an http(s) URL, a KMS reference, pkcs11:."),
    Flag("--sk", "Use a hardware security key.", None),
    Flag("--slot", "Slot of the security key.", hidden=True),
    Flag("--outfile", "File to write; standard output without it."),
)
def public_key(**flags: Any) -> int:
    """Print the public key of a key."""
    if not flags["key"] and not flags["sk"]:
        raise Refused("one of --key and --sk is needed", code="usage")
    key = _public(flags)
    if not flags["outfile"]:
        sys.stdout.write(key.pem.decode())
        return 0
    try:
        Path(flags["outfile"]).write_bytes(key.pem)
    except OSError as error:
        raise Refused(f"{flags['outfile']} cannot be written: {error.strerror}", code="output") from error
    sys.stderr.write(f"Public key written to {flags['outfile']}\n")
    return 0


def _public(flags: Any) -> Any:
    """The public half of a key of any kind, or of a slot of a security key."""
    from cli.signer_of import access_of
    from cli.version import VERSION
    from signer.keys import load_public
    from verifier.fetch.http import Http, HttpPolicy

    with Http(HttpPolicy(user_agent=f"sigwarden/{VERSION}")) as http:
        if flags["sk"]:
            from signer.keys.piv import load_piv

            return load_piv(flags["slot"] or "signature", access_of(http)).public
        return load_public(flags["key"], access_of(http))
