"""Which commands are there, and where does each live?

One row a command: adding one touches this table and the module it names. Nothing here imports anything of ours, so
``sigwarden --help`` costs no more than starting Python.
"""

from typing import NamedTuple


class Command(NamedTuple):
    """A row: the section of the help it stands in, ``module:attribute`` of its click command, one line of help."""

    section: str
    target: str
    help: str


WATCH = "Watch transparency logs"
VERIFY = "Verify"
SIGN = "Sign"
TRUST = "Keys and trust"
OTHER = "Other"

COMMANDS: dict[str, Command] = {
    "monitor": Command(WATCH, "cli.monitor:monitor", "Follow logs: init, run, once, status"),
    "watch": Command(WATCH, "cli.watch:watch", "Try a watch against entries that were read: test"),
    "config": Command(WATCH, "cli.config_check:config", "Check a configuration file: check"),
    "findings": Command(WATCH, "cli.findings:findings", "List, show and acknowledge findings"),
    "evidence": Command(WATCH, "cli.evidence:evidence", "Export evidence, or verify it with no network"),
    "alert": Command(WATCH, "cli.alert:alert", "Send a test message through the channels: test"),
    "drill": Command(WATCH, "cli.drill:drill", "Sign a harmless canary and time the alert"),
    "report": Command(WATCH, "cli.report:report", "Write an audit report for a period"),
    "log": Command(VERIFY, "cli.lookup.commands:log", "Look up entries: search, get, verify, info, proof, upload"),
    "verify-blob": Command(VERIFY, "cli.verify_blob:verify_blob", "Verify signatures of files"),
    "verify-blob-attestation": Command(
        VERIFY, "cli.verify_blob:verify_blob_attestation", "Verify attestations about files"
    ),
    "bundle": Command(VERIFY, "cli.bundle_commands:bundle", "Make, upgrade and look into bundles"),
    "conformance": Command(VERIFY, "cli.conformance:conformance", "Entry points of the public conformance suite"),
    "sign-blob": Command(SIGN, "cli.sign_blob:sign_blob", "Sign files"),
    "attest-blob": Command(SIGN, "cli.sign_blob:attest_blob", "Sign a statement about a file"),
    "generate-key-pair": Command(TRUST, "cli.key_commands:generate_key_pair", "Make a key pair"),
    "import-key-pair": Command(TRUST, "cli.key_commands:import_key_pair", "Turn a PEM key into a key pair"),
    "initialize": Command(TRUST, "cli.initialize:initialize", "Fetch the trust root of a Sigstore instance"),
    "trusted-root": Command(TRUST, "cli.trust_create:trusted_root", "Write a trust root: create"),
    "signing-config": Command(TRUST, "cli.trust_create:signing_config", "Write a signing config: create"),
    "public-key": Command(TRUST, "cli.public_key:public_key", "Print the public key of a key"),
    "sandbox": Command(OTHER, "cli.sandbox:sandbox", "A whole Sigstore on this machine: up, token"),
    "env": Command(OTHER, "cli.small_commands:env", "Print the environment variables that are understood"),
    "version": Command(OTHER, "cli.small_commands:version", "Print the version"),
    "completion": Command(OTHER, "cli.small_commands:completion", "Print a shell completion script"),
}


def help_text() -> str:
    """The text of ``sigwarden --help``."""
    lines = [
        "Usage: sigwarden [OPTIONS] COMMAND [ARGS]...",
        "",
        "  Watch Sigstore transparency logs, prove what was read, and verify signatures.",
        "",
        "Options:",
        "  --output-file FILE    Write what goes to standard output to FILE.",
        "  -t, --timeout TIME    Give up after this long, for example 30s or 3m (default: never).",
        "  -d, --verbose         Say more on standard error.",
        "  -h, --help            Show this message and exit.",
    ]
    width = max(len(name) for name in COMMANDS) + 2
    for section in dict.fromkeys(row.section for row in COMMANDS.values()):
        lines += ["", f"{section}:"]
        lines += [f"  {name:<{width}}{row.help}" for name, row in COMMANDS.items() if row.section == section]
    lines += ["", "Run 'sigwarden COMMAND --help' for one command."]
    return "\n".join(lines)
