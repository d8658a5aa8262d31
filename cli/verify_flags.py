"""Which flags do the verifying commands have?

One row a flag (cosign.md 1.3, 4.2, 4.3); rows of this project's own stand at the end of each group.
"""

import click

from cli.cosign_flags import Flag

KEY = (
    Flag("--key", "Public key: a PEM file, an http(s) URL, env://VARIABLE, or a KMS reference."),
    Flag("--sk", "Use a hardware security key.", None),
    Flag("--slot", "Slot of the security key.", hidden=True),
)
IDENTITY = (
    Flag("--certificate-identity", "Expected name in the certificate; repeat for alternatives.", many=True),
    Flag("--certificate-identity-regexp", "Expected name as a regular expression (RE2, unanchored).", many=True),
    Flag("--certificate-oidc-issuer", "Expected OIDC issuer; repeat for alternatives.", many=True),
    Flag("--certificate-oidc-issuer-regexp", "Expected OIDC issuer as a regular expression.", many=True),
    Flag("--certificate-github-workflow-trigger", "Expected event that triggered the GitHub workflow."),
    Flag("--certificate-github-workflow-sha", "Expected commit of the GitHub workflow."),
    Flag("--certificate-github-workflow-name", "Expected name of the GitHub workflow."),
    Flag("--certificate-github-workflow-repository", "Expected repository of the GitHub workflow."),
    Flag("--certificate-github-workflow-ref", "Expected git ref of the GitHub workflow."),
    Flag("--certificate-extension", "Expected NAME=VALUE of any Fulcio extension, by name or OID.", many=True),
    Flag("--certificate-extension-regexp", "The same with a regular expression.", many=True),
)
TRUST = (
    Flag("--trusted-root", "Trust root (JSON) to use instead of the one that TUF delivers."),
    Flag("--staging", "Trust the staging instance of Sigstore.", None),
    Flag("--offline", "Open no network connection at all.", None),
)
DEMANDS = (
    Flag("--use-signed-timestamps", "Demand an RFC 3161 timestamp.", None),
    Flag("--insecure-ignore-tlog", "Do not demand an entry in a transparency log.", None),
    Flag("--insecure-ignore-sct", "Do not demand a certificate timestamp.", None),
    Flag("--allow-certificate-chain", "Accept a certificate chain in a version 0.3 bundle.", None),
    Flag("--log-threshold", "Demand entries in this many distinct logs.", click.IntRange(1), 1),
    Flag("--time-threshold", "Demand this many distinct sources of time.", click.IntRange(1), 1),
)
OUTPUT = (
    Flag("--output", "Output: text, json or report.", click.Choice(["text", "json", "report"]), "text", short="-o"),
    Flag("--json", "The same as -o json.", None),
    Flag("--report-format", "Format of -o report.", click.Choice(["markdown", "html", "json"]), "markdown"),
    Flag("--max-workers", "Files verified at the same time.", click.IntRange(1), 10),
)
# Deprecated in cosign 3.1, for files from before bundles.
LEGACY = (
    Flag("--signature", "Detached signature: a file, base64 or raw.", hidden=True),
    Flag("--certificate", "Certificate of the signer: PEM, or base64 of it.", hidden=True),
    Flag("--certificate-chain", "Certificates that issued it, the root last (PEM).", hidden=True),
    Flag("--ca-roots", "Trusted root certificates (PEM).", hidden=True),
    Flag("--ca-intermediates", "Intermediate certificates (PEM).", hidden=True),
    Flag("--sct", "Detached certificate timestamp.", hidden=True),
    Flag("--timestamp-certificate-chain", "Certificates of the timestamp authority (PEM).", hidden=True),
    Flag("--rfc3161-timestamp", "Detached RFC 3161 timestamp.", hidden=True),
    Flag("--rekor-url", "Rekor instance to look the signature up in.", hidden=True),
    Flag("--new-bundle-format", "Ignored: every format is recognised.", None, True, hidden=True),
    Flag("--private-infrastructure", "The same as --insecure-ignore-tlog, without its warning.", None, hidden=True),
    Flag("--signature-digest-algorithm", "Ignored: the key decides.", hidden=True),
)
BUNDLE = Flag("--bundle", "The bundle; by default FILE.sigstore.json or FILE.sigstore. Repeat, one a file.", many=True)
ATTESTATION = (
    Flag("--type", "Predicate type: a short name or a URI.", str, "custom"),
    Flag("--check-claims", "Compare the digest of the artifact with the statement.", None, True),
    Flag("--digest", "Digest of the artifact, in place of the file."),
    Flag("--digestAlg", "Algorithm of --digest.", click.Choice(["sha256", "sha384", "sha512"]), "sha256"),
)
VERIFY_BLOB = (BUNDLE, *KEY, *IDENTITY, *TRUST, *DEMANDS, *OUTPUT, *LEGACY)
VERIFY_BLOB_ATTESTATION = (*VERIFY_BLOB, *ATTESTATION)
