"""What is the public half of this key? ``public-key`` prints it as PEM."""

import sys
from pathlib import Path
from typing import Any

import click

from cli.cosign_flags import CosignCommand, Flag, options
from verifier.errors import Refused


@click.command("public-key", cls=CosignCommand)
@options(
    Flag("--key", "The key: a file (private or public), env://VARIABLE, or an http(s) URL."),
    Flag("--sk", "Use a hardware security key.", None),
    Flag("--slot", "Slot of the security key.", hidden=True),
    Flag("--outfile", "File to write; standard output without it."),
)
def public_key(**flags: Any) -> int:
    """Print the public key of a key."""
    from cli.inputs import read_input
    from verifier.keys import PublicKey

    if flags["sk"]:
        raise Refused("--sk: security keys are not supported by this command", code="key-scheme")
    if not flags["key"]:
        raise Refused("one of --key and --sk is needed", code="usage")
    data = read_input(flags["key"], limit=64 << 10)
    if b"PRIVATE KEY-----" in data:
        from cli.key_password import key_password
        from signer.keys.pem import read_private_key

        key = read_private_key(data, key_password).public
    else:
        key = PublicKey.from_pem(data)
    if not flags["outfile"]:
        sys.stdout.write(key.pem.decode())
        return 0
    try:
        Path(flags["outfile"]).write_bytes(key.pem)
    except OSError as error:
        raise Refused(f"{flags['outfile']} cannot be written: {error.strerror}", code="output") from error
    sys.stderr.write(f"Public key written to {flags['outfile']}\n")
    return 0
