"""Which environment variables are understood?

One row each; beside them every flag of a cosign command can be given as ``COSIGN_<FLAG>``.
"""

from typing import NamedTuple


class Variable(NamedTuple):
    """A row: name, what it does, what it expects, and whether its value is a secret."""

    name: str
    help: str
    expects: str
    secret: bool = False


VARIABLES: tuple[Variable, ...] = (
    Variable("COSIGN_PASSWORD", "is the password of a private key", "string", secret=True),
    Variable("COSIGN_REPOSITORY", "is where signatures are stored instead of beside the image", "string"),
    Variable("COSIGN_DOCKER_MEDIA_TYPES", "writes Docker's media types instead of OCI's", "1 if wanted"),
    Variable("COSIGN_MAX_ATTACHMENT_SIZE", "limits what is read from a registry", "size, for example 128MiB"),
    Variable("COSIGN_EXPERIMENTAL", "switches on OCI 1.1 modes of old commands", "1 if wanted"),
    Variable("COSIGN_PKCS11_PIN", "is the PIN of a PKCS#11 token", "string", secret=True),
    Variable("COSIGN_PKCS11_MODULE_PATH", "is the PKCS#11 module", "path"),
    Variable("SIGSTORE_CT_LOG_PUBLIC_KEY_FILE", "replaces the keys of CT logs in the trust root", "path of a PEM file"),
    Variable("SIGSTORE_ROOT_FILE", "replaces the certificate authorities in the trust root", "path of a PEM file"),
    Variable("SIGSTORE_REKOR_PUBLIC_KEY", "replaces the keys of Rekor logs in the trust root", "path of a PEM file"),
    Variable(
        "SIGSTORE_TSA_CERTIFICATE_FILE", "replaces the timestamp authorities in the trust root", "path of a PEM file"
    ),
    Variable("SIGSTORE_ID_TOKEN", "is the OIDC token to sign with", "string", secret=True),
    Variable("ACTIONS_ID_TOKEN_REQUEST_URL", "is where a GitHub Actions job gets its identity token", "URL"),
    Variable("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "lets a GitHub Actions job ask for it", "string", secret=True),
    Variable("BUILDKITE_AGENT_ACCESS_TOKEN", "lets a Buildkite job ask for its identity token", "string", secret=True),
    Variable("BUILDKITE_AGENT_ENDPOINT", "is the API of the Buildkite agent", "URL"),
    Variable("BUILDKITE_JOB_ID", "is the Buildkite job", "string"),
    Variable("GOOGLE_SERVICE_ACCOUNT_NAME", "is the Google account to sign as", "e-mail address"),
    Variable("SPIFFE_ENDPOINT_SOCKET", "is the socket of the SPIFFE agent", "unix:///path or tcp://ip:port"),
    Variable("GITHUB_HOST", "is a GitHub server of your own, for github://", "host"),
    Variable("GITHUB_TOKEN", "lets github:// write secrets", "string", secret=True),
    Variable("GITLAB_HOST", "is a GitLab server of your own, for gitlab://", "URL"),
    Variable("GITLAB_TOKEN", "lets gitlab:// read and write variables", "string", secret=True),
    Variable("VAULT_ADDR", "is the vault of hashivault:// (BAO_ADDR for openbao://)", "URL"),
    Variable("VAULT_TOKEN", "is the token of the vault (BAO_TOKEN for openbao://)", "string", secret=True),
    Variable(
        "TRANSIT_SECRET_ENGINE_PATH", "is where the vault's transit engine is mounted", "path, by default transit"
    ),
    Variable("AZURE_CLIENT_SECRET", "is the secret of the service principal for azurekms://", "string", secret=True),
    Variable("TUF_ROOT", "moves the folder of trust roots", "path"),
    Variable("TUF_MIRROR", "replaces the URL of the TUF repository", "URL"),
    Variable("TUF_ROOT_JSON", "replaces the first root of trust", "path"),
    Variable("SIGWARDEN_CONFIG", "is the monitor's configuration file", "path"),
)
