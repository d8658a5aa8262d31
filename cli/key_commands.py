"""Make a key pair, or turn one of another tool into ours: ``generate-key-pair`` and ``import-key-pair``."""

import sys
from typing import Any

import click

from cli.cosign_flags import CosignCommand, Flag, options
from verifier.errors import Refused

_YES = Flag("--yes", "Answer yes to all questions.", None, short="-y")


@click.command("generate-key-pair", cls=CosignCommand)
@click.argument("place", required=False)
@options(
    Flag("--kms", "Make the key at a key management service: its reference."),
    Flag("--output-key-prefix", "Beginning of the names of the two files.", str, "cosign"),
    Flag("--signing-algorithm", "Algorithm of the key.", str, "ecdsa-sha2-256-nistp256"),
    _YES,
)
def generate_key_pair(place: str | None, **flags: Any) -> int:
    """Make a key pair: in two files, or at PLACE (k8s://namespace/name, github://owner/repo, gitlab://project)."""
    from signer.keys.key import generate

    elsewhere = flags["kms"] or place
    if elsewhere:
        return _remote(elsewhere, flags)
    replaced = _free(flags["output_key_prefix"], flags)
    return _write(generate(flags["signing_algorithm"]), flags["output_key_prefix"], replaced)


@click.command("import-key-pair", cls=CosignCommand)
@options(
    Flag("--key", "Private key: PEM of PKCS#8, PKCS#1, SEC1 or OpenSSH, encrypted or not.", short="-k"),
    Flag("--output-key-prefix", "Beginning of the names of the two files.", str, "import-cosign", short="-o"),
    _YES,
)
def import_key_pair(**flags: Any) -> int:
    """Turn a private key of another tool into a key pair of ours."""
    from cli.inputs import read_input
    from cli.prompt import old_password
    from signer.keys.pem import read_private_key

    if not flags["key"]:
        raise Refused("--key is needed", code="usage")
    data = read_input(flags["key"], limit=1 << 20)
    replaced = _free(flags["output_key_prefix"], flags)
    return _write(read_private_key(data, old_password), flags["output_key_prefix"], replaced)


def _free(prefix: str, flags: Any) -> frozenset[str]:
    """Which of the two files exist and may be replaced; asked before the password."""
    from cli.new_file import check_new

    names = (f"{prefix}.key", f"{prefix}.pub")
    return frozenset(name for name in names if check_new(name, yes=flags["yes"]))


def _write(key: Any, prefix: str, replaced: frozenset[str]) -> int:
    from cli.new_file import write_new
    from cli.prompt import new_password
    from signer.keys.pem import seal_key

    sealed = seal_key(key, new_password())
    private, public = f"{prefix}.key", f"{prefix}.pub"
    write_new(private, sealed, replace=private in replaced)
    write_new(public, key.public.pem, mode=0o644, replace=public in replaced)
    sys.stderr.write(f"Private key written to {private}\nPublic key written to {public}\n")
    return 0


def _remote(place: str, flags: Any) -> int:
    """A key that its provider makes; the public half also goes to a file."""
    from dataclasses import replace

    from cli.new_file import check_new, write_new
    from cli.prompt import confirm, new_password
    from cli.signer_of import access_of
    from cli.version import VERSION
    from signer.keys import create_key
    from verifier.fetch.http import Http, HttpPolicy

    path = f"{flags['output_key_prefix']}.pub"
    exists = check_new(path, yes=flags["yes"])
    with Http(HttpPolicy(user_agent=f"sigwarden/{VERSION}")) as http:
        ask = confirm if not flags["yes"] else lambda _question: None
        made = create_key(place, replace(access_of(http), password=new_password, confirm=ask))
    sys.stderr.writelines(f"{line}\n" for line in made.lines)
    write_new(path, made.public.pem, mode=0o644, replace=exists)
    sys.stderr.write(f"Public key written to {path}\n")
    return 0
