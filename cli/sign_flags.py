"""Which flags do the signing commands have?

One row a flag (cosign.md 1.3); rows of this project's own stand at the end of each group.
"""

import click

from cli.cosign_flags import Flag

FLOWS = ("normal", "device", "token", "client_credentials")
KEY = (
    Flag("--key", "Private key: a file, an http(s) URL, env://VARIABLE, a KMS reference, or pkcs11:."),
    Flag("--sk", "Use a hardware security key.", None),
    Flag("--slot", "Slot of the security key.", str, ""),
    Flag("--certificate", "Certificate (PEM) for --key, from an authority of your own."),
    Flag("--certificate-chain", "Certificates (PEM) that issued it."),
    Flag("--issue-certificate", "Ask the authority for a certificate for --key.", None, hidden=True),
    Flag("--signing-algorithm", "Algorithm of the key that is made for one signing.", str, "ecdsa-sha2-256-nistp256"),
)
IDENTITY = (
    Flag("--identity-token", "Identity token (JWT), or a file that holds one."),
    Flag("--oidc-client-id", "Client ID at the identity provider, and audience of tokens.", str, "sigstore"),
    Flag("--oidc-client-secret-file", "File with the client secret."),
    Flag("--oidc-redirect-url", "Where the browser comes back to.", str, "http://localhost:0/auth/callback"),
    Flag("--oidc-provider", "Identity provider of this machine to ask, for example github-actions."),
    Flag("--oidc-disable-ambient-providers", "Do not look for an identity of this machine.", None),
    Flag("--fulcio-auth-flow", "How to log in; by default with a browser.", click.Choice(FLOWS)),
    Flag("--oidc-issuer", "Identity provider to log in at.", hidden=True),
)
SERVICES = (
    Flag("--signing-config", "Services to use (JSON) instead of those that TUF delivers."),
    Flag("--use-signing-config", "Use the signing config of the instance; false: URLs only.", None, True),
    Flag("--trusted-root", "Trust root (JSON) that the finished bundle must verify with."),
    Flag("--fulcio-url", "Certificate authority.", hidden=True),
    Flag("--rekor-url", "Transparency log.", hidden=True),
    Flag("--timestamp-server-url", "Timestamp authority: the complete URL.", hidden=True),
    Flag("--tlog-upload", "Record the signature in a transparency log.", None, True, hidden=True),
    Flag("--rekor-entry-type", "How Rekor v1 records an attestation.", click.Choice(["dsse", "intoto"]), "dsse"),
    Flag("--insecure-skip-verify", "Do not demand a certificate timestamp.", None, hidden=True),
    Flag("--timestamp-client-cacert", "Not supported.", hidden=True),
    Flag("--timestamp-client-cert", "Not supported.", hidden=True),
    Flag("--timestamp-client-key", "Not supported.", hidden=True),
    Flag("--timestamp-server-name", "Not supported.", hidden=True),
    Flag("--rekor-version", "Major API version of --rekor-url.", click.Choice(["1", "2"]), "1"),
    Flag("--staging", "Use the staging instance of Sigstore.", None),
)
OUTPUT = (
    Flag("--yes", "Answer yes to all questions.", None, short="-y"),
    Flag("--output-signature", "File for the signature alone.", hidden=True),
    Flag("--output-certificate", "File for the certificate alone.", hidden=True),
    Flag("--rfc3161-timestamp", "File for the timestamp alone.", hidden=True),
    Flag("--new-bundle-format", "False: write files as before bundles.", None, True, hidden=True),
    Flag("--max-workers", "Files signed at the same time; by default as many as the log needs.", click.IntRange(1)),
)
SIGN_BLOB = (
    Flag("--bundle", "File for the bundle; with several files one each, or a folder.", many=True),
    *KEY,
    *IDENTITY,
    *SERVICES,
    *OUTPUT,
    Flag("--output", "The same as --output-signature.", hidden=True),
    Flag("--b64", "Write the signature in base64.", None, True, hidden=True),
)
ATTEST_BLOB = (
    Flag("--bundle", "File for the bundle.", many=True),
    Flag("--predicate", "The predicate (a file, or -)."),
    Flag("--statement", "A whole in-toto statement (a file, or -) instead of a predicate."),
    Flag("--type", "Predicate type: a short name or a URI.", str, "custom"),
    Flag("--hash", "SHA-256 of the artifact in hex: the file is not read."),
    *KEY,
    *IDENTITY,
    *SERVICES,
    *OUTPUT,
    Flag("--output-attestation", "File for the statement alone.", hidden=True),
    Flag("--rfc3161-timestamp-bundle", "The same as --rfc3161-timestamp.", hidden=True),
)
