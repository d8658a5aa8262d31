"""Do we agree with the public conformance suite? Its command-line protocol (sigstore-conformance/docs/cli_protocol.md).

``conformance verify-bundle [--staging] --bundle F (--certificate-identity I --certificate-oidc-issuer U | --key K)
[--trusted-root F] FILE_OR_DIGEST``; exit code 0 if it verifies, 1 if not. ``conformance sign-bundle [--staging]
[--in-toto] --identity-token T --bundle F [--trusted-root F] [--signing-config F] FILE``.
"""

from typing import Any

import click

from cli.cosign_flags import CosignCommand, Flag, options


@click.group("conformance")
def conformance() -> None:
    """The entry points of the public conformance suite."""


@conformance.command("verify-bundle", cls=CosignCommand)
@click.argument("artifact")
@options(
    Flag("--bundle", "The bundle."),
    Flag("--certificate-identity", "Expected name in the certificate."),
    Flag("--certificate-oidc-issuer", "Expected OIDC issuer."),
    Flag("--key", "Public key (PEM) of a bundle that was signed with a key."),
    Flag("--trusted-root", "Trust root (JSON)."),
    Flag("--staging", "Trust the staging instance.", None),
    Flag("--offline", "Open no network connection.", None),
)
def verify_bundle(artifact: str, **flags: Any) -> int:
    """Verify one bundle."""
    from cli.inputs import read_artifact, read_input
    from cli.key_reference import load_public_key
    from cli.trust_material import delivered, read_trusted_root
    from verifier.bundle import Bundle
    from verifier.errors import Refused
    from verifier.policy import Policy
    from verifier.signature import needs
    from verifier.verification import verify

    if not flags["bundle"]:
        raise Refused("--bundle is needed", code="usage")
    bundle = Bundle.parse(read_input(flags["bundle"], offline=flags["offline"]))
    if flags["key"]:
        policy = Policy.public_key(load_public_key(flags["key"], offline=flags["offline"]))
    else:
        policy = Policy.identity(flags["certificate_identity"] or "", flags["certificate_oidc_issuer"] or "")
    root = flags["trusted_root"]
    trust = read_trusted_root(root, offline=flags["offline"]) if root else delivered(flags)
    verify(bundle, read_artifact(artifact, needs(bundle, policy.key), offline=flags["offline"]), trust, policy)
    return 0


@conformance.command("sign-bundle", cls=CosignCommand)
@click.argument("artifact")
@options(
    Flag("--identity-token", "OIDC identity token."),
    Flag("--bundle", "File for the bundle."),
    Flag("--trusted-root", "Trust root (JSON)."),
    Flag("--signing-config", "Services to sign with (JSON)."),
    Flag("--staging", "Sign with the staging instance.", None),
    Flag("--in-toto", "FILE is an in-toto statement: sign it as it is.", None),
)
def sign_bundle(artifact: str, **flags: Any) -> int:
    """Sign one file, or one statement."""
    from cli.sign_flags import ATTEST_BLOB, SIGN_BLOB
    from cli.sign_job import attest_file, sign_files
    from verifier.errors import Refused

    if not flags["bundle"] or not flags["identity_token"]:
        raise Refused("--bundle and --identity-token are needed", code="usage")
    rows = ATTEST_BLOB if flags["in_toto"] else SIGN_BLOB
    plain = {row.name.removeprefix("--").replace("-", "_"): row.default for row in rows}
    # the suite runs without a person, and writes to a fresh place
    merged = {**plain, **flags, "bundle": (flags["bundle"],), "yes": True}
    if flags["in_toto"]:
        return attest_file((), {**merged, "statement": artifact})
    return sign_files((artifact,), merged)
